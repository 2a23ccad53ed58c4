//! Lockfiles, manifests and SBOMs to the releases they name.
//!
//! In: the path and bytes of a file, and a [`ReadContext`] for what stands beside it. Out: an
//! [`Inventory`](bifocal_core::Inventory) with every dependency at its file and line, or a [`ReadError`] with its own.
//! [`walk`] finds the files of a folder. Nothing here opens a connection; [`PomSource`] is handed in.
//!
//! All input is hostile: sizes, depth and counts are bounded by [`ReaderLimits`](bifocal_core::ReaderLimits), YAML
//! aliases and XML document types are refused, includes never leave the checked folder, and addresses lose their
//! credentials. The README lists the readers.

mod address;
mod cargo_workspace;
mod client;
mod context;
mod detect;
mod doc;
mod error;
mod listing;
mod npm_spec;
mod pnpm_workspace;
mod pom;
mod purl;
mod python;
mod reader;
mod source;
mod unlocked;
mod walk;
mod workspace;

pub use address::without_login;
pub use client::npmrc;
pub use context::{Coordinates, FileError, FileSource, Folder, JavaEnvironment, NoFiles, PomError, PomSource, ReadContext};
pub use detect::{READERS, Reader, SNIFFED_BYTES, detect, read, read_as, reader_ids};
pub use error::{Problem, ReadError};
pub use listing::NOT_LOOKED_AT;
pub use npm_spec::{npm_dependency, split_name as split_npm_name};
pub use purl::{Qualified, qualified};
pub use python::{Needed, PythonEnvironment, python_dependency};
pub use walk::{Found, Walked, is_looked_for, walk};
