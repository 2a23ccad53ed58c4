//! One number for an artifact: how likely it is that its code is malicious.
//!
//! In: facts, findings and metadata. Out: a calibrated risk in 0..1, and above the thresholds of its ecosystem a signal
//! that says in words which features made it so high, each with its place. The model is a file of small trees over named
//! features (`model/risk.json`), trained by `lab/model/train.py`; the card in the documentation says on what, with which
//! rates of false alarms, and what it must not be used for.

mod about;
mod acts;
mod features;
mod forest;
mod package;
mod pairs;
mod shapes;

pub use features::{Feature, features};
pub use forest::{Model, ModelError, Thresholds};

use crate::facts::PackageFacts;
use crate::layout::Files;
use about::About;
use bifocal_core::{Evidence, Lens, Severity, SignalDraft, SignalKind, Status, one_line};
use features::{Measured, Spot};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// The id of the score's signal.
pub(crate) const RISK_SCORE: &str = "behaviour/risk-score";

/// Features that are named in the signal.
const MAX_REASONS: usize = 4;
/// A part of the margin smaller than this is not worth a word.
const LEAST_REASON: f64 = 0.15;

/// What the model says of an artifact.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// The values of all features, in the order of [`features`].
    pub(crate) values: Vec<f64>,
    /// The calibrated risk; `None` when the shipped model cannot be used, which a test excludes.
    pub(crate) risk: Option<f64>,
    /// What the level may rest on.
    pub(crate) acts: Acting,
    /// Above a threshold: the signal.
    pub(crate) signal: Option<SignalDraft>,
}

/// What code was seen to do, which bounds the level of the score: metadata and shape alone never hold or deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acting {
    /// Nothing that honest code seldom does: at most noted.
    #[default]
    Nothing,
    /// Such an act, or a finding, somewhere: at most noted, since somebody has to call it.
    Somewhere,
    /// Such an act at import or installation, or a finding that holds by itself: may be held and denied.
    ByItself,
}

/// The model that is shipped with this program.
pub fn shipped() -> Result<&'static Model, ModelError> {
    static MODEL: OnceLock<Result<Model, ModelError>> = OnceLock::new();
    let model = MODEL.get_or_init(|| {
        let known: Vec<String> = catalogue().iter().map(|feature| feature.name.clone()).collect();
        Model::read(include_str!("../../model/risk.json"), &known)
    });
    model.as_ref().map_err(Clone::clone)
}

fn catalogue() -> &'static [Feature] {
    static ALL: OnceLock<Vec<Feature>> = OnceLock::new();
    ALL.get_or_init(features)
}

/// Measures and scores an artifact.
pub(crate) fn judge(facts: &PackageFacts, files: &Files<'_>, drafts: &[SignalDraft]) -> Judged {
    let about = About::of(facts.ecosystem, files);
    let measured = features::measure(facts, &about, files, drafts);
    let Ok(model) = shipped() else {
        return Judged { acts: features::acting(&measured.values), values: measured.values, ..Judged::default() };
    };
    let (margin, added) = model.margin(&measured.values);
    let risk = model.risk(margin);
    let acts = features::acting(&measured.values);
    let level = level(risk, acts, model.thresholds(facts.ecosystem));
    let signal = level.map(|(severity, kind)| {
        let (message, evidence) = explain(facts, &about, drafts, &measured, &added, risk);
        SignalDraft { id: RISK_SCORE, lens: Lens::Behaviour, status: Status::Present, severity, confidence: risk, kind, message, evidence }
    });
    Judged { values: measured.values, risk: Some(risk), acts, signal }
}

/// Severity and kind of the signal: the highest threshold that the risk reaches and that what was seen allows.
fn level(risk: f64, acts: Acting, at: Thresholds) -> Option<(Severity, SignalKind)> {
    if risk >= at.deny && acts >= Acting::ByItself {
        Some((Severity::Critical, SignalKind::Malware))
    } else if risk >= at.hold && acts >= Acting::ByItself {
        Some((Severity::High, SignalKind::Malware))
    } else if risk >= at.annotate {
        Some((Severity::Medium, SignalKind::RiskyHabit))
    } else {
        None
    }
}

/// The features that raised the risk most, in words, and their places.
fn explain(
    facts: &PackageFacts,
    about: &About,
    drafts: &[SignalDraft],
    measured: &Measured,
    added: &[f64],
    risk: f64,
) -> (String, Vec<Evidence>) {
    let mut parts: Vec<(usize, f64)> = added.iter().copied().enumerate().filter(|(_, part)| *part > 0.0).collect();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut words: Vec<String> = Vec::new();
    let mut places: Vec<Evidence> = Vec::new();
    for (at, part) in &parts {
        if words.len() >= MAX_REASONS || (*part < LEAST_REASON && !words.is_empty()) {
            break;
        }
        let (Some(feature), Some(spot), Some(value)) = (catalogue().get(*at), measured.spots.get(*at), measured.values.get(*at)) else {
            continue;
        };
        // A thing that is not there may raise the risk too; a person has no use for it.
        if *value <= 0.0 {
            continue;
        }
        let phrase = match (*spot, feature.name.as_str()) {
            (_, "missing-about" | "missing-about-and-acts") => format!("{} (no {})", feature.words, about.missing_words()),
            (Spot::Finding(_), _) if feature.name.starts_with("finding:") => format!("a detector found that {}", feature.words),
            (spot, _) => format!("{} {}", feature.words, features::when(facts, spot)).trim_end().to_owned(),
        };
        words.push(format!("{phrase} (+{part:.1})"));
        let place = features::evidence(facts, about, drafts, *spot);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    if places.is_empty() {
        places.push(features::evidence(facts, about, drafts, Spot::Whole));
    }
    let reasons = if words.is_empty() { "no single feature stands out".to_owned() } else { words.join("; ") };
    (one_line(&format!("risk {risk:.3}: the package {reasons}"), 400), places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_model_fits_the_features_and_the_version_of_the_analyser() {
        let model = shipped().unwrap();
        assert!(crate::ANALYSER.ends_with(&format!("+risk-{}", model.version())), "{}", crate::ANALYSER);
    }

    #[test]
    fn a_score_without_an_act_that_nobody_asked_for_is_noted_at_most() {
        let at = Thresholds { annotate: 0.5, hold: 0.8, deny: 0.9 };
        let severity = |risk, acts| level(risk, acts, at).map(|(severity, _)| severity);
        assert_eq!(severity(0.999, Acting::Nothing), Some(Severity::Medium));
        assert_eq!(severity(0.999, Acting::Somewhere), Some(Severity::Medium));
        assert_eq!(severity(0.999, Acting::ByItself), Some(Severity::Critical));
        assert_eq!(severity(0.85, Acting::ByItself), Some(Severity::High));
        assert_eq!(severity(0.6, Acting::ByItself), Some(Severity::Medium));
        assert_eq!(severity(0.4, Acting::ByItself), None);
    }

    #[test]
    fn acts_bound_the_level_wherever_they_are_seen() {
        let with = |name: &str, value: f64| {
            let mut values = vec![0.0; catalogue().len()];
            values[catalogue().iter().position(|feature| feature.name == name).unwrap()] = value;
            features::acting(&values)
        };
        assert_eq!(with("missing-about", 5.0), Acting::Nothing);
        assert_eq!(with("environment", 1.0), Acting::Somewhere);
        assert_eq!(with("spawn", 4.0), Acting::ByItself);
        assert_eq!(with("findings-malware", 1.0), Acting::ByItself);
        assert_eq!(with("findings-hiding", 1.0), Acting::Somewhere);
    }

    #[test]
    fn an_empty_package_has_no_risk_worth_a_word() {
        let built = crate::package::build(
            None,
            "",
            &Files::new(),
            &crate::analysis::Sizes::new(),
            &crate::nested::Nested::default(),
            &bifocal_core::AnalysisLimits::default(),
        );
        let judged = judge(&built.facts, &Files::new(), &[]);
        assert!(judged.signal.is_none() && judged.risk.unwrap() < 0.5, "{:?}", judged.risk);
    }
}
