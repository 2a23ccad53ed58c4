use crate::budget::{Budget, Meter, Metered};
use crate::codec::{After, Bunzip, Gunzip, GzipHeader, unxz, unzstd};
use crate::error::shown;
use crate::format::{Codec, Format, sniff, unsupported};
use crate::names::Names;
use crate::note::Notes;
use crate::path::{decode, safe_path};
use crate::unpacked::skip;
use crate::{ArchiveError, Note, zip};
use bifocal_core::{ArchiveLimits, ArtifactKind};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::rc::Rc;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A link. It is data here; nothing follows it. It was checked that it stays in the archive.
    Link {
        /// Where it leads: for a hard link a path of the archive in its one form, for a symbolic link the text as it is.
        target: String,
        /// Hard or symbolic.
        hard: bool,
    },
}

/// What the archive says of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryInfo {
    /// Path below the root: `/`-separated, without `.`, `..` and empty parts.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Unix permission bits, 0 where the archive has none.
    pub mode: u32,
    /// Bytes of its content, checked against what was unpacked.
    pub size: u64,
    /// Seconds since 1970, where the archive says so in these terms (tar, not zip).
    pub modified: Option<u64>,
    /// Whether the name in a tar began with `./`: who takes off the first part of each path takes off that.
    pub dotted: bool,
}

impl EntryInfo {
    /// Whether someone may execute it.
    pub fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }
}

/// An entry with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What the archive says of it.
    pub info: EntryInfo,
    /// Its content, or the head of it where the caller wanted no more. For a symbolic link in a zip the target text,
    /// because installers that know no links write it to a file; empty for folders and for links in a tar.
    pub data: Vec<u8>,
}

impl Entry {
    /// Whether the data are all of the file, and not only its head ([`crate::unpack_keeping`]).
    pub fn is_whole(&self) -> bool {
        self.info.size == self.data.len() as u64
    }
}

impl std::ops::Deref for Entry {
    type Target = EntryInfo;
    fn deref(&self) -> &EntryInfo {
        &self.info
    }
}

/// Which anomalies that also occur in benign packages are refused. Everything else is refused for everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance {
    /// Note, instead of refuse, two files of one path with different bytes. Both come out, in the archive's order;
    /// clients take the last one.
    pub conflicting_duplicates: bool,
    /// Note, instead of refuse, paths that are one where case or Unicode form is ignored.
    pub case_collisions: bool,
}

impl Tolerance {
    /// Refuses both.
    pub const STRICT: Tolerance = Tolerance { conflicting_duplicates: false, case_collisions: false };
    /// Notes both.
    pub const LENIENT: Tolerance = Tolerance { conflicting_duplicates: true, case_collisions: true };

    /// What the packages of an ecosystem need: shaded jars repeat licence files, npm packages hold `README` beside
    /// `readme`; Go's own module zips have neither, its tools refuse both.
    pub const fn for_kind(kind: ArtifactKind) -> Tolerance {
        match kind {
            ArtifactKind::GoModule => Tolerance::STRICT,
            ArtifactKind::Jar | ArtifactKind::LegacyPython | ArtifactKind::Other => Tolerance::LENIENT,
            ArtifactKind::NpmTarball | ArtifactKind::Wheel | ArtifactKind::Sdist | ArtifactKind::Crate | ArtifactKind::Pom => {
                Tolerance { conflicting_duplicates: false, case_collisions: true }
            }
        }
    }
}

impl Default for Tolerance {
    /// Refuses conflicting duplicates, notes case collisions.
    fn default() -> Self {
        Tolerance { conflicting_duplicates: false, case_collisions: true }
    }
}

/// What was found out about an archive as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its true format, by its bytes.
    pub format: Format,
    /// Entries given out.
    pub entries: u32,
    /// Bytes of the unpacked stream (tar headers included).
    pub total_bytes: u64,
    /// Oddities that do not refuse it, in the archive's order, at most 1,000.
    pub notes: Vec<Note>,
    /// Oddities beyond those.
    pub more_notes: u64,
}

/// Takes entries as the format readers find them.
pub(crate) struct Sink<'a> {
    names: Option<Names>,
    notes: Notes,
    entries: u32,
    visitor: &'a mut Visitor<'a>,
}

type Visitor<'a> = dyn FnMut(&EntryInfo, &mut dyn Read) -> io::Result<()> + 'a;

impl Sink<'_> {
    pub(crate) fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    pub(crate) fn entry(&mut self, info: EntryInfo, notes: Vec<Note>, content: &mut dyn Read) -> Result<(), ArchiveError> {
        if info.path.is_empty() {
            return if info.kind == EntryKind::Folder { Ok(()) } else { Err(ArchiveError::EmptyPath) };
        }
        if let Some(names) = &mut self.names {
            names.add(&info.path, &info.kind, &mut self.notes)?;
        }
        for note in notes {
            self.notes.push(note);
        }
        if info.mode & 0o6000 != 0 && info.kind == EntryKind::File {
            self.notes.push(Note::SetId { path: info.path.clone() });
        }
        self.entries = self.entries.saturating_add(1);
        (self.visitor)(&info, content).map_err(ArchiveError::from_io)
    }
}

/// Goes through an archive entry by entry without keeping it, in the archive's order (for a zip that of its
/// directory). The visitor may read an entry's content or leave it; what it leaves is still read and checked.
///
/// Nothing that the visitor saw is to be believed until this returns `Ok`: some refusals show only at the end.
pub fn visit(
    bytes: &[u8],
    budget: &Budget,
    tolerance: Tolerance,
    visitor: &mut dyn FnMut(&EntryInfo, &mut dyn Read) -> io::Result<()>,
) -> Result<Summary, ArchiveError> {
    let limit = budget.limits().archive_bytes;
    if bytes.len() as u64 > limit {
        return Err(ArchiveError::ArchiveTooLarge { limit, actual: bytes.len() as u64 });
    }
    budget.check_time()?;
    let format = sniff(bytes).ok_or_else(|| unsupported(bytes).map_or(ArchiveError::UnknownFormat, ArchiveError::UnsupportedFormat))?;
    let first_is_zip = format == Format::Zip;
    if first_is_zip && crate::tar::header::is_tar(bytes) {
        return Err(ArchiveError::Polyglot { first: "zip", second: "tar" });
    }
    if !first_is_zip && zip::ends_like_a_zip(bytes) {
        return Err(ArchiveError::Polyglot { first: format.as_str(), second: "zip" });
    }
    let meter = Meter::new(budget, bytes.len());
    let mut sink = Sink { names: Some(Names::new(tolerance)), notes: Notes::default(), entries: 0, visitor };
    read(bytes, format, &meter, &mut sink)?;
    let Sink { names, mut notes, entries, .. } = sink;
    if let Some(names) = names {
        names.finish(budget, &mut notes)?;
        if !names.repeated().is_empty() {
            compare_repeated(bytes, format, budget, tolerance, names.repeated(), &mut notes)?;
        }
    }
    Ok(Summary { format, entries, total_bytes: meter.produced(), notes: notes.kept, more_notes: notes.dropped })
}

/// A second pass, only over archives with repeated paths: are the bytes the same?
fn compare_repeated(
    bytes: &[u8],
    format: Format,
    budget: &Budget,
    tolerance: Tolerance,
    repeated: &BTreeSet<Rc<str>>,
    notes: &mut Notes,
) -> Result<(), ArchiveError> {
    let mut first: BTreeMap<String, [u8; 32]> = BTreeMap::new();
    let mut conflicts: Vec<(String, bool)> = Vec::new();
    let mut visitor = |info: &EntryInfo, content: &mut dyn Read| {
        if info.kind == EntryKind::File && repeated.contains(info.path.as_str()) {
            let mut hasher = Hasher(Sha256::new());
            io::copy(content, &mut hasher)?;
            let digest: [u8; 32] = hasher.0.finalize().into();
            match first.get(&info.path) {
                None => drop(first.insert(info.path.clone(), digest)),
                Some(earlier) => conflicts.push((info.path.clone(), *earlier != digest)),
            }
        }
        Ok(())
    };
    let mut sink = Sink { names: None, notes: Notes::default(), entries: 0, visitor: &mut visitor };
    budget.look_again(|| read(bytes, format, &Meter::new(budget, bytes.len()), &mut sink))?;
    for (path, differs) in conflicts {
        match (differs, tolerance.conflicting_duplicates) {
            (false, _) => notes.push(Note::DuplicateEntry { path }),
            (true, true) => notes.push(Note::ConflictingDuplicate { path }),
            (true, false) => return Err(ArchiveError::DuplicateEntry { path: shown(&path) }),
        }
    }
    Ok(())
}

struct Hasher(Sha256);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn read(bytes: &[u8], format: Format, meter: &Meter<'_>, sink: &mut Sink<'_>) -> Result<(), ArchiveError> {
    let (codec, is_tar) = match format {
        Format::Zip => return zip::read(bytes, meter, sink),
        Format::Tar(codec) => (codec, true),
        Format::Single(codec) => (Some(codec), false),
    };
    let Some(codec) = codec else {
        return crate::tar::read(&mut Metered::new(bytes, meter, "tar"), meter.budget, sink);
    };
    let after = match codec {
        Codec::Gzip => {
            let name = GzipHeader::parse(bytes).and_then(Result::ok).and_then(|header| header.name);
            let mut stream = Metered::new(Gunzip::new(bytes), meter, codec.as_str());
            stream_entries(&mut stream, is_tar, name, meter.budget, sink)?;
            if stream.inner.members() > 1 {
                sink.note(Note::SeveralMembers);
            }
            stream.inner.after
        }
        Codec::Bzip2 => {
            let mut stream = Metered::new(Bunzip::new(bytes), meter, codec.as_str());
            stream_entries(&mut stream, is_tar, None, meter.budget, sink)?;
            if stream.inner.streams() > 1 {
                sink.note(Note::SeveralMembers);
            }
            stream.inner.after
        }
        // These decoders refuse foreign bytes after the end themselves.
        Codec::Xz => {
            stream_entries(&mut Metered::new(unxz(bytes), meter, codec.as_str()), is_tar, None, meter.budget, sink)?;
            After::Nothing
        }
        Codec::Zstd => {
            let decoder = unzstd(bytes).map_err(|error| crate::codec::classify(error, codec.as_str()))?;
            stream_entries(&mut Metered::new(decoder, meter, codec.as_str()), is_tar, None, meter.budget, sink)?;
            After::Nothing
        }
    };
    match after {
        After::Nothing => Ok(()),
        After::Zeros => {
            sink.note(Note::ZeroPadding);
            Ok(())
        }
        After::Data => Err(ArchiveError::TrailingData { what: "the compressed data" }),
    }
}

/// The entries of a decompressed stream, which is read to its very end.
fn stream_entries(
    stream: &mut dyn Read,
    is_tar: bool,
    name: Option<&[u8]>,
    budget: &Budget,
    sink: &mut Sink<'_>,
) -> Result<(), ArchiveError> {
    if is_tar {
        crate::tar::read(stream, budget, sink)?;
    } else {
        budget.spend_entry()?;
        let limits = budget.limits();
        let base = name.map(|name| name.rsplit(|&byte| byte == b'/' || byte == b'\\').next().unwrap_or(name));
        let path = base.and_then(|base| safe_path(base, limits).ok()).map(|safe| safe.path).filter(|path| !path.is_empty());
        let info = EntryInfo {
            path: path.unwrap_or_else(|| SINGLE_NAME.to_owned()),
            kind: EntryKind::File,
            mode: 0,
            size: 0,
            modified: None,
            dotted: false,
        };
        let path = info.path.clone();
        let mut bounded = Bounded { inner: stream, left: limits.entry_bytes, path: &path, limit: limits.entry_bytes };
        sink.entry(info, Vec::new(), &mut bounded)?;
        skip(&mut bounded).map_err(ArchiveError::from_io)?;
    }
    skip(stream).map_err(ArchiveError::from_io)?;
    Ok(())
}

/// The name of the one entry of a compressed file that tells none.
const SINGLE_NAME: &str = "content";

/// At most `left` bytes; more are an error.
struct Bounded<'a> {
    inner: &'a mut dyn Read,
    left: u64,
    path: &'a str,
    limit: u64,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| ArchiveError::EntryTooLarge { path: shown(self.path), limit: self.limit }.into_io())?;
        Ok(read)
    }
}

/// A symbolic link's target, as text; where it leads is checked when all links are known.
pub(crate) fn symbolic_link(path: &str, raw: &[u8], limits: &ArchiveLimits) -> Result<EntryKind, ArchiveError> {
    if raw.is_empty() {
        return Err(ArchiveError::EmptyPath);
    }
    if raw.len() as u64 > u64::from(limits.path_bytes) {
        return Err(ArchiveError::PathTooLong { path: shown(path), limit: limits.path_bytes });
    }
    let (target, _) = decode(raw);
    if target.contains('\0') {
        return Err(ArchiveError::NulInPath { path: shown(&target) });
    }
    if target.chars().any(char::is_control) {
        return Err(ArchiveError::ControlInPath { path: shown(&target) });
    }
    Ok(EntryKind::Link { target, hard: false })
}

/// A hard link's target: a path of the archive.
pub(crate) fn hard_link(path: &str, raw: &[u8], limits: &ArchiveLimits) -> Result<EntryKind, ArchiveError> {
    match safe_path(raw, limits) {
        Ok(safe) => Ok(EntryKind::Link { target: safe.path, hard: true }),
        Err(ArchiveError::PathTraversal { path: target } | ArchiveError::AbsolutePath { path: target }) => {
            Err(ArchiveError::HardLinkOutOfRoot { path: shown(path), target })
        }
        Err(other) => Err(other),
    }
}
