//! `go.sum`: a line for each module zip and each `go.mod` that a build has ever needed.
//!
//! Only modules whose zip has a digest are code that is taken; of the others just the `go.mod` is fetched to choose
//! versions.

use crate::context::ReadContext;
use crate::error::{Problem, ReadError, shown};
use crate::listing::{Listing, nameless};
use crate::source::Source;
use bifocal_core::{Algorithm, Digest, Ecosystem, FileKind, Inventory, counted};
use std::collections::BTreeMap;

/// What a `go.sum` says.
#[derive(Default)]
pub(crate) struct Sums {
    /// Where it was read from.
    pub(crate) path: Option<String>,
    /// Module and version to line and digest of the zip.
    pub(crate) zips: BTreeMap<(String, String), (u32, Digest)>,
    /// Modules of which only the `go.mod` is known.
    mods_only: usize,
}

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let sums = parse(source, ctx.limits.dependencies)?;
    let mut list = Listing::new(*source, FileKind::GoSum, ctx.limits);
    let mut in_order: Vec<_> = sums.zips.iter().collect();
    in_order.sort_by_key(|(_, (line, _))| *line);
    for ((module, version), (line, digest)) in in_order {
        let requested = list.exact(Ecosystem::Golang, module, version, *line)?;
        list.add(*line, requested, nameless(vec![digest.clone()]), false, Vec::new())?;
    }
    if sums.mods_only > 0 {
        list.note(
            0,
            &format!(
                "{} named by a go.mod only: go reads it to choose versions and takes no code from there",
                counted(sums.mods_only as u64, "module is", "modules are")
            ),
        );
    }
    Ok(list.finish())
}

/// Reads every line; `limit` bounds the modules.
pub(crate) fn parse(source: &Source<'_>, limit: usize) -> Result<Sums, ReadError> {
    let mut sums = Sums::default();
    let mut mods: BTreeMap<(String, String), (u32, Digest)> = BTreeMap::new();
    for (line, raw) in (1u32..).zip(source.utf8()?.lines()) {
        let words: Vec<&str> = raw.split_ascii_whitespace().collect();
        let (module, version, digest) = match words.as_slice() {
            [] => continue,
            [module, version, digest] => (*module, *version, *digest),
            _ => return Err(source.syntax(line, "`MODULE VERSION h1:DIGEST`", raw)),
        };
        let Some(digits) = digest.strip_prefix("h1:") else {
            // go itself passes over algorithms that it does not know.
            if digest.split_once(':').is_some_and(|(name, _)| name.starts_with('h')) {
                continue;
            }
            return Err(source.syntax(line, "a digest `h1:…`", digest));
        };
        let digest = Digest::decode(Algorithm::GoH1, digits).map_err(|problem| source.error(line, problem))?;
        let (version, of_zip) = match version.strip_suffix("/go.mod") {
            Some(version) => (version, false),
            None => (version, true),
        };
        let map = if of_zip { &mut sums.zips } else { &mut mods };
        let key = (module.to_owned(), version.to_owned());
        if let Some((_, known)) = map.get(&key) {
            if *known != digest {
                return Err(source.error(line, Problem::DigestConflict { what: shown(&format!("{module} {version}")) }));
            }
            continue;
        }
        map.insert(key, (line, digest));
        if map.len() > limit {
            return Err(source.error(line, Problem::TooMany { what: "dependencies", limit }));
        }
    }
    sums.mods_only = mods.keys().filter(|key| !sums.zips.contains_key(*key)).count();
    Ok(sums)
}
