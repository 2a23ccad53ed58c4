//! Where cargo goes by the project's `.cargo/config.toml`: replaced sources and named registries.

use super::upward;
use crate::address;
use crate::context::ReadContext;
use crate::doc::{Node, Table, toml};
use crate::error::ReadError;
use crate::source::Source;
use bifocal_core::{Dependency, Origin};
use std::collections::BTreeMap;

/// Replacements followed from source to source.
const MAX_REPLACEMENTS: usize = 16;

/// cargo's name of its own default source.
const DEFAULT: &str = "crates-io";

#[derive(Default)]
pub(super) struct Config {
    /// `[registries.NAME]` to the index.
    registries: BTreeMap<String, String>,
    /// `[source.NAME]` to its settings.
    sources: BTreeMap<String, BTreeMap<String, String>>,
}

impl Config {
    pub(super) fn apply(&self, dependency: &mut Dependency) {
        for origin in &mut dependency.origins {
            // A registry that the project itself defines is where the project says.
            if let Some(index) = self.registries.get(&origin.id) {
                *origin = address::origin(bare(index));
            }
        }
        let of_default = dependency.origins.iter().all(|origin| origin.id.is_empty());
        if let Some(origin) = self.replacement(DEFAULT).filter(|origin| of_default && !dependency.origins.contains(origin)) {
            dependency.origins.push(origin);
        }
    }

    /// What takes the place of a source.
    fn replacement(&self, name: &str) -> Option<Origin> {
        let mut name = name;
        let mut replaced = false;
        for _ in 0..MAX_REPLACEMENTS {
            let settings = self.sources.get(name);
            if let Some(next) = settings.and_then(|settings| settings.get("replace-with")) {
                (name, replaced) = (next, true);
                continue;
            }
            let place =
                settings.and_then(|settings| ["registry", "directory", "local-registry", "git"].iter().find_map(|key| settings.get(*key)));
            return match place.or_else(|| self.registries.get(name)) {
                Some(place) => Some(address::origin(bare(place))),
                // Named here, defined in the user's own configuration.
                None => replaced.then(|| Origin { id: name.to_owned(), address: format!("source `{}`", crate::error::shown(name)) }),
            };
        }
        Some(Origin { id: String::new(), address: "sources that replace each other in a circle".to_owned() })
    }
}

fn bare(index: &str) -> &str {
    index.strip_prefix("sparse+").unwrap_or(index)
}

pub(super) fn read(from: &str, ctx: &ReadContext<'_>) -> Result<Config, ReadError> {
    let mut config = Config::default();
    for (path, bytes) in upward(from, &[".cargo/config", ".cargo/config.toml"], ctx)? {
        let source = Source { path: &path, bytes: &bytes };
        let root = toml::parse(&source, ctx.limits.depth)?;
        let table = root.table(&source, "the configuration")?;
        for entry in table.entries_of(&source, "registries")? {
            if let Some(index) = text(&entry.node, "index") {
                config.registries.entry(entry.key.to_string()).or_insert_with(|| index.to_owned());
            }
        }
        for entry in table.entries_of(&source, "source")? {
            let known = config.sources.entry(entry.key.to_string()).or_default();
            for setting in entry.node.as_table().into_iter().flat_map(|settings: &Table<'_>| &settings.entries) {
                if let Some(value) = setting.node.as_text() {
                    known.entry(setting.key.to_string()).or_insert_with(|| value.to_owned());
                }
            }
        }
    }
    Ok(config)
}

fn text<'n>(node: &'n Node<'_>, key: &str) -> Option<&'n str> {
    node.as_table()?.get(key)?.as_text()
}
