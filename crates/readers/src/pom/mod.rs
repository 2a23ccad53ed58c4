//! Maven POMs: parsing, inheritance, interpolation, dependency management, and the transitive dependencies that Maven
//! would take (its guide to the dependency mechanism).
//!
//! [`model`] is the file as written, [`effective`] what it means with its parents and imported BOMs, [`resolve`] the
//! releases that follow from it. [`load`] gets POMs from the checked folder and from the upstream.

pub(crate) mod effective;
pub(crate) mod interpolate;
pub(crate) mod load;
pub(crate) mod model;
pub(crate) mod plugins;
pub(crate) mod profile;
pub(crate) mod resolve;

use crate::error::ReadError;

/// Parents in a row, and BOMs that import each other.
pub(crate) const MAX_PARENTS: usize = 32;

/// POMs that one project may need.
pub(crate) const MAX_POMS: usize = 20_000;

/// Why a POM gives no model.
pub(crate) enum Fail {
    /// An upstream could not be asked: nothing can be said about what Maven would take.
    Unavailable(ReadError),
    /// The POM, a parent or an imported BOM is missing or broken. Maven goes on without the dependencies of such a
    /// POM, unless it is the project's own.
    Broken(ReadError),
}

impl Fail {
    pub(crate) fn into_error(self) -> ReadError {
        match self {
            Fail::Unavailable(error) | Fail::Broken(error) => error,
        }
    }
}
