//! Where npm, pnpm and yarn go by the project's `.npmrc`, `.yarnrc`, `.yarnrc.yml` and `pnpm-workspace.yaml`.

use super::{npmrc, package, upward};
use crate::address;
use crate::context::ReadContext;
use crate::doc::{Table, yaml};
use crate::error::ReadError;
use crate::source::Source;
use bifocal_core::{Dependency, Origin};
use std::collections::BTreeMap;

/// Keys as in npmrc (`registry`, `@scope:registry`) to addresses, by each client's files.
#[derive(Default)]
pub(super) struct Config(Vec<BTreeMap<String, String>>);

impl Config {
    /// A lockfile's own word of where a file is wins over all configuration.
    pub(super) fn apply(&self, dependency: &mut Dependency) {
        let Some(package) = package(dependency).filter(|_| dependency.origins.is_empty()) else { return };
        let scoped = package.namespace().map(|scope| format!("{}:registry", scope.to_ascii_lowercase()));
        let of_client = |keys: &BTreeMap<String, String>| {
            let own = scoped.as_ref().and_then(|key| keys.get(key));
            own.or_else(|| keys.get("registry")).map(|url| address::origin(url))
        };
        let mut origins: Vec<Origin> = self.0.iter().filter_map(of_client).collect();
        origins.sort();
        origins.dedup();
        dependency.origins = origins;
    }
}

pub(super) fn read(from: &str, ctx: &ReadContext<'_>) -> Result<Config, ReadError> {
    let mut clients = vec![BTreeMap::new(); 4];
    for (path, bytes) in upward(from, &[".npmrc"], ctx)? {
        let text = Source { path: &path, bytes: &bytes }.utf8()?;
        nearest(&mut clients[0], npmrc::parse(text), ctx);
    }
    for (path, bytes) in upward(from, &[".yarnrc"], ctx)? {
        let text = Source { path: &path, bytes: &bytes }.utf8()?;
        nearest(&mut clients[1], yarnrc(text), ctx);
    }
    for (path, bytes) in upward(from, &[".yarnrc.yml"], ctx)? {
        let source = Source { path: &path, bytes: &bytes };
        each_table(&source, ctx, |table| {
            let mut keys = BTreeMap::new();
            keys.extend(table.text(&source, "npmRegistryServer")?.map(|url| ("registry".to_owned(), url.to_owned())));
            for scope in table.entries_of(&source, "npmScopes")? {
                let server = scope.node.table(&source, &scope.key)?.text(&source, "npmRegistryServer")?;
                keys.extend(
                    server.map(|url| (format!("@{}:registry", scope.key.trim_start_matches('@').to_ascii_lowercase()), url.to_owned())),
                );
            }
            nearest(&mut clients[2], keys, ctx);
            Ok(())
        })?;
    }
    for (path, bytes) in upward(from, &["pnpm-workspace.yaml"], ctx)? {
        let source = Source { path: &path, bytes: &bytes };
        each_table(&source, ctx, |table| {
            let mut keys = BTreeMap::new();
            keys.extend(table.text(&source, "registry")?.map(|url| ("registry".to_owned(), url.to_owned())));
            for entry in table.entries_of(&source, "registries")? {
                let key =
                    if entry.key == "default" { "registry".to_owned() } else { format!("{}:registry", entry.key.to_ascii_lowercase()) };
                keys.insert(key, entry.node.text(&source, &entry.key)?.to_owned());
            }
            nearest(&mut clients[3], keys, ctx);
            Ok(())
        })?;
    }
    // A variable of the person who installs wins over these files. Those of yarn 1 win over it.
    for (client, variables) in
        [(0, &["npm_config_registry"][..]), (2, &["yarn_npm_registry_server"]), (3, &["npm_config_registry", "pnpm_config_registry"])]
    {
        let set = |name: &str| ctx.variables.iter().any(|(known, value)| known.eq_ignore_ascii_case(name) && !value.is_empty());
        if variables.iter().any(|name| set(name)) {
            clients[client].remove("registry");
        }
    }
    Ok(Config(clients))
}

fn each_table(
    source: &Source<'_>,
    ctx: &ReadContext<'_>,
    mut take: impl FnMut(&Table<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    for document in yaml::parse(source, ctx.limits.depth)? {
        if !document.is_null() {
            take(document.table(source, "the configuration")?)?;
        }
    }
    Ok(())
}

/// Keeps what a nearer file said already; variables are filled in as the client does.
fn nearest(known: &mut BTreeMap<String, String>, keys: BTreeMap<String, String>, ctx: &ReadContext<'_>) {
    for (key, value) in keys {
        if key == "registry" || (key.starts_with('@') && key.ends_with(":registry")) {
            let value = npmrc::expand(&value, &ctx.variables).unwrap_or(value);
            known.entry(key.to_ascii_lowercase()).or_insert(value);
        }
    }
}

/// yarn 1's file: `key value` lines, either in quotes.
fn yarnrc(text: &str) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for line in text.split(['\r', '\n']).map(str::trim).filter(|line| !line.starts_with('#')) {
        let bare = |text: &str| text.trim().trim_matches('"').to_owned();
        let split = match line.strip_prefix('"') {
            Some(rest) => rest.split_once('"'),
            None => line.split_once([' ', '\t', ':']),
        };
        if let Some((key, value)) = split {
            keys.insert(key.to_owned(), bare(value.trim_start_matches([' ', '\t', ':'])));
        }
    }
    keys
}
