//! Machine code is placed in memory and run there.

use super::{Detector, Weight, evidence, matching, report, strongest};
use crate::facts::{Capability, Fact, PackageFacts};
use bifocal_core::{Severity, SignalDraft, SignalKind};
use std::collections::BTreeSet;

/// See the module.
pub(super) struct MemoryInjection;

impl Detector for MemoryInjection {
    fn id(&self) -> &'static str {
        "behaviour/memory-injection"
    }

    fn describe(&self) -> &'static str {
        "machine code is placed in memory and run"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let uses: Vec<&Fact> = matching(file, |fact| fact.capability == Capability::NativeMemory).collect();
            let distinct: BTreeSet<&str> = uses.iter().map(|fact| fact.api.as_str()).collect();
            if distinct.len() < 2 {
                continue;
            }
            let eager = strongest(&uses);
            let weight = if eager.on_load() { Weight::critical(0.94) } else { Weight::habit(Severity::Medium, 0.6) };
            let message = format!("memory is allocated, filled and run as machine code {}", eager.phrase());
            report(out, self.id(), weight.for_fact(uses[0]), message, evidence(file, &uses));
        }
    }
}
