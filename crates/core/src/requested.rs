//! What a lockfile, manifest or SBOM asks for.

use crate::{Digest, PackageName, Release};
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
    /// The registry that the lockfile names for it, as a host without a path; `None` when it names none.
    pub registry_host: Option<String>,
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
}
