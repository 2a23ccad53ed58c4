//! State behind traits: assessments, blobs, queue, decisions, cases, publisher history.
//!
//! In: values of `bifocal-core`. Out: the same values, later, in another process, after kill -9. The embedded backends
//! are SQLite and a folder; every backend passes the same contract suite (module `contract`, behind the feature of that name).
//!
//! There are two databases, since they make different promises. The *cache* may be lost: a damaged entry is a miss, a
//! damaged database is set aside and begun anew, and it is written without waiting for the disk. The *state* may not: a
//! decision that is acknowledged is on disk and in the log, after a power cut too.

mod bounds;
mod error;
mod files;
mod folder;
mod memory;
mod overrides;
mod sqlite;
mod system;
mod traits;
mod verify;

#[cfg(feature = "contract")]
pub mod contract;

pub use bounds::{Bounds, Held, held, prune};
pub use error::StoreError;
pub use folder::{Durability, FolderBlobs};
pub use memory::MemoryStore;
pub use sqlite::{SqliteCache, SqliteState, SqliteStore};
pub use system::{RandomIds, SystemClock};
pub use traits::{
    AssessmentStore, BlobStore, CaseRow, CaseStore, DecisionStore, Job, PublisherHistoryStore, PublisherIdentity, QueueStore,
};
pub use verify::{LogState, verify_log};
