//! All paths of one archive together: duplicates, collisions, and where links lead.
//!
//! The attacks: two entries of one name where the scanner reads the first and the client the last; a link followed by
//! an entry below it, which writes through the link (CVE-2021-32803); chains of links each of which stays inside while
//! the whole leads out; names that are one on file systems that ignore case (CVE-2021-39134).

use crate::budget::Budget;
use crate::error::shown;
use crate::note::Notes;
use crate::path::is_absolute;
use crate::{ArchiveError, EntryKind, Note, Tolerance};
use std::collections::hash_map::{Entry as Slot, RandomState};
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::rc::Rc;
use unicode_normalization::UnicodeNormalization;

struct Seen {
    path: Rc<str>,
    kind: EntryKind,
}

/// What the archive named so far.
pub(crate) struct Names {
    seen: Vec<Seen>,
    first: HashMap<Rc<str>, usize>,
    folded: HashMap<String, usize>,
    /// Hashes of every folder that some entry lies in, exact and folded, and the first such entry: a few bytes each,
    /// however long the paths are.
    parents: HashMap<u64, usize>,
    folded_parents: HashMap<u64, usize>,
    hasher: RandomState,
    /// Files that occur more than once; their bytes are compared afterwards.
    repeated: BTreeSet<Rc<str>>,
    tolerance: Tolerance,
}

impl Names {
    const MAX_HOPS: usize = 40;

    pub(crate) fn new(tolerance: Tolerance) -> Self {
        Names {
            seen: Vec::new(),
            first: HashMap::new(),
            folded: HashMap::new(),
            parents: HashMap::new(),
            folded_parents: HashMap::new(),
            hasher: RandomState::new(),
            repeated: BTreeSet::new(),
            tolerance,
        }
    }

    /// Takes the next entry. An error where it contradicts an earlier one.
    pub(crate) fn add(&mut self, path: &str, kind: &EntryKind, notes: &mut Notes) -> Result<(), ArchiveError> {
        let path: Rc<str> = Rc::from(path);
        match self.first.entry(Rc::clone(&path)) {
            Slot::Occupied(earlier) => {
                let earlier = self.seen.get(*earlier.get()).map(|seen| &seen.kind);
                match (earlier, kind) {
                    (Some(EntryKind::Folder), EntryKind::Folder) => {}
                    (Some(EntryKind::File), EntryKind::File) => {
                        self.repeated.insert(path);
                    }
                    (Some(earlier), kind) if earlier == kind => notes.push(Note::DuplicateEntry { path: path.to_string() }),
                    _ => return Err(ArchiveError::DuplicateEntry { path: shown(&path) }),
                }
                return Ok(());
            }
            Slot::Vacant(slot) => {
                slot.insert(self.seen.len());
            }
        }
        let folded = fold(&path);
        let index = self.seen.len();
        note_parents(&mut self.parents, &self.hasher, &path, index);
        note_parents(&mut self.folded_parents, &self.hasher, &folded, index);
        self.seen.push(Seen { path: Rc::clone(&path), kind: kind.clone() });
        let earlier = match self.folded.entry(folded) {
            Slot::Occupied(slot) => Some(*slot.get()),
            Slot::Vacant(slot) => {
                slot.insert(index);
                None
            }
        };
        if let Some(other) = earlier.and_then(|earlier| self.seen.get(earlier)) {
            let both_folders = matches!((&other.kind, kind), (EntryKind::Folder, EntryKind::Folder));
            let other = Rc::clone(&other.path);
            if !both_folders || !self.tolerance.case_collisions {
                self.collide(&path, &other, notes)?;
            }
        }
        Ok(())
    }

    fn collide(&self, path: &str, other: &str, notes: &mut Notes) -> Result<(), ArchiveError> {
        if !self.tolerance.case_collisions {
            return Err(ArchiveError::CaseCollision { path: shown(path), other: shown(other) });
        }
        notes.push(Note::CaseCollision { path: path.to_owned(), other: other.to_owned() });
        Ok(())
    }

    /// Files that occur more than once.
    pub(crate) fn repeated(&self) -> &BTreeSet<Rc<str>> {
        &self.repeated
    }

    /// Checks what only the whole shows.
    pub(crate) fn finish(&self, budget: &Budget, notes: &mut Notes) -> Result<(), ArchiveError> {
        for seen in &self.seen {
            if seen.kind == EntryKind::Folder {
                continue;
            }
            let below = self.parents.get(&self.hasher.hash_one(&*seen.path)).and_then(|&index| self.seen.get(index));
            if let Some(below) = below.filter(|below| is_below(&below.path, &seen.path)) {
                return Err(match seen.kind {
                    EntryKind::Link { .. } => ArchiveError::ThroughLink { path: shown(&below.path), link: shown(&seen.path) },
                    _ => ArchiveError::FileAsFolder { path: shown(&seen.path) },
                });
            }
            let folded = fold(&seen.path);
            let below = self.folded_parents.get(&self.hasher.hash_one(folded.as_str())).and_then(|&index| self.seen.get(index));
            if let Some(below) = below.filter(|below| is_below(&fold(&below.path), &folded)) {
                // A link that a file system may take for a folder is an attack everywhere.
                if matches!(seen.kind, EntryKind::Link { .. }) {
                    return Err(ArchiveError::ThroughLink { path: shown(&below.path), link: shown(&seen.path) });
                }
                self.collide(&seen.path, &below.path, notes)?;
            }
        }
        for seen in &self.seen {
            if let EntryKind::Link { target, hard } = &seen.kind {
                budget.check_time()?;
                let found = if *hard { self.first.contains_key(target.as_str()) } else { self.follow(&seen.path, target, budget)? };
                if !found {
                    notes.push(Note::DanglingLink { path: seen.path.to_string(), target: target.clone() });
                }
            }
        }
        Ok(())
    }

    /// Walks a symbolic link through all other links, as a file system would. `true` when something is there.
    fn follow(&self, path: &str, target: &str, budget: &Budget) -> Result<bool, ArchiveError> {
        let out = || ArchiveError::SymlinkOutOfRoot { path: shown(path), target: shown(target) };
        let target = target.replace('\\', "/");
        let mut here = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let mut ahead: Vec<String> = if is_absolute(&target) { return Err(out()) } else { parts_reversed(&target) };
        let mut hops = 0;
        let mut steps = 0_u32;
        while let Some(part) = ahead.pop() {
            steps += 1;
            if steps.is_multiple_of(256) {
                budget.check_time()?;
            }
            if part == ".." {
                if here.is_empty() {
                    return Err(out());
                }
                here.truncate(here.rfind('/').unwrap_or(0));
                continue;
            }
            let folder = here.len();
            if !here.is_empty() {
                here.push('/');
            }
            here.push_str(&part);
            let link = self.first.get(here.as_str()).and_then(|&index| self.seen.get(index)).map(|seen| &seen.kind);
            if let Some(EntryKind::Link { target, hard: false }) = link {
                hops += 1;
                if hops > Self::MAX_HOPS {
                    return Err(ArchiveError::LinkLoop { path: shown(path) });
                }
                let target = target.replace('\\', "/");
                if is_absolute(&target) {
                    return Err(out());
                }
                here.truncate(folder);
                ahead.extend(parts_reversed(&target));
            }
        }
        Ok(here.is_empty() || self.first.contains_key(here.as_str()) || self.parents.contains_key(&self.hasher.hash_one(here.as_str())))
    }
}

/// Adds the folders of `path`, innermost first, until one is known: its own folders are then known too.
fn note_parents(parents: &mut HashMap<u64, usize>, hasher: &RandomState, path: &str, index: usize) {
    let mut rest = path;
    while let Some((folder, _)) = rest.rsplit_once('/') {
        match parents.entry(hasher.hash_one(folder)) {
            Slot::Occupied(_) => return,
            Slot::Vacant(slot) => slot.insert(index),
        };
        rest = folder;
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn parts_reversed(target: &str) -> Vec<String> {
    target.split('/').rev().filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
}

/// One form for all spellings that some file system takes for the same name.
fn fold(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    path.nfc().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bifocal_core::ArchiveLimits;

    fn check(entries: &[(&str, EntryKind)], tolerance: Tolerance) -> Result<Vec<Note>, ArchiveError> {
        let (mut names, mut notes) = (Names::new(tolerance), Notes::default());
        for (path, kind) in entries {
            names.add(path, kind, &mut notes)?;
        }
        names.finish(&Budget::new(&ArchiveLimits::default()), &mut notes)?;
        Ok(notes.kept)
    }

    fn link(target: &str) -> EntryKind {
        EntryKind::Link { target: target.to_owned(), hard: false }
    }

    #[test]
    fn a_chain_of_links_that_leads_out_step_by_step_is_refused() {
        let chain = [("x/y/up", link("../..")), ("out", link("x/y/up/.."))];
        assert_eq!(check(&chain, Tolerance::default()).unwrap_err().id(), "symlink-out-of-root");
        let inside = [("x/y/up", link("../..")), ("in", link("x/y/up/x")), ("x/y/f", EntryKind::File)];
        assert_eq!(check(&inside, Tolerance::default()).unwrap(), []);
    }

    #[test]
    fn links_in_a_circle_are_refused() {
        let circle = [("a", link("b")), ("b", link("a"))];
        assert_eq!(check(&circle, Tolerance::default()).unwrap_err().id(), "link-loop");
    }

    #[test]
    fn case_and_unicode_collisions_are_noted_or_refused_as_the_caller_wants() {
        let entries = [("p/Readme", EntryKind::File), ("p/README", EntryKind::File)];
        assert_eq!(
            check(&entries, Tolerance::default()).unwrap(),
            [Note::CaseCollision { path: "p/README".to_owned(), other: "p/Readme".to_owned() }]
        );
        assert_eq!(check(&entries, Tolerance::STRICT).unwrap_err().id(), "case-collision");
        let forms = [("caf\u{e9}", EntryKind::File), ("cafe\u{301}", EntryKind::File)];
        assert_eq!(check(&forms, Tolerance::STRICT).unwrap_err().id(), "case-collision");
        let folder = [("META-INF/license/a", EntryKind::File), ("META-INF/LICENSE", EntryKind::File)];
        assert_eq!(check(&folder, Tolerance::default()).unwrap().len(), 1);
        assert_eq!(check(&folder, Tolerance::STRICT).unwrap_err().id(), "case-collision");
    }

    #[test]
    fn nothing_is_written_through_a_link_whatever_its_case() {
        let entries = [("p/lib", link("other")), ("p/lib/x", EntryKind::File)];
        assert_eq!(check(&entries, Tolerance::default()).unwrap_err().id(), "through-link");
        let entries = [("p/Lib", link("other")), ("p/lib/x", EntryKind::File)];
        assert_eq!(check(&entries, Tolerance::default()).unwrap_err().id(), "through-link");
    }

    #[test]
    fn a_link_and_a_file_of_one_name_are_refused() {
        let entries = [("a", link("b")), ("a", EntryKind::File)];
        assert_eq!(check(&entries, Tolerance::default()).unwrap_err().id(), "duplicate-entry");
    }
}
