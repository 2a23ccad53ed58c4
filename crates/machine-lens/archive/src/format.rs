//! What the bytes are, by the bytes. File names lie: hundreds of real sdists named `.tar.gz` are zips.

use crate::codec::{Bunzip, Gunzip, unxz, unzstd};
use crate::tar::header::{BLOCK, is_tar};
use crate::{ArchiveError, zip};
use std::io::Read;

/// A compression around a tar or a single file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// gzip.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// zstd.
    Zstd,
}

impl Codec {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Bzip2 => "bzip2",
            Codec::Xz => "xz",
            Codec::Zstd => "zstd",
        }
    }
}

/// The form of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Zip: wheels, jars, eggs, Go modules, NuGet-like packages.
    Zip,
    /// Tar, plain or compressed: npm tarballs, crates, sdists.
    Tar(Option<Codec>),
    /// One compressed file that is no tar.
    Single(Codec),
}

impl Format {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Zip => "zip",
            Format::Tar(None) => "tar",
            Format::Tar(Some(Codec::Gzip)) => "tar.gz",
            Format::Tar(Some(Codec::Bzip2)) => "tar.bz2",
            Format::Tar(Some(Codec::Xz)) => "tar.xz",
            Format::Tar(Some(Codec::Zstd)) => "tar.zst",
            Format::Single(Codec::Gzip) => "gz",
            Format::Single(Codec::Bzip2) => "bz2",
            Format::Single(Codec::Xz) => "xz",
            Format::Single(Codec::Zstd) => "zst",
        }
    }
}

/// The format of `bytes`, or `None` when they are no archive that this crate reads. Cheap: at most the first block is
/// decompressed.
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    if let Some(codec) = codec_of(bytes) {
        return Some(if holds_tar(bytes, codec) { Format::Tar(Some(codec)) } else { Format::Single(codec) });
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Some(Format::Zip);
    }
    if is_tar(bytes) {
        return Some(Format::Tar(None));
    }
    zip::ends_like_a_zip(bytes).then_some(Format::Zip)
}

fn codec_of(bytes: &[u8]) -> Option<Codec> {
    match bytes {
        [0x1f, 0x8b, 8, ..] => Some(Codec::Gzip),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => Some(Codec::Bzip2),
        // The empty bzip2 stream has no block.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Some(Codec::Bzip2),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Codec::Xz),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Codec::Zstd),
        _ => None,
    }
}

/// Whether the first block inside is a tar header, or the zeros of an empty tar.
fn holds_tar(bytes: &[u8], codec: Codec) -> bool {
    let mut block = Vec::with_capacity(BLOCK);
    let limit = BLOCK as u64;
    let read = match codec {
        Codec::Gzip => Gunzip::new(bytes).take(limit).read_to_end(&mut block),
        Codec::Bzip2 => Bunzip::new(bytes).take(limit).read_to_end(&mut block),
        Codec::Xz => unxz(bytes).take(limit).read_to_end(&mut block),
        Codec::Zstd => unzstd(bytes).and_then(|decoder| decoder.take(limit).read_to_end(&mut block)),
    };
    read.is_ok() && (is_tar(&block) || (block.len() == BLOCK && block.iter().all(|&byte| byte == 0)))
}

/// Formats that are told apart only to say that they are not read.
pub(crate) fn unsupported(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 9] = [
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"Rar!\x1a\x07", "rar"),
        (b"\x1f\x9d", "compress"),
        (b"\x1f\xa0", "compress"),
        (b"\x5d\x00\x00", "lzma"),
        (b"LZIP", "lzip"),
        (b"\xed\xab\xee\xdb", "rpm"),
        (b"!<arch>\n", "ar"),
        (b"MSCF", "cab"),
    ];
    MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, name)| *name)
}

/// The name of an archive format that this crate tells apart and does not read, or `None`.
///
/// `path` decides where the first bytes are weak: two bytes are no proof, and a static library is an `ar` that holds
/// nothing to unpack.
pub fn unread_format(path: &str, bytes: &[u8]) -> Option<&'static str> {
    let name = unsupported(bytes)?;
    let lower = path.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    let sure = match name {
        "ar" => ends(&[".deb", ".udeb", ".ipk"]),
        "compress" => ends(&[".z", ".taz"]),
        "lzma" => ends(&[".lzma", ".tlz"]),
        _ => true,
    };
    sure.then_some(name)
}

impl TryFrom<&[u8]> for Format {
    type Error = ArchiveError;
    fn try_from(bytes: &[u8]) -> Result<Self, ArchiveError> {
        sniff(bytes).ok_or(ArchiveError::UnknownFormat)
    }
}
