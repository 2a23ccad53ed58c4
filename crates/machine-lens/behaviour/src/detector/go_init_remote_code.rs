//! A Go package's `init` or package variable runs what the network answers, in every program that imports it.

use super::{Detector, Weight, evidence, is_network, matching, report};
use crate::facts::{Capability, Fact, Language, PackageFacts, Taint, Trigger};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct GoInitRemoteCode;

impl Detector for GoInitRemoteCode {
    fn id(&self) -> &'static str {
        "behaviour/go-init-remote-code"
    }

    fn describe(&self) -> &'static str {
        "a Go package's init runs something from the network"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in facts.files.iter().filter(|file| file.language == Language::Go) {
            let runs: Vec<&Fact> =
                matching(file, |fact| matches!(fact.capability, Capability::Spawn | Capability::Eval) && fact.taint.has(Taint::NETWORK))
                    .collect();
            let Some(eager) = runs.iter().map(|fact| fact.trigger).min() else { continue };
            let talks: Vec<&Fact> = matching(file, is_network).collect();
            let weight = if eager <= Trigger::Import { Weight::critical(0.95) } else { Weight::habit(Severity::Medium, 0.6) };
            let message = format!("what a host answers is run {}", eager.phrase());
            report(out, self.id(), weight.for_fact(runs[0]), message, evidence(file, &[runs, talks].concat()));
        }
    }
}
