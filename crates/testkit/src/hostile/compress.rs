//! Compression for archives made by tests. Writing to memory does not fail, so nothing here returns an error.

use std::io::Write as _;

/// gzip, one member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    done(encoder.write_all(bytes).and_then(|()| encoder.finish()))
}

/// Raw deflate.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    done(encoder.write_all(bytes).and_then(|()| encoder.finish()))
}

/// zlib.
pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    done(encoder.write_all(bytes).and_then(|()| encoder.finish()))
}

/// bzip2.
pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    done(encoder.write_all(bytes).and_then(|()| encoder.finish()))
}

/// xz.
pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1));
    done(writer.and_then(|mut writer| writer.write_all(bytes).and_then(|()| writer.finish())))
}

/// zstd.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    done(zstd::encode_all(bytes, 3))
}

/// CRC-32 as gzip and zip have it.
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// An empty archive makes the test that uses it fail, which is the error report of a test kit.
fn done(result: std::io::Result<Vec<u8>>) -> Vec<u8> {
    result.unwrap_or_default()
}
