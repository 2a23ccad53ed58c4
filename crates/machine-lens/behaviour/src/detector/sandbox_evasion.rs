//! The code looks for people who would watch it, and does what it does when there is none.
//!
//! Debuggers and test tools ask for debuggers, too. Names of analysts' tools beside a payload are no coincidence.

use super::ask::{evidence, is_network, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct SandboxEvasion;

impl Detector for SandboxEvasion {
    fn id(&self) -> &'static str {
        "behaviour/sandbox-evasion"
    }

    fn describe(&self) -> &'static str {
        "virtual machines and analysts' tools are looked for before something is run or sent"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let words = file.shape.watcher_words;
            let probes: Vec<&Fact> = matching(file, |fact| fact.capability == Capability::Probe).collect();
            let acts: Vec<&Fact> = matching(file, |fact| {
                is_network(fact) || matches!(fact.capability, Capability::Spawn | Capability::Eval | Capability::Unprotect)
            })
            .collect();
            if acts.is_empty() || (words < 3 && probes.is_empty()) {
                continue;
            }
            let eager = strongest(&acts);
            let weight = match (words, probes.is_empty(), eager.on_load()) {
                (6.., _, true) | (3.., false, true) => Weight::malware(0.92),
                (6.., false, false) => Weight::malware(0.9),
                (3.., _, _) => Weight::of(SignalKind::Obfuscation, Severity::Medium, 0.7),
                (_, false, true) => Weight::habit(Severity::Low, 0.4),
                _ => continue,
            };
            let message = format!("somebody who watches is looked for, {}", eager.phrase());
            let shown = [probes, acts].concat();
            report(out, self.id(), weight.for_fact(shown[0]), message, evidence(file, &shown));
        }
    }
}
