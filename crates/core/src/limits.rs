//! Every bound in one place. Sizes are bytes unless a name says otherwise.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bounds of unpacking one archive (its nested archives included).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveLimits {
    /// Compressed bytes of the archive.
    pub archive_bytes: u64,
    /// Bytes of all entries together, unpacked.
    pub total_bytes: u64,
    /// Bytes of one entry, unpacked.
    pub entry_bytes: u64,
    /// Entries, folders and links included.
    pub entries: u32,
    /// Archives inside archives.
    pub nesting: u32,
    /// Folders in a path.
    pub path_depth: u32,
    /// Bytes of a path.
    pub path_bytes: u32,
    /// Unpacked bytes per compressed byte, checked past 1 MiB unpacked.
    pub ratio: u32,
    /// Wall-clock time.
    pub time: Duration,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        ArchiveLimits {
            archive_bytes: 512 << 20,
            total_bytes: 2 << 30,
            entry_bytes: 256 << 20,
            entries: 200_000,
            nesting: 2,
            path_depth: 64,
            path_bytes: 1024,
            ratio: 1000,
            time: Duration::from_secs(60),
        }
    }
}

/// Bounds of the analyser process, for one artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalysisLimits {
    /// Bounds of unpacking.
    pub archive: ArchiveLimits,
    /// Address space of the child.
    pub memory: u64,
    /// Processor time, so that what is held does not depend on how busy the machine is. A child that waits instead of
    /// working is ended when ten times as much has passed on the clock.
    pub time: Duration,
    /// Largest source file that is parsed; a larger one is read by lexical facts only.
    pub parsed_file: u64,
}

impl AnalysisLimits {
    /// Sets the processor time of an artifact and, from it, how long its unpacking may last on the clock.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.time = time;
        self.archive.time = self.on_the_clock();
        self
    }

    /// The most time on the clock.
    pub fn on_the_clock(&self) -> Duration {
        self.time.saturating_mul(10)
    }
}

impl Default for AnalysisLimits {
    fn default() -> Self {
        AnalysisLimits { archive: ArchiveLimits::default(), memory: 4 << 30, time: Duration::ZERO, parsed_file: 32 << 20 }
            .within(Duration::from_secs(60))
    }
}

/// Bounds of talking to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpLimits {
    /// Bytes of a metadata document, decompressed.
    pub metadata_bytes: u64,
    /// Bytes of an artifact.
    pub artifact_bytes: u64,
    /// Tries of one request, the first included.
    pub tries: u32,
    /// Wait before the second try; doubles each time.
    pub first_backoff: Duration,
    /// Time to connect.
    pub connect_time: Duration,
    /// Longest silence while reading a body.
    pub read_time: Duration,
    /// Requests under way to one host.
    pub per_host: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        HttpLimits {
            metadata_bytes: 256 << 20,
            artifact_bytes: 512 << 20,
            tries: 4,
            first_backoff: Duration::from_millis(250),
            connect_time: Duration::from_secs(10),
            read_time: Duration::from_secs(30),
            per_host: 32,
        }
    }
}

/// Bounds of reading a lockfile, manifest or SBOM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderLimits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Dependencies that one file may name.
    pub dependencies: usize,
    /// Nesting of its syntax.
    pub depth: usize,
    /// Files that a directory walk may yield.
    pub files: usize,
}

impl Default for ReaderLimits {
    fn default() -> Self {
        ReaderLimits { file_bytes: 128 << 20, dependencies: 200_000, depth: 256, files: 10_000 }
    }
}
