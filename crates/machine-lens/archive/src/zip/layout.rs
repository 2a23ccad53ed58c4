//! Where each entry lies, checked against its own header.
//!
//! The attacks: readers that start at the front see other names, sizes and entries than readers that start at the
//! directory (CVE-2025-54368 and kin), and entries that share bytes make bombs of any ratio
//! (Fifield, "A better zip bomb", 2019).

use super::directory::{Central, Directory, extra_fields, u16_at, u32_at, u64_at, zip64};
use crate::budget::Budget;
use crate::note::Notes;
use crate::{ArchiveError, Note};

const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_LENGTH: usize = 30;
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
const DESCRIPTOR_FOLLOWS: u16 = 1 << 3;

/// The compressed bytes of each entry, in the directory's order, once nothing overlaps and nothing hides.
pub(super) fn lay_out<'a>(
    bytes: &'a [u8],
    directory: &Directory<'_>,
    budget: &Budget,
    notes: &mut Notes,
) -> Result<Vec<&'a [u8]>, ArchiveError> {
    let mut places = Vec::with_capacity(directory.entries.len());
    let mut content = Vec::with_capacity(directory.entries.len());
    for (index, entry) in directory.entries.iter().enumerate() {
        budget.check_time()?;
        let (data, end) = locate(bytes, entry, directory.start)?;
        places.push((entry.offset, end, index));
        content.push(data);
    }
    places.sort_unstable();
    let mut free_from = 0;
    let mut previous: Option<usize> = None;
    for &(start, end, index) in &places {
        let name = |index: usize| directory.entries.get(index).map(Central::shown).unwrap_or_default();
        if start < free_from {
            return Err(ArchiveError::OverlappingEntries { path: name(index), other: previous.map(name).unwrap_or_default() });
        }
        gap(bytes, free_from, start, previous.is_none(), notes)?;
        (free_from, previous) = (end, Some(index));
    }
    gap(bytes, free_from, directory.start, false, notes)?;
    Ok(content)
}

/// Bytes that no entry claims must not be an entry for someone else.
fn gap(bytes: &[u8], from: u64, to: u64, is_prefix: bool, notes: &mut Notes) -> Result<(), ArchiveError> {
    let (start, end) = (usize::try_from(from).unwrap_or(usize::MAX), usize::try_from(to).unwrap_or(usize::MAX));
    let Some(between) = bytes.get(start..end).filter(|between| !between.is_empty()) else { return Ok(()) };
    // A start program in front may well contain the four bytes that it looks for; a reader from the front needs them first.
    let hidden = if is_prefix { between.starts_with(LOCAL).then_some(0) } else { memchr::memmem::find(between, LOCAL) };
    if let Some(hidden) = hidden {
        return Err(ArchiveError::HiddenEntry { offset: from + hidden as u64 });
    }
    notes.push(if is_prefix { Note::Prefix { bytes: to - from } } else { Note::UnclaimedBytes { offset: from, bytes: to - from } });
    Ok(())
}

/// The data of one entry and where its place ends (after its data descriptor).
fn locate<'a>(bytes: &'a [u8], entry: &Central<'_>, directory_start: u64) -> Result<(&'a [u8], u64), ArchiveError> {
    let cut = || ArchiveError::Truncated { what: "a zip entry" };
    let differs = |field| ArchiveError::HeaderDisagreement { path: entry.shown(), field };
    let start = usize::try_from(entry.offset).ok().filter(|_| entry.offset < directory_start).ok_or_else(cut)?;
    let header = bytes.get(start..).ok_or_else(cut)?;
    if !header.starts_with(LOCAL) {
        return Err(ArchiveError::BadHeader { what: "the place of a zip entry, where no entry begins," });
    }
    let half = |at| u16_at(header, at).ok_or_else(cut);
    let word = |at| u32_at(header, at).ok_or_else(cut);
    let (flags, method) = (half(6)?, half(8)?);
    if (flags | entry.flags) & ENCRYPTED != 0 {
        return Err(ArchiveError::Encrypted { path: entry.shown() });
    }
    if method != entry.method {
        return Err(differs("compression method"));
    }
    let name_end = LOCAL_LENGTH + usize::from(half(26)?);
    let extra_end = name_end + usize::from(half(28)?);
    if header.get(LOCAL_LENGTH..name_end).ok_or_else(cut)? != entry.name {
        return Err(differs("name"));
    }
    let extra = header.get(name_end..extra_end).ok_or_else(cut)?;
    unicode_names_agree(entry, extra)?;
    let has_descriptor = (flags | entry.flags) & DESCRIPTOR_FOLLOWS != 0;
    let (crc, size, compressed) = (word(14)?, word(22)?, word(18)?);
    // With a descriptor the header may leave them 0; without one they must be those of the directory.
    if crc != entry.crc && !(has_descriptor && crc == 0) {
        return Err(differs("checksum"));
    }
    // Streaming writers put all ones or 0 here and the truth behind the data.
    let open = |short: u32| has_descriptor && (short == 0 || short == u32::MAX);
    if !(open(size) && open(compressed)) {
        let (size, compressed, _) = zip64(extra, size, compressed, None, entry.name)?;
        let fits = |local: u64, central: u64| local == central || (has_descriptor && local == 0);
        if !fits(size, entry.size) || !fits(compressed, entry.compressed) {
            return Err(differs("size"));
        }
    }
    let data = header.get(extra_end..).and_then(|rest| rest.get(..usize::try_from(entry.compressed).ok()?)).ok_or_else(cut)?;
    let data_end = entry.offset + (extra_end + data.len()) as u64;
    if data_end > directory_start {
        return Err(cut());
    }
    let end = if has_descriptor { descriptor_end(bytes, data_end, entry).ok_or_else(|| differs("data descriptor"))? } else { data_end };
    if end > directory_start {
        return Err(cut());
    }
    Ok((data, end))
}

/// The end of the data descriptor, in whichever of its four forms it fits; `None` when it contradicts the directory.
fn descriptor_end(bytes: &[u8], at: u64, entry: &Central<'_>) -> Option<u64> {
    let start = usize::try_from(at).ok()?;
    let rest = bytes.get(start..)?;
    for mark in [4, 0] {
        if mark == 4 && !rest.starts_with(b"PK\x07\x08") {
            continue;
        }
        if u32_at(rest, mark) != Some(entry.crc) {
            continue;
        }
        if u64_at(rest, mark + 4) == Some(entry.compressed) && u64_at(rest, mark + 12) == Some(entry.size) {
            return Some(at + mark as u64 + 20);
        }
        let fits = |at, value: u64| u32_at(rest, at).map(u64::from) == Some(value);
        if fits(mark + 4, entry.compressed) && fits(mark + 8, entry.size) {
            return Some(at + mark as u64 + 12);
        }
    }
    // Writers that set the flag on empty entries write no descriptor: there is nothing to be wrong about.
    (entry.compressed == 0 && entry.size == 0).then_some(at)
}

/// The Info-ZIP Unicode path field gives an entry a second name, which only some readers use.
fn unicode_names_agree(entry: &Central<'_>, local_extra: &[u8]) -> Result<(), ArchiveError> {
    const UNICODE_PATH: u16 = 0x7075;
    for (id, field) in extra_fields(entry.extra).chain(extra_fields(local_extra)) {
        let second = field.get(5..).unwrap_or_default();
        if id == UNICODE_PATH && second != entry.name && (entry.name.is_ascii() || second.is_ascii()) {
            return Err(ArchiveError::HeaderDisagreement { path: entry.shown(), field: "name" });
        }
    }
    Ok(())
}
