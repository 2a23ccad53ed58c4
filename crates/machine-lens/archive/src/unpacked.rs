use crate::budget::Budget;
use crate::driver::{Entry, EntryInfo, EntryKind, Summary, Tolerance, visit};
use crate::format::{Format, sniff};
use crate::{ArchiveError, Note, zip};
use bifocal_core::ArchiveLimits;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

/// A whole archive in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// Its true format, by its bytes.
    pub format: Format,
    /// Its entries in the archive's order.
    pub entries: Vec<Entry>,
    /// Bytes of the unpacked stream.
    pub total_bytes: u64,
    /// Oddities that do not refuse it, at most 1,000.
    pub notes: Vec<Note>,
    /// Oddities beyond those.
    pub more_notes: u64,
    /// How many archives this one lies in.
    pub depth: u32,
}

/// Unpacks `bytes` into memory under `limits`, with the default [`Tolerance`].
pub fn unpack(bytes: &[u8], limits: &ArchiveLimits) -> Result<Unpacked, ArchiveError> {
    unpack_within(bytes, &Budget::new(limits), Tolerance::default())
}

/// Unpacks `bytes` into memory, drawing on `budget`.
pub fn unpack_within(bytes: &[u8], budget: &Budget, tolerance: Tolerance) -> Result<Unpacked, ArchiveError> {
    unpack_at(bytes, budget, tolerance, 0, &mut |_, _| true)
}

/// Like [`unpack_within`], for callers that have no use for all of some large files: of a file larger than
/// [`KEPT_HEAD`], `keeps` is asked with its first bytes; where it says no, these are all that the entry's data holds.
/// The rest is unpacked and checked all the same, and [`crate::EntryInfo::size`] is the whole file's.
///
/// A file whose end makes a zip of it is whole whatever `keeps` said: a program may carry an archive behind itself, and
/// readers look for it from the end. Which files these are shows at their end only, so that an archive with such a file
/// is unpacked twice.
pub fn unpack_keeping(
    bytes: &[u8],
    budget: &Budget,
    tolerance: Tolerance,
    keeps: &mut dyn FnMut(&EntryInfo, &[u8]) -> bool,
) -> Result<Unpacked, ArchiveError> {
    unpack_at(bytes, budget, tolerance, 0, keeps)
}

/// Bytes that are kept of every file.
pub const KEPT_HEAD: usize = 256 << 10;

fn unpack_at(
    bytes: &[u8],
    budget: &Budget,
    tolerance: Tolerance,
    depth: u32,
    keeps: &mut dyn FnMut(&EntryInfo, &[u8]) -> bool,
) -> Result<Unpacked, ArchiveError> {
    let mut entries = Vec::new();
    let mut carriers = BTreeSet::new();
    let Summary { format, total_bytes, notes, more_notes, .. } = visit(bytes, budget, tolerance, &mut |info, content| {
        // The declared size is only believed up to the head before its bytes are there.
        let mut data = Vec::with_capacity(usize::try_from(info.size.min(KEPT_HEAD as u64)).unwrap_or(0));
        Read::take(&mut *content, KEPT_HEAD as u64).read_to_end(&mut data)?;
        let mut info = info.clone();
        let mut rest = 0;
        if data.len() == KEPT_HEAD {
            if keeps(&info, &data) {
                content.read_to_end(&mut data)?;
            } else {
                let mut tail = Tail::of(&data);
                rest = read_through(content, |chunk| tail.push(chunk))?;
                if zip::may_end_like_a_zip(tail.last()) {
                    carriers.insert(entries.len());
                }
            }
        }
        info.size = data.len() as u64 + rest;
        entries.push(Entry { info, data });
        Ok(())
    })?;
    if !carriers.is_empty() {
        budget.look_again(|| keep_whole(bytes, budget, tolerance, &carriers, &mut entries))?;
    }
    Ok(Unpacked { format, entries, total_bytes, notes, more_notes, depth })
}

/// A second pass, only over archives with such files: the data of the entries with these places that are zips by their
/// end.
fn keep_whole(
    bytes: &[u8],
    budget: &Budget,
    tolerance: Tolerance,
    carriers: &BTreeSet<usize>,
    entries: &mut [Entry],
) -> Result<(), ArchiveError> {
    let mut place = 0;
    visit(bytes, budget, tolerance, &mut |_, content| {
        if carriers.contains(&place) {
            let mut data = Vec::new();
            content.read_to_end(&mut data)?;
            if let Some(entry) = entries.get_mut(place).filter(|_| zip::ends_like_a_zip(&data)) {
                entry.data = data;
            }
        }
        place += 1;
        Ok(())
    })?;
    Ok(())
}

/// The last bytes of a file that passes by.
struct Tail(Vec<u8>);

impl Tail {
    fn of(head: &[u8]) -> Self {
        Tail(head.get(head.len().saturating_sub(zip::END_WINDOW)..).unwrap_or_default().to_vec())
    }

    fn push(&mut self, chunk: &[u8]) {
        self.0.extend_from_slice(chunk);
        if self.0.len() > 4 * zip::END_WINDOW {
            self.0.drain(..self.0.len() - zip::END_WINDOW);
        }
    }

    fn last(&self) -> &[u8] {
        self.0.get(self.0.len().saturating_sub(zip::END_WINDOW)..).unwrap_or_default()
    }
}

/// Reads to the end; gives the bytes there were.
pub(crate) fn skip(content: &mut dyn Read) -> io::Result<u64> {
    read_through(content, |_| {})
}

fn read_through(content: &mut dyn Read, mut each: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut chunk = vec![0; 64 << 10];
    let mut skipped = 0;
    loop {
        match content.read(&mut chunk) {
            Ok(0) => return Ok(skipped),
            Ok(read) => {
                each(chunk.get(..read).unwrap_or_default());
                skipped += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Unpacked {
    /// Unpacks an entry that is itself an archive, one level deeper, from the same budget. `None` when it is none.
    ///
    /// A refusal here is about the inner archive: test suites ship corrupt and hostile ones on purpose, so the caller
    /// decides what it says of the outer one. An exhausted `budget` stays exhausted.
    pub fn nested(&self, entry: &Entry, budget: &Budget, tolerance: Tolerance) -> Option<Result<Unpacked, ArchiveError>> {
        if entry.kind != EntryKind::File || !entry.is_whole() {
            return None;
        }
        sniff(&entry.data)?;
        let (depth, limit) = (self.depth.saturating_add(1), budget.limits().nesting);
        if depth > limit {
            return Some(Err(ArchiveError::NestedTooDeep { limit }));
        }
        Some(unpack_at(&entry.data, budget, tolerance, depth, &mut |_, _| true))
    }

    /// The file that an entry stands for: itself, or what a link arrives at within the archive. The last entry of a
    /// repeated path counts, as it does for clients.
    pub fn resolve<'a>(&'a self, entry: &'a Entry) -> Option<&'a Entry> {
        if entry.kind == EntryKind::File {
            return Some(entry);
        }
        self.links().resolve(entry)
    }

    /// An index for resolving many links.
    pub fn links(&self) -> Links<'_> {
        Links { by_path: self.entries.iter().map(|entry| (entry.path.as_str(), entry)).collect() }
    }
}

/// Entries by path, for [`Links::resolve`].
#[derive(Debug)]
pub struct Links<'a> {
    by_path: BTreeMap<&'a str, &'a Entry>,
}

impl<'a> Links<'a> {
    const MAX_HOPS: u32 = 40;
    const MAX_PARTS: usize = 4096;

    /// The entry of a path.
    pub fn get(&self, path: &str) -> Option<&'a Entry> {
        self.by_path.get(path).copied()
    }

    /// Follows an entry through links to a file of the archive, at most 40 of them.
    pub fn resolve(&self, entry: &'a Entry) -> Option<&'a Entry> {
        let mut here: Vec<String> = Vec::new();
        let mut ahead: Vec<String> = entry.path.rsplit('/').map(str::to_owned).collect();
        let mut hops = 0;
        loop {
            let Some(part) = ahead.pop() else {
                return self.get(&here.join("/")).filter(|found| found.kind == EntryKind::File);
            };
            if part == ".." {
                here.pop()?;
                continue;
            }
            here.push(part);
            if let Some(EntryKind::Link { target, hard }) = self.get(&here.join("/")).map(|entry| &entry.kind) {
                hops += 1;
                if hops > Self::MAX_HOPS || ahead.len() > Self::MAX_PARTS {
                    return None;
                }
                here.pop();
                if *hard {
                    here.clear();
                }
                let target = target.replace('\\', "/");
                ahead.extend(target.split('/').rev().filter(|part| !part.is_empty() && *part != ".").map(str::to_owned));
            }
        }
    }
}
