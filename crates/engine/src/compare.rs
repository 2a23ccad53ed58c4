//! The difference lens behind every door: two releases, or two archives, in; a [`DiffReport`] out.
//!
//! The question of a reviewer and of a gateway that has approved the release before: what does this one do that the other
//! did not. The verdict is the policy restricted to the behaviour lens, over what was *gained*: a finding that the older
//! artifact had too does not count against the newer.

use crate::analysis::Analyser;
use crate::engine::Engine;
use crate::intake::TakeError;
use crate::report::{ArtifactReport, Outcome};
use bifocal_behaviour::{Change, Difference, compare};
use bifocal_core::{ArtifactFacts, ArtifactFile, Lens, Reason, Release, SCHEMA_VERSION, Sha256, Signal, Verdict, one_line};
use bifocal_policy::Policy;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// What a release, or an archive, gained and lost. Field order is the printed order and is under snapshot test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiffReport {
    /// Version of this form.
    pub schema_version: u32,
    /// Version of the program that wrote it.
    pub bifocal: String,
    /// Analyser and rules that looked at both.
    pub analyser: String,
    /// Name of the policy that judged.
    pub policy: String,
    /// The earlier one: purl or path.
    pub old: String,
    /// The later one: purl or path.
    pub new: String,
    /// On what was gained.
    pub verdict: Outcome,
    /// What could not be compared, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_compared: Vec<String>,
    /// Rules that hold or deny.
    pub reasons: Vec<Reason>,
    /// Pairs of artifacts.
    pub artifacts: Vec<ArtifactDiff>,
}

/// Two artifacts that were compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArtifactDiff {
    /// The earlier one.
    pub old: ArtifactReport,
    /// The later one.
    pub new: ArtifactReport,
    /// Whether nothing was cut from what is known of either.
    pub complete: bool,
    /// Facts gained, then facts lost.
    pub changes: Vec<Change>,
    /// What was gained, as signals.
    pub signals: Vec<Signal>,
}

impl DiffReport {
    /// The exit code by the design's table.
    pub fn exit_code(&self, deny_only: bool) -> u8 {
        match self.verdict {
            Outcome::Deny => 1,
            Outcome::Hold if !deny_only => 1,
            _ if !self.not_compared.is_empty() => 3,
            _ => 0,
        }
    }
}

/// One side's file with its facts.
struct Looked {
    filename: String,
    facts: ArtifactFacts,
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A file cannot be read.
    #[error("cannot compare {path}: {why}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// A release cannot be had.
    #[error("cannot compare {purl}")]
    Release {
        /// Which.
        purl: String,
        /// Why.
        source: TakeError,
    },
}

impl CompareError {
    /// Whether the user's configuration is at fault, so that the exit code is 2.
    pub fn is_configuration(&self) -> bool {
        matches!(self, CompareError::Release { source, .. } if source.is_configuration())
    }
}

/// Compares two archives or folders of this machine, offline.
///
/// # Errors
/// One of them cannot be read.
pub async fn compare_paths(analyser: &Analyser, policy: &Policy, old: &Path, new: &Path) -> Result<DiffReport, CompareError> {
    let mut sides = Vec::with_capacity(2);
    for path in [old, new] {
        let shown = path.to_string_lossy().into_owned();
        let owned = path.to_path_buf();
        let read = tokio::task::spawn_blocking(move || crate::scan::read(&owned)).await;
        let input = match read {
            Ok(read) => read.map_err(|why| CompareError::Unreadable { path: shown.clone(), why })?,
            Err(error) => return Err(CompareError::Unreadable { path: shown, why: format!("reading broke off: {error}") }),
        };
        let filename = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = input.into_bytes();
        let facts = analyser.analyse(None, &filename, Sha256::of(&bytes), bytes).await.facts;
        sides.push((shown, Looked { filename, facts }));
    }
    let mut report = empty(policy, String::new(), String::new());
    if let (Some((new, newer)), Some((old, older))) = (sides.pop(), sides.pop()) {
        (report.old, report.new) = (old, new);
        add(&mut report, &older, &newer);
    }
    judge(&mut report, policy);
    Ok(report)
}

impl Engine {
    /// Compares two releases: fetched, verified and looked at as `check` does it, or taken from the cache.
    ///
    /// # Errors
    /// One of them cannot be had.
    pub async fn compare(&self, old: &Release, new: &Release) -> Result<DiffReport, CompareError> {
        let (old, older) = self.looked(old).await?;
        let (new, newer) = self.looked(new).await?;
        let mut report = empty(&self.policy, old.purl(), new.purl());
        let mut used = BTreeSet::new();
        for (file, later) in &newer {
            match counterpart(file, &new, &old, &older, &used) {
                Some(index) => {
                    used.insert(index);
                    if let Some((_, earlier)) = older.get(index) {
                        add(&mut report, earlier, later);
                    }
                }
                None => report.not_compared.push(format!("{}: the older release has no file of this kind", later.filename)),
            }
        }
        if newer.is_empty() {
            report.not_compared.push(format!("{}: it has no file to look at", report.new));
        }
        judge(&mut report, &self.policy);
        Ok(report)
    }

    /// The release as its registry spells it, and its files.
    async fn looked(&self, release: &Release) -> Result<(Release, Vec<(ArtifactFile, Looked)>), CompareError> {
        let taken = self.intake.take_named(release).await.map_err(|source| CompareError::Release { purl: release.purl(), source })?;
        let looked = |(file, facts): (ArtifactFile, ArtifactFacts)| {
            let filename = file.filename.clone();
            (file, Looked { filename, facts })
        };
        Ok((taken.record.release, taken.artifacts.into_iter().map(looked).collect()))
    }
}

/// The file of the older release that a file of the newer one replaces: of the same name but for the version, or else of
/// the same kind.
fn counterpart(
    file: &ArtifactFile,
    new: &Release,
    old: &Release,
    older: &[(ArtifactFile, Looked)],
    used: &BTreeSet<usize>,
) -> Option<usize> {
    let expected = file.filename.replace(&new.version, &old.version);
    let free = || older.iter().enumerate().filter(|(index, _)| !used.contains(index));
    let named = free().find(|(_, (candidate, _))| candidate.filename == expected);
    named.or_else(|| free().find(|(_, (candidate, _))| candidate.kind == file.kind)).map(|(index, _)| index)
}

fn empty(policy: &Policy, old: String, new: String) -> DiffReport {
    DiffReport {
        schema_version: SCHEMA_VERSION,
        bifocal: env!("CARGO_PKG_VERSION").to_owned(),
        analyser: crate::ANALYSER.to_owned(),
        policy: policy.name().to_owned(),
        old,
        new,
        verdict: Outcome::Allow,
        not_compared: Vec::new(),
        reasons: Vec::new(),
        artifacts: Vec::new(),
    }
}

fn add(report: &mut DiffReport, old: &Looked, new: &Looked) {
    let difference = compare(&old.facts, &new.facts).unwrap_or_else(|side| {
        let broken = if side == "old" { old } else { new };
        let why = broken.facts.signals.first().map_or("its analysis gave no summary", |signal| signal.message.as_str());
        report.not_compared.push(format!("{}: {}", broken.filename, one_line(why, 300)));
        // What broke off in the newer one is judged: an analysis that fails holds.
        let signals = if side == "new" { new.facts.signals.clone() } else { Vec::new() };
        Difference { signals, ..Difference::default() }
    });
    let side = |looked: &Looked| ArtifactReport { filename: looked.filename.clone(), sha256: looked.facts.sha256, size: looked.facts.size };
    let Difference { changes, signals, complete } = difference;
    report.artifacts.push(ArtifactDiff { old: side(old), new: side(new), complete, changes, signals });
}

fn judge(report: &mut DiffReport, policy: &Policy) {
    let signals: Vec<Signal> = report.artifacts.iter().flat_map(|artifact| artifact.signals.iter().cloned()).collect();
    let judgement = policy.evaluate_signals(Lens::Behaviour, &signals, jiff::Timestamp::UNIX_EPOCH);
    report.reasons = judgement.reasons;
    report.verdict = match judgement.verdict {
        Verdict::Allow if !report.not_compared.is_empty() => Outcome::Error,
        verdict => verdict.into(),
    };
}
