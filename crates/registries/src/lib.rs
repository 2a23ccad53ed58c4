//! The registries that the user's own clients use: where they are, what they say of a release, and its bytes.
//!
//! In: a [`Release`](bifocal_core::Release) or a package with a requirement. Out: a
//! [`ReleaseRecord`](bifocal_core::ReleaseRecord) in one form for five ecosystems, and artifacts whose declared
//! digests match. No registry's address is written in this crate: each is discovered from the configuration of npm,
//! pip, uv, cargo, Maven and Go, or asked of the client itself. Secrets go only to the host they are bound to.

mod adapter;
mod cargo;
mod discovery;
mod environment;
mod error;
mod facade;
mod flight;
mod golang;
pub mod http;
mod loose;
mod maven;
mod needs;
mod npm;
mod origin;
mod pypi;
mod record_cache;
#[cfg(test)]
mod test_server;
mod timeline;
mod tool;
mod verify;
mod xml;

pub use adapter::{Download, PackageDoc, ResolveContext, UpstreamInfo};
#[cfg(feature = "fuzzing")]
pub use environment::Answers;
pub use environment::{Environment, Options};
pub use error::{RegistryError, shown, shown_text};
pub use facade::{Discovery, Registries};
pub use needs::{Candidate, CargoDependency, CargoNeeds, Needs, NpmNeeds, PypiNeeds};
pub use pypi::python_requires;
