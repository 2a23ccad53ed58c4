//! What a release asks for in turn, as its registry says: the edges by which a client resolves a manifest.
//!
//! Only what the registry serves apart from the files is read here; no file is downloaded or built for it. All of it is
//! the publisher's claim, bounded like the document that holds it.

use std::collections::{BTreeMap, BTreeSet};

/// What a release asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// An npm package.
    Npm(NpmNeeds),
    /// A Python distribution.
    Pypi(PypiNeeds),
    /// A crate.
    Cargo(CargoNeeds),
}

/// Package name to specification, by table of package.json.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NpmNeeds {
    /// `dependencies` without those that are optional.
    pub dependencies: BTreeMap<String, String>,
    /// `optionalDependencies`.
    pub optional: BTreeMap<String, String>,
    /// `peerDependencies`.
    pub peers: BTreeMap<String, String>,
    /// Those of them that `peerDependenciesMeta` makes optional.
    pub optional_peers: BTreeSet<String>,
    /// Names that come inside its own tarball.
    pub bundled: BTreeSet<String>,
    /// Its tarball has a lockfile of its own, which npm keeps to below it.
    pub has_shrinkwrap: bool,
}

/// `Requires-Dist`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PypiNeeds {
    /// Requirements in the form of PEP 508.
    pub requires: Vec<String>,
    /// Why they are not known: only building the source distribution would tell.
    pub unknown: Option<String>,
}

/// Dependencies and features of a crate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CargoNeeds {
    /// In the index's order.
    pub dependencies: Vec<CargoDependency>,
    /// Feature to what it turns on.
    pub features: BTreeMap<String, Vec<String>>,
}

/// One dependency of a crate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CargoDependency {
    /// The name that the crate's manifest uses, to which features refer.
    pub name: String,
    /// The crate's own name, where that is another.
    pub package: Option<String>,
    /// Version requirement.
    pub requirement: String,
    /// Features that are asked for.
    pub features: Vec<String>,
    /// Only with a feature that turns it on.
    pub optional: bool,
    /// Its default features are asked for.
    pub default_features: bool,
    /// For tests of the crate itself.
    pub development: bool,
}

/// A version that a client may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// As the registry spells it.
    pub version: String,
    /// Yanked: taken only where it is pinned.
    pub withdrawn: bool,
}
