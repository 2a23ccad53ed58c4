//! The engine: intake, lenses and policy behind one function that every door calls.
//!
//! In: what a lockfile, a purl or an upload names. Out: a [`CheckReport`]: for each release allow, hold, deny or an
//! error, with the evidence. Nothing that was asked for is missing from it.

mod analysis;
mod baseline;
mod cache;
mod cache_upkeep;
mod choose;
mod compare;
mod core_metadata;
mod engine;
mod exact;
mod exclude;
pub mod feed_update;
mod feeds;
mod intake;
mod plan;
mod poms;
mod progress;
mod provenance;
mod python_needs;
mod report;
mod resolve;
mod scan;
mod spelling;
pub mod targets;
mod unreadable;

pub use analysis::{Analyser, confinement, serve_analyser};
pub use baseline::{Baseline, BaselineError};
pub use bifocal_behaviour::ANALYSER;
pub use bifocal_behaviour::{Change, ChangeKind, Subject};
pub use bifocal_store::Held;
pub use cache::Cache;
pub use cache_upkeep::{CacheLimits, CacheSizes};
pub use compare::{ArtifactDiff, CompareError, DiffReport, compare_paths};
pub use engine::{Checked, Engine, EngineParts, PeoplesWord};
pub use exact::{ExactError, release};
pub use exclude::Exclude;
pub use feeds::{Feeds, FeedsError};
pub use intake::TakeError;
pub use plan::{Plan, RangeRequest, Unlocked, Wanted};
pub use progress::{Progress, Silent};
pub use provenance::IDS as PROVENANCE_SIGNALS;
pub use report::{
    ArtifactReport, CheckReport, LocalDependency, NotEvaluated, Outcome, PolicyRef, ReleaseReport, ScanLine, ShadowChange, Summary,
};
pub use scan::Scanner;

/// The id of the signal for an analysis that broke off.
pub const ANALYSIS_FAILED: &str = "behaviour/analysis-failed";

/// Every signal id that this build can make.
pub fn signal_ids() -> Vec<&'static str> {
    let mut ids: Vec<&'static str> = bifocal_behaviour::signal_ids();
    ids.extend(bifocal_advisory::SIGNAL_IDS);
    ids.extend(bifocal_history::SIGNAL_IDS);
    ids.extend(PROVENANCE_SIGNALS);
    ids.push(ANALYSIS_FAILED);
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The signal ids by which policies are checked.
pub fn known_signals() -> bifocal_policy::KnownSignals {
    bifocal_policy::KnownSignals::new(signal_ids())
}
