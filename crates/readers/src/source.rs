//! One file being read: its path, its text, and the errors that name it.

use crate::error::{Problem, ReadError, shown};
use bifocal_core::Place;
use std::borrow::Cow;

/// A file that is being read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The path that errors and places carry.
    pub(crate) path: &'a str,
    /// Its bytes, within the size limit.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Source<'a> {
    pub(crate) fn error(&self, line: u32, problem: impl Into<Problem>) -> ReadError {
        ReadError::new(self.path, line, problem.into())
    }

    pub(crate) fn syntax(&self, line: u32, expected: &str, found: &str) -> ReadError {
        self.error(line, Problem::Syntax { expected: expected.to_owned(), found: shown(found) })
    }

    pub(crate) fn place(&self, line: u32) -> Place {
        Place { path: self.path.to_owned(), line }
    }

    /// The file as UTF-8 text, without a byte order mark.
    pub(crate) fn utf8(&self) -> Result<&'a str, ReadError> {
        let bytes = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.bytes);
        std::str::from_utf8(bytes).map_err(|error| {
            let line = 1 + newlines(&bytes[..error.valid_up_to()]);
            self.error(line, Problem::Encoding { expected: "UTF-8" })
        })
    }

    /// The file as text in one of the encodings that pip takes: UTF-8, UTF-16 with a byte order mark, or Latin-1 where
    /// an encoding comment in the first two lines says so.
    pub(crate) fn text_of_any_encoding(&self) -> Result<Cow<'a, str>, ReadError> {
        let utf16 = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
            let pairs = bytes.chunks_exact(2);
            if !pairs.remainder().is_empty() {
                return Err(self.error(0, Problem::Encoding { expected: "UTF-16" }));
            }
            char::decode_utf16(pairs.map(|pair| read([pair[0], pair[1]])))
                .collect::<Result<String, _>>()
                .map(Cow::Owned)
                .map_err(|_| self.error(0, Problem::Encoding { expected: "UTF-16" }))
        };
        if let Some(rest) = self.bytes.strip_prefix(b"\xff\xfe") {
            return utf16(rest, u16::from_le_bytes);
        }
        if let Some(rest) = self.bytes.strip_prefix(b"\xfe\xff") {
            return utf16(rest, u16::from_be_bytes);
        }
        let head: String = self.bytes.iter().take(400).map(|&b| char::from(b)).collect();
        let latin = head.lines().take(2).any(|line| {
            line.starts_with('#')
                && ["latin-1", "latin1", "iso-8859-1"].iter().any(|name| line.to_ascii_lowercase().contains(name))
                && line.contains("coding")
        });
        if latin {
            return Ok(Cow::Owned(self.bytes.iter().map(|&b| char::from(b)).collect()));
        }
        self.utf8().map(Cow::Borrowed)
    }
}

/// Newlines in `bytes`, capped at the largest line number.
pub(crate) fn newlines(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.iter().filter(|&&b| b == b'\n').count()).unwrap_or(u32::MAX - 1)
}

/// Line numbers of byte offsets.
pub(crate) struct LineIndex {
    /// Offsets of the newlines, ascending.
    newlines: Vec<u32>,
}

impl LineIndex {
    pub(crate) fn new(text: &str) -> Self {
        let offsets = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        LineIndex { newlines: offsets.map(|(at, _)| u32::try_from(at).unwrap_or(u32::MAX)).collect() }
    }

    /// The line, from 1, of a byte offset.
    pub(crate) fn line(&self, offset: usize) -> u32 {
        let before = self.newlines.partition_point(|&newline| (newline as usize) < offset);
        u32::try_from(before).unwrap_or(u32::MAX - 1) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one() {
        let index = LineIndex::new("a\nb\n\nc");
        assert_eq!([0, 1, 2, 3, 4, 5, 99].map(|at| index.line(at)), [1, 1, 2, 2, 3, 4, 4]);
    }

    #[test]
    fn a_broken_encoding_is_named_with_its_line() {
        let source = Source { path: "x.json", bytes: b"{\n\n\xff}" };
        assert_eq!(source.utf8().unwrap_err().to_string(), "x.json:3: expected UTF-8 text, found bytes that are not");
    }

    #[test]
    fn powershell_output_is_read() {
        let bytes: Vec<u8> = [0xff, 0xfe].into_iter().chain("a==1\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(Source { path: "r.txt", bytes: &bytes }.text_of_any_encoding().unwrap(), "a==1\n");
        assert!(Source { path: "r.txt", bytes: &bytes[..5] }.text_of_any_encoding().is_err());
    }
}
