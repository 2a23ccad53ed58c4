//! Decoders over a byte slice. Each tells truncation, corruption and an excessive window apart, and how many bytes of
//! its input it used; the limits are put around them by [`crate::budget::Metered`].

use crate::ArchiveError;
use crate::error::shown;
use flate2::{Decompress, FlushDecompress, Status};
use std::io::{self, Read};

/// The largest window that a decoder may allocate. `xz -9` needs 65 MiB, `zstd --long` 128 MiB.
pub(crate) const MAX_WINDOW: u64 = 160 << 20;
const ZSTD_WINDOW_LOG: u32 = 27;

/// What a decoder's error means.
pub(crate) fn classify(error: io::Error, codec: &'static str) -> ArchiveError {
    let kind = error.kind();
    match error.downcast::<ArchiveError>() {
        Ok(own) => own,
        Err(other) => {
            let text = other.to_string();
            if kind == io::ErrorKind::UnexpectedEof || text.contains("incomplete frame") {
                ArchiveError::Truncated { what: "the compressed data" }
            } else if kind == io::ErrorKind::OutOfMemory || text.contains("too much memory") {
                ArchiveError::WindowTooLarge { codec, limit: MAX_WINDOW }
            } else {
                ArchiveError::BadStream { codec, detail: shown(&text) }
            }
        }
    }
}

/// Raw deflate (RFC 1951) that insists on its end marker. `flate2`'s own readers take a cut stream for a finished one.
pub(crate) struct Inflate<'a> {
    input: &'a [u8],
    state: Decompress,
    done: bool,
}

impl<'a> Inflate<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Inflate { input, state: Decompress::new(false), done: false }
    }

    /// What follows the stream, once it has ended.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.input
    }
}

impl Read for Inflate<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while !self.done {
            let (used, made) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(self.input, buffer, FlushDecompress::None)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            let used = usize::try_from(self.state.total_in() - used).unwrap_or(usize::MAX);
            let made = usize::try_from(self.state.total_out() - made).unwrap_or(usize::MAX);
            self.input = self.input.get(used..).unwrap_or_default();
            self.done = status == Status::StreamEnd;
            if made > 0 {
                return Ok(made);
            }
            if !self.done && used == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}

/// gzip (RFC 1952), all members.
pub(crate) struct Gunzip<'a> {
    rest: &'a [u8],
    member: Option<(Inflate<'a>, flate2::Crc)>,
    members: u32,
    /// What came after the last member.
    pub(crate) after: After,
}

/// What follows the end of a compressed stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum After {
    #[default]
    Nothing,
    Zeros,
    Data,
}

impl After {
    pub(crate) fn of(rest: &[u8]) -> Self {
        match rest {
            [] => After::Nothing,
            rest if rest.iter().all(|&byte| byte == 0) => After::Zeros,
            _ => After::Data,
        }
    }
}

impl<'a> Gunzip<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Gunzip { rest: bytes, member: None, members: 0, after: After::Nothing }
    }

    pub(crate) fn members(&self) -> u32 {
        self.members
    }

    fn close_member(&mut self, inflate: &Inflate<'a>, crc: &flate2::Crc) -> io::Result<()> {
        let (trailer, rest) = inflate.rest().split_at_checked(8).ok_or(io::ErrorKind::UnexpectedEof)?;
        let field = |at: usize| trailer.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes);
        if field(0) != Some(crc.sum()) || field(4) != Some(crc.amount()) {
            return Err(ArchiveError::CrcMismatch { path: "gzip member".to_owned() }.into_io());
        }
        self.rest = rest;
        Ok(())
    }
}

impl Read for Gunzip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some((mut inflate, mut crc)) = self.member.take() {
                let read = inflate.read(buffer)?;
                if read > 0 {
                    crc.update(buffer.get(..read).unwrap_or_default());
                    self.member = Some((inflate, crc));
                    return Ok(read);
                }
                self.close_member(&inflate, &crc)?;
            }
            if self.members > 0 && !self.rest.starts_with(&[0x1f, 0x8b]) {
                self.after = After::of(self.rest);
                return Ok(0);
            }
            let header = GzipHeader::parse(self.rest).ok_or(io::ErrorKind::UnexpectedEof)??;
            self.rest = self.rest.get(header.length..).unwrap_or_default();
            self.member = Some((Inflate::new(self.rest), flate2::Crc::new()));
            self.members = self.members.saturating_add(1);
        }
    }
}

/// The header of a gzip member.
pub(crate) struct GzipHeader<'a> {
    pub(crate) name: Option<&'a [u8]>,
    length: usize,
}

impl<'a> GzipHeader<'a> {
    /// `None` when it is cut short.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<io::Result<Self>> {
        let flags = *bytes.get(3)?;
        if bytes.get(..3)? != [0x1f, 0x8b, 8] || flags & 0b1110_0000 != 0 {
            return Some(Err(ArchiveError::BadHeader { what: "the gzip header" }.into_io()));
        }
        let mut at = 10;
        if flags & 4 != 0 {
            at += 2 + usize::from(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        }
        let mut name = None;
        for (bit, is_name) in [(8, true), (16, false)] {
            if flags & bit != 0 {
                let text = bytes.get(at..)?;
                let end = memchr::memchr(0, text)?;
                name = if is_name { text.get(..end) } else { name };
                at += end + 1;
            }
        }
        if flags & 2 != 0 {
            at += 2;
        }
        bytes.get(..at)?;
        Some(Ok(GzipHeader { name, length: at }))
    }
}

/// bzip2, all streams.
pub(crate) struct Bunzip<'a> {
    stream: Option<bzip2::bufread::BzDecoder<&'a [u8]>>,
    streams: u32,
    pub(crate) after: After,
}

impl<'a> Bunzip<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Bunzip { stream: Some(bzip2::bufread::BzDecoder::new(bytes)), streams: 1, after: After::Nothing }
    }

    pub(crate) fn streams(&self) -> u32 {
        self.streams
    }
}

impl Read for Bunzip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(mut stream) = self.stream.take() {
            let read = stream.read(buffer)?;
            if read > 0 {
                self.stream = Some(stream);
                return Ok(read);
            }
            let rest = stream.into_inner();
            if rest.starts_with(b"BZh") {
                self.streams = self.streams.saturating_add(1);
                self.stream = Some(bzip2::bufread::BzDecoder::new(rest));
            } else {
                self.after = After::of(rest);
            }
        }
        Ok(0)
    }
}

/// xz, all streams, with a bounded dictionary.
pub(crate) fn unxz(bytes: &[u8]) -> impl Read + use<'_> {
    lzma_rust2::XzReader::new_mem_limit(bytes, true, u32::try_from(MAX_WINDOW >> 10).unwrap_or(u32::MAX))
}

/// zstd (RFC 8878), all frames, with a bounded window.
pub(crate) fn unzstd(bytes: &[u8]) -> io::Result<impl Read + use<'_>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}
