//! Archives that attack whoever unpacks them, and honest ones beside them.
//!
//! Every archive is made here, byte by byte, because no archiver writes such things. They are harmless: nothing in
//! them is code, and what they would overwrite is never unpacked to disk. [`hostile_archives`] names the refusal that
//! each one has to meet (`bifocal-archive`'s error ids); [`friendly_archives`] has to pass in every format.

pub mod compress;
pub mod tar;
pub mod zip;

mod tar_attacks;
mod zip_attacks;

use bifocal_core::ArchiveLimits;

/// An archive that must be refused.
#[derive(Debug, Clone)]
pub struct HostileArchive {
    /// What it attacks, kebab-case, unique.
    pub name: &'static str,
    /// The id of the one error that refuses it.
    pub refusal: &'static str,
    /// The archive.
    pub bytes: Vec<u8>,
    /// The limits to unpack it under: the defaults, but for bombs that would be too large to make in a test.
    pub limits: ArchiveLimits,
    /// It is refused only where nothing is tolerated that benign packages do too.
    pub only_when_strict: bool,
}

impl HostileArchive {
    pub(crate) fn new(name: &'static str, refusal: &'static str, bytes: Vec<u8>) -> Self {
        HostileArchive { name, refusal, bytes, limits: ArchiveLimits::default(), only_when_strict: false }
    }

    pub(crate) fn strict(mut self) -> Self {
        self.only_when_strict = true;
        self
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut ArchiveLimits)) -> Self {
        change(&mut self.limits);
        self
    }
}

/// An archive that must be unpacked.
#[derive(Debug, Clone)]
pub struct FriendlyArchive {
    /// What it is.
    pub name: &'static str,
    /// The format's name.
    pub format: &'static str,
    /// The archive.
    pub bytes: Vec<u8>,
    /// Its files, in order.
    pub files: Vec<(&'static str, Vec<u8>)>,
}

/// All attacks, by format.
pub fn hostile_archives() -> Vec<HostileArchive> {
    let mut all = tar_attacks::all();
    all.extend(zip_attacks::all());
    all
}

/// One small tree in every format, and honest oddities.
pub fn friendly_archives() -> Vec<FriendlyArchive> {
    let files: Vec<(&'static str, Vec<u8>)> = vec![
        ("package/package.json", br#"{"name":"friendly","version":"1.0.0"}"#.to_vec()),
        ("package/index.js", b"module.exports = 1\n".repeat(50)),
        ("package/empty", Vec::new()),
    ];
    let tar = files.iter().fold(tar::TarBuilder::new(), |tar, (name, data)| tar.file(name, data)).finish();
    let zip = |make: fn(&str, &[u8]) -> zip::ZipEntry| zip::write(&files.iter().map(|(name, data)| make(name, data)).collect::<Vec<_>>());
    let friendly = |name, format, bytes| FriendlyArchive { name, format, bytes, files: files.clone() };
    let single = |name, format, bytes| FriendlyArchive { name, format, bytes, files: vec![("content", b"plain text".to_vec())] };
    let no_end: Vec<u8> = tar[..tar.len() - 1024].to_vec();
    let mut prefixed = b"#!/bin/sh\nexit 0\n".to_vec();
    prefixed.extend(zip(zip::ZipEntry::deflated));
    vec![
        friendly("tar", "tar", tar.clone()),
        friendly("tar-without-end-marker", "tar", no_end),
        friendly("tar-gz", "tar.gz", compress::gzip(&tar)),
        friendly("tar-gz-two-members", "tar.gz", [compress::gzip(&tar[..700]), compress::gzip(&tar[700..])].concat()),
        friendly("tar-gz-zero-padded", "tar.gz", [compress::gzip(&tar), vec![0; 512]].concat()),
        friendly("tar-bz2", "tar.bz2", compress::bzip2(&tar)),
        friendly("tar-bz2-two-streams", "tar.bz2", [compress::bzip2(&tar[..700]), compress::bzip2(&tar[700..])].concat()),
        friendly("tar-xz", "tar.xz", compress::xz(&tar)),
        friendly("tar-zst", "tar.zst", compress::zstd(&tar)),
        friendly("zip-stored", "zip", zip(zip::ZipEntry::stored)),
        friendly("zip-deflated", "zip", zip(zip::ZipEntry::deflated)),
        friendly("zip-streamed", "zip", zip(|name, data| zip::ZipEntry::deflated(name, data).streamed())),
        friendly("zip-bzip2", "zip", zip(zip::ZipEntry::bzip2)),
        friendly("zip-zstd", "zip", zip(zip::ZipEntry::zstd)),
        friendly("zip-zip64", "zip", zip(|name, data| zip::ZipEntry::deflated(name, data).zip64())),
        friendly("zip-with-a-start-script", "zip", prefixed),
        friendly(
            "zip-with-a-comment",
            "zip",
            zip::Zip::of(&files.iter().map(|(n, d)| zip::ZipEntry::deflated(n, d)).collect::<Vec<_>>()).comment(b"hello").bytes(),
        ),
        friendly(
            "zip-with-zip64-end",
            "zip",
            zip::Zip::of(&files.iter().map(|(n, d)| zip::ZipEntry::deflated(n, d)).collect::<Vec<_>>()).zip64_end().bytes(),
        ),
        single("gz", "gz", compress::gzip(b"plain text")),
        single("bz2", "bz2", compress::bzip2(b"plain text")),
        single("xz", "xz", compress::xz(b"plain text")),
        single("zst", "zst", compress::zstd(b"plain text")),
    ]
}
