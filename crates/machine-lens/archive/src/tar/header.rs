//! One 512-byte tar header: V7, POSIX ustar and GNU.
//! The format: <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06>.

use crate::ArchiveError;

pub(crate) const BLOCK: usize = 512;

/// A header block.
pub(super) struct Header<'a>(pub(super) &'a [u8; BLOCK]);

impl<'a> Header<'a> {
    fn field(&self, start: usize, length: usize) -> &'a [u8] {
        self.0.get(start..start + length).unwrap_or_default()
    }

    /// Whether the checksum fits, summed as unsigned or (old tars) as signed bytes.
    pub(super) fn checksum_fits(&self) -> bool {
        let Some(declared) = octal(self.field(148, 8)) else { return false };
        let (mut unsigned, mut signed) = (0_i64, 0_i64);
        for (index, &byte) in self.0.iter().enumerate() {
            let byte = if (148..156).contains(&index) { b' ' } else { byte };
            unsigned += i64::from(byte);
            signed += i64::from(byte.cast_signed());
        }
        i64::try_from(declared).is_ok_and(|declared| declared == unsigned || declared == signed)
    }

    pub(super) fn kind(&self) -> u8 {
        self.0[156]
    }

    pub(super) fn mode(&self) -> u32 {
        octal(self.field(100, 8)).and_then(|mode| u32::try_from(mode).ok()).unwrap_or(0)
    }

    pub(super) fn modified(&self) -> Option<u64> {
        number(self.field(136, 12))
    }

    pub(super) fn size(&self) -> Result<u64, ArchiveError> {
        number(self.field(124, 12)).ok_or(ArchiveError::BadHeader { what: "the size in a tar header" })
    }

    pub(super) fn link(&self) -> &'a [u8] {
        until_nul(self.field(157, 100))
    }

    /// The name with its POSIX prefix. GNU headers keep other things in the prefix's place.
    pub(super) fn name(&self) -> Vec<u8> {
        let (name, prefix) = (until_nul(self.field(0, 100)), until_nul(self.field(345, 155)));
        if self.field(257, 6) != b"ustar\0" || prefix.is_empty() {
            return name.to_vec();
        }
        let mut joined = prefix.to_vec();
        joined.push(b'/');
        joined.extend_from_slice(name);
        joined
    }
}

pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    memchr::memchr(0, bytes).and_then(|end| bytes.get(..end)).unwrap_or(bytes)
}

/// Octal digits between blanks and NULs; an empty field is 0.
fn octal(field: &[u8]) -> Option<u64> {
    let text = until_nul(field).trim_ascii();
    text.iter().try_fold(0_u64, |sum, &digit| match digit {
        b'0'..=b'7' => sum.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

/// Octal, or base 256 where the first bit is set (GNU, star). Negative and oversized numbers are none.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first() {
        Some((&first, rest)) if first & 0x80 != 0 => {
            (first == 0x80).then_some(())?;
            rest.iter().try_fold(0_u64, |sum, &byte| sum.checked_mul(256)?.checked_add(u64::from(byte)))
        }
        _ => octal(field),
    }
}

/// Whether the bytes open with a tar header.
pub(crate) fn is_tar(bytes: &[u8]) -> bool {
    bytes.first_chunk::<BLOCK>().is_some_and(|block| block.iter().any(|&byte| byte != 0) && Header(block).checksum_fits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256_and_never_negative_or_too_large() {
        assert_eq!(number(b"0000017\0"), Some(15));
        assert_eq!(number(b"   17 \0"), Some(15));
        assert_eq!(number(b"\0\0\0"), Some(0));
        assert_eq!(number(&[0x80, 0, 1, 0]), Some(256));
        assert_eq!(number(&[0xff; 12]), None);
        assert_eq!(number(&[0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(number(b"98"), None);
    }
}
