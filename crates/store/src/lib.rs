//! State behind traits: assessments, blobs, queue, decisions, cases, publisher history.
//!
//! In: values of `bifocal-core`. Out: the same values, later, in another process, after kill -9. The embedded backends
//! are SQLite and a folder; every backend passes the same contract suite.

mod error;
mod traits;

pub use error::StoreError;
pub use traits::{
    AssessmentStore, BlobStore, CaseRow, CaseStore, DecisionStore, Job, PublisherHistoryStore, PublisherIdentity, QueueStore,
};
