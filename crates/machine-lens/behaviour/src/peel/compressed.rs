//! Codecs that compress, read up to a bound.

use std::io::Read;

fn bounded(reader: impl Read, room: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    reader.take(room as u64 + 1).read_to_end(&mut out).ok()?;
    (out.len() <= room && !out.is_empty()).then_some(out)
}

/// zlib, or a bare deflate stream.
pub(super) fn zlib(input: &[u8], room: usize) -> Option<Vec<u8>> {
    bounded(flate2::read::ZlibDecoder::new(input), room).or_else(|| bounded(flate2::read::DeflateDecoder::new(input), room))
}

/// gzip, or zlib where the interface takes either.
pub(super) fn gzip(input: &[u8], room: usize) -> Option<Vec<u8>> {
    if input.starts_with(&[0x1f, 0x8b]) {
        return bounded(flate2::read::MultiGzDecoder::new(input), room);
    }
    bounded(flate2::read::ZlibDecoder::new(input), room)
}

pub(super) fn bzip2(input: &[u8], room: usize) -> Option<Vec<u8>> {
    bounded(bzip2::read::BzDecoder::new(input), room)
}

/// xz, or the older lzma form.
pub(super) fn lzma(input: &[u8], room: usize) -> Option<Vec<u8>> {
    if input.starts_with(b"\xfd7zXZ\0") {
        return bounded(lzma_rust2::XzReader::new(input, true), room);
    }
    // The memory that the older form asks for is bounded too.
    let reader = lzma_rust2::LzmaReader::new_mem_limit(input, (room >> 10).try_into().unwrap_or(u32::MAX), None).ok()?;
    bounded(reader, room)
}
