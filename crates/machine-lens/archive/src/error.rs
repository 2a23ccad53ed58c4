use std::io;

/// Why an archive was refused. Each variant is one refusal; nothing of a refused archive is to be believed.
///
/// Paths and targets are hostile text; they are escaped with [`bifocal_core::printable`] and cut before they get here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The bytes are no archive that is known.
    #[error("the bytes are no archive of a known format")]
    UnknownFormat,
    /// The format is known and not read.
    #[error("archives of format {0} are not read")]
    UnsupportedFormat(&'static str),
    /// The same bytes are two archives, and which one a client sees depends on the client.
    #[error("the bytes are a {first} and a {second} at once, so that clients disagree on what is in it")]
    Polyglot {
        /// The format by the first bytes.
        first: &'static str,
        /// The other format.
        second: &'static str,
    },
    /// More compressed bytes than [`bifocal_core::ArchiveLimits::archive_bytes`].
    #[error("the archive has {actual} bytes, more than the {limit} allowed")]
    ArchiveTooLarge {
        /// The bound.
        limit: u64,
        /// Its bytes.
        actual: u64,
    },
    /// More unpacked bytes than [`bifocal_core::ArchiveLimits::total_bytes`], nested archives included.
    #[error("the archive unpacks to more than {limit} bytes")]
    TotalTooLarge {
        /// The bound.
        limit: u64,
    },
    /// One entry is larger than [`bifocal_core::ArchiveLimits::entry_bytes`].
    #[error("entry `{path}` unpacks to more than {limit} bytes")]
    EntryTooLarge {
        /// The entry.
        path: String,
        /// The bound.
        limit: u64,
    },
    /// More entries than [`bifocal_core::ArchiveLimits::entries`].
    #[error("the archive has more than {limit} entries")]
    TooManyEntries {
        /// The bound.
        limit: u32,
    },
    /// A decompression bomb by ratio.
    #[error("the archive unpacks to more than {limit} times its size")]
    RatioTooHigh {
        /// The bound.
        limit: u32,
    },
    /// More wall-clock time than [`bifocal_core::ArchiveLimits::time`].
    #[error("unpacking took longer than {limit_millis} ms")]
    TimedOut {
        /// The bound in milliseconds.
        limit_millis: u64,
    },
    /// Archives in archives beyond [`bifocal_core::ArchiveLimits::nesting`].
    #[error("archives are nested deeper than {limit}")]
    NestedTooDeep {
        /// The bound.
        limit: u32,
    },
    /// An entry without a name, or a link without a target.
    #[error("an entry has an empty path")]
    EmptyPath,
    /// A `..` in a path.
    #[error("path `{path}` climbs out of its folder")]
    PathTraversal {
        /// The path.
        path: String,
    },
    /// A path from the root, from a drive or from a network share.
    #[error("path `{path}` is absolute")]
    AbsolutePath {
        /// The path.
        path: String,
    },
    /// A NUL in a path: some readers cut the name there, others do not.
    #[error("path `{path}` contains a NUL")]
    NulInPath {
        /// The path.
        path: String,
    },
    /// A control character in a path.
    #[error("path `{path}` contains a control character")]
    ControlInPath {
        /// The path.
        path: String,
    },
    /// A path longer than [`bifocal_core::ArchiveLimits::path_bytes`].
    #[error("path `{path}` is longer than {limit} bytes")]
    PathTooLong {
        /// The start of the path.
        path: String,
        /// The bound.
        limit: u32,
    },
    /// More folders in a path than [`bifocal_core::ArchiveLimits::path_depth`].
    #[error("path `{path}` is deeper than {limit} folders")]
    PathTooDeep {
        /// The start of the path.
        path: String,
        /// The bound.
        limit: u32,
    },
    /// A symbolic link that leads out of the archive, directly or through other links.
    #[error("symbolic link `{path}` leads out of the archive to `{target}`")]
    SymlinkOutOfRoot {
        /// The link.
        path: String,
        /// Its target.
        target: String,
    },
    /// A hard link to something outside the archive.
    #[error("hard link `{path}` leads out of the archive to `{target}`")]
    HardLinkOutOfRoot {
        /// The link.
        path: String,
        /// Its target.
        target: String,
    },
    /// Links that lead to each other without end.
    #[error("symbolic link `{path}` never arrives at a file")]
    LinkLoop {
        /// The link.
        path: String,
    },
    /// An entry below a symbolic link: unpacking it writes where the link points.
    #[error("entry `{path}` would be written through the link `{link}`")]
    ThroughLink {
        /// The entry.
        path: String,
        /// The link in its path.
        link: String,
    },
    /// A device, a pipe or a socket.
    #[error("entry `{path}` is a {what}")]
    SpecialFile {
        /// The entry.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// Two entries of one path with different content or of different kind.
    #[error("entry `{path}` occurs twice with different content")]
    DuplicateEntry {
        /// The path.
        path: String,
    },
    /// A path is a file and a folder with entries in it.
    #[error("`{path}` is both a file and a folder")]
    FileAsFolder {
        /// The path.
        path: String,
    },
    /// Two paths that are one on a file system that ignores case or Unicode form. Refused only where
    /// [`crate::Tolerance::case_collisions`] is off.
    #[error("`{path}` and `{other}` are one path where case is ignored")]
    CaseCollision {
        /// The later path.
        path: String,
        /// The earlier path.
        other: String,
    },
    /// An encrypted entry.
    #[error("entry `{path}` is encrypted")]
    Encrypted {
        /// The entry.
        path: String,
    },
    /// A compression method that is not read.
    #[error("entry `{path}` is compressed by method {method}, which is not read")]
    UnsupportedMethod {
        /// The entry.
        path: String,
        /// The method's number in the zip specification.
        method: u16,
    },
    /// A kind of entry that is not read: sparse file, continuation of another volume, vendor type.
    #[error("entry `{path}` is a {what}, which is not read")]
    UnsupportedEntry {
        /// The entry.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// The bytes end too early.
    #[error("the archive ends inside {what}")]
    Truncated {
        /// Inside what.
        what: &'static str,
    },
    /// A checksum over content does not match.
    #[error("the checksum of `{path}` does not match its content")]
    CrcMismatch {
        /// The entry, or the compressed stream.
        path: String,
    },
    /// A declared size does not match the content.
    #[error("entry `{path}` does not have the size that it declares")]
    SizeMismatch {
        /// The entry.
        path: String,
    },
    /// Two headers of one entry tell different things, so that clients disagree on what is in it.
    #[error("two headers of entry `{path}` disagree on its {field}")]
    HeaderDisagreement {
        /// The entry.
        path: String,
        /// Which field.
        field: &'static str,
    },
    /// A zip entry that the directory does not list: clients that read from the start see it, others do not.
    #[error("at byte {offset} is an entry that the archive's directory does not list")]
    HiddenEntry {
        /// Where.
        offset: u64,
    },
    /// Entries that share bytes: a bomb, or two readings of one place.
    #[error("entries `{path}` and `{other}` share bytes")]
    OverlappingEntries {
        /// The later entry.
        path: String,
        /// The earlier entry.
        other: String,
    },
    /// More than one place could be the zip directory, or its end record disagrees with it.
    #[error("the zip directory is ambiguous: {what}")]
    AmbiguousDirectory {
        /// What.
        what: &'static str,
    },
    /// Bytes after the end that are not zero.
    #[error("{what} is followed by bytes that do not belong to it")]
    TrailingData {
        /// After what.
        what: &'static str,
    },
    /// A tar header whose checksum is wrong.
    #[error("the tar header at byte {offset} has a wrong checksum")]
    HeaderChecksum {
        /// Where in the unpacked tar stream.
        offset: u64,
    },
    /// A header that makes no sense.
    #[error("{what} is malformed")]
    BadHeader {
        /// What.
        what: &'static str,
    },
    /// An extended header larger than any honest one.
    #[error("{what} is larger than {limit} bytes")]
    HeaderTooLarge {
        /// What.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// Compressed data that does not decode.
    #[error("the {codec} data is corrupt: {detail}")]
    BadStream {
        /// The codec.
        codec: &'static str,
        /// What the decoder says.
        detail: String,
    },
    /// The decoder would need more memory than is allowed for its window.
    #[error("the {codec} data asks for a window of more than {limit} bytes")]
    WindowTooLarge {
        /// The codec.
        codec: &'static str,
        /// The bound.
        limit: u64,
    },
    /// The visitor gave up.
    #[error("the visitor stopped: {0}")]
    Stopped(String),
}

impl ArchiveError {
    /// A stable kebab-case id of the variant, for signals and logs.
    pub const fn id(&self) -> &'static str {
        match self {
            ArchiveError::UnknownFormat => "unknown-format",
            ArchiveError::UnsupportedFormat(_) => "unsupported-format",
            ArchiveError::Polyglot { .. } => "polyglot",
            ArchiveError::ArchiveTooLarge { .. } => "archive-too-large",
            ArchiveError::TotalTooLarge { .. } => "total-too-large",
            ArchiveError::EntryTooLarge { .. } => "entry-too-large",
            ArchiveError::TooManyEntries { .. } => "too-many-entries",
            ArchiveError::RatioTooHigh { .. } => "ratio-too-high",
            ArchiveError::TimedOut { .. } => "timed-out",
            ArchiveError::NestedTooDeep { .. } => "nested-too-deep",
            ArchiveError::EmptyPath => "empty-path",
            ArchiveError::PathTraversal { .. } => "path-traversal",
            ArchiveError::AbsolutePath { .. } => "absolute-path",
            ArchiveError::NulInPath { .. } => "nul-in-path",
            ArchiveError::ControlInPath { .. } => "control-in-path",
            ArchiveError::PathTooLong { .. } => "path-too-long",
            ArchiveError::PathTooDeep { .. } => "path-too-deep",
            ArchiveError::SymlinkOutOfRoot { .. } => "symlink-out-of-root",
            ArchiveError::HardLinkOutOfRoot { .. } => "hard-link-out-of-root",
            ArchiveError::LinkLoop { .. } => "link-loop",
            ArchiveError::ThroughLink { .. } => "through-link",
            ArchiveError::SpecialFile { .. } => "special-file",
            ArchiveError::DuplicateEntry { .. } => "duplicate-entry",
            ArchiveError::FileAsFolder { .. } => "file-as-folder",
            ArchiveError::CaseCollision { .. } => "case-collision",
            ArchiveError::Encrypted { .. } => "encrypted",
            ArchiveError::UnsupportedMethod { .. } => "unsupported-method",
            ArchiveError::UnsupportedEntry { .. } => "unsupported-entry",
            ArchiveError::Truncated { .. } => "truncated",
            ArchiveError::CrcMismatch { .. } => "crc-mismatch",
            ArchiveError::SizeMismatch { .. } => "size-mismatch",
            ArchiveError::HeaderDisagreement { .. } => "header-disagreement",
            ArchiveError::HiddenEntry { .. } => "hidden-entry",
            ArchiveError::OverlappingEntries { .. } => "overlapping-entries",
            ArchiveError::AmbiguousDirectory { .. } => "ambiguous-directory",
            ArchiveError::TrailingData { .. } => "trailing-data",
            ArchiveError::HeaderChecksum { .. } => "header-checksum",
            ArchiveError::BadHeader { .. } => "bad-header",
            ArchiveError::HeaderTooLarge { .. } => "header-too-large",
            ArchiveError::BadStream { .. } => "bad-stream",
            ArchiveError::WindowTooLarge { .. } => "window-too-large",
            ArchiveError::Stopped(_) => "stopped",
        }
    }

    /// Whether a budget ran out, as opposed to a defect or an attack in the archive's structure.
    pub const fn is_budget(&self) -> bool {
        matches!(
            self,
            ArchiveError::ArchiveTooLarge { .. }
                | ArchiveError::TotalTooLarge { .. }
                | ArchiveError::EntryTooLarge { .. }
                | ArchiveError::TooManyEntries { .. }
                | ArchiveError::RatioTooHigh { .. }
                | ArchiveError::TimedOut { .. }
                | ArchiveError::NestedTooDeep { .. }
        )
    }

    /// Carries this error through [`std::io::Read`].
    pub(crate) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }

    /// Takes back an error that went through [`std::io::Read`]; anything else came from the visitor.
    pub(crate) fn from_io(error: io::Error) -> Self {
        match error.downcast::<ArchiveError>() {
            Ok(own) => own,
            Err(other) => ArchiveError::Stopped(shown(&other.to_string())),
        }
    }
}

/// Hostile text for an error: escaped and cut.
pub(crate) fn shown(text: &str) -> String {
    bifocal_core::one_line(text, 200)
}
