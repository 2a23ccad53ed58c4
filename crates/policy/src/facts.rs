//! What a condition reads, looked up in the assessment when it is asked for; nothing is copied ahead of time.

use crate::judge::Context;
use crate::schema::{ArtifactField, Field, SignalField};
use bifocal_core::{
    ArtifactFile, ArtifactKind, Assessment, Evidence, FeedHealth, Known, ReleaseRecord, Sha256, Signal, SignalKind, Status,
};
use jiff::{SignedDuration, Timestamp};
use std::borrow::Cow;

/// An assessed artifact, as the assessment keeps it.
pub(crate) type Assessed = (ArtifactFile, Sha256, u64);

/// A value of a condition. `'a` is the life of the policy and of the assessment.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'a, str>),
    Time(Timestamp),
    Span(SignedDuration),
    Null,
    List(Vec<Value<'a>>),
    Map(Vec<(&'a str, &'a str)>),
    Signal(&'a Signal),
    Artifact(&'a Assessed),
}

/// The subject of one evaluation.
pub(crate) struct Facts<'a> {
    pub(crate) record: Option<&'a ReleaseRecord>,
    pub(crate) signals: &'a [Signal],
    pub(crate) artifacts: &'a [Assessed],
    pub(crate) context: &'a Context<'a>,
    pub(crate) purl: String,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(assessment: &'a Assessment, context: &'a Context<'a>) -> Self {
        Facts {
            record: Some(&assessment.record),
            signals: &assessment.signals,
            artifacts: &assessment.artifacts,
            context,
            purl: assessment.record.release.purl(),
        }
    }

    /// Signals alone, as `scan` has them: no release, no record.
    pub(crate) fn of_signals(signals: &'a [Signal], context: &'a Context<'a>) -> Self {
        Facts { record: None, signals, artifacts: &[], context, purl: String::new() }
    }

    pub(crate) fn published_at(&self) -> Option<Timestamp> {
        self.record.and_then(|record| record.published_at.given().copied())
    }

    pub(crate) fn first_published_at(&self) -> Option<Timestamp> {
        self.record.and_then(|record| record.history.first_published_at.given().copied())
    }

    pub(crate) fn hours_since(&self, time: Option<Timestamp>) -> f64 {
        hours_between(time, Some(self.context.evaluated_at))
    }

    pub(crate) fn field(&'a self, field: Field) -> Value<'a> {
        let record = self.record;
        let text = |text: Option<&'a str>| Value::Text(Cow::Borrowed(text.unwrap_or_default()));
        match field {
            Field::Signals => Value::List(self.signals.iter().map(Value::Signal).collect()),
            Field::Artifacts => Value::List(self.artifacts.iter().map(Value::Artifact).collect()),
            Field::EvaluatedAt => Value::Time(self.context.evaluated_at),
            Field::Optional => Value::Bool(self.context.optional),
            Field::Feeds => Value::Map(self.context.feeds.iter().map(|feed| (feed.name.as_str(), health(feed.health))).collect()),
            Field::Ecosystem => text(record.map(|record| record.release.ecosystem().as_str())),
            Field::Name => text(record.map(|record| record.release.package.as_str())),
            Field::Scope => text(record.and_then(|record| record.release.package.namespace())),
            Field::Version => text(record.map(|record| record.release.version.as_str())),
            Field::Purl => Value::Text(Cow::Borrowed(&self.purl)),
            Field::HasDate => Value::Bool(self.published_at().is_some()),
            Field::PublishedAt => self.published_at().map_or(Value::Null, Value::Time),
            Field::AgeHours => Value::Double(self.hours_since(self.published_at())),
            Field::PackageAgeHours => Value::Double(self.hours_since(self.first_published_at())),
            Field::VersionCount => Value::Int(record.map_or(0, |record| i64::from(record.history.version_count))),
            Field::PreviousVersion => text(record.and_then(|record| record.history.previous.as_ref()).map(|point| point.version.as_str())),
            Field::HoursSincePrevious => {
                let previous = record.and_then(|record| record.history.previous.as_ref()).and_then(|point| point.published_at);
                Value::Double(hours_between(previous, self.published_at()))
            }
            Field::Latest => text(record.and_then(|record| record.history.latest.as_deref())),
            Field::Yanked => Value::Bool(record.is_some_and(|record| record.yanked.is_some())),
            Field::YankedReason => text(record.and_then(|record| record.yanked.as_deref())),
            Field::Deprecated => Value::Bool(record.is_some_and(|record| record.deprecated.is_some())),
            Field::Publisher => text(record.and_then(|record| record.publisher.given()).map(|publisher| publisher.name.as_str())),
            Field::PublisherState => text(record.map(|record| state(&record.publisher))),
            Field::Maintainers => Value::List(
                record
                    .and_then(|record| record.maintainers.given())
                    .into_iter()
                    .flatten()
                    .map(|person| Value::Text(Cow::Borrowed(person.name.as_str())))
                    .collect(),
            ),
            Field::Repository => text(record.and_then(|record| record.repository.given()).map(String::as_str)),
            Field::RepositoryState => text(record.map(|record| state(&record.repository))),
            Field::License => text(record.and_then(|record| record.license.given()).map(String::as_str)),
            Field::LicenseState => text(record.map(|record| state(&record.license))),
            Field::InstallScripts => Value::Map(
                record.map(|record| record.install_scripts.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect()).unwrap_or_default(),
            ),
            Field::Upstream => text(record.map(|record| record.upstream.as_str())),
            Field::AlsoOn => Value::List(
                record.map(|record| record.also_on.iter().map(|id| Value::Text(Cow::Borrowed(id.as_str()))).collect()).unwrap_or_default(),
            ),
        }
    }
}

fn hours_between(from: Option<Timestamp>, to: Option<Timestamp>) -> f64 {
    match (from, to) {
        (Some(from), Some(to)) => (to.duration_since(from).as_secs_f64() / 3600.0).max(0.0),
        _ => -1.0,
    }
}

pub(crate) fn signal_field(signal: &Signal, field: SignalField) -> Value<'_> {
    let text = |text| Value::Text(Cow::Borrowed(text));
    match field {
        SignalField::Id => text(&signal.id),
        SignalField::Lens => text(signal.lens.as_str()),
        SignalField::Status => text(status(signal.status)),
        SignalField::Severity => text(signal.severity.as_str()),
        SignalField::SeverityRank => Value::Int(signal.severity as i64),
        SignalField::Confidence => Value::Double(signal.confidence),
        SignalField::Kind => text(kind(signal.kind)),
        SignalField::Message => text(&signal.message),
        SignalField::Fingerprint => text(&signal.fingerprint),
        SignalField::Artifact => Value::Text(Cow::Owned(signal.artifact.map(|sha| sha.hex()).unwrap_or_default())),
        SignalField::Path => text(
            signal
                .evidence
                .iter()
                .find_map(|evidence| match evidence {
                    Evidence::File { path, .. } => Some(path.as_str()),
                    Evidence::Record { .. } => None,
                })
                .unwrap_or_default(),
        ),
        SignalField::Records => Value::List(record_ids(signal).map(text).collect()),
    }
}

/// Ids of the records behind a signal.
pub(crate) fn record_ids(signal: &Signal) -> impl Iterator<Item = &str> {
    signal.evidence.iter().filter_map(|evidence| match evidence {
        Evidence::Record { id, .. } => Some(id.as_str()),
        Evidence::File { .. } => None,
    })
}

pub(crate) fn artifact_field(artifact: &Assessed, field: ArtifactField) -> Value<'_> {
    let (file, sha256, size) = artifact;
    match field {
        ArtifactField::Filename => Value::Text(Cow::Borrowed(&file.filename)),
        ArtifactField::Kind => Value::Text(Cow::Borrowed(artifact_kind(file.kind))),
        ArtifactField::Sha256 => Value::Text(Cow::Owned(sha256.hex())),
        ArtifactField::Size => Value::Int(i64::try_from(*size).unwrap_or(i64::MAX)),
        ArtifactField::ProvenanceState => Value::Text(Cow::Borrowed(state(&file.provenance))),
    }
}

fn state<T>(known: &Known<T>) -> &'static str {
    match known {
        Known::Given(_) => "given",
        Known::NotGiven => "not_given",
        Known::Stripped => "stripped",
        Known::NotOffered => "not_offered",
    }
}

pub(crate) fn health(health: FeedHealth) -> &'static str {
    match health {
        FeedHealth::Fresh => "fresh",
        FeedHealth::Stale => "stale",
        FeedHealth::Missing => "missing",
        FeedHealth::Damaged => "damaged",
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Present => "present",
        Status::Unknown => "unknown",
        Status::NotApplicable => "not_applicable",
        Status::Failed => "failed",
        Status::Stripped => "stripped",
    }
}

fn kind(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::Malware => "malware",
        SignalKind::Beacon => "beacon",
        SignalKind::ProofOfConcept => "proof-of-concept",
        SignalKind::RiskyHabit => "risky-habit",
        SignalKind::Obfuscation => "obfuscation",
        SignalKind::Other => "other",
    }
}

fn artifact_kind(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::NpmTarball => "npm-tarball",
        ArtifactKind::Wheel => "wheel",
        ArtifactKind::Sdist => "sdist",
        ArtifactKind::LegacyPython => "legacy-python",
        ArtifactKind::Jar => "jar",
        ArtifactKind::Pom => "pom",
        ArtifactKind::Crate => "crate",
        ArtifactKind::GoModule => "go-module",
        ArtifactKind::Other => "other",
    }
}

impl std::fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Double(value) => write!(f, "{value:.2}"),
            Value::Text(text) => write!(f, "\"{}\"", bifocal_core::one_line(text, 120)),
            Value::Time(time) => write!(f, "{time}"),
            Value::Span(span) => write!(f, "{:.0}s", span.as_secs_f64()),
            Value::Null => f.write_str("null"),
            Value::List(items) if items.iter().all(|item| matches!(item, Value::Text(_))) => {
                let shown: Vec<String> = items.iter().take(5).map(ToString::to_string).collect();
                write!(f, "[{}{}]", shown.join(", "), if items.len() > 5 { ", …" } else { "" })
            }
            Value::List(items) => f.write_str(&bifocal_core::counted(items.len() as u64, "item", "items")),
            Value::Map(entries) => {
                let shown: Vec<String> = entries
                    .iter()
                    .take(5)
                    .map(|(k, v)| format!("{}: {}", bifocal_core::one_line(k, 40), bifocal_core::one_line(v, 80)))
                    .collect();
                write!(f, "{{{}{}}}", shown.join(", "), if entries.len() > 5 { ", …" } else { "" })
            }
            Value::Signal(signal) => write!(f, "{}", bifocal_core::one_line(&signal.id, 120)),
            Value::Artifact((file, ..)) => write!(f, "{}", bifocal_core::one_line(&file.filename, 120)),
        }
    }
}
