//! The fixed list of features by which an artifact is scored, and their values for one artifact.
//!
//! In: what the analysis knows of the artifact (facts, metadata, findings of detectors). Out: one number a feature, and
//! for those that are not zero the place where it was seen. All of them are zero for an empty package, and a higher value
//! never means less risk, except where [`Feature::calming`] says so. The list is documented in the model's card; names are
//! never reused for another meaning.

use super::Acting;
use super::about::About;
use super::acts::{ACTS, eagerness};
use super::package::{self, PACKAGE};
use super::pairs::{TELLING, TOGETHER};
use super::shapes::{self, SHAPES};
use crate::detector::detectors;
use crate::facts::{FileFacts, PackageFacts};
use crate::layout::Files;
use bifocal_core::{Evidence, Severity, SignalDraft, SignalKind, Status};

/// One number about an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Stable name; `finding:ID` for what detector ID found.
    pub name: String,
    /// What a value above zero means, as a phrase about the package ("starts a process").
    pub words: String,
    /// Whether it is of the kind that only describes (size, metadata) and says nothing about what the code does.
    pub describing: bool,
}

/// Where a value was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// Nowhere: the value is zero, or it is about the whole artifact.
    Whole,
    /// A fact, by file and fact.
    Fact(usize, usize),
    /// A line of a file.
    Line(usize, u32),
    /// A file that is not source.
    Other(usize),
    /// A finding of a detector.
    Finding(usize),
}

/// The values of all features, in the order of [`features`].
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) values: Vec<f64>,
    pub(super) spots: Vec<Spot>,
}

impl Measured {
    fn set(&mut self, at: usize, value: f64, spot: Spot) {
        if let (Some(have), Some(place)) = (self.values.get_mut(at), self.spots.get_mut(at))
            && value > *have
        {
            *have = value;
            *place = spot;
        }
    }
}

/// Features that sum up what detectors found, whichever they are.
const SUMS: [(&str, &str); 3] = [
    ("findings-malware", "has findings that point to malware"),
    ("findings-hiding", "has findings about beacons or hidden code"),
    ("findings-habit", "has risky habits"),
];

/// Every feature, in a fixed order: acts, combinations, counts, shapes, package, findings.
pub fn features() -> Vec<Feature> {
    let plain = |name: &str, words: &str, describing: bool| Feature { name: name.to_owned(), words: words.to_owned(), describing };
    let mut all: Vec<Feature> = ACTS.iter().map(|act| plain(act.name, act.words, false)).collect();
    all.extend(TOGETHER.iter().map(|pair| plain(pair.name, pair.words, false)));
    all.push(plain("telling-acts", "does several things in one file that honest code seldom does together", false));
    all.push(plain("telling-acts-at-install", "does several such things while it is installed", false));
    all.extend(SHAPES.iter().map(|shape| plain(shape.name, shape.words, false)));
    all.extend(PACKAGE.iter().map(|own| plain(own.name, own.words, own.describing)));
    all.extend(SUMS.iter().map(|(name, words)| plain(name, words, false)));
    all.extend(detectors().iter().map(|detector| plain(&format!("finding:{}", short(detector.id())), detector.describe(), false)));
    all
}

fn short(id: &str) -> &str {
    id.strip_prefix("behaviour/").unwrap_or(id)
}

/// Measures an artifact.
pub(super) fn measure(facts: &PackageFacts, about: &About, files: &Files<'_>, drafts: &[SignalDraft]) -> Measured {
    let detectors = detectors();
    let telling = ACTS.len() + TOGETHER.len();
    let shape_base = telling + 2;
    let package_base = shape_base + SHAPES.len();
    let sum_base = package_base + PACKAGE.len();
    let finding_base = sum_base + SUMS.len();
    let count = finding_base + detectors.len();
    let mut out = Measured { values: vec![0.0; count], spots: vec![Spot::Whole; count] };
    let mut much = (0, Spot::Whole);
    for (index, file) in facts.files.iter().enumerate() {
        let own = acts_of(facts, file);
        for (at, (step, fact)) in own.iter().enumerate() {
            out.set(at, f64::from(*step), Spot::Fact(index, *fact));
        }
        for (at, pair) in TOGETHER.iter().enumerate() {
            let parts = pair.parts.iter().map(|any| any.iter().map(|act| own[*act]).max_by_key(|(step, _)| *step).unwrap_or((0, 0)));
            let (step, fact) = parts.min_by_key(|(step, _)| *step).unwrap_or((0, 0));
            out.set(ACTS.len() + at, f64::from(step), Spot::Fact(index, fact));
        }
        for (at, least) in [(None, 1), (Some(telling), 2), (Some(telling + 1), 4)] {
            let seen: Vec<usize> = TELLING.iter().copied().filter(|act| own[*act].0 >= least).collect();
            let Some(first) = seen.first() else { continue };
            let spot = Spot::Fact(index, own[*first].1);
            match at {
                Some(at) => out.set(at, seen.len() as f64, spot),
                None if seen.len() > much.0 => much = (seen.len(), spot),
                None => {}
            }
        }
        for (at, shape) in SHAPES.iter().enumerate() {
            let (value, line) = shapes::of(shape, file, &own, files);
            out.set(shape_base + at, value, Spot::Line(index, line));
        }
    }
    package::measure(facts, about, files, much, |at, value, spot| out.set(package_base + at, value, spot));
    findings(drafts, &mut out, sum_base, finding_base);
    out
}

/// The most eager fact of each act in one file: its eagerness and which fact it is.
pub(super) type Own = [(u8, usize); ACTS.len()];

fn acts_of(facts: &PackageFacts, file: &FileFacts) -> Own {
    let mut own: Own = [(0, 0); ACTS.len()];
    for (index, fact) in file.facts.iter().enumerate() {
        let step = eagerness(fact.trigger);
        if step == 0 {
            continue;
        }
        for (at, act) in ACTS.iter().enumerate() {
            if step > own[at].0 && (act.test)(facts, fact) {
                own[at] = (step, index);
            }
        }
    }
    own
}

/// How heavy a finding is: 1 noted, 2 medium, 3 high, 4 holds by itself, 5 critical malware.
fn weight(draft: &SignalDraft) -> f64 {
    match (draft.kind, draft.severity) {
        (SignalKind::Malware, Severity::Critical) if draft.confidence >= 0.9 => 5.0,
        (SignalKind::Malware | SignalKind::Beacon | SignalKind::ProofOfConcept, Severity::High | Severity::Critical)
            if draft.confidence >= 0.9 =>
        {
            4.0
        }
        (_, Severity::High | Severity::Critical) => 3.0,
        (_, Severity::Medium) => 2.0,
        _ => 1.0,
    }
}

fn findings(drafts: &[SignalDraft], out: &mut Measured, sum_base: usize, finding_base: usize) {
    let detectors = detectors();
    let mut seen: [Vec<&str>; 3] = Default::default();
    for (index, draft) in drafts.iter().enumerate() {
        let Some(at) = detectors.iter().position(|detector| detector.id() == draft.id) else { continue };
        if draft.status != Status::Present {
            continue;
        }
        let weight = weight(draft);
        out.set(finding_base + at, weight, Spot::Finding(index));
        // What is merely mentioned, such as how little code there is, adds up to nothing.
        if weight < 2.0 {
            continue;
        }
        let sum = match draft.kind {
            _ if weight >= 4.0 => 0,
            SignalKind::Malware | SignalKind::Beacon | SignalKind::Obfuscation | SignalKind::ProofOfConcept => 1,
            _ => 2,
        };
        if let Some(ids) = seen.get_mut(sum) {
            if !ids.contains(&draft.id) {
                ids.push(draft.id);
            }
            out.set(sum_base + sum, ids.len() as f64, Spot::Finding(index));
        }
    }
}

/// How far the values are about acts, and not only about metadata, sizes and shapes.
pub(super) fn acting(values: &[f64]) -> Acting {
    let value = |at: usize| values.get(at).copied().unwrap_or_default();
    let most = TELLING.iter().map(|act| value(*act)).fold(0.0, f64::max);
    let sum_base = ACTS.len() + TOGETHER.len() + 2 + SHAPES.len() + PACKAGE.len();
    if most >= 3.0 || value(sum_base) > 0.0 {
        Acting::ByItself
    } else if most > 0.0 || value(sum_base + 1) > 0.0 {
        Acting::Somewhere
    } else {
        Acting::Nothing
    }
}

/// The evidence of a spot.
pub(super) fn evidence(facts: &PackageFacts, about: &About, drafts: &[SignalDraft], spot: Spot) -> Evidence {
    let found = match spot {
        Spot::Fact(file, fact) => facts.files.get(file).and_then(|file| file.facts.get(fact).map(|fact| file.evidence(fact))),
        Spot::Line(file, line) => facts.files.get(file).map(|file| Evidence::file(&file.path, line, 0, "")),
        Spot::Other(other) => facts.others.get(other).map(|other| Evidence::file(&other.path, 0, 0, "")),
        Spot::Finding(index) => drafts.get(index).and_then(|draft| draft.evidence.first().cloned()),
        Spot::Whole => None,
    };
    found.unwrap_or_else(|| Evidence::file(about.manifest.as_deref().unwrap_or(""), 0, 0, "the package as a whole"))
}

/// When the act behind a spot happens, in words; nothing where it is not an act.
pub(super) fn when(facts: &PackageFacts, spot: Spot) -> &'static str {
    match spot {
        Spot::Fact(file, fact) => facts.files.get(file).and_then(|file| file.facts.get(fact)).map_or("", |fact| fact.trigger.phrase()),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_words_are_there() {
        let all = features();
        let names: BTreeSet<&str> = all.iter().map(|feature| feature.name.as_str()).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.iter().all(|feature| !feature.words.is_empty() && !feature.words.ends_with('.')));
    }
}
