//! The code of another program is changed: a chat client, a wallet, another package beside this one.
//!
//! The trojan then lives in a program that is trusted and started every day. Tools that patch dependencies do it with
//! patches of their project, on command.

use super::ask::{evidence, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use crate::place::PathKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct ProgramTampering;

impl Detector for ProgramTampering {
    fn id(&self) -> &'static str {
        "behaviour/program-tampering"
    }

    fn describe(&self) -> &'static str {
        "the code of another installed program or package is overwritten"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let writes: Vec<&Fact> =
                matching(file, |fact| fact.capability == Capability::FileWrite && fact.path == Some(PathKind::OtherProgram)).collect();
            if writes.is_empty() {
                continue;
            }
            let eager = strongest(&writes);
            let foreign = writes.iter().any(|fact| fact.taint.has(Taint::NETWORK.with(Taint::DECODED)));
            let weight = match (eager.on_load(), foreign) {
                (true, _) => Weight::critical(0.95),
                (false, true) => Weight::malware(0.92),
                (false, false) => Weight::malware(0.9),
            };
            let message = format!("the code of another program is overwritten {}", eager.phrase());
            report(out, self.id(), weight.for_fact(writes[0]), message, evidence(file, &writes));
        }
    }
}
