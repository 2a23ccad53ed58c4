//! A signal: one typed observation with a place or a record behind it.

use crate::Sha256;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A source of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lens {
    /// Known vulnerabilities and known malware.
    Advisory,
    /// What the code does.
    Behaviour,
    /// Age, ownership, names.
    History,
    /// Where the artifact comes from: digests, signatures, attestations.
    Provenance,
    /// Project health.
    Scorecard,
}

impl Lens {
    /// The name, which is also the first segment of its signal ids.
    pub const fn as_str(self) -> &'static str {
        match self {
            Lens::Advisory => "advisory",
            Lens::Behaviour => "behaviour",
            Lens::History => "history",
            Lens::Provenance => "provenance",
            Lens::Scorecard => "scorecard",
        }
    }
}

impl fmt::Display for Lens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether the observation was made. Silence is never one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is so.
    Present,
    /// The question could not be answered with what is at hand (a missing or stale feed).
    Unknown,
    /// The question makes no sense for this release.
    NotApplicable,
    /// The analysis broke off: crash, time-out, exhausted budget, refused archive. Holds.
    Failed,
    /// The upstream removed the field that would answer.
    Stripped,
}

/// How much harm it would do if it is what it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Unlikely to hurt.
    Low,
    /// Could hurt.
    Medium,
    /// Would hurt.
    High,
    /// Known or near-certain compromise.
    Critical,
}

impl Severity {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// What kind of thing a behaviour signal points to, so that beacons and habits are not mistaken for malware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalKind {
    /// Steals, destroys, spies, persists, or fetches code that could.
    Malware,
    /// Reports that it was installed, nothing else.
    Beacon,
    /// Shows that an attack would work.
    ProofOfConcept,
    /// Honest code with a dangerous habit.
    RiskyHabit,
    /// Hidden code whose effect is not known.
    Obfuscation,
    /// Not about behaviour.
    Other,
}

/// Where an observation comes from. A signal without evidence is a defect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Evidence {
    /// A place in a file of the artifact.
    File {
        /// Path inside the archive, `/`-separated.
        path: String,
        /// Line, from 1; 0 when the finding is about the whole file.
        line: u32,
        /// Column in characters, from 1; 0 when the finding is about the whole line.
        column: u32,
        /// The code at that place, cut to [`Evidence::MAX_SNIPPET`] characters. Hostile text.
        snippet: String,
        /// Decoding layers that were peeled to get there, outermost first.
        #[serde(default)]
        chain: Vec<String>,
    },
    /// A record of a feed, a registry or a lockfile.
    Record {
        /// Which feed or source: `osv`, `registry`, `lockfile`, `popularity`, `analyser`, …
        feed: String,
        /// The record's id in that feed. Hostile text.
        id: String,
        /// The record's date, RFC 3339, or empty where it has none.
        date: String,
        /// What the record says, in a sentence or a few words. Hostile text.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
}

impl Evidence {
    /// Longest snippet kept, in characters.
    pub const MAX_SNIPPET: usize = 240;

    /// A place in a file, with the snippet cut to size.
    pub fn file(path: &str, line: u32, column: u32, snippet: &str) -> Self {
        Evidence::File {
            path: path.to_owned(),
            line,
            column,
            snippet: snippet.trim().chars().take(Self::MAX_SNIPPET).collect(),
            chain: Vec::new(),
        }
    }

    /// A record.
    pub fn record(feed: &str, id: &str, date: &str, detail: &str) -> Self {
        Evidence::Record { feed: feed.to_owned(), id: id.to_owned(), date: date.to_owned(), detail: detail.to_owned() }
    }

    fn place(&self) -> String {
        match self {
            Evidence::File { path, line, column, chain, .. } => format!("{path}\0{line}\0{column}\0{}", chain.join("\0")),
            Evidence::Record { feed, id, .. } => format!("{feed}\0{id}"),
        }
    }

    fn place_without_line(&self) -> String {
        match self {
            Evidence::File { path, snippet, chain, .. } => {
                let words: Vec<&str> = snippet.split_whitespace().collect();
                format!("{path}\0{}\0{}", words.join(" "), chain.join("\0"))
            }
            Evidence::Record { .. } => self.place(),
        }
    }
}

/// One typed observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Stable id, `lens/kebab-case`, never reused.
    pub id: String,
    /// The lens that made it.
    pub lens: Lens,
    /// Whether it was observed.
    pub status: Status,
    /// The artifact it is about; `None` when it is about the release.
    pub artifact: Option<Sha256>,
    /// Harm if true.
    pub severity: Severity,
    /// How sure, 0..=1.
    pub confidence: f64,
    /// What it points to.
    pub kind: SignalKind,
    /// Identity of this finding: id, artifact and place. Shared by SARIF, cases and audits.
    pub fingerprint: String,
    /// One sentence for a person, without a trailing stop. May contain hostile text.
    pub message: String,
    /// Places and records behind it, at least one.
    pub evidence: Vec<Evidence>,
}

/// What a detector or lens says; [`SignalDraft::finish`] makes a [`Signal`] of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalDraft {
    /// See [`Signal::id`].
    pub id: &'static str,
    /// See [`Signal::lens`].
    pub lens: Lens,
    /// See [`Signal::status`].
    pub status: Status,
    /// See [`Signal::severity`].
    pub severity: Severity,
    /// See [`Signal::confidence`].
    pub confidence: f64,
    /// See [`Signal::kind`].
    pub kind: SignalKind,
    /// See [`Signal::message`].
    pub message: String,
    /// See [`Signal::evidence`].
    pub evidence: Vec<Evidence>,
}

impl SignalDraft {
    /// Fixes the artifact and computes the fingerprint.
    pub fn finish(self, artifact: Option<Sha256>) -> Signal {
        let fingerprint =
            fingerprint(self.id, &artifact.map(|sha| sha.hex()).unwrap_or_default(), self.evidence.iter().map(Evidence::place));
        Signal {
            id: self.id.to_owned(),
            lens: self.lens,
            status: self.status,
            artifact,
            severity: self.severity,
            confidence: self.confidence,
            kind: self.kind,
            fingerprint,
            message: self.message,
            evidence: self.evidence,
        }
    }
}

impl Signal {
    /// Identity of this finding across versions of one package: the same id, path and code, wherever the line moved.
    /// Baselines and approvals use it.
    pub fn continuity_key(&self, package: &crate::PackageName) -> String {
        fingerprint(&self.id, &package.purl(), self.evidence.iter().map(Evidence::place_without_line))
    }

    /// Whether this is a malware-class finding, which baselines never cover and time never releases.
    pub fn is_malware_class(&self) -> bool {
        self.status == Status::Present && self.kind == SignalKind::Malware && self.severity >= Severity::High
    }
}

fn fingerprint(id: &str, scope: &str, places: impl Iterator<Item = String>) -> String {
    let mut text = format!("{id}\0{scope}");
    let mut places: Vec<String> = places.collect();
    places.sort();
    for place in places {
        text.push('\0');
        text.push_str(&place);
    }
    Sha256::of(text.as_bytes()).hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ecosystem, PackageName};

    fn draft(line: u32) -> SignalDraft {
        SignalDraft {
            id: "behaviour/example",
            lens: Lens::Behaviour,
            status: Status::Present,
            severity: Severity::High,
            confidence: 0.9,
            kind: SignalKind::Malware,
            message: "does something".to_owned(),
            evidence: vec![Evidence::file("package/setup.js", line, 1, "run(  x )")],
        }
    }

    #[test]
    fn a_moved_line_changes_the_fingerprint_and_keeps_the_continuity() {
        let package = PackageName::new(Ecosystem::Npm, "x").unwrap();
        let (one, two) = (draft(1).finish(None), draft(9).finish(None));
        assert_ne!(one.fingerprint, two.fingerprint);
        assert_eq!(one.continuity_key(&package), two.continuity_key(&package));
    }

    #[test]
    fn the_printed_form_is_the_contract() {
        let json = serde_json::to_value(draft(12).finish(Some(Sha256::of(b"x")))).unwrap();
        assert_eq!(json["lens"], "behaviour");
        assert_eq!(json["status"], "present");
        assert_eq!(json["evidence"][0]["kind"], "file");
        assert_eq!(json["evidence"][0]["line"], 12);
        assert_eq!(json["severity"], "high");
    }
}
