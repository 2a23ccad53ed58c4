//! Zip archives, in the order of their directory. What comes in: the bytes. What goes out: entries for the sink.
//!
//! Own code instead of a crate, because a scanner must see what *every* installer sees: the directory, the headers
//! before each entry and the gaps between them have to tell one story, and a crate shows only one of these.

mod directory;
mod layout;

use crate::budget::{Meter, Metered};
use crate::codec::{Inflate, unzstd};
use crate::driver::{EntryInfo, EntryKind, Sink, symbolic_link};
use crate::error::shown;
use crate::note::Notes;
use crate::path::safe_path;
use crate::{ArchiveError, Note};
use directory::{Central, Directory};
use std::io::{self, Read};

pub(crate) use directory::{END_WINDOW, ends_like_a_zip, may_end_like_a_zip};

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const BZIP2: u16 = 12;
const ZSTD: u16 = 93;

const TYPE: u32 = 0o170_000;
const LINK: u32 = 0o120_000;

/// Reads the whole archive.
pub(crate) fn read(bytes: &[u8], meter: &Meter<'_>, sink: &mut Sink<'_>) -> Result<(), ArchiveError> {
    let budget = meter.budget;
    let directory = Directory::read(bytes, budget)?;
    if directory.zeros_follow {
        sink.note(Note::ZeroPadding);
    }
    let mut notes = Notes::default();
    let places = layout::lay_out(bytes, &directory, budget, &mut notes)?;
    for note in notes.kept {
        sink.note(note);
    }
    foresee(&directory, meter)?;
    for (entry, data) in directory.entries.iter().zip(places) {
        member(entry, data, meter, sink)?;
    }
    Ok(())
}

/// Refuses a bomb by what it declares, before a byte is unpacked. What it does not declare is refused on the way.
fn foresee(directory: &Directory<'_>, meter: &Meter<'_>) -> Result<(), ArchiveError> {
    let limits = meter.budget.limits();
    let mut sum = 0_u64;
    for entry in &directory.entries {
        if entry.size > limits.entry_bytes {
            return Err(ArchiveError::EntryTooLarge { path: entry.shown(), limit: limits.entry_bytes });
        }
        sum = sum.saturating_add(entry.size);
    }
    meter.budget.would_fit(sum)?;
    meter.check_ratio(sum)
}

fn member(entry: &Central<'_>, data: &[u8], meter: &Meter<'_>, sink: &mut Sink<'_>) -> Result<(), ArchiveError> {
    let limits = meter.budget.limits();
    let safe = safe_path(entry.name, limits)?;
    let kind = match entry.mode & TYPE {
        0o010_000 => return special(entry, "pipe"),
        0o020_000 => return special(entry, "character device"),
        0o060_000 => return special(entry, "block device"),
        0o140_000 => return special(entry, "socket"),
        _ if safe.is_folder => EntryKind::Folder,
        LINK => {
            if entry.size > u64::from(limits.path_bytes) {
                return Err(ArchiveError::PathTooLong { path: shown(&safe.path), limit: limits.path_bytes });
            }
            let mut target = Vec::new();
            content(entry, data, meter, &mut |input| input.read_to_end(&mut target).map(drop).map_err(ArchiveError::from_io))?;
            let kind = symbolic_link(&safe.path, &target, limits)?;
            let info = info(entry, safe.path, kind);
            return sink.entry(info, safe.notes, &mut target.as_slice());
        }
        _ => EntryKind::File,
    };
    if kind == EntryKind::Folder && entry.size != 0 {
        return Err(ArchiveError::BadHeader { what: "a zip folder with data" });
    }
    let info = info(entry, safe.path, kind);
    content(entry, data, meter, &mut |input| sink.entry(info.clone(), safe.notes.clone(), input))
}

fn special(entry: &Central<'_>, what: &'static str) -> Result<(), ArchiveError> {
    Err(ArchiveError::SpecialFile { path: entry.shown(), what })
}

fn info(entry: &Central<'_>, path: String, kind: EntryKind) -> EntryInfo {
    EntryInfo { path, kind, mode: entry.mode & 0o7777, size: entry.size, modified: None, dotted: false }
}

/// Hands the decoded content to `take`, reads what it leaves, and checks size, checksum and that nothing is left over.
fn content(
    entry: &Central<'_>,
    data: &[u8],
    meter: &Meter<'_>,
    take: &mut dyn FnMut(&mut dyn Read) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let left_over = match entry.method {
        STORED => {
            checked(entry, &mut Metered::new(data, meter, "stored"), take)?;
            entry.compressed != entry.size
        }
        DEFLATED => {
            let mut stream = Metered::new(Inflate::new(data), meter, "deflate");
            checked(entry, &mut stream, take)?;
            !stream.inner.rest().is_empty()
        }
        BZIP2 => {
            let mut stream = Metered::new(bzip2::bufread::BzDecoder::new(data), meter, "bzip2");
            checked(entry, &mut stream, take)?;
            !stream.inner.into_inner().is_empty()
        }
        ZSTD => {
            let decoder = unzstd(data).map_err(|error| crate::codec::classify(error, "zstd"))?;
            checked(entry, &mut Metered::new(decoder, meter, "zstd"), take)?;
            false
        }
        method => return Err(ArchiveError::UnsupportedMethod { path: entry.shown(), method }),
    };
    if left_over {
        return Err(ArchiveError::SizeMismatch { path: entry.shown() });
    }
    Ok(())
}

fn checked(
    entry: &Central<'_>,
    stream: &mut dyn Read,
    take: &mut dyn FnMut(&mut dyn Read) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut checked = Checked { stream, entry, crc: flate2::Crc::new(), read: 0, done: false };
    take(&mut checked)?;
    io::copy(&mut checked, &mut io::sink()).map_err(ArchiveError::from_io)?;
    Ok(())
}

/// Content whose end is only an end when size and checksum are right.
struct Checked<'a> {
    stream: &'a mut dyn Read,
    entry: &'a Central<'a>,
    crc: flate2::Crc,
    read: u64,
    done: bool,
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.done {
            return Ok(0);
        }
        let read = self.stream.read(buffer)?;
        self.read += read as u64;
        self.crc.update(buffer.get(..read).unwrap_or_default());
        if self.read > self.entry.size || (read == 0 && self.read != self.entry.size) {
            return Err(ArchiveError::SizeMismatch { path: self.entry.shown() }.into_io());
        }
        if read == 0 {
            if self.crc.sum() != self.entry.crc {
                return Err(ArchiveError::CrcMismatch { path: self.entry.shown() }.into_io());
            }
            self.done = true;
        }
        Ok(read)
    }
}
