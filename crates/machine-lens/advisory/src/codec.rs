//! The compact form of what one record says about one package, as it lies in the store.
//!
//! A package's blob is a row of entries: `length seq range-count { event-count { tag text } } version-count { text }`,
//! with LEB128 numbers and length-prefixed UTF-8. It is read once per lookup, front to back, without allocation and
//! without JSON; a reader that runs past the end means a damaged file and is an error, never a panic.

/// A bound of an affected range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound<'a> {
    Introduced(&'a str),
    Fixed(&'a str),
    LastAffected(&'a str),
    Limit(&'a str),
}

impl<'a> Bound<'a> {
    fn parts(self) -> (u8, &'a str) {
        match self {
            Bound::Introduced(v) => (0, v),
            Bound::Fixed(v) => (1, v),
            Bound::LastAffected(v) => (2, v),
            Bound::Limit(v) => (3, v),
        }
    }

    pub(crate) fn version(self) -> &'a str {
        self.parts().1
    }

    fn of(tag: u8, version: &'a str) -> Option<Self> {
        Some(match tag {
            0 => Bound::Introduced(version),
            1 => Bound::Fixed(version),
            2 => Bound::LastAffected(version),
            3 => Bound::Limit(version),
            _ => return None,
        })
    }
}

/// One record about one package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Entry<'a> {
    /// Ranges; empty together with `versions` means every version.
    pub(crate) ranges: Vec<Vec<Bound<'a>>>,
    /// Versions in canonical form.
    pub(crate) versions: Vec<&'a str>,
}

pub(crate) fn put_number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    put_number(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

impl Entry<'_> {
    /// Writes all but the record's number, which is known only when the store is written.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_number(self.ranges.len() as u64, out);
        for range in &self.ranges {
            put_number(range.len() as u64, out);
            for bound in range {
                let (tag, version) = bound.parts();
                out.push(tag);
                put_text(version, out);
            }
        }
        put_number(self.versions.len() as u64, out);
        for version in &self.versions {
            put_text(version, out);
        }
    }
}

/// Reads a package's blob entry by entry.
pub(crate) struct Entries<'a>(Cursor<'a>);

impl<'a> Entries<'a> {
    pub(crate) fn new(blob: &'a [u8]) -> Self {
        Entries(Cursor(blob))
    }

    /// The next record number and its body; `Ok(None)` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(i64, Body<'a>)>, Damaged> {
        if self.0.0.is_empty() {
            return Ok(None);
        }
        let length = self.0.number()?;
        let mut entry = Cursor(self.0.take(length)?);
        let seq = i64::try_from(entry.number()?).map_err(|_| Damaged)?;
        Ok(Some((seq, Body(entry))))
    }
}

/// Puts one encoded body under its record number into a package's blob.
pub(crate) fn put_entry(seq: i64, body: &[u8], out: &mut Vec<u8>) {
    let mut number = Vec::with_capacity(10);
    put_number(seq.unsigned_abs(), &mut number);
    put_number((number.len() + body.len()) as u64, out);
    out.extend_from_slice(&number);
    out.extend_from_slice(body);
}

/// The bytes of a stored row do not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged;

/// An entry that is still encoded.
pub(crate) struct Body<'a>(Cursor<'a>);

impl<'a> Body<'a> {
    /// Calls `on_range` for each range with its bounds, then `on_version` for each version.
    pub(crate) fn read(
        mut self,
        bounds: &mut Vec<Bound<'a>>,
        mut on_range: impl FnMut(&[Bound<'a>]),
        mut on_version: impl FnMut(&'a str),
    ) -> Result<(), Damaged> {
        for _ in 0..self.0.number()? {
            bounds.clear();
            for _ in 0..self.0.number()? {
                let tag = self.0.byte()?;
                bounds.push(Bound::of(tag, self.0.text()?).ok_or(Damaged)?);
            }
            on_range(bounds);
        }
        for _ in 0..self.0.number()? {
            on_version(self.0.text()?);
        }
        if self.0.0.is_empty() { Ok(()) } else { Err(Damaged) }
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Result<u8, Damaged> {
        let (first, rest) = self.0.split_first().ok_or(Damaged)?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, Damaged> {
        let mut value = 0u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Damaged)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Damaged> {
        let length = usize::try_from(length).map_err(|_| Damaged)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn text(&mut self) -> Result<&'a str, Damaged> {
        let length = self.number()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let entry = Entry {
            ranges: vec![
                vec![Bound::Introduced("0"), Bound::Fixed("1.2.3")],
                vec![Bound::Introduced("2.0.0-β"), Bound::LastAffected("2.1"), Bound::Limit("3")],
            ],
            versions: vec!["1.0", "1.1"],
        };
        let mut body = Vec::new();
        entry.encode(&mut body);
        let mut blob = Vec::new();
        put_entry(300, &body, &mut blob);
        put_entry(7, &body, &mut blob);
        blob
    }

    #[test]
    fn what_is_written_is_read_back() {
        let blob = sample();
        let mut entries = Entries::new(&blob);
        let mut seen = Vec::new();
        while let Some((seq, body)) = entries.next().unwrap() {
            let (mut ranges, mut versions) = (0, Vec::new());
            body.read(&mut Vec::new(), |bounds| ranges += bounds.len(), |v| versions.push(v)).unwrap();
            seen.push((seq, ranges, versions));
        }
        assert_eq!(seen, [(300, 5, vec!["1.0", "1.1"]), (7, 5, vec!["1.0", "1.1"])]);
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_an_error_or_other_data_and_never_a_panic() {
        let blob = sample();
        for cut in 0..blob.len() {
            drain(&blob[..cut]);
        }
        for at in 0..blob.len() {
            for bit in 0..8 {
                let mut bad = blob.clone();
                bad[at] ^= 1 << bit;
                drain(&bad);
            }
        }
        let mut entries = Entries::new(&[0xff; 12]);
        assert_eq!(entries.next().err(), Some(Damaged));
    }

    fn drain(blob: &[u8]) {
        let mut entries = Entries::new(blob);
        while let Ok(Some((_, body))) = entries.next() {
            let _ = body.read(&mut Vec::new(), |_| (), |_| ());
        }
    }
}
