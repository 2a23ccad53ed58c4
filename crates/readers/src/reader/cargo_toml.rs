//! `Cargo.toml`: what a crate asks for, in ranges. Used where there is no lockfile.
//!
//! Dependencies for other targets are listed too: cargo locks all of them, whatever machine it runs on.

use crate::context::{FileError, ReadContext, beside, joined};
use crate::doc::{Entry, Node, Table, Value, toml};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::npm_spec::exact_version;
use crate::source::Source;
use bifocal_core::{Ask, Ecosystem, FileKind, Inventory, Origin, Requested, Role};
use std::collections::BTreeMap;

/// Folders climbed in search of the workspace.
const MAX_CLIMB: usize = 16;

const SECTIONS: [(&str, Role); 5] = [
    ("dependencies", Role::Normal),
    ("build-dependencies", Role::Build),
    ("build_dependencies", Role::Build),
    ("dev-dependencies", Role::Development),
    ("dev_dependencies", Role::Development),
];

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    parts(source, ctx, true, true)
}

/// What the package itself asks for.
pub(crate) fn own(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    parts(source, ctx, true, false)
}

/// What its members may inherit, and what takes the place of other packages.
pub(crate) fn others(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    parts(source, ctx, false, true)
}

fn parts(source: &Source<'_>, ctx: &ReadContext<'_>, own: bool, others: bool) -> Result<Inventory, ReadError> {
    let root = toml::parse(source, ctx.limits.depth)?;
    let table = root.table(source, "the manifest")?;
    if !["package", "project", "workspace"].iter().any(|section| table.get(section).is_some()) {
        return Err(source.error(root.line, Problem::Missing { field: "package", inside: "the manifest".to_owned() }));
    }
    let mut reading = Reading { list: Listing::new(*source, FileKind::CargoToml, ctx.limits), ctx, root: table, inherited: None };
    if own {
        for (section, role) in SECTIONS {
            reading.section(table.entries_of(source, section)?, role)?;
        }
        for target in table.entries_of(source, "target")? {
            let target = target.node.table(source, &target.key)?;
            for (section, role) in SECTIONS {
                reading.section(target.entries_of(source, section)?, role)?;
            }
        }
    }
    if others {
        if let Some(workspace) = table.get("workspace") {
            reading.section(workspace.table(source, "workspace")?.entries_of(source, "dependencies")?, Role::Normal)?;
        }
        for patched in table.entries_of(source, "patch")? {
            reading.section(&patched.node.table(source, &patched.key)?.entries, Role::Normal)?;
        }
        reading.section(table.entries_of(source, "replace")?, Role::Normal)?;
    }
    Ok(reading.list.finish())
}

/// A `[workspace.dependencies]` entry of the workspace: where it points, owned, since its file is read apart.
#[derive(Debug, Clone, Default)]
struct Wanted {
    package: Option<String>,
    version: Option<String>,
    git: Option<String>,
    revision: Option<String>,
    path: Option<String>,
    /// A registry of the user's configuration by its name, or an index by its address.
    origin: Option<Origin>,
    features: Vec<String>,
    default_features: Option<bool>,
}

struct Reading<'a, 'c, 'x> {
    list: Listing<'a>,
    ctx: &'c ReadContext<'x>,
    root: &'c Table<'a>,
    inherited: Option<BTreeMap<String, Wanted>>,
}

impl Reading<'_, '_, '_> {
    fn section(&mut self, entries: &[Entry<'_>], role: Role) -> Result<(), ReadError> {
        for entry in entries {
            self.dependency(entry, role)?;
        }
        Ok(())
    }

    fn dependency(&mut self, entry: &Entry<'_>, role: Role) -> Result<(), ReadError> {
        let source = self.list.source;
        let line = entry.line;
        let key = entry.key.split(':').next().unwrap_or(&entry.key);
        let mut wanted = wanted(&source, &entry.node, key)?;
        let mut optional = role == Role::Development;
        if let Some(table) = entry.node.as_table() {
            optional |= table.flag("optional");
            if table.flag("workspace") {
                let Some(found) = self.inherit(key)? else {
                    let problem = Problem::Undefined {
                        what: format!("`{}`", shown(key)),
                        inside: "[workspace.dependencies] of the workspace".to_owned(),
                    };
                    return Err(source.error(line, problem));
                };
                // A member adds features to those of the workspace; it can bring the default ones back, not take them away.
                let own = std::mem::replace(&mut wanted, found);
                wanted.features.extend(own.features);
                wanted.default_features = Some(wanted.default_features != Some(false) || own.default_features == Some(true));
            }
        }
        let name = wanted.package.as_deref().unwrap_or(key);
        let requested = if let Some(path) = &wanted.path {
            self.list.path(name, path)
        } else if let Some(git) = &wanted.git {
            self.list.git(name, git, Some(wanted.revision.as_deref().unwrap_or("")), line)?
        } else {
            registry(&self.list, name, wanted.version.as_deref().unwrap_or("*"), line)?
        };
        let role = if optional && role != Role::Development { Role::Optional } else { role };
        let ask = Ask { role, extras: wanted.features, no_default_features: wanted.default_features == Some(false), ..Ask::default() };
        self.list.add_asked(line, requested, optional, wanted.origin.into_iter().collect(), ask)
    }

    /// The workspace's entry of that name; its manifest is this one or one in a folder above.
    fn inherit(&mut self, name: &str) -> Result<Option<Wanted>, ReadError> {
        if self.inherited.is_none() {
            self.inherited = Some(self.load()?);
        }
        Ok(self.inherited.as_ref().and_then(|inherited| inherited.get(name)).cloned())
    }

    fn load(&self) -> Result<BTreeMap<String, Wanted>, ReadError> {
        let source = self.list.source;
        if let Some(workspace) = self.root.get("workspace") {
            return collect(&source, workspace);
        }
        let named = self
            .root
            .get("package")
            .and_then(|package| package.as_table())
            .and_then(|package| package.get("workspace"))
            .and_then(|node| node.as_text());
        let mut written = match named {
            Some(folder) => format!("{folder}/Cargo.toml"),
            None => "../Cargo.toml".to_owned(),
        };
        for _ in 0..MAX_CLIMB {
            let Some(path) = beside(source.path, &written) else { break };
            match self.ctx.files.file(&path, self.ctx.limits.file_bytes) {
                Ok(bytes) => {
                    let above = Source { path: &path, bytes: &bytes };
                    let root = toml::parse(&above, self.ctx.limits.depth)?;
                    if let Some(workspace) = root.as_table().and_then(|table| table.get("workspace")) {
                        let mut found = collect(&above, workspace)?;
                        // Paths of the workspace are relative to it, not to the member that inherits them.
                        let folder = written.rsplit_once('/').map_or("", |(folder, _)| folder);
                        for wanted in found.values_mut() {
                            wanted.path = wanted.path.take().map(|path| joined(folder, &path));
                        }
                        return Ok(found);
                    }
                }
                Err(FileError::NotFound) => {}
                Err(_) => break,
            }
            if named.is_some() {
                break;
            }
            written.insert_str(0, "../");
        }
        Ok(BTreeMap::new())
    }
}

fn collect(source: &Source<'_>, workspace: &Node<'_>) -> Result<BTreeMap<String, Wanted>, ReadError> {
    let mut found = BTreeMap::new();
    for entry in workspace.table(source, "workspace")?.entries_of(source, "dependencies")? {
        found.insert(entry.key.to_string(), wanted(source, &entry.node, &entry.key)?);
    }
    Ok(found)
}

fn wanted(source: &Source<'_>, node: &Node<'_>, name: &str) -> Result<Wanted, ReadError> {
    if let Some(version) = node.as_text() {
        return Ok(Wanted { version: Some(version.to_owned()), ..Wanted::default() });
    }
    let table = node.table(source, name)?;
    let text = |key: &str| table.text(source, key).map(|text| text.map(str::to_owned));
    let revision = match (text("rev")?, text("tag")?, text("branch")?) {
        (Some(rev), _, _) => Some(rev),
        (None, Some(tag), _) => Some(tag),
        (None, None, branch) => branch,
    };
    let default_features =
        ["default-features", "default_features"].iter().find_map(|key| table.get(key)).and_then(|node| match &node.value {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        });
    Ok(Wanted {
        features: table.list_of(source, "features")?.iter().filter_map(|node| node.as_text()).map(shown).collect(),
        default_features,
        package: text("package")?,
        version: text("version")?,
        git: text("git")?,
        revision,
        path: text("path")?,
        origin: match text("registry-index")? {
            Some(index) => Some(crate::address::origin(index.strip_prefix("sparse+").unwrap_or(&index))),
            None => text("registry")?.map(|name| Origin { id: shown(&name), address: format!("registry `{}`", shown(&name)) }),
        },
    })
}

/// A version requirement; `=1.2.3` alone is exact (a bare `1.2.3` is a caret range).
fn registry(list: &Listing<'_>, name: &str, requirement: &str, line: u32) -> Result<Requested, ReadError> {
    let pinned = requirement.trim().strip_prefix('=').map(str::trim).and_then(exact_version);
    match pinned {
        Some(version) => list.exact(Ecosystem::Cargo, name, version, line),
        None => list.range(Ecosystem::Cargo, name, requirement.trim(), line),
    }
}
