//! Cuts a stream of JSON into records without parsing it: one object, an array of objects, JSON lines, or objects in a
//! row, pretty-printed or not. Memory is bounded by the largest record allowed; a longer one is passed over as a whole.

use std::io::{self, BufRead};

/// One piece of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The bytes of one object.
    Record(Vec<u8>),
    /// A record longer than the limit.
    TooLarge,
    /// Bytes that are no object.
    Junk,
}

/// Cuts `reader` into pieces.
pub(crate) struct Splitter<R> {
    reader: R,
    limit: usize,
    /// JSON lines: a record ends with its line, whatever its brackets say, so that one bad line spoils only itself.
    lines: Option<bool>,
}

impl<R: BufRead> Splitter<R> {
    pub(crate) fn new(reader: R, limit: u64) -> Self {
        Splitter { reader, limit: usize::try_from(limit).unwrap_or(usize::MAX), lines: None }
    }

    /// The next piece, or `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Piece>> {
        if self.lines == Some(true) {
            return self.next_line();
        }
        let piece = self.next_object()?;
        if self.lines.is_none() {
            // The first record decides: it is one of JSON lines when it stood on a line of its own.
            let alone = matches!(&piece, Some(Piece::Record(bytes)) if !bytes.contains(&b'\n'));
            let line_ends = matches!(self.reader.fill_buf()?.first(), Some(b'\n' | b'\r'));
            self.lines = Some(alone && line_ends);
        }
        Ok(piece)
    }

    fn next_line(&mut self) -> io::Result<Option<Piece>> {
        loop {
            let (mut line, mut length, mut ended) = (Vec::new(), 0usize, false);
            while !ended {
                let chunk = self.reader.fill_buf()?;
                if chunk.is_empty() {
                    break;
                }
                let end = chunk.iter().position(|b| *b == b'\n');
                let used = end.map_or(chunk.len(), |at| at + 1);
                length = length.saturating_add(used);
                if length <= self.limit {
                    line.extend_from_slice(&chunk[..used]);
                }
                ended = end.is_some();
                self.reader.consume(used);
            }
            if length == 0 {
                return Ok(None);
            }
            if length > self.limit {
                return Ok(Some(Piece::TooLarge));
            }
            let trimmed = line.trim_ascii();
            if !trimmed.is_empty() {
                return Ok(Some(if trimmed.starts_with(b"{") { Piece::Record(trimmed.to_vec()) } else { Piece::Junk }));
            }
        }
    }

    fn next_object(&mut self) -> io::Result<Option<Piece>> {
        let mut junk = false;
        // Up to the opening brace: white space, commas, the array's own brackets and a byte order mark are expected.
        loop {
            let chunk = self.reader.fill_buf()?;
            if chunk.is_empty() {
                return Ok(junk.then_some(Piece::Junk));
            }
            let at = chunk.iter().position(|b| *b == b'{');
            let before = &chunk[..at.unwrap_or(chunk.len())];
            junk |= before.iter().any(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' | 0xef | 0xbb | 0xbf));
            let used = before.len();
            self.reader.consume(used);
            if at.is_some() {
                if junk {
                    return Ok(Some(Piece::Junk));
                }
                break;
            }
        }
        let (mut record, mut length, mut depth) = (Vec::new(), 0usize, 0usize);
        let (mut in_string, mut escaped) = (false, false);
        loop {
            let chunk = self.reader.fill_buf()?;
            if chunk.is_empty() {
                return Ok(Some(if length > self.limit { Piece::TooLarge } else { Piece::Record(record) }));
            }
            let mut end = None;
            for (at, byte) in chunk.iter().enumerate() {
                if in_string {
                    match byte {
                        _ if escaped => escaped = false,
                        b'\\' => escaped = true,
                        b'"' => in_string = false,
                        _ => {}
                    }
                    continue;
                }
                match byte {
                    b'"' => in_string = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            end = Some(at + 1);
                            break;
                        }
                    }
                    _ => {}
                }
            }
            let used = end.unwrap_or(chunk.len());
            length = length.saturating_add(used);
            if length <= self.limit {
                record.extend_from_slice(&chunk[..used]);
            }
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some(if length > self.limit { Piece::TooLarge } else { Piece::Record(record) }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, limit: u64) -> Vec<String> {
        // A buffer of three bytes makes every boundary fall somewhere inside a record.
        let mut splitter = Splitter::new(io::BufReader::with_capacity(3, text.as_bytes()), limit);
        let mut found = Vec::new();
        while let Some(piece) = splitter.next().unwrap() {
            found.push(match piece {
                Piece::Record(bytes) => String::from_utf8(bytes).unwrap(),
                Piece::TooLarge => "TOO LARGE".to_owned(),
                Piece::Junk => "JUNK".to_owned(),
            });
        }
        found
    }

    #[test]
    fn every_packing_of_records_is_cut() {
        let (a, b) = (r#"{"a":"}]\"{"}"#, r#"{"b":[{},[1]]}"#);
        assert_eq!(cut(&format!("[{a},\n {b}]\n"), 99), [a, b]);
        assert_eq!(cut(&format!("{a}\n{b}\n"), 99), [a, b]);
        assert_eq!(cut(&format!("{a}\r\n\r\n{b}"), 99), [a, b]);
        assert_eq!(cut(&format!("{a}{b}"), 99), [a, b]);
        assert_eq!(cut("{\n \"a\": 1\n}\n", 99), ["{\n \"a\": 1\n}"]);
        assert_eq!(cut(&format!("\u{feff}{a}"), 99), [a]);
        assert_eq!(cut(" \n", 99), Vec::<String>::new());
    }

    #[test]
    fn a_bad_line_spoils_only_itself() {
        assert_eq!(
            cut("{\"a\":1}\n{\"b\":\"\n{\"c\":3}\nx\n{\"d\":4}", 99),
            [r#"{"a":1}"#, r#"{"b":""#, r#"{"c":3}"#, "JUNK", r#"{"d":4}"#]
        );
    }

    #[test]
    fn a_record_over_the_limit_is_passed_over_and_the_next_is_read() {
        assert_eq!(cut(&format!("[{{\"a\":\"{}\"}},{{}}]", "x".repeat(50)), 20), ["TOO LARGE", "{}"]);
        assert_eq!(cut(&format!("{{}}\n{{\"a\":\"{}\"}}\n{{}}\n", "x".repeat(50)), 20), ["{}", "TOO LARGE", "{}"]);
        assert_eq!(cut("{\"cut\":", 20), ["{\"cut\":"]);
    }
}
