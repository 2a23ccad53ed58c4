//! pnpm's overrides: those that the lockfile was made with and those that the project has now.
//!
//! pnpm keeps them in the lockfile, `$name` and catalogs replaced, and makes the lockfile anew when the two differ.

use super::manifest::{Replaced, by_key, package_json, replaced, same};
use crate::context::ReadContext;
use crate::doc::{Node, Table, yaml};
use crate::error::{ReadError, shown};
use crate::listing::Listing;
use crate::npm_spec::{self, Spec};
use crate::reader::package_json::target;
use crate::source::Source;
use std::collections::BTreeMap;

/// What a lockfile says was not taken as the manifests ask for it.
pub(crate) struct Replacing<'s> {
    overrides: Vec<Replaced>,
    /// A hook of the project may have changed anything.
    hooked: bool,
    /// Whether peers of the projects are installed.
    pub(crate) installs_peers: bool,
    source: Source<'s>,
}

impl<'s> Replacing<'s> {
    pub(crate) fn of(source: &Source<'s>, lock: &Table<'_>) -> Result<Self, ReadError> {
        let settings = lock.get("settings").and_then(Node::as_table);
        Ok(Replacing {
            overrides: replaced(source, lock, "overrides"),
            hooked: lock.get("pnpmfileChecksum").is_some(),
            installs_peers: settings.is_some_and(|settings| settings.flag("autoInstallPeers")),
            source: *source,
        })
    }

    /// Whether `kept` is what the lockfile has to keep of what a project asks for.
    pub(crate) fn accounts_for(&self, project: &str, name: &str, spec: &str, kept: Option<&str>) -> bool {
        let of_project = |key: &str| match key.rsplit_once('>') {
            Some((parent, _)) => npm_spec::split_name(parent).map_or(parent, |(name, _)| name) == project,
            None => true,
        };
        let mut replaced = self.overrides.iter().filter(|one| target(&one.key) == name && of_project(&one.key));
        match kept {
            Some(kept) => {
                self.hooked
                    || same(kept, spec)
                    || replaced.any(|one| same(kept, &one.spec) || !matches!(sort(name, &one.spec), Spec::Registry { .. }))
            }
            // An override of `-` takes it away.
            None => replaced.any(|one| one.spec == "-"),
        }
    }

    /// Says which overrides of the project the lockfile was made without, and with which that it no longer has.
    pub(crate) fn compare(&self, list: &mut Listing<'_>, ctx: &ReadContext<'_>) -> Result<(), ReadError> {
        let Some(manifest) = package_json(self.source.path, "", ctx)?.filter(|_| !self.hooked) else { return Ok(()) };
        let (workspace, catalogs) = workspace(&self.source, ctx)?;
        // What the workspace file has counts instead of what the manifest has.
        let now = by_key(&[&manifest.resolutions, &manifest.pnpm_overrides, &workspace]);
        let required = if workspace.is_empty() { now.clone() } else { by_key(&[&workspace]) };
        let kept = by_key(&[&self.overrides]);
        for (key, one) in &required {
            let spec = match sort(target(key), &one.spec) {
                Spec::Catalog(catalog) => catalogs.get(&(named(catalog).to_owned(), target(key).to_owned())).cloned(),
                // Where a path leads from may be written in another way.
                Spec::Path(_) => None,
                _ => Some(manifest.own(&one.spec).unwrap_or_default()),
            };
            let met = |kept: &&Replaced| spec.as_ref().is_none_or(|spec| same(&kept.spec, spec));
            if !kept.get(key).is_some_and(met) {
                list.unlocked(&one.place, &shown(&format!("{} {}", target(key), one.spec)))?;
            }
        }
        for one in kept.values().filter(|one| !now.contains_key(one.key.as_str())) {
            list.no_longer_asked(&one.place, &shown(&format!("override {} {}", target(&one.key), one.spec)))?;
        }
        Ok(())
    }
}

fn sort<'t>(name: &'t str, spec: &'t str) -> Spec<'t> {
    npm_spec::sort(name, spec)
}

fn named(catalog: &str) -> &str {
    if catalog.is_empty() { "default" } else { catalog }
}

/// Catalog and package to specification.
type Catalogs = BTreeMap<(String, String), String>;

/// Overrides and catalogs of the workspace file beside the lockfile.
fn workspace(lock: &Source<'_>, ctx: &ReadContext<'_>) -> Result<(Vec<Replaced>, Catalogs), ReadError> {
    let mut found = (Vec::new(), Catalogs::new());
    let Some((path, bytes)) = ctx.beside(lock.path, "./pnpm-workspace.yaml", ctx.limits.file_bytes)? else { return Ok(found) };
    let source = Source { path: &path, bytes: &bytes };
    for document in yaml::parse(&source, ctx.limits.depth)?.iter().filter(|document| !document.is_null()) {
        let table = document.table(&source, "the workspace file")?;
        found.0.extend(replaced(&source, table, "overrides"));
        let mut add = |catalog: &str, table: &Table<'_>, key: &str| {
            for one in replaced(&source, table, key) {
                found.1.insert((catalog.to_owned(), one.key), one.spec);
            }
        };
        add("default", table, "catalog");
        if let Some(catalogs) = table.get("catalogs").and_then(Node::as_table) {
            for entry in &catalogs.entries {
                add(&entry.key, catalogs, &entry.key);
            }
        }
    }
    Ok(found)
}
