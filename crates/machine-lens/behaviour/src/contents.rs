//! Files of the artifact as its code reads them: `open("logo.png", "rb").read()`.
//!
//! In: the names that traced code read and the artifact's files. Out: the contents that are meant, under the name that
//! the code used. Only sources that run what they read are read again with these, so most artifacts pay nothing.

use crate::facts::{Capability, Taint};
use crate::layout::Files;
use crate::trace::Outcome;
use crate::trace::value::HOLE;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Largest file whose content is followed.
const MAX_FILE: usize = 8 << 20;
/// All of them for one source.
const MAX_ALL: usize = 24 << 20;

/// Contents by the end of the path that the code names.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    files: BTreeMap<String, Rc<[u8]>>,
}

impl Contents {
    /// The contents that a traced source may need, if it runs what it read.
    pub(crate) fn of(outcome: &Outcome, source: &str, files: &Files<'_>) -> Option<Contents> {
        let runs = outcome.facts.iter().any(|fact| match fact.capability {
            Capability::Eval => fact.taint.has(Taint::FILE) || fact.taint.has(Taint::CIPHER),
            Capability::NativeMemory => fact.taint.has(Taint::FILE),
            Capability::FileWrite => fact.taint.has(Taint::FILE) && fact.taint.has(Taint::DECODED.with(Taint::CIPHER)),
            _ => false,
        });
        if !runs {
            return None;
        }
        let mut contents = Contents::default();
        let mut room = MAX_ALL;
        for name in outcome.reads.iter().filter_map(|label| named_end(label)) {
            let Some(bytes) = find(name, source, files).filter(|bytes| bytes.len() <= MAX_FILE.min(room)) else { continue };
            room -= bytes.len();
            contents.files.insert(name.to_owned(), Rc::from(bytes));
        }
        (!contents.files.is_empty()).then_some(contents)
    }

    /// What reading the file of this label gives.
    pub(crate) fn get(&self, label: &str) -> Option<&Rc<[u8]>> {
        self.files.get(named_end(label)?)
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Rc<[u8]>> {
        self.files.values()
    }
}

/// The part of a path behind what nobody knows: `…/img/logo.png` names `img/logo.png`.
fn named_end(label: &str) -> Option<&str> {
    let known = label.rsplit(HOLE).next().unwrap_or(label);
    let mut known = known.trim_start_matches(['/', '\\', '~']);
    while let Some(rest) = known.strip_prefix("./").or_else(|| known.strip_prefix("../")) {
        known = rest;
    }
    (known.len() >= 3 && known.len() < 300 && !known.ends_with('/')).then_some(known)
}

/// The file of the artifact that ends so: one beside the source first, then the first by name.
fn find<'a>(name: &str, source: &str, files: &Files<'a>) -> Option<&'a [u8]> {
    let folder = source.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    if let Some(bytes) = files.get(beside.as_str()) {
        return Some(bytes);
    }
    let end = format!("/{name}");
    files.iter().find(|(path, _)| **path == name || path.ends_with(&end)).map(|(_, bytes)| *bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_what_nobody_knows() {
        assert_eq!(named_end("…/img/logo.png"), Some("img/logo.png"));
        assert_eq!(named_end("./../data.bin"), Some("data.bin"));
        assert_eq!(named_end("…"), None);
        assert_eq!(named_end("…/"), None);
    }

    #[test]
    fn the_file_beside_the_source_comes_first() {
        let files: Files<'_> = [("a/x.bin", &b"a"[..]), ("b/x.bin", b"b")].into_iter().collect();
        assert_eq!(find("x.bin", "b/run.py", &files), Some(&b"b"[..]));
        assert_eq!(find("x.bin", "c/run.py", &files), Some(&b"a"[..]));
        assert_eq!(find("y.bin", "c/run.py", &files), None);
    }
}
