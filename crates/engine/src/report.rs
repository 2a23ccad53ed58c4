//! The result of a check in the form that every door prints: the CLI's JSON, the API's answers, the formats derived
//! from them. Field order is the printed order and is under snapshot test.

use bifocal_core::{ArtifactFacts, FeedStatus, Lifted, Place, Reason, SCHEMA_VERSION, Sha256, Signal, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A whole check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Version of this form.
    pub schema_version: u32,
    /// Version of the program that wrote it.
    pub bifocal: String,
    /// Analyser and rules that looked at the artifacts.
    pub analyser: String,
    /// The policy that decided.
    pub policy: PolicyRef,
    /// The time for which the policy was evaluated.
    pub evaluated_at: Timestamp,
    /// Counts.
    pub summary: Summary,
    /// The feeds that were asked, with their health at `evaluated_at`.
    pub feeds: Vec<FeedStatus>,
    /// Path dependencies inside the checked root: listed, without effect.
    pub local: Vec<LocalDependency>,
    /// Dependencies that could not be turned into a release at all.
    pub not_evaluated: Vec<NotEvaluated>,
    /// What was understood in the inputs and left out on purpose.
    pub notes: Vec<String>,
    /// What the search for files left out: folders of installed or foreign code, files of a form that is not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Manifests without a lockfile: how many releases were chosen for each, as which client, and how to pin them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolved: Vec<String>,
    /// Verdicts that a policy or analyser in shadow would change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadow: Vec<ShadowChange>,
    /// Every release, by purl.
    pub releases: Vec<ReleaseReport>,
}

/// Which policy decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRef {
    /// Its name.
    pub name: String,
    /// `sha256:…` over its effective form.
    pub digest: String,
}

/// Counts over releases, and over the artifacts that were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Releases asked for, errors included.
    pub releases: u32,
    /// Allowed.
    pub allow: u32,
    /// Held.
    pub hold: u32,
    /// Denied.
    pub deny: u32,
    /// Could not be evaluated, or not wholly: releases with an error, held and denied ones too, and dependencies that
    /// never became a release.
    pub error: u32,
    /// Artifacts whose bytes were assessed.
    pub artifacts: u32,
}

/// A verdict, or the lack of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It may enter.
    Allow,
    /// It could not be evaluated.
    Error,
    /// People look first.
    Hold,
    /// It does not enter.
    Deny,
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allow => Outcome::Allow,
            Verdict::Hold => Outcome::Hold,
            Verdict::Deny => Outcome::Deny,
        }
    }
}

impl Outcome {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Allow => "allow",
            Outcome::Error => "error",
            Outcome::Hold => "hold",
            Outcome::Deny => "deny",
        }
    }
}

/// One release with its verdict and all that caused it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleaseReport {
    /// Its purl.
    pub purl: String,
    /// The verdict.
    pub verdict: Outcome,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Rules that hold or deny it (and, under an observing policy, would have).
    pub reasons: Vec<Reason>,
    /// Rules that people lifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifted: Vec<Lifted>,
    /// Every signal.
    pub signals: Vec<Signal>,
    /// The artifacts that were assessed.
    pub artifacts: Vec<ArtifactReport>,
    /// Files of the release, or of the lockfile, that the client on this platform would not take.
    pub other_artifacts: u32,
    /// Where it is asked for.
    pub places: Vec<Place>,
    /// Asked for only by development, test or optional dependencies.
    pub optional: bool,
    /// The upstream that answered.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub upstream: String,
}

/// An artifact that was assessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactReport {
    /// File name.
    pub filename: String,
    /// SHA-256 of the bytes that were looked at.
    pub sha256: Sha256,
    /// Their number.
    pub size: u64,
}

/// A path dependency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LocalDependency {
    /// Its name, where the file gives one.
    pub name: String,
    /// Its path as written.
    pub path: String,
    /// Where it is named.
    pub place: Place,
}

/// A dependency that never became a release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NotEvaluated {
    /// What was asked for, in words.
    pub what: String,
    /// Where.
    pub place: Place,
    /// Why it could not be evaluated, and what to do.
    pub error: String,
}

/// A verdict that would differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowChange {
    /// The release.
    pub purl: String,
    /// What counts now.
    pub now: Outcome,
    /// What would count.
    pub then: Outcome,
    /// What is in shadow: `policy NAME` or `analyser VERSION`.
    pub under: String,
    /// The rules that make the difference.
    pub rules: Vec<String>,
}

/// One line of `scan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScanLine {
    /// Version of this form.
    pub schema_version: u32,
    /// The path as given.
    pub path: String,
    /// SHA-256 of the file; null for a directory.
    pub sha256: Option<Sha256>,
    /// The default policy restricted to the behaviour lens; null when it could not be read.
    pub verdict: Option<Verdict>,
    /// Calibrated risk in 0..1; null where nothing could be scored.
    pub score: Option<f64>,
    /// Behaviour signals.
    pub signals: Vec<Signal>,
    /// Why it could not be read.
    pub error: Option<String>,
    /// Processor time that the analysis took, in milliseconds.
    pub millis: u64,
    /// The same, to the microsecond.
    #[serde(skip)]
    pub cpu: Duration,
}

impl CheckReport {
    /// Recounts the summary from the releases.
    pub fn count(&mut self) {
        let mut summary = Summary { releases: self.releases.len() as u32, error: self.not_evaluated.len() as u32, ..Summary::default() };
        for release in &self.releases {
            match release.verdict {
                Outcome::Allow => summary.allow += 1,
                Outcome::Hold => summary.hold += 1,
                Outcome::Deny => summary.deny += 1,
                Outcome::Error => {}
            }
            // A hold or deny does not answer what could not be answered.
            summary.error += u32::from(release.error.is_some() || release.verdict == Outcome::Error);
            summary.artifacts += release.artifacts.len() as u32;
        }
        self.summary = summary;
    }

    /// The exit code by the design's table: 1 when something is held or denied (with `deny_only`, denied), else 3 when
    /// something could not be evaluated, else 0. Wrong usage (2) never gets as far as a report.
    pub fn exit_code(&self, deny_only: bool) -> u8 {
        if self.summary.deny > 0 || (self.summary.hold > 0 && !deny_only) {
            1
        } else if self.summary.error > 0 {
            3
        } else {
            0
        }
    }
}

impl ScanLine {
    /// A line about a path that could not be read.
    pub fn unreadable(path: &str, error: String) -> Self {
        ScanLine {
            schema_version: SCHEMA_VERSION,
            path: path.to_owned(),
            sha256: None,
            verdict: None,
            score: None,
            signals: Vec::new(),
            error: Some(error),
            millis: 0,
            cpu: Duration::ZERO,
        }
    }

    /// A line about what the analyser found.
    pub fn of(path: &str, sha256: Option<Sha256>, facts: ArtifactFacts, verdict: Verdict, cpu: Duration) -> Self {
        ScanLine {
            schema_version: SCHEMA_VERSION,
            path: path.to_owned(),
            sha256,
            verdict: Some(verdict),
            score: facts.risk,
            signals: facts.signals,
            error: None,
            millis: u64::try_from(cpu.as_millis()).unwrap_or(u64::MAX),
            cpu,
        }
    }
}
