//! The words of an import: where records come from, within which bounds, and what came of it.

use bifocal_core::{Ecosystem, Sha256};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;

/// Where records come from.
pub enum ImportSource {
    /// A file: a zip (by its first bytes), one record, an array, JSON lines or objects in a row.
    File(PathBuf),
    /// A folder of `.json` and `.jsonl` files, searched 16 folders deep; links are not followed.
    Dir(PathBuf),
    /// A zip of `.json` files.
    Zip(PathBuf),
    /// A stream of one record, an array, JSON lines or objects in a row.
    Reader(Box<dyn Read + Send>),
}

impl fmt::Debug for ImportSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImportSource::File(path) => f.debug_tuple("File").field(path).finish(),
            ImportSource::Dir(path) => f.debug_tuple("Dir").field(path).finish(),
            ImportSource::Zip(path) => f.debug_tuple("Zip").field(path).finish(),
            ImportSource::Reader(_) => f.write_str("Reader"),
        }
    }
}

/// Bounds of an import. Records that pass a bound of their own are passed over and counted; a source that passes a
/// bound as a whole is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportLimits {
    /// Bytes of the source file, packed.
    pub source_bytes: u64,
    /// Bytes of all records together, unpacked.
    pub total_bytes: u64,
    /// Records, usable or not.
    pub records: u64,
    /// Bytes of one record.
    pub record_bytes: u64,
    /// Packages that one record names.
    pub packages: usize,
    /// Versions that one record lists for one package.
    pub versions: usize,
    /// Range events that one record lists for one package.
    pub events: usize,
    /// Bytes of what is kept in memory before it is written.
    pub kept_bytes: usize,
}

impl Default for ImportLimits {
    fn default() -> Self {
        ImportLimits {
            source_bytes: 8 << 30,
            total_bytes: 64 << 30,
            records: 10_000_000,
            record_bytes: 16 << 20,
            packages: 20_000,
            versions: 300_000,
            events: 2_000,
            kept_bytes: 4 << 30,
        }
    }
}

/// A detached minisign signature to check the source file with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureCheck {
    /// The public key, the base64 line of a `.pub` file.
    pub public_key: String,
    /// The text of the `.minisig` file.
    pub signature: String,
}

/// How an import is to be done.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The feed whose former state is replaced. Several feeds live side by side in one store.
    pub feed: String,
    /// The ecosystems that the feed answers for; records about others are passed over. Empty: those that it names.
    pub ecosystems: Vec<Ecosystem>,
    /// The sha256 that the source file must have.
    pub expected_sha256: Option<Sha256>,
    /// The signature that the source file must have.
    pub signature: Option<SignatureCheck>,
    /// Take the new state even when more than 10 % of the records of the last one, or 1 % of its malware records, are gone.
    pub force: bool,
    /// The time of the import.
    pub now: Timestamp,
    /// When the source was obtained, where that was before `now`: a file that lay on this machine.
    pub obtained: Option<Timestamp>,
    /// Bounds.
    pub limits: ImportLimits,
}

impl ImportOptions {
    /// The defaults for `feed` at `now`.
    pub fn new(feed: &str, now: Timestamp) -> Self {
        ImportOptions {
            feed: feed.to_owned(),
            ecosystems: Vec::new(),
            expected_sha256: None,
            signature: None,
            force: false,
            now,
            obtained: None,
            limits: ImportLimits::default(),
        }
    }
}

/// Why a record, or one package of it, was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// Not JSON, cut off, or nested too deep.
    BadJson,
    /// JSON, but a field that decides has a type that the schema does not allow.
    WrongShape,
    /// The id is empty, too long or not printable ASCII.
    BadId,
    /// The record's package name cannot be one in its ecosystem.
    BadName,
    /// A version in a range is longer than any version may be.
    BadVersion,
    /// No package of the record is in an ecosystem that the feed answers for.
    OtherEcosystem,
    /// Neither ranges nor versions of releases (commits only, say).
    NoVersions,
    /// More bytes than one record may have.
    TooLarge,
    /// More packages than one record may name.
    TooManyPackages,
    /// More versions than one record may list.
    TooManyVersions,
    /// More range events than one record may list.
    TooManyEvents,
    /// The same id again; the newest is kept.
    DuplicateId,
    /// A zip entry whose name leaves its folder.
    UnsafePath,
    /// A file or zip entry that cannot be read (encrypted, damaged, refused).
    Unreadable,
}

impl SkipReason {
    /// The reason in a few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            SkipReason::BadJson => "not JSON",
            SkipReason::WrongShape => "wrong shape",
            SkipReason::BadId => "bad id",
            SkipReason::BadName => "bad package name",
            SkipReason::BadVersion => "bad version",
            SkipReason::OtherEcosystem => "other ecosystem",
            SkipReason::NoVersions => "no versions",
            SkipReason::TooLarge => "too large",
            SkipReason::TooManyPackages => "too many packages",
            SkipReason::TooManyVersions => "too many versions",
            SkipReason::TooManyEvents => "too many events",
            SkipReason::DuplicateId => "duplicate id",
            SkipReason::UnsafePath => "unsafe path",
            SkipReason::Unreadable => "unreadable",
        }
    }

    /// Whether it says that something is wrong with the source, rather than that a record is none of our business.
    pub const fn is_fault(self) -> bool {
        !matches!(self, SkipReason::OtherEcosystem | SkipReason::NoVersions | SkipReason::DuplicateId)
    }
}

/// How often one reason struck.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Skipped {
    /// How often.
    pub count: u64,
    /// Up to five places, in order of their names. Hostile text.
    pub examples: Vec<String>,
}

impl Skipped {
    const EXAMPLES: usize = 5;

    pub(crate) fn add(&mut self, place: &str) {
        self.count += 1;
        let at = self.examples.partition_point(|known| known.as_str() < place);
        if at < Self::EXAMPLES {
            self.examples.insert(at, bifocal_core::one_line(place, 200));
            self.examples.truncate(Self::EXAMPLES);
        }
    }
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportReport {
    /// The feed.
    pub feed: String,
    /// Records now in the feed, withdrawn ones included.
    pub records: u64,
    /// Known-malware records among them, withdrawn ones not counted.
    pub malware: u64,
    /// Withdrawn records among them.
    pub withdrawn: u64,
    /// What was passed over, by reason.
    pub skipped: BTreeMap<SkipReason, Skipped>,
    /// SHA-256 over the new state, in hex. It depends on the records only, not on their order or packing.
    pub digest: String,
    /// SHA-256 of the source file, where there is one.
    pub source_sha256: Option<Sha256>,
    /// Records of the last state.
    pub before: u64,
    /// Records of the last state that are gone.
    pub vanished: u64,
    /// Malware records of the last state that neither say malware any more nor are withdrawn.
    pub malware_vanished: u64,
    /// The first few of those, by id.
    pub malware_named: Vec<String>,
    /// When the state was obtained.
    pub obtained: Option<Timestamp>,
    /// The newest date of a record that is not in the future.
    pub newest: Option<Timestamp>,
}

impl ImportReport {
    /// The malware records that are gone without being withdrawn, by id: the first few, and whether there are more.
    pub fn lost_malware(&self) -> Option<String> {
        (self.malware_vanished > 0).then(|| crate::lost::named(&self.malware_named, self.malware_vanished))
    }
}
