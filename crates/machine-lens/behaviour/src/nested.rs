//! Archives inside an artifact: a jar in a jar, a wheel in an sdist, `payload.zip` beside an install script.
//!
//! In: the files of the artifact and what is left of its archive limits. Out: the files inside each archive that code
//! could be read from, under a path that names both (`vendor/a.whl!/a/__init__.py`), and every archive that was *not*
//! read, with the reason: silence about one would be the place to hide in. Sizes, entries, depth and time are one
//! budget for all of them, of which a single archive gets a part only, so that a bomb beside a payload does not hide it.
//!
//! Test suites ship corrupt and hostile archives on purpose; a refusal here is a note about that archive, not about
//! the artifact.

use crate::facts::{OtherFile, Trigger};
use crate::layout::{self, Files};
use bifocal_archive::{ArchiveError, Budget, EntryKind, Format, Tolerance, sniff, unread_format, visit};
use bifocal_core::ArchiveLimits;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What stands between an archive's path and the path inside it, as in Java's `jar:` addresses.
pub(crate) const MARK: &str = "!/";

/// Unpacked bytes of all inner archives together.
const TOTAL_BYTES: u64 = 512 << 20;
/// Bytes of them that are kept for reading.
const KEPT_BYTES: u64 = 96 << 20;
/// One archive may use this part of what is left.
const SHARE: u64 = 4;
/// What one archive may always use while anything is left.
const SMALLEST_SHARE: u64 = 4 << 20;
const MAX_ENTRIES: u32 = 100_000;
const MAX_ARCHIVES: usize = 2_000;
const MAX_TIME: Duration = Duration::from_secs(10);

/// One archive that was read.
#[derive(Debug)]
pub(crate) struct Archive {
    /// Its own path, which names the archives it lies in.
    pub(crate) path: String,
    /// What stands before the paths of its files.
    pub(crate) prefix: String,
    /// Files that code or a manifest can be read from, by their path inside.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// The others.
    pub(crate) others: Vec<OtherFile>,
}

/// One archive that was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) path: String,
    pub(crate) why: String,
    /// Only a key is missing.
    pub(crate) encrypted: bool,
    /// It lies in too many others.
    pub(crate) too_deep: bool,
    /// It is beyond some bound. One such archive may be data of a test; nobody ships many.
    pub(crate) beyond: bool,
    /// Sources that name it, tests left out.
    pub(crate) named_in: BTreeSet<String>,
    /// The command that runs by itself and unpacks or starts it.
    pub(crate) command: Option<UnpackedBy>,
}

/// A command that runs by itself and uses an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnpackedBy {
    /// The manifest or script.
    pub(crate) path: String,
    /// Line in it, from 1; 0 when it is not known.
    pub(crate) line: u32,
    pub(crate) text: String,
    pub(crate) trigger: Trigger,
}

impl Unread {
    pub(crate) fn new(path: &str, why: String, beyond: bool) -> Unread {
        Unread { path: path.to_owned(), why, encrypted: false, too_deep: false, beyond, named_in: BTreeSet::new(), command: None }
    }
}

/// Whether a bound is why an archive was not read.
fn is_bound(error: &ArchiveError) -> bool {
    matches!(
        error,
        ArchiveError::NestedTooDeep { .. }
            | ArchiveError::RatioTooHigh { .. }
            | ArchiveError::TotalTooLarge { .. }
            | ArchiveError::EntryTooLarge { .. }
            | ArchiveError::TooManyEntries { .. }
            | ArchiveError::TimedOut { .. }
    )
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(crate) struct Nested {
    /// Outer ones before those inside them, small ones first.
    pub(crate) archives: Vec<Archive>,
    pub(crate) unread: Vec<Unread>,
}

/// Looks into the archives among `files`. `limits` are what is left of the artifact's own.
pub(crate) fn open(files: &Files<'_>, limits: &ArchiveLimits) -> Nested {
    let mut search = Search {
        taken: files.keys().copied().filter(|path| path.contains(MARK)).map(str::to_owned).collect(),
        left: limits.total_bytes.min(TOTAL_BYTES),
        kept: KEPT_BYTES,
        clock: Budget::new(&ArchiveLimits { entries: limits.entries.min(MAX_ENTRIES), time: limits.time.min(MAX_TIME), ..*limits }),
        entries: limits.entries.min(MAX_ENTRIES),
        found: Nested::default(),
    };
    let mut wave: Vec<(usize, String, Vec<u8>)> = Vec::new();
    let mut first: Vec<(&str, &[u8])> = files.iter().filter(|(path, bytes)| is_archive(path, bytes)).map(|(p, b)| (*p, *b)).collect();
    first.sort_by_key(|(path, bytes)| (bytes.len(), *path));
    for (path, bytes) in first {
        search.read(path, bytes, 1, &mut wave);
    }
    for depth in 2.. {
        if wave.is_empty() {
            break;
        }
        let mut here = std::mem::take(&mut wave);
        here.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        for (_, path, bytes) in here {
            search.read(&path, &bytes, depth, &mut wave);
        }
    }
    search.found
}

fn is_archive(path: &str, bytes: &[u8]) -> bool {
    sniff(bytes).is_some() || unread_format(path, bytes).is_some()
}

struct Search {
    /// Paths of the artifact that look like paths inside an archive.
    taken: BTreeSet<String>,
    left: u64,
    kept: u64,
    entries: u32,
    clock: Budget,
    found: Nested,
}

impl Search {
    fn read(&mut self, path: &str, bytes: &[u8], depth: u32, inner: &mut Vec<(usize, String, Vec<u8>)>) {
        match self.unpack(path, bytes, depth, inner) {
            Ok(Some(archive)) => self.found.archives.push(archive),
            // A compressed file that holds nothing to read is no archive to speak of.
            Ok(None) => {}
            Err(error) => self.found.unread.push(Unread {
                encrypted: matches!(error, ArchiveError::Encrypted { .. }),
                too_deep: matches!(error, ArchiveError::NestedTooDeep { .. }),
                ..Unread::new(path, error.to_string(), is_bound(&error))
            }),
        }
    }

    fn unpack(
        &mut self,
        path: &str,
        bytes: &[u8],
        depth: u32,
        inner: &mut Vec<(usize, String, Vec<u8>)>,
    ) -> Result<Option<Archive>, ArchiveError> {
        let Some(format) = sniff(bytes) else {
            return Err(ArchiveError::UnsupportedFormat(unread_format(path, bytes).unwrap_or("unknown")));
        };
        let limits = self.clock.rest();
        if depth > limits.nesting {
            return Err(ArchiveError::NestedTooDeep { limit: limits.nesting });
        }
        if self.found.archives.len() >= MAX_ARCHIVES {
            return Err(ArchiveError::TooManyEntries { limit: MAX_ARCHIVES as u32 });
        }
        let share = (self.left / SHARE).max(SMALLEST_SHARE).min(self.left);
        let budget = Budget::new(&ArchiveLimits { total_bytes: share, entries: self.entries, ..limits });
        let prefix = self.prefix(path);
        let mut archive = Archive { path: path.to_owned(), prefix, files: BTreeMap::new(), others: Vec::new() };
        let mut deeper: Vec<(usize, String, Vec<u8>)> = Vec::new();
        let mut kept = 0;
        let room = self.kept;
        let mut too_much = false;
        let outcome = visit(bytes, &budget, tolerance(path), &mut |info, content| {
            if info.kind != EntryKind::File {
                return Ok(());
            }
            let mut data = Vec::with_capacity(usize::try_from(info.size.min(1 << 20)).unwrap_or(0));
            content.read_to_end(&mut data)?;
            let name = if matches!(format, Format::Single(_)) { single_name(path, &info.path, &data) } else { info.path.clone() };
            let whole = format!("{}{name}", archive.prefix);
            let readable = is_readable(&name, &data);
            if readable || is_archive(&name, &data) {
                kept += data.len() as u64;
                if kept > room {
                    too_much = true;
                    return Ok(());
                }
            }
            if is_archive(&name, &data) {
                deeper.push((data.len(), whole, data));
            } else if readable {
                archive.files.insert(name, data);
            } else {
                archive.others.push(OtherFile { path: whole, bytes: data.len(), executable: layout::is_executable(&data) });
            }
            Ok(())
        });
        // What a refused archive used up is gone too, or a thousand of them would cost a thousand budgets.
        self.left = self.left.saturating_sub(budget.spent_bytes());
        self.entries = self.entries.saturating_sub(budget.spent_entries());
        outcome?;
        if too_much {
            return Err(ArchiveError::TotalTooLarge { limit: KEPT_BYTES });
        }
        self.kept -= kept;
        inner.append(&mut deeper);
        let is_data =
            matches!(format, Format::Single(_)) && archive.files.is_empty() && archive.others.iter().all(|other| !other.executable);
        Ok((!is_data).then_some(archive))
    }

    /// `path!/`, with more marks where a folder of the artifact is named like that.
    fn prefix(&self, path: &str) -> String {
        let mut prefix = format!("{path}{MARK}");
        while self.taken.range(prefix.clone()..).next().is_some_and(|have| have.starts_with(&prefix)) {
            prefix.insert(path.len(), '!');
        }
        prefix
    }
}

/// What an inner archive may have that would refuse an artifact of that kind: what a class loader, `zipimport` or a
/// script takes of two entries of one path is the last.
fn tolerance(path: &str) -> Tolerance {
    if path.ends_with(".whl") { Tolerance::default() } else { Tolerance::LENIENT }
}

/// The name of a compressed file's content: what its own header says where that is source, else its path without the
/// ending.
fn single_name(path: &str, header: &str, data: &[u8]) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    if layout::language(stem, data).is_none() && layout::language(header, data).is_some() { header.to_owned() } else { stem.to_owned() }
}

/// Files that tell what the rest is for.
const MANIFESTS: &[&str] = &[
    "package.json",
    "binding.gyp",
    "PKG-INFO",
    "METADATA",
    "WHEEL",
    "entry_points.txt",
    "pyproject.toml",
    "setup.cfg",
    "Cargo.toml",
    "go.mod",
    "pom.properties",
    "MANIFEST.MF",
];

fn is_readable(path: &str, data: &[u8]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    MANIFESTS.contains(&name)
        || path.starts_with("META-INF/services/")
        || path.starts_with("META-INF/gradle-plugins/")
        || layout::language(path, data).is_some()
}
