//! Builders of packages, one file per ecosystem. What goes in: a name, a version, files and what the registry would
//! know. What comes out: the same bytes for the same input, and their digests.

pub(crate) mod crates;
pub(crate) mod golang;
pub(crate) mod maven;
pub(crate) mod npm;
pub(crate) mod python;

use crate::Artifact;
use bifocal_core::{Publisher, Release};
use jiff::Timestamp;
use std::ops::Deref;
use std::sync::OnceLock;

/// The date of every release that is not given one.
pub(crate) const DEFAULT_DATE: &str = "2020-01-01T00:00:00Z";

/// What a builder of any ecosystem can do.
pub trait Package: Clone {
    /// The release that this builds.
    fn release(&self) -> Release;

    /// When the registry says it was published; `None` when it gives no date.
    fn published_at(&self) -> Option<Timestamp>;

    /// Moves the publication date.
    fn set_published_at(&mut self, at: Option<Timestamp>);

    /// The same release with other content: one comment more in one file. Digests change, metadata does not.
    fn republished(&self) -> Self;

    /// Builds every file, the main artifact first. The same builder gives the same bytes.
    fn artifacts(&self) -> Vec<Artifact>;
}

/// A package with its files, built on first use.
#[derive(Debug, Clone)]
pub struct Built<P: Package> {
    pub(crate) package: P,
    artifacts: OnceLock<Vec<Artifact>>,
}

impl<P: Package> Built<P> {
    pub(crate) fn lazy(package: P) -> Self {
        Built { package, artifacts: OnceLock::new() }
    }

    pub(crate) fn eager(package: P) -> Self {
        let built = Self::lazy(package);
        built.artifacts();
        built
    }

    /// Every file, the main artifact first.
    pub fn artifacts(&self) -> &[Artifact] {
        self.artifacts.get_or_init(|| self.package.artifacts())
    }

    /// The main artifact: tarball, wheel or sdist, jar (or pom), crate, module zip.
    pub fn artifact(&self) -> &Artifact {
        &self.artifacts()[0]
    }

    pub(crate) fn artifacts_mut(&mut self) -> &mut [Artifact] {
        self.artifacts();
        self.artifacts.get_mut().expect("just built")
    }
}

impl<P: Package> Deref for Built<P> {
    type Target = P;
    fn deref(&self) -> &P {
        &self.package
    }
}

/// Reads an RFC 3339 time.
///
/// # Panics
/// When it is not one: a test's constant is wrong.
pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("`{text}` is not an RFC 3339 time: {error}"))
}

/// `2024-01-01T00:00:00.000Z`.
pub(crate) fn millis(at: Timestamp) -> String {
    format!("{at:.3}")
}

pub(crate) fn person(name: &str) -> Publisher {
    Publisher { name: name.to_owned(), email: Some(format!("{name}@example.com")) }
}

/// The methods that every builder has.
macro_rules! shared_methods {
    () => {
        /// Adds or replaces a file; the path is relative to the package's own root.
        pub fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
            self.files.insert(path.to_owned(), content.as_ref().to_vec());
            self
        }

        /// Sets the publication date, RFC 3339.
        pub fn published(mut self, at: &str) -> Self {
            self.published = Some(crate::package::time(at));
            self
        }

        /// The registry gives no publication date.
        pub fn without_date(mut self) -> Self {
            self.published = None;
            self
        }

        /// Fixes the package: builds its files, and lets digests and file names be asked for.
        pub fn build(self) -> crate::Built<Self> {
            crate::Built::eager(self)
        }
    };
}
pub(crate) use shared_methods;

/// The trait methods that are the same for every builder.
macro_rules! shared_dates {
    () => {
        fn published_at(&self) -> Option<jiff::Timestamp> {
            self.published
        }

        fn set_published_at(&mut self, at: Option<jiff::Timestamp>) {
            self.published = at;
        }
    };
}
pub(crate) use shared_dates;
