//! A class's static initialiser, or a processor inside the compiler, runs what the network answers.

use super::{Detector, Weight, evidence, is_network, matching, report};
use crate::facts::{Capability, Fact, Language, PackageFacts, Taint, Trigger};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct JvmStaticInitRemoteCode;

impl Detector for JvmStaticInitRemoteCode {
    fn id(&self) -> &'static str {
        "behaviour/jvm-static-init-remote-code"
    }

    fn describe(&self) -> &'static str {
        "a JVM static initialiser runs something from the network"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in facts.files.iter().filter(|file| file.language == Language::Jvm) {
            let runs: Vec<&Fact> =
                matching(file, |fact| matches!(fact.capability, Capability::Spawn | Capability::Eval) && fact.taint.has(Taint::NETWORK))
                    .collect();
            let Some(eager) = runs.iter().map(|fact| fact.trigger).min() else { continue };
            let talks: Vec<&Fact> = matching(file, is_network).collect();
            let loads_classes = runs.iter().all(|fact| fact.capability == Capability::Eval);
            let shady = talks.iter().any(|fact| fact.goes_to(|to| to.is_shady()));
            let weight = match (eager <= Trigger::StaticInit, loads_classes) {
                // A plugin of a build tool fetches tools when the build asks it to.
                (true, _) if eager == Trigger::BuildBackend && !shady => Weight::habit(Severity::Medium, 0.6),
                (true, _) if eager != Trigger::CompilerPlugin => Weight::critical(0.95),
                (true, _) => Weight::critical(0.93),
                // Class loaders over addresses are how containers and agents work.
                (false, true) => Weight::habit(Severity::Info, 0.4),
                (false, false) => Weight::habit(Severity::Medium, 0.6),
            };
            let message = format!("what a host answers is run {}", eager.phrase());
            report(out, self.id(), weight.for_fact(runs[0]), message, evidence(file, &[runs, talks].concat()));
        }
    }
}
