//! `go.work` (<https://go.dev/ref/mod#workspaces>): the modules of a workspace, and what takes the place of what they ask
//! for. A `replace` here counts over those of every `go.mod`.

use super::go_mod::{replacement, statements, sums};
use crate::context::ReadContext;
use crate::error::{Problem, ReadError, shown};
use crate::listing::{Listing, nameless};
use crate::source::Source;
use bifocal_core::{Ecosystem, FileKind, Inventory};
use std::borrow::Cow;
use std::collections::BTreeSet;

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let mut list = Listing::new(*source, FileKind::GoWork, ctx.limits);
    let sums = sums(source, ctx)?;
    let mut replaced = BTreeSet::new();
    let mut modules = 0usize;
    for (line, verb, words) in statements(source)? {
        let words: Vec<&str> = words.iter().map(Cow::as_ref).collect();
        match (verb.as_ref(), words.as_slice()) {
            ("use", [path]) => {
                modules += 1;
                let requested = list.path("", path);
                list.add(line, requested, Vec::new(), false, Vec::new())?;
            }
            ("replace", _) => {
                let (old, new) = replacement(source, line, &words)?;
                let (module, version) = new;
                let (requested, artifacts) = match version {
                    None => (list.path(&old.0, &module), Vec::new()),
                    Some(version) => {
                        let requested = list.exact(Ecosystem::Golang, &module, &version, line)?;
                        let digest = sums.zips.get(&(module, version)).map(|(_, digest)| digest.clone());
                        (requested, nameless(digest.into_iter().collect()))
                    }
                };
                list.add(line, requested, artifacts, false, Vec::new())?;
                if !replaced.insert(old.clone()) {
                    return Err(source.error(line, Problem::DuplicateKey { key: shown(&old.0) }));
                }
            }
            ("toolchain", [name]) if *name != "default" => {
                list.note(line, &format!("toolchain `{}` is not part of the listing", shown(name)));
            }
            ("go" | "toolchain" | "godebug", [_, ..]) => {}
            _ => return Err(source.syntax(line, "a go.work directive", &verb)),
        }
    }
    if modules == 0 {
        return Err(source.error(0, Problem::Missing { field: "use", inside: "the file".to_owned() }));
    }
    list.note(0, "what the modules of the workspace ask for is listed by their own go.mod");
    Ok(list.finish())
}
