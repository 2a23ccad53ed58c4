//! The difference lens: what a release gained and lost over an earlier one.
//!
//! In: the facts of two artifacts of one package. Out: [`Difference`]: changes with their places, and signals about what
//! was gained. The attack: a trojanised update. A maintainer's account or pipeline is taken over, and a release of a
//! trusted package gains an install script, a host, a program, a line of unreadable code (event-stream 2018, ua-parser-js
//! 2021, the xz tarballs 2024, the self-spreading npm releases of 2025). A look at the release alone has to tell it from
//! everything that packages of its kind do; a look at the difference only from what upgrades of one package do.
//!
//! Single gains annotate, since honest upgrades have them. Only combinations that honest upgrades practically never have
//! are held, all under one id, `behaviour/update-attack-shape`.

mod changes;
mod dependencies;
mod fresh;
mod shapes;
mod signals;
mod summary;

pub(crate) use summary::summary;

use bifocal_core::{ArtifactFacts, BehaviourSummary, Evidence, Signal, SignalKind, Status, When};
use serde::{Deserialize, Serialize};

/// Ids of the signals that a comparison makes; a single artifact has none of them.
pub(crate) const IDS: [&str; 11] = [
    "behaviour/update-attack-shape",
    "behaviour/update-gained-binary",
    "behaviour/update-gained-dependency",
    "behaviour/update-gained-execution",
    "behaviour/update-gained-host",
    "behaviour/update-gained-install-script",
    "behaviour/update-gained-network-at-import",
    "behaviour/update-gained-network-at-install",
    "behaviour/update-gained-opaque-code",
    "behaviour/update-gained-page-hook",
    "behaviour/update-gained-secret-access",
];

/// Whether something came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// The new release has it, the old one had not.
    Gained,
    /// The old release had it, the new one has not.
    Lost,
}

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A lifecycle script, or a file that runs at install or at interpreter start.
    InstallScript,
    /// A capability at a trigger that the whole package did not have there.
    Capability,
    /// One more act of a kind that the package had already, in code that is new, run without a caller.
    Act,
    /// A host that is named in an act.
    Host,
    /// A program or library of some system.
    Binary,
    /// Obfuscated code, or code out of sight.
    OpaqueCode,
    /// The browser's request functions are replaced, or wallet addresses are matched.
    PageHook,
    /// A dependency.
    Dependency,
    /// A malware-class finding of the behaviour lens.
    Finding,
}

/// One fact gained or lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Gained or lost.
    pub kind: ChangeKind,
    /// What it is about.
    pub subject: Subject,
    /// When it runs, where that means something.
    pub when: Option<When>,
    /// In words, without a trailing stop. May contain hostile text.
    pub detail: String,
    /// Places in the new artifact (gained) or the old one (lost).
    pub evidence: Vec<Evidence>,
}

/// What changed between two artifacts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Difference {
    /// Facts gained, then facts lost, each in order of subject, trigger and place.
    pub changes: Vec<Change>,
    /// Signals about the gains, and the malware-class signals of the new artifact that the old one had not, by id and
    /// fingerprint.
    pub signals: Vec<Signal>,
    /// Neither summary was cut, so that nothing is missing here.
    pub complete: bool,
}

/// Compares two artifacts of one package. Pure; the same two give the same result.
///
/// # Errors
/// The name of the side that has no summary, because its analysis broke off.
pub fn compare(old: &ArtifactFacts, new: &ArtifactFacts) -> Result<Difference, &'static str> {
    let before = usable(old).ok_or("old")?;
    let after = usable(new).ok_or("new")?;
    let view = fresh::View::of(before, after, old.manifest.version.as_deref(), new.manifest.version.as_deref());
    let mut changes = changes::gained_and_lost(&view);
    let mut drafts = signals::of(&view);
    drafts.extend(shapes::held(&view));
    let mut signals: Vec<Signal> = drafts.into_iter().map(|draft| draft.finish(Some(new.sha256))).collect();
    for signal in new_findings(old, new, &view) {
        changes.push(Change {
            kind: ChangeKind::Gained,
            subject: Subject::Finding,
            when: None,
            detail: format!("{}: {}", signal.id, signal.message),
            evidence: signal.evidence.clone(),
        });
        signals.push(signal.clone());
    }
    changes.sort_by(|a, b| (a.kind, a.subject, a.when, &a.detail).cmp(&(b.kind, b.subject, b.when, &b.detail)));
    signals.sort_by(|a, b| (&a.id, &a.fingerprint).cmp(&(&b.id, &b.fingerprint)));
    Ok(Difference { changes, signals, complete: before.complete && after.complete })
}

/// A summary of the form that this program understands.
fn usable(facts: &ArtifactFacts) -> Option<&BehaviourSummary> {
    facts.summary.as_ref().filter(|summary| summary.version == BehaviourSummary::VERSION)
}

/// Malware-class and failed findings that the old artifact had not: by id and code, wherever the line moved.
fn new_findings<'n>(old: &ArtifactFacts, new: &'n ArtifactFacts, view: &fresh::View<'_>) -> Vec<&'n Signal> {
    let key = |signal: &Signal, side: fresh::Side| {
        let mut places: Vec<String> = signal.evidence.iter().map(|place| view.place_key(place, side)).collect();
        places.sort();
        places
    };
    let known: Vec<(&str, Vec<String>)> = old.signals.iter().map(|signal| (signal.id.as_str(), key(signal, fresh::Side::Old))).collect();
    let counts = |signals: &[Signal], id: &str| signals.iter().filter(|signal| signal.id == id && signal.is_malware_class()).count();
    new.signals
        .iter()
        .filter(|signal| (signal.kind == SignalKind::Malware && signal.is_malware_class()) || signal.status == Status::Failed)
        .filter(|signal| {
            let places = key(signal, fresh::Side::New);
            !known.iter().any(|(id, have)| *id == signal.id && *have == places)
        })
        // Code of a bundle is renamed with each release: as many findings of a kind as before are the ones from before.
        .filter(|signal| signal.status == Status::Failed || counts(&new.signals, &signal.id) > counts(&old.signals, &signal.id))
        .collect()
}
