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
mod order;
mod pack;
mod package;
mod random;
mod serve;
mod upstream;

pub use artifact::Artifact;
pub use bifocal_core::{ManualClock, SequenceIds};
pub use catalogue::{Catalogue, Publish};
pub use clients::{client, client_or_notice};
pub use environment::ClientEnvironment;
pub use package::npm::NpmPackage;
pub use package::{Built, Package};
pub use random::Random;
pub use tempfile;
pub use upstream::{Access, Auth, Fault, Gate, RedirectTo, Serving, Upstream, refused_url, unresolvable_url};
