//! The zip directory at the end of the file, and which places claim to be it.
//! The format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>, sections 4.3.12 to 4.3.16.

use crate::ArchiveError;
use crate::budget::Budget;
use crate::error::shown;
use crate::path::decode;

const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;
const END64: &[u8] = b"PK\x06\x06";
const LOCATOR64: &[u8] = b"PK\x06\x07";
const LOCATOR64_LENGTH: usize = 20;
const CENTRAL: &[u8] = b"PK\x01\x02";
const CENTRAL_LENGTH: usize = 46;
const MAX_COMMENT: usize = 65_535;
/// Bytes at the end of a file in which readers look for the end record.
pub(crate) const END_WINDOW: usize = END_LENGTH + MAX_COMMENT;

/// An entry as the directory has it. Offsets are from the start of the bytes.
#[derive(Debug, Clone)]
pub(super) struct Central<'a> {
    pub(super) name: &'a [u8],
    pub(super) extra: &'a [u8],
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) compressed: u64,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) offset: u64,
}

impl Central<'_> {
    pub(super) fn shown(&self) -> String {
        shown(&decode(self.name).0)
    }
}

/// The directory.
#[derive(Debug)]
pub(super) struct Directory<'a> {
    pub(super) entries: Vec<Central<'a>>,
    /// Where it starts.
    pub(super) start: u64,
    /// Zero bytes follow its end.
    pub(super) zeros_follow: bool,
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

/// Whether a reader that looks for the directory from the end, as Python's `zipfile` does whatever the name and the
/// first bytes are, would take `bytes` for a zip.
pub(crate) fn ends_like_a_zip(bytes: &[u8]) -> bool {
    let window = bytes.len().saturating_sub(END_WINDOW);
    let Some(found) = memchr::memmem::rfind(bytes.get(window..).unwrap_or_default(), END) else { return false };
    let end = window + found;
    let Ok(record) = End::parse(bytes, end) else { return false };
    if record.count == 0 {
        // An empty zip lists nothing that could be hidden in it; the end alone is four likely bytes.
        return end == 0;
    }
    record.directory_end.checked_sub(record.size).and_then(|start| bytes.get(start..)).is_some_and(|rest| rest.starts_with(CENTRAL))
}

/// Whether a file whose last [`END_WINDOW`] bytes are `tail` may be one for which [`ends_like_a_zip`] holds.
pub(crate) fn may_end_like_a_zip(tail: &[u8]) -> bool {
    let Some(record) = memchr::memmem::rfind(tail, END).and_then(|at| tail.get(at..)) else { return false };
    record.len() >= END_LENGTH && u16_at(record, 10).is_some_and(|count| count > 0)
}

/// The end record with its zip64 form folded in.
struct End {
    count: u64,
    size: usize,
    offset: u64,
    /// Where the directory has to end.
    directory_end: usize,
    comment_end: usize,
}

impl End {
    fn parse(bytes: &[u8], at: usize) -> Result<Self, ArchiveError> {
        let cut = ArchiveError::Truncated { what: "the zip end record" };
        let record = bytes.get(at..).filter(|rest| rest.len() >= END_LENGTH).ok_or(cut)?;
        let half = |at| u64::from(u16_at(record, at).unwrap_or(0));
        let word = |at| u64::from(u32_at(record, at).unwrap_or(0));
        let (disk, start_disk, on_disk, count) = (half(4), half(6), half(8), half(10));
        let (size, offset) = (word(12), word(16));
        let comment_end = at + END_LENGTH + usize::try_from(half(20)).unwrap_or(0);
        let mut end = End { count, size: 0, offset, directory_end: at, comment_end };
        let mut full_size = size;
        match Self::find64(bytes, at)? {
            Some((at64, record64)) => {
                let word64 = |at| u64_at(record64, at).unwrap_or(0);
                let fields = [
                    (on_disk, 0xffff, word64(24)),
                    (count, 0xffff, word64(32)),
                    (size, 0xffff_ffff, word64(40)),
                    (offset, 0xffff_ffff, word64(48)),
                ];
                // A reader that prefers the other record must come to the same directory.
                if fields.iter().any(|&(short, all_ones, long)| short != all_ones && short != long) || word64(24) != word64(32) {
                    return Err(ArchiveError::AmbiguousDirectory { what: "its two end records disagree" });
                }
                end.count = word64(32);
                full_size = word64(40);
                end.offset = word64(48);
                end.directory_end = at64;
            }
            None if disk != 0 || start_disk != 0 || on_disk != count => {
                return Err(ArchiveError::UnsupportedEntry { path: String::new(), what: "part of a zip in several volumes" });
            }
            None => {}
        }
        end.size = usize::try_from(full_size).unwrap_or(usize::MAX);
        Ok(end)
    }

    fn find64(bytes: &[u8], end: usize) -> Result<Option<(usize, &[u8])>, ArchiveError> {
        let Some(at) = end.checked_sub(LOCATOR64_LENGTH) else { return Ok(None) };
        let Some(locator) = bytes.get(at..end).filter(|locator| locator.starts_with(LOCATOR64)) else { return Ok(None) };
        let missing = ArchiveError::AmbiguousDirectory { what: "its zip64 end record is not where the locator says" };
        // The record stands right before its locator; with a prefix the declared place is off by the prefix.
        let declared = u64_at(locator, 8).and_then(|declared| usize::try_from(declared).ok()).unwrap_or(usize::MAX);
        let near = at.saturating_sub(56);
        let is_record = |place: usize| bytes.get(place..at).filter(|record| record.starts_with(END64) && record.len() >= 56);
        let (place, record) = match (is_record(declared), is_record(near)) {
            (Some(record), _) => (declared, record),
            (None, Some(record)) => (near, record),
            _ => return Err(missing),
        };
        if u64_at(record, 4).and_then(|length| length.checked_add(12)) != Some(record.len() as u64) {
            return Err(missing);
        }
        Ok(Some((place, record)))
    }
}

impl<'a> Directory<'a> {
    /// Finds and reads the directory; every other place that some reader might take for it is a refusal.
    pub(super) fn read(bytes: &'a [u8], budget: &Budget) -> Result<Self, ArchiveError> {
        let window = bytes.len().saturating_sub(END_WINDOW);
        let tail = bytes.get(window..).unwrap_or_default();
        let at = match memchr::memmem::rfind(tail, END) {
            Some(found) => window + found,
            None => return Err(ArchiveError::Truncated { what: "a zip without its end record" }),
        };
        let end = End::parse(bytes, at)?;
        let zeros_follow = match bytes.get(end.comment_end..) {
            None => return Err(ArchiveError::Truncated { what: "the zip comment" }),
            Some([]) => false,
            Some(rest) if rest.iter().all(|&byte| byte == 0) => true,
            Some(_) => return Err(ArchiveError::TrailingData { what: "the zip end record" }),
        };
        let before = bytes.get(window..at).unwrap_or_default();
        for found in memchr::memmem::find_iter(before, END) {
            let comment = u16_at(bytes, window + found + 20).map_or(usize::MAX, usize::from);
            if window + found + END_LENGTH + comment == bytes.len() {
                return Err(ArchiveError::AmbiguousDirectory { what: "it has two end records" });
            }
        }
        Self::read_entries(bytes, &end, zeros_follow, budget)
    }

    fn read_entries(bytes: &'a [u8], end: &End, zeros_follow: bool, budget: &Budget) -> Result<Self, ArchiveError> {
        let cut = || ArchiveError::Truncated { what: "the zip directory" };
        let start = end.directory_end.checked_sub(end.size).ok_or_else(cut)?;
        // Bytes before the archive shift everything; the declared offsets then count from after them.
        let base =
            (start as u64).checked_sub(end.offset).ok_or(ArchiveError::AmbiguousDirectory { what: "it lies before its declared place" })?;
        let declared = usize::try_from(end.offset).unwrap_or(usize::MAX);
        if base != 0 && end.count != 0 && bytes.get(declared..).is_some_and(|rest| rest.starts_with(CENTRAL)) {
            return Err(ArchiveError::AmbiguousDirectory { what: "another directory lies at its declared place" });
        }
        budget.would_fit_entries(end.count)?;
        let mut rest = bytes.get(start..end.directory_end).ok_or_else(cut)?;
        if end.count > (rest.len() / CENTRAL_LENGTH) as u64 {
            return Err(cut());
        }
        let mut entries = Vec::with_capacity(usize::try_from(end.count).unwrap_or(0));
        for _ in 0..end.count {
            budget.spend_entry()?;
            let (entry, length) = central(rest, base)?;
            rest = rest.get(length..).ok_or_else(cut)?;
            entries.push(entry);
        }
        if !rest.is_empty() {
            return Err(ArchiveError::AmbiguousDirectory { what: "it is longer than its entries" });
        }
        Ok(Directory { entries, start: start as u64, zeros_follow })
    }
}

/// One entry at the start of `bytes`, and its length.
fn central(bytes: &[u8], base: u64) -> Result<(Central<'_>, usize), ArchiveError> {
    let cut = || ArchiveError::Truncated { what: "the zip directory" };
    if !bytes.starts_with(CENTRAL) {
        return Err(ArchiveError::BadHeader { what: "an entry of the zip directory" });
    }
    let half = |at| u16_at(bytes, at).ok_or_else(cut);
    let word = |at| u32_at(bytes, at).ok_or_else(cut);
    let (name_length, extra_length, comment_length) = (half(28)?, half(30)?, half(32)?);
    let name_end = CENTRAL_LENGTH + usize::from(name_length);
    let extra_end = name_end + usize::from(extra_length);
    let length = extra_end + usize::from(comment_length);
    let name = bytes.get(CENTRAL_LENGTH..name_end).ok_or_else(cut)?;
    let extra = bytes.get(name_end..extra_end).ok_or_else(cut)?;
    bytes.get(..length).ok_or_else(cut)?;
    let (compressed, size, offset) = (word(20)?, word(24)?, word(42)?);
    let (size, compressed, offset) = zip64(extra, size, compressed, Some(offset), name)?;
    let entry = Central {
        name,
        extra,
        flags: half(8)?,
        method: half(10)?,
        crc: word(16)?,
        compressed,
        size,
        mode: word(38)? >> 16,
        offset: offset.checked_add(base).ok_or_else(cut)?,
    };
    Ok((entry, length))
}

/// The fields of an extra block, until it ends or makes no sense; writers pad it with rubbish.
pub(super) fn extra_fields(mut extra: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (id, length) = (u16_at(extra, 0)?, u16_at(extra, 2)?);
        let field = extra.get(4..4 + usize::from(length))?;
        extra = extra.get(4 + usize::from(length)..)?;
        Some((id, field))
    })
}

/// Size, compressed size and offset with the zip64 field put in for those that are all ones.
pub(super) fn zip64(extra: &[u8], size: u32, compressed: u32, offset: Option<u32>, name: &[u8]) -> Result<(u64, u64, u64), ArchiveError> {
    let mut fields = extra_fields(extra).filter(|&(id, _)| id == 1).map(|(_, field)| field);
    let field = fields.next();
    if fields.next().is_some() {
        return Err(ArchiveError::HeaderDisagreement { path: shown(&decode(name).0), field: "zip64 sizes" });
    }
    let mut at = 0;
    let mut take = |short: u32| {
        if short != u32::MAX {
            return Ok(u64::from(short));
        }
        let long = field.and_then(|field| u64_at(field, at)).ok_or(ArchiveError::BadHeader { what: "a zip64 field" })?;
        at += 8;
        Ok(long)
    };
    Ok((take(size)?, take(compressed)?, offset.map_or(Ok(0), &mut take)?))
}
