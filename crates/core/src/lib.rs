//! The words of Bifocal as types.
//!
//! What comes in: bytes and strings that other crates fetched or read. What goes out: typed values that every
//! other crate shares (a [`Release`] is the same thing to a reader, a lens, a policy and a page). There is no
//! input, no output and no clock here; time is handed in through [`Clock`].

mod artifact;
mod assessment;
mod choosing;
mod clock;
mod decision;
mod digest;
mod ecosystem;
mod feed;
mod limits;
mod metadata;
mod package;
mod person;
mod requested;
mod signal;
mod summary;
mod text;
mod verdict;

pub use artifact::{ArtifactFile, ArtifactKind};
pub use assessment::{ArtifactFacts, Assessment, ManifestClaims};
pub use choosing::Choosing;
pub use clock::{Clock, IdSource, ManualClock, SequenceIds};
pub use decision::{Decision, DecisionAction, MalwareOverride, ReasonCode, Waiver};
pub use digest::{Algorithm, Digest, DigestError, Sha256};
pub use ecosystem::Ecosystem;
pub use feed::{FeedHealth, FeedStatus};
pub use limits::{AnalysisLimits, ArchiveLimits, HttpLimits, ReaderLimits};
pub use metadata::{Known, PackageHistory, Publisher, RecordChange, ReleaseRecord, VersionPoint};
pub use package::{PackageName, PurlError, Release};
pub use person::{Person, PersonError, different_people};
pub use requested::{Ask, DeclaredArtifact, Dependency, FileKind, Inventory, Origin, Place, Requested, Role, Unread};
pub use signal::{Evidence, Lens, Severity, Signal, SignalDraft, SignalKind, Status};
pub use summary::{Act, BehaviourSummary, Carries, DependencyClaim, Does, Hook, HostClaim, Oddity, OddityKind, When};
pub use text::{counted, one_line, percent_decode, printable};
pub use verdict::{Judgement, Lifted, Reason, Verdict};

/// The version of every JSON form that this build writes.
pub const SCHEMA_VERSION: u32 = 1;
