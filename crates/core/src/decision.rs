//! What people ruled. Policy evaluation reads these; the store keeps them and logs each in the same transaction.

use crate::{PackageName, Release, Sha256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a reviewer ruled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionAction {
    /// Lifts holds on the artifacts and signals it answers.
    Approve,
    /// Denies, and beats everything.
    Reject,
    /// One of two signatures that override a malware record for one digest.
    OverrideMalware,
    /// Takes an earlier decision back.
    Revoke,
}

/// Why. Only *false positive* teaches the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonCode {
    /// The signal was wrong.
    FalsePositive,
    /// The signal is right and the risk is taken.
    AcceptedRisk,
    /// A proof of concept.
    ProofOfConcept,
    /// Malware.
    Malware,
    /// Spam.
    Spam,
    /// Dependency or name confusion.
    Confusion,
}

/// A ruling on a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Version of this stored form.
    pub schema_version: u32,
    /// Unique id; recording the same id twice is one decision.
    pub id: String,
    /// The release ruled on.
    pub release: Release,
    /// The ruling.
    pub action: DecisionAction,
    /// Its code.
    pub code: ReasonCode,
    /// Its reason in words.
    pub reason: String,
    /// Who ruled.
    pub actor: String,
    /// When.
    pub decided_at: Timestamp,
    /// When it ends, where it does.
    pub until: Option<Timestamp>,
    /// The artifacts it is bound to.
    pub artifacts: Vec<Sha256>,
    /// Fingerprints of the signals that it answers.
    pub answered: Vec<String>,
    /// Continuity keys of the same signals, one for each signal, so that it stays answered when an analyser of another
    /// version reports another line for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered_continuity: Vec<String>,
    /// The malware record that an [`DecisionAction::OverrideMalware`] calls wrong, `MAL-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub malware_record: Option<String>,
    /// The decision that this one revokes.
    pub revokes: Option<String>,
    /// Minutes a person spent, where measured.
    pub minutes: Option<u32>,
}

/// A hold lifted ahead of time, by pattern, with an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// A purl, where `*` stands for any run of characters.
    pub purl: String,
    /// Rules it lifts; empty means every rule that lets itself be waived.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Continuity keys of the findings it covers; empty means every finding (baselines fill this).
    #[serde(default)]
    pub findings: Vec<String>,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub until: Timestamp,
}

/// Two people's word that a malware record is wrong for one digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MalwareOverride {
    /// The record, `MAL-…`.
    pub record: String,
    /// The artifact.
    pub sha256: Sha256,
    /// The package it is about.
    pub package: PackageName,
    /// Two different people.
    pub by: Vec<String>,
    /// Why.
    pub reason: String,
    /// When the second of them signed.
    pub since: Timestamp,
    /// At most 14 days after `since`.
    pub until: Timestamp,
}
