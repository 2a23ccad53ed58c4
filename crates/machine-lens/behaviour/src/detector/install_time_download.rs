//! An install script, `setup.py` or build hook fetches a file and runs it.

use super::{Detector, Origin, Weight, checks_digest, evidence, is_network, matching, origin, report, strongest};
use crate::facts::{Capability, Fact, Language, PackageFacts, Taint, Trigger};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct InstallTimeDownload;

impl Detector for InstallTimeDownload {
    fn id(&self) -> &'static str {
        "behaviour/install-time-download"
    }

    fn describe(&self) -> &'static str {
        "installing the package downloads a program and runs it"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        // Classes have a detector of their own.
        for file in facts.files.iter().filter(|file| file.language != Language::Jvm) {
            let runs: Vec<&Fact> = matching(file, |fact| {
                (fact.trigger <= Trigger::BuildBackend || fact.trigger == Trigger::InterpreterStart)
                    && fact.capability == Capability::Spawn
                    && fact.taint.has(Taint::DROPPED)
                    && fact.taint.has(Taint::NETWORK)
            })
            .collect();
            if runs.is_empty() {
                continue;
            }
            let fetches: Vec<&Fact> = matching(file, is_network).collect();
            let weight = match (origin(facts, file), checks_digest(file)) {
                (Origin::Shady, _) => Weight::malware(0.96),
                (Origin::Own, _) | (_, true) => Weight::habit(Severity::Medium, 0.6),
                (Origin::Foreign, false) => Weight::malware(0.91),
                (Origin::Unknown, false) => Weight::habit(Severity::Medium, 0.75),
            };
            let weight = weight.for_fact(runs[0]);
            let message = format!("a file is downloaded and run {}", strongest(&runs).phrase());
            report(out, self.id(), weight, message, evidence(file, &[runs, fetches].concat()));
        }
    }
}
