use serde::Serialize;

/// Something odd that occurs in benign packages too, so that it does not refuse the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Note {
    /// One path twice with the same bytes.
    DuplicateEntry {
        /// The path.
        path: String,
    },
    /// One path twice with different bytes; both are in the result. Noted only where
    /// [`crate::Tolerance::conflicting_duplicates`] is on.
    ConflictingDuplicate {
        /// The path.
        path: String,
    },
    /// Two paths that are one on a file system that ignores case or Unicode form.
    CaseCollision {
        /// The later path.
        path: String,
        /// The earlier path.
        other: String,
    },
    /// Backslashes in a path were read as separators.
    Backslash {
        /// The path as it is given out.
        path: String,
    },
    /// A name that is not UTF-8; each undecodable byte became U+FFFD and two hex digits.
    NameNotUtf8 {
        /// The path as it is given out.
        path: String,
    },
    /// Invisible or direction-changing characters in a path.
    HiddenCharacters {
        /// The path.
        path: String,
    },
    /// A path that some operating system cannot hold or reads as another one (reserved names, trailing dots, colons).
    NotPortable {
        /// The path.
        path: String,
    },
    /// A link to nothing in the archive.
    DanglingLink {
        /// The link.
        path: String,
        /// Its target.
        target: String,
    },
    /// A set-user-id or set-group-id bit.
    SetId {
        /// The entry.
        path: String,
    },
    /// A tar without its two closing blocks.
    NoEndMarker,
    /// Zero bytes after the end.
    ZeroPadding,
    /// A compressed file of several members, which some readers stop reading after the first.
    SeveralMembers,
    /// Bytes before the first zip entry (a self-extracting archive, a start script).
    Prefix {
        /// How many.
        bytes: u64,
    },
    /// Bytes inside a zip that no entry claims.
    UnclaimedBytes {
        /// Where.
        offset: u64,
        /// How many.
        bytes: u64,
    },
    /// A volume label or another record of the archiver that is no entry.
    Label,
}

/// Notes up to a bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Notes {
    pub(crate) kept: Vec<Note>,
    pub(crate) dropped: u64,
}

impl Notes {
    /// More than this many tell a person nothing new.
    const MAX: usize = 1_000;

    pub(crate) fn push(&mut self, note: Note) {
        if self.kept.len() < Self::MAX {
            self.kept.push(note);
        } else {
            self.dropped += 1;
        }
    }
}
