//! Why a file could not be read. Every error has a place; each kind of refusal is a variant of its own.

use bifocal_core::{DigestError, Place, PurlError, one_line};

/// A file that could not be read, with the place of the trouble.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ReadError {
    /// File and line; line 0 when the trouble is with the whole file.
    pub place: Place,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a file. The texts are safe to print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No reader knows this file.
    #[error("no reader knows this file; name a lockfile, manifest or SBOM of a supported kind")]
    UnknownKind,
    /// More bytes than [`bifocal_core::ReaderLimits::file_bytes`].
    #[error("file has {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Nested deeper than [`bifocal_core::ReaderLimits::depth`], or than the syntax's own bound.
    #[error("nesting is deeper than the limit of {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// More dependencies than [`bifocal_core::ReaderLimits::dependencies`].
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what there are too many.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A text that is longer than anything its tool writes.
    #[error("{what} is longer than {limit} bytes")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Not in the encoding that the format demands.
    #[error("expected {expected} text, found bytes that are not")]
    Encoding {
        /// The encoding.
        expected: &'static str,
    },
    /// The syntax (JSON, TOML, YAML, XML, …) is broken.
    #[error("expected {expected}, found {found}")]
    Syntax {
        /// What should have been there.
        expected: String,
        /// What was there.
        found: String,
    },
    /// A value of the wrong type.
    #[error("expected {what} to be {expected}, found {found}")]
    WrongType {
        /// Which value.
        what: String,
        /// The type it should have.
        expected: &'static str,
        /// The type it has.
        found: &'static str,
    },
    /// A field that must be there is not.
    #[error("expected a field `{field}` in {inside}, found none")]
    Missing {
        /// The field.
        field: &'static str,
        /// Where it should have been.
        inside: String,
    },
    /// The same key twice: two readers could see two different files.
    #[error("key `{key}` is there twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A format version that this build does not know.
    #[error("expected {what} {supported}, found {found}")]
    FormatVersion {
        /// Which number.
        what: &'static str,
        /// The versions that are read.
        supported: &'static str,
        /// The version found.
        found: String,
    },
    /// Not a package name, or not a version that may be part of an address.
    #[error("expected a package and version, found one that is refused: {0}")]
    Name(#[from] PurlError),
    /// Not a digest.
    #[error("expected a digest, found one that is refused: {0}")]
    Digest(#[from] DigestError),
    /// A requirement that its ecosystem's syntax does not allow.
    #[error("expected {expected}, found `{found}`")]
    Requirement {
        /// The form.
        expected: &'static str,
        /// What was there.
        found: String,
    },
    /// An environment marker that PEP 508 does not allow.
    #[error("expected a PEP 508 marker, found `{found}`: {why}")]
    Marker {
        /// The marker.
        found: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two digests for one thing that can have only one.
    #[error("{what} has two different digests")]
    DigestConflict {
        /// Which release.
        what: String,
    },
    /// YAML anchors and aliases: no lockfile needs them, and they can expand without bound.
    #[error("expected plain YAML, found an anchor or alias, which no lockfile needs")]
    YamlAlias,
    /// An XML document type declaration, which can define entities that expand without bound or read files.
    #[error("expected plain XML, found a document type declaration, which is refused")]
    XmlDoctype,
    /// A reference to an XML entity that XML itself does not define.
    #[error("expected one of the five XML entities or a character reference, found `&{name};`")]
    XmlEntity {
        /// Its name.
        name: String,
    },
    /// An included file that is not there or cannot be read.
    #[error("could not read the included file `{path}`: {why}")]
    Include {
        /// As written.
        path: String,
        /// What went wrong.
        why: String,
    },
    /// An included file outside the checked folder.
    #[error("included file `{path}` is outside the checked folder; name that folder as the target to allow it")]
    OutsideRoot {
        /// As written.
        path: String,
    },
    /// Files that include each other.
    #[error("included file `{path}` includes itself")]
    IncludeCycle {
        /// As written.
        path: String,
    },
    /// An include of an address: readers open no connection.
    #[error("include of `{url}` is not followed; download it and name the file instead")]
    RemoteInclude {
        /// Address without credentials.
        url: String,
    },
    /// A property that refers to itself.
    #[error("property `{name}` refers to itself")]
    PropertyCycle {
        /// Its name.
        name: String,
    },
    /// A property whose value would grow beyond the limit.
    #[error("property `{name}` expands to more than {limit} bytes")]
    PropertyTooLong {
        /// Its name.
        name: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A value that stays open: an undefined property, a missing workspace or catalog entry.
    #[error("{what} is not defined in {inside}")]
    Undefined {
        /// What.
        what: String,
        /// Where it was looked for.
        inside: String,
    },
    /// A POM whose parents form a circle, or are too many.
    #[error("parents of `{coordinates}` form a circle or are more than {limit}")]
    ParentCycle {
        /// `group:artifact:version`.
        coordinates: String,
        /// The limit.
        limit: usize,
    },
    /// A document from the upstream that is needed to go on.
    #[error("{what} is needed: {why}")]
    Upstream {
        /// What.
        what: String,
        /// What went wrong.
        why: String,
    },
    /// The folder or a file in it cannot be read.
    #[error("could not read it: {0}")]
    Io(String),
}

impl ReadError {
    /// An error at a line of a file; line 0 for the whole file.
    pub fn new(path: &str, line: u32, problem: Problem) -> Self {
        ReadError { place: Place { path: path.to_owned(), line }, problem }
    }
}

/// Hostile text made short and printable, for an error or a note.
pub(crate) fn shown(text: &str) -> String {
    one_line(text, 120)
}
