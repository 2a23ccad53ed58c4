//! Extended headers (POSIX pax `x` and `g`): records `LENGTH KEY=VALUE\n`.

use crate::ArchiveError;

/// What an extended header overrides.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Extended {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) is_sparse: bool,
}

impl Extended {
    /// Larger than any honest header; a header that claims gigabytes is not read.
    pub(super) const MAX_BYTES: u64 = 1 << 20;

    /// Reads all records. A repeated key that changes the meaning is malformed: readers disagree on which one wins.
    pub(super) fn parse(mut bytes: &[u8]) -> Result<Self, ArchiveError> {
        let bad = || ArchiveError::BadHeader { what: "an extended tar header" };
        let mut extended = Extended::default();
        while !bytes.is_empty() {
            let blank = memchr::memchr(b' ', bytes.get(..bytes.len().min(20)).unwrap_or_default()).ok_or_else(bad)?;
            let digits = std::str::from_utf8(bytes.get(..blank).unwrap_or_default()).map_err(|_| bad())?;
            if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                return Err(bad());
            }
            let length: usize = digits.parse().map_err(|_| bad())?;
            let (record, rest) = bytes.split_at_checked(length).ok_or_else(bad)?;
            bytes = rest;
            let record = record.get(blank + 1..).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(bad)?;
            let equals = memchr::memchr(b'=', record).ok_or_else(bad)?;
            let (key, value) = (record.get(..equals).unwrap_or_default(), record.get(equals + 1..).unwrap_or_default());
            match key {
                b"path" => set(&mut extended.path, value.to_vec())?,
                b"linkpath" => set(&mut extended.link, value.to_vec())?,
                b"size" => {
                    let text = std::str::from_utf8(value).map_err(|_| bad())?;
                    if !text.bytes().all(|digit| digit.is_ascii_digit()) {
                        return Err(bad());
                    }
                    set(&mut extended.size, text.parse().map_err(|_| bad())?)?;
                }
                key if key.starts_with(b"GNU.sparse") || key == b"SCHILY.realsize" => extended.is_sparse = true,
                _ => {}
            }
        }
        Ok(extended)
    }
}

fn set<T>(slot: &mut Option<T>, value: T) -> Result<(), ArchiveError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(ArchiveError::BadHeader { what: "an extended tar header with a repeated key" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_and_unknown_keys_passed_over() {
        let extended = Extended::parse(b"11 size=42\n14 path=a=b/c\n\n20 comment=whatever\n".as_slice());
        assert!(extended.is_err(), "a blank line is no record");
        let extended = Extended::parse(b"11 size=42\n14 path=a=b/c\n20 comment=whatever\n").unwrap();
        assert_eq!((extended.size, extended.path.as_deref()), (Some(42), Some(&b"a=b/c"[..])));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for bytes in [&b"99999999999999999999 a=b\n"[..], b"5 a=b\n", b"200 a=b\n", b"x", b" a=b\n", b"-6 a=b\n", b"0 a=b\n"] {
            assert!(Extended::parse(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn repeated_keys_are_refused() {
        assert!(Extended::parse(b"11 size=42\n11 size=43\n").is_err());
    }
}
