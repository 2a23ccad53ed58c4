//! What a lockfile, manifest or SBOM asks for.

use crate::{Choosing, Digest, PackageName, Release};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kinds of file that are read, named as their tools name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is named for its file")]
pub enum FileKind {
    PackageLock,
    YarnLock,
    PnpmLock,
    PackageJson,
    Requirements,
    PoetryLock,
    UvLock,
    PipfileLock,
    PdmLock,
    Pyproject,
    CargoLock,
    CargoToml,
    Pom,
    GradleLockfile,
    GoMod,
    GoSum,
    GoWork,
    CycloneDx,
    Spdx,
    CommandLine,
}

impl FileKind {
    /// Whether the file names exact releases rather than ranges.
    pub const fn is_locked(self) -> bool {
        !matches!(self, FileKind::PackageJson | FileKind::Requirements | FileKind::Pyproject | FileKind::CargoToml | FileKind::Pom)
    }
}

/// Where in a file a dependency is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file, as the user named it or relative to the checked folder.
    pub path: String,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
}

impl Place {
    /// What stands in a path's place for what a person typed. No reader takes a file of this name.
    pub const COMMAND_LINE: &'static str = "command line";

    /// Whether it is in a file.
    pub fn is_in_file(&self) -> bool {
        self.path != Place::COMMAND_LINE
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}", crate::printable(&self.path))
        } else {
            write!(f, "{}:{}", crate::printable(&self.path), self.line)
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Requested {
    /// One exact release from a registry.
    Exact {
        /// The release.
        release: Release,
    },
    /// A range, to be resolved to what the client would take today.
    Range {
        /// The package.
        package: PackageName,
        /// The requirement in the ecosystem's own syntax (`^1.2`, `>=2,<3`, `[1.0,2.0)`), or a dist-tag.
        requirement: String,
    },
    /// A git repository.
    Git {
        /// Package name, where the file gives one.
        name: String,
        /// Address without credentials.
        url: String,
        /// Commit, branch or tag; empty when none is named.
        revision: String,
    },
    /// A file at an address outside a registry.
    Url {
        /// Package name, where the file gives one.
        name: String,
        /// Address without credentials.
        url: String,
    },
    /// A folder or file inside or beside the checked root.
    Path {
        /// Package name, where the file gives one.
        name: String,
        /// The path as written.
        path: String,
    },
}

/// A file that a lockfile names for a release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeclaredArtifact {
    /// File name, or empty when the lockfile gives only digests.
    pub filename: String,
    /// Digests that the lockfile gives for it.
    pub digests: Vec<Digest>,
}

/// One dependency that a file names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependency {
    /// What.
    pub requested: Requested,
    /// Files and digests that the lockfile pins; empty when it pins none. For npm, cargo and Go one entry with an
    /// empty file name; for Python lockfiles one entry for each file listed.
    pub artifacts: Vec<DeclaredArtifact>,
    /// Where it is named.
    pub place: Place,
    /// Only for development, test or optional use.
    pub optional: bool,
    /// Where the checked files say that it comes from: every registry, index or file that may be meant. Empty when they
    /// leave that to the client's own configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
    /// How a manifest asks for it.
    #[serde(default, skip_serializing_if = "Ask::is_plain")]
    pub ask: Ask,
}

/// How a manifest asks for a dependency: what a client goes by when it resolves what the dependency needs in turn.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ask {
    /// Its part in the manifest.
    #[serde(default)]
    pub role: Role,
    /// Extras (PyPI) or features (cargo) asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extras: Vec<String>,
    /// cargo's default features are not asked for.
    #[serde(default)]
    pub no_default_features: bool,
    /// The name under which npm installs it, where that is not the package's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alias: String,
    /// For [`Role::Override`]: the keys of the manifest that lead to it, outermost first, its own key last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
}

impl Ask {
    /// Whether nothing special is asked for.
    pub fn is_plain(&self) -> bool {
        *self == Ask::default()
    }
}

/// The part that a dependency has in a manifest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Needed.
    #[default]
    Normal,
    /// For development and tests.
    Development,
    /// Left out where it cannot be had (npm), or behind a feature or extra.
    Optional,
    /// npm's `peerDependencies`.
    Peer,
    /// One of these that `peerDependenciesMeta` makes optional.
    OptionalPeer,
    /// Needed to build the project, in an environment of its own.
    Build,
    /// Takes the place of others, wherever they are asked for.
    Override,
}

/// A registry, an index or a file that a checked file names for a dependency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The name that the file gives it, where names count (Maven's repositories); else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// An address without credentials, or a path.
    pub address: String,
}

/// Something that was asked for and cannot be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unread {
    /// What, in words.
    pub what: String,
    /// Where it is asked for.
    pub place: Place,
    /// Why it cannot be looked at, and what to do.
    pub why: String,
}

/// All that one file asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The file.
    pub path: String,
    /// What kind of file.
    pub kind: FileKind,
    /// Its dependencies in the file's order, duplicates kept.
    pub dependencies: Vec<Dependency>,
    /// Things in the file that were understood and left out on purpose, in words (a marker that does not apply here).
    pub notes: Vec<String>,
    /// What it asks for and no reader can turn into a dependency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// What narrows the choice of a package's release only where something else asks for the package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Dependency>,
    /// What it says of how a client chooses among releases and files.
    #[serde(default, skip_serializing_if = "Choosing::is_usual")]
    pub choosing: Choosing,
}

impl Inventory {
    /// An inventory that names nothing yet.
    pub fn new(path: &str, kind: FileKind) -> Self {
        Inventory {
            path: path.to_owned(),
            kind,
            dependencies: Vec::new(),
            notes: Vec::new(),
            unread: Vec::new(),
            constraints: Vec::new(),
            choosing: Choosing::default(),
        }
    }
}
