//! Named rules over an assessment, and the verdict that they and people give.
//!
//! What comes in: a policy file (TOML, with conditions in the Common Expression Language,
//! <https://github.com/google/cel-spec>), an [`Assessment`](bifocal_core::Assessment), and a [`Context`] with the time,
//! the state of the feeds and what people decided. What goes out: a [`Judgement`](bifocal_core::Judgement), or every
//! mistake of the file at once with its line and column. Nothing here reads a clock, a file or the network.
//!
//! Conditions are parsed with the `cel` crate, checked against the [`schema`], and evaluated here and not by that
//! crate's interpreter, for three reasons: every type error is found when the file is loaded; the signals that made a
//! condition true are known exactly, so that a reason carries its evidence; and the work of one condition is bounded.

mod builtin;
mod check;
mod document;
mod eval;
mod explain;
mod facts;
mod fold;
mod glob;
mod ir;
mod judge;
mod known;
mod load;
mod lower;
mod message;
mod packs;
mod people;
mod problem;
pub mod schema;
mod simulate;

pub use builtin::{ANALYSIS_FAILED, BUILT_IN_RULES, DECISION, KNOWN_MALWARE, NEW_MALWARE_SIGNAL, RULE_ERROR};
pub use explain::{Explanation, Outcome, Part, RuleExplanation};
pub use glob::glob;
pub use judge::{Context, Policy};
pub use known::KnownSignals;
pub use load::Loaded;
pub use packs::{PACKS, pack};
pub use people::{MAX_OVERRIDE, ToAnswer, baseline_waiver, to_answer};
pub use problem::{Level, PolicyError, Problem};
pub use simulate::{Change, simulate};

/// Bytes that a policy file may have.
pub const MAX_FILE: usize = 1 << 20;
/// Bytes that one condition may have.
pub const MAX_CONDITION: usize = 4096;
/// Nesting that one condition may have.
pub const MAX_DEPTH: usize = 48;
/// Rules that a policy may have, those that it extends included.
pub const MAX_RULES: usize = 1000;
