//! Bodies as they travel and lie on disk: identity, gzip or zstd, opened under a limit.
//!
//! The attack: a small compressed document that opens to gigabytes.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::io::Read as _;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// Why a body does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// More bytes than the limit.
    TooLarge,
    /// Not of its encoding, or damaged.
    Damaged(String),
}

impl Encoding {
    /// The encoding that a `Content-Encoding` header names; `None` for one that was not asked for.
    pub(crate) fn from_header(value: Option<&str>) -> Option<Self> {
        match value.map(str::trim) {
            None | Some("" | "identity") => Some(Encoding::Identity),
            Some("gzip" | "x-gzip") => Some(Encoding::Gzip),
            Some("zstd") => Some(Encoding::Zstd),
            Some(_) => None,
        }
    }

    /// Opens a body to at most `limit` bytes.
    pub(crate) fn open(self, body: &Bytes, limit: u64) -> Result<Bytes, Unopened> {
        let damaged = |error: std::io::Error| Unopened::Damaged(error.to_string());
        let beyond = limit.saturating_add(1);
        let roomy = |times: usize| Vec::with_capacity(body.len().saturating_mul(times).min(64 << 20).min(saturated(beyond)));
        let opened = match self {
            Encoding::Identity => body.clone(),
            Encoding::Gzip => {
                let mut out = roomy(5);
                flate2::read::MultiGzDecoder::new(body.as_ref()).take(beyond).read_to_end(&mut out).map_err(damaged)?;
                out.into()
            }
            Encoding::Zstd => {
                let mut out = roomy(6);
                let mut decoder = zstd::stream::read::Decoder::with_buffer(body.as_ref()).map_err(damaged)?;
                // Documents are written here with a window far below this; a larger one is not ours.
                decoder.window_log_max(27).map_err(damaged)?;
                decoder.take(beyond).read_to_end(&mut out).map_err(damaged)?;
                out.into()
            }
        };
        if opened.len() > saturated(limit) { Err(Unopened::TooLarge) } else { Ok(opened) }
    }
}

fn saturated(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Compresses a body for the disk: quickly, and with a checksum that tells a damaged file.
pub(crate) fn pack(body: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Write as _;
    let mut encoder = zstd::stream::write::Encoder::new(Vec::with_capacity(body.len() / 5 + 64), 1)?;
    encoder.include_checksum(true)?;
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn bodies_open_to_what_was_packed() {
        let text = b"a document ".repeat(1000);
        assert_eq!(Encoding::Gzip.open(&gzip(&text).into(), 1 << 20).unwrap(), text);
        assert_eq!(Encoding::Zstd.open(&pack(&text).unwrap().into(), 1 << 20).unwrap(), text);
        assert_eq!(Encoding::Identity.open(&text.clone().into(), 1 << 20).unwrap(), text);
    }

    #[test]
    fn bombs_stop_at_the_limit() {
        let zeros = vec![0; 4 << 20];
        assert_eq!(Encoding::Gzip.open(&gzip(&zeros).into(), 1000), Err(Unopened::TooLarge));
        assert_eq!(Encoding::Zstd.open(&pack(&zeros).unwrap().into(), 1000), Err(Unopened::TooLarge));
        assert_eq!(Encoding::Identity.open(&zeros.into(), 1000), Err(Unopened::TooLarge));
    }

    #[test]
    fn damage_is_noticed() {
        let text = b"a document ".repeat(1000);
        let mut packed = pack(&text).unwrap();
        let middle = packed.len() / 2;
        packed[middle] ^= 0x55;
        assert!(matches!(Encoding::Zstd.open(&packed.into(), 1 << 20), Err(Unopened::Damaged(_))));
        let mut short = gzip(&text);
        short.truncate(short.len() - 9);
        assert!(matches!(Encoding::Gzip.open(&short.into(), 1 << 20), Err(Unopened::Damaged(_))));
        assert_eq!(Encoding::from_header(Some("br")), None);
    }
}
