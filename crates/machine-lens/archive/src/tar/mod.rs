//! Tar streams, entry by entry. What comes in: a counted byte stream. What goes out: entries for the sink.
//!
//! Own code instead of a crate, because the attacks live in what readers disagree on: sizes told twice
//! (CVE-2025-62518), links and folders that carry data, headers after the end, two extended headers in a row. Where
//! common readers part ways, the archive is refused.

pub(crate) mod header;
mod pax;

use crate::budget::Budget;
use crate::driver::{EntryInfo, EntryKind, Sink};
use crate::error::shown;
use crate::path::{decode, safe_path};
use crate::{ArchiveError, Note};
use header::{BLOCK, Header, until_nul};
use pax::Extended;
use std::io::{self, Read};

/// Bytes of an overlong name that are shown.
const SHOWN: usize = 100;

/// Reads the whole stream.
pub(crate) fn read(input: &mut dyn Read, budget: &Budget, sink: &mut Sink<'_>) -> Result<(), ArchiveError> {
    let mut tar = Tar { input, budget, offset: 0, extended: None, long_name: None, long_link: None };
    while let Some(block) = tar.next_block(sink)? {
        tar.entry(&block, sink)?;
    }
    Ok(())
}

struct Tar<'a> {
    input: &'a mut dyn Read,
    budget: &'a Budget,
    offset: u64,
    extended: Option<Extended>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl Tar<'_> {
    /// The next header, or `None` after the end.
    fn next_block(&mut self, sink: &mut Sink<'_>) -> Result<Option<[u8; BLOCK]>, ArchiveError> {
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            0 => {
                self.nothing_pending()?;
                sink.note(Note::NoEndMarker);
                return Ok(None);
            }
            BLOCK => {}
            _ => return Err(ArchiveError::Truncated { what: "a tar header" }),
        }
        if block.iter().all(|&byte| byte == 0) {
            self.nothing_pending()?;
            self.only_zeros_follow()?;
            return Ok(None);
        }
        Ok(Some(block))
    }

    fn nothing_pending(&self) -> Result<(), ArchiveError> {
        if self.extended.is_some() || self.long_name.is_some() || self.long_link.is_some() {
            return Err(ArchiveError::Truncated { what: "a tar entry after its extended header" });
        }
        Ok(())
    }

    /// Some readers stop at the first block of zeros, others at the second, others never: nothing may follow.
    fn only_zeros_follow(&mut self) -> Result<(), ArchiveError> {
        let mut chunk = vec![0; 1 << 16];
        loop {
            match self.fill(&mut chunk)? {
                0 => return Ok(()),
                read if chunk.iter().take(read).any(|&byte| byte != 0) => {
                    return Err(ArchiveError::TrailingData { what: "the end of the tar" });
                }
                _ => {}
            }
        }
    }

    fn entry(&mut self, block: &[u8; BLOCK], sink: &mut Sink<'_>) -> Result<(), ArchiveError> {
        let header = Header(block);
        if !header.checksum_fits() {
            return Err(ArchiveError::HeaderChecksum { offset: self.offset - BLOCK as u64 });
        }
        self.budget.spend_entry()?;
        match header.kind() {
            b'x' => {
                let extended = Extended::parse(&self.record(&header, Extended::MAX_BYTES)?)?;
                once(&mut self.extended, extended)
            }
            b'g' => {
                let extended = Extended::parse(&self.record(&header, Extended::MAX_BYTES)?)?;
                if extended != Extended::default() {
                    return Err(ArchiveError::BadHeader { what: "a global tar header that renames or resizes entries" });
                }
                Ok(())
            }
            b'L' => {
                let name = self.long(&header)?;
                once(&mut self.long_name, name)
            }
            b'K' => {
                let name = self.long(&header)?;
                once(&mut self.long_link, name)
            }
            b'V' if header.size()? == 0 => {
                sink.note(Note::Label);
                Ok(())
            }
            _ => self.member(&header, sink),
        }
    }

    /// A GNU long name: text with a closing NUL.
    fn long(&mut self, header: &Header<'_>) -> Result<Vec<u8>, ArchiveError> {
        let limit = self.budget.limits().path_bytes;
        if header.size()? > u64::from(limit) + 1 {
            // Of a name that is not taken, the start is enough to find the entry by.
            let mut start = vec![0; SHOWN];
            let filled = self.fill(&mut start)?;
            let start = until_nul(start.get(..filled).unwrap_or_default());
            let own = header.name();
            let (path, _) = decode(if start.is_empty() { &own } else { start });
            return Err(ArchiveError::PathTooLong { path: shown(&path), limit });
        }
        let record = self.record(header, u64::from(limit) + 1)?;
        let name = until_nul(&record);
        if record.iter().skip(name.len()).any(|&byte| byte != 0) {
            return Err(ArchiveError::NulInPath { path: shown(&decode(&record).0) });
        }
        Ok(name.to_vec())
    }

    /// The content of a header that describes the next entry.
    fn record(&mut self, header: &Header<'_>, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let size = header.size()?;
        if size > limit {
            return Err(ArchiveError::HeaderTooLarge { what: "an extended tar header", limit });
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let mut record = vec![0; size];
        if self.fill(&mut record)? != size {
            return Err(ArchiveError::Truncated { what: "an extended tar header" });
        }
        self.skip_padding(size as u64)?;
        Ok(record)
    }

    /// A file, folder or link.
    fn member(&mut self, header: &Header<'_>, sink: &mut Sink<'_>) -> Result<(), ArchiveError> {
        let extended = self.extended.take().unwrap_or_default();
        let short = header.name();
        let raw = one_of(self.long_name.take(), extended.path, &short, "name")?;
        let shown_path = || shown(&decode(&raw).0);
        let size = match (header.size()?, extended.size) {
            (plain, None) => plain,
            // Writers leave 0 there when the size does not fit, and repeat it when it does.
            (0, Some(size)) => size,
            (plain, Some(size)) if plain == size => size,
            _ => return Err(ArchiveError::HeaderDisagreement { path: shown_path(), field: "size" }),
        };
        let unsupported = |what| Err(ArchiveError::UnsupportedEntry { path: shown_path(), what });
        let special = |what| Err(ArchiveError::SpecialFile { path: shown_path(), what });
        if extended.is_sparse {
            return unsupported("sparse file");
        }
        let raw_link = one_of(self.long_link.take(), extended.link, header.link(), "link target")?;
        let limits = self.budget.limits();
        let safe = safe_path(&raw, limits)?;
        let kind = match header.kind() {
            b'0' | 0 | b'7' if safe.is_folder => EntryKind::Folder,
            b'0' | 0 | b'7' => EntryKind::File,
            b'5' => EntryKind::Folder,
            b'1' => crate::driver::hard_link(&safe.path, &raw_link, limits)?,
            b'2' => crate::driver::symbolic_link(&safe.path, &raw_link, limits)?,
            b'3' => return special("character device"),
            b'4' => return special("block device"),
            b'6' => return special("pipe"),
            b'S' => return unsupported("sparse file"),
            b'M' => return unsupported("continuation of another volume"),
            b'V' => return unsupported("volume label with data"),
            b'D' => return unsupported("folder dump"),
            _ => return unsupported("vendor-specific entry"),
        };
        // Some readers skip the data of a link or folder, others take it for the next header.
        if kind != EntryKind::File && size != 0 {
            return Err(ArchiveError::BadHeader { what: "a tar link or folder with data" });
        }
        if kind == EntryKind::File && size > limits.entry_bytes {
            return Err(ArchiveError::EntryTooLarge { path: shown_path(), limit: limits.entry_bytes });
        }
        self.budget.would_fit(size)?;
        let info =
            EntryInfo { path: safe.path, kind, mode: header.mode(), size, modified: header.modified(), dotted: raw.starts_with(b"./") };
        let mut content = Content { input: &mut *self.input, left: size };
        sink.entry(info, safe.notes, &mut content)?;
        io::copy(&mut content, &mut io::sink()).map_err(ArchiveError::from_io)?;
        self.offset += size;
        self.skip_padding(size)
    }

    /// Skips to the next block. An archive may end right after the last entry's data.
    fn skip_padding(&mut self, size: u64) -> Result<(), ArchiveError> {
        let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
        if over != 0 {
            let mut padding = [0; BLOCK];
            self.fill(padding.get_mut(over..).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Reads until `buffer` is full or the stream ends.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.input.read(rest) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ArchiveError::from_io(error)),
            }
        }
        self.offset += filled as u64;
        Ok(filled)
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), ArchiveError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(ArchiveError::BadHeader { what: "a second extended tar header for one entry" }),
    }
}

/// The one name that all headers agree on. The short field is cut or made up where there is a longer one.
fn one_of(long: Option<Vec<u8>>, pax: Option<Vec<u8>>, short: &[u8], field: &'static str) -> Result<Vec<u8>, ArchiveError> {
    match (long, pax) {
        (Some(long), Some(pax)) if long != pax => Err(ArchiveError::HeaderDisagreement { path: shown(&decode(&pax).0), field }),
        (Some(name), _) | (None, Some(name)) => Ok(name),
        (None, None) => Ok(short.to_vec()),
    }
}

/// Exactly the bytes of one entry; fewer are an error.
struct Content<'a> {
    input: &'a mut dyn Read,
    left: u64,
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let step = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..step).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let read = self.input.read(buffer)?;
        if read == 0 {
            return Err(ArchiveError::Truncated { what: "the data of a tar entry" }.into_io());
        }
        self.left -= read as u64;
        Ok(read)
    }
}
