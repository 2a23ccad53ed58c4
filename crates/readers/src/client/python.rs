//! Where uv, poetry and pdm go by the project's `uv.toml` and `pyproject.toml`.

use super::{package, upward};
use crate::address;
use crate::context::ReadContext;
use crate::doc::{Node, Table, toml};
use crate::error::ReadError;
use crate::source::Source;
use bifocal_core::{Dependency, Ecosystem, FileKind, Origin, PackageName};
use std::collections::BTreeMap;

/// Indexes, and which package may come from which.
#[derive(Default)]
pub(super) struct Config {
    /// Asked for every package.
    indexes: Vec<Origin>,
    /// By name, those that are asked only for packages that name them too.
    named: BTreeMap<String, Origin>,
    /// Package to the name of an index.
    sources: BTreeMap<PackageName, String>,
}

impl Config {
    pub(super) fn apply(&self, dependency: &mut Dependency) {
        let Some(package) = package(dependency) else { return };
        let own = self.sources.get(package).and_then(|name| self.named.get(name));
        let origins: Vec<Origin> = match own {
            Some(origin) => vec![origin.clone()],
            None => self.indexes.clone(),
        };
        for origin in origins {
            if !dependency.origins.contains(&origin) {
                dependency.origins.push(origin);
            }
        }
    }

    fn add(&mut self, url: &str, name: Option<&str>, only_when_named: bool) {
        let origin = address::origin(url);
        if let Some(name) = name {
            self.named.entry(name.to_owned()).or_insert_with(|| origin.clone());
        }
        if !only_when_named && !self.indexes.contains(&origin) {
            self.indexes.push(origin);
        }
    }

    /// `[[index]]`, `index-url` and their kin.
    fn uv(&mut self, source: &Source<'_>, uv: &Table<'_>, ctx: &ReadContext<'_>) -> Result<(), ReadError> {
        // A variable of the person who installs wins over the default that a file names.
        let by_variable =
            ["UV_DEFAULT_INDEX", "UV_INDEX_URL"].iter().any(|name| ctx.variables.get(*name).is_some_and(|url| !url.is_empty()));
        for node in uv.list_of(source, "index")? {
            let index = node.table(source, "index")?;
            let name = index.text(source, "name")?;
            let unused = by_variable && index.flag("default");
            self.add(index.required_text(source, node.line, "url", "index")?, name, index.flag("explicit") || unused);
        }
        let pip = uv.get("pip").map(|pip| pip.table(source, "pip")).transpose()?;
        for table in std::iter::once(uv).chain(pip) {
            if let Some(url) = table.text(source, "index-url")?.filter(|_| !by_variable) {
                self.add(url, None, false);
            }
            for key in ["extra-index-url", "find-links"] {
                for url in table.list_of(source, key)? {
                    self.add(url.text(source, key)?, None, false);
                }
            }
        }
        for entry in uv.entries_of(source, "sources")? {
            let tables: Vec<&Table<'_>> = match entry.node.as_table() {
                Some(table) => vec![table],
                None => entry.node.list(source, &entry.key)?.iter().filter_map(Node::as_table).collect(),
            };
            for table in tables {
                self.send(&entry.key, table.text(source, "index")?);
            }
        }
        Ok(())
    }

    fn send(&mut self, package: &str, index: Option<&str>) {
        if let (Some(index), Ok(package)) = (index, PackageName::new(Ecosystem::Pypi, package)) {
            self.sources.insert(package, index.to_owned());
        }
    }

    /// `[[tool.poetry.source]]` and `[[tool.pdm.source]]`. An entry without an address stands for the default index.
    fn listed(&mut self, source: &Source<'_>, tool: &Table<'_>) -> Result<(), ReadError> {
        for node in tool.list_of(source, "source")? {
            let index = node.table(source, "source")?;
            if let Some(url) = index.text(source, "url")? {
                let explicit = index.text(source, "priority")? == Some("explicit");
                self.add(url, index.text(source, "name")?, explicit);
            }
        }
        let groups = tool.entries_of(source, "group")?.iter().filter_map(|group| group.node.as_table());
        for table in std::iter::once(tool).chain(groups) {
            for section in ["dependencies", "dev-dependencies"] {
                let Some(section) = table.get(section).and_then(Node::as_table) else { continue };
                for entry in &section.entries {
                    let chosen = entry.node.as_table().and_then(|wanted| wanted.get("source")).and_then(Node::as_text);
                    self.send(&entry.key, chosen);
                }
            }
        }
        Ok(())
    }
}

pub(super) fn read(from: &str, kind: FileKind, ctx: &ReadContext<'_>) -> Result<Config, ReadError> {
    let mut config = Config::default();
    // uv takes the nearest of the two that configures it; a project's own file is read for the other tools.
    let mut for_uv = true;
    for (path, bytes) in upward(from, &["uv.toml", "pyproject.toml"], ctx)? {
        let source = Source { path: &path, bytes: &bytes };
        let root = toml::parse(&source, ctx.limits.depth)?;
        let table = root.table(&source, "the file")?;
        if path.ends_with("uv.toml") {
            if for_uv {
                config.uv(&source, table, ctx)?;
                for_uv = false;
            }
            continue;
        }
        let Some(tool) = table.get("tool") else { continue };
        let tool = tool.table(&source, "tool")?;
        if let Some(uv) = tool.get("uv").filter(|_| for_uv) {
            config.uv(&source, uv.table(&source, "uv")?, ctx)?;
            for_uv = false;
        }
        for (name, files) in [("poetry", FileKind::PoetryLock), ("pdm", FileKind::PdmLock)] {
            if let Some(tool) = tool.get(name).filter(|_| kind == files || kind == FileKind::Pyproject) {
                config.listed(&source, tool.table(&source, name)?)?;
            }
        }
    }
    Ok(config)
}
