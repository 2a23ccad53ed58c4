//! Cached values as bytes: JSON, compressed, with a checksum.

use bifocal_core::Sha256;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Compression level: the fastest; the point is fewer pages, not the last byte.
const LEVEL: i32 = 1;
/// Bytes that a value may unpack to.
const MAX_VALUE: usize = 256 << 20;

/// The checksum and the stored bytes; `None` for a value that is no JSON.
pub(crate) fn encode<T: Serialize>(value: &T) -> Option<(Vec<u8>, Vec<u8>)> {
    let json = serde_json::to_vec(value).ok()?;
    // The unpacked size stands in front: the decompressor has to be told how much room it may take.
    let mut stored = u32::try_from(json.len()).ok()?.to_le_bytes().to_vec();
    stored.extend(zstd::bulk::compress(&json, LEVEL).ok()?);
    Some((checksum(&stored), stored))
}

/// Reads many values with one decompressor.
pub(crate) struct Decoder(Option<zstd::bulk::Decompressor<'static>>);

impl Decoder {
    pub(crate) fn new() -> Self {
        Decoder(zstd::bulk::Decompressor::new().ok())
    }

    /// The value; `None` when the bytes are damaged or of another form.
    pub(crate) fn decode<T: DeserializeOwned>(&mut self, sum: &[u8], stored: &[u8]) -> Option<T> {
        if checksum(stored) != sum {
            return None;
        }
        let (size, packed) = stored.split_first_chunk::<4>()?;
        let size = usize::try_from(u32::from_le_bytes(*size)).ok().filter(|size| *size <= MAX_VALUE)?;
        let json = self.0.as_mut()?.decompress(packed, size).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

fn checksum(stored: &[u8]) -> Vec<u8> {
    Sha256::of(stored).as_bytes()[..16].to_vec()
}
