#![doc = include_str!("../README.md")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test-only code: a broken test set-up must stop the test at once, with the place"
)]

mod artifact;
mod catalogue;
mod clients;
mod environment;
mod folders;
pub mod hostile;
pub mod jvm_class;
mod mutation;
mod order;
mod pack;
mod package;
mod project;
mod random;
mod serve;
mod sumdb;
mod upstream;
mod world;

pub use artifact::Artifact;
pub use bifocal_core::{ManualClock, SequenceIds};
pub use catalogue::{Catalogue, Publish};
pub use clients::{client, client_or_notice};
pub use environment::ClientEnvironment;
pub use folders::{ReadOnly, Skipped, TinyDisk, is_root};
pub use mutation::{Altered, Mutation};
pub use package::crates::{CrateDependency, CratePackage};
pub use package::golang::GoModule;
pub use package::maven::{MavenDependency, MavenPackage};
pub use package::npm::NpmPackage;
pub use package::python::PythonPackage;
pub use package::{Built, Package};
pub use random::Random;
pub use sumdb::sumdb_key;
pub use tempfile::{self, TempDir, tempdir};
pub use upstream::{Access, Auth, Fault, Gate, RedirectTo, Serving, Upstream, refused_url, unresolvable_url};
pub use world::World;
