//! Keystrokes are recorded and kept or sent.
//!
//! Hotkey tools listen for combinations, on their user's command, and keep nothing.

use super::ask::{carried, evidence, is_network, matching, strongest, to_drop};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct Keylogger;

impl Detector for Keylogger {
    fn id(&self) -> &'static str {
        "behaviour/keylogger"
    }

    fn describe(&self) -> &'static str {
        "keystrokes are recorded and sent or written down"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let listens: Vec<&Fact> = matching(file, |fact| fact.capability == Capability::Keylog).collect();
            if listens.is_empty() {
                continue;
            }
            let sends: Vec<&Fact> = matching(file, is_network).collect();
            let writes: Vec<&Fact> =
                matching(file, |fact| fact.capability == Capability::FileWrite && fact.taint.has(Taint::KEYS)).collect();
            let eager = strongest(&listens);
            let flows = carried(&sends).has(Taint::KEYS);
            let dropped = to_drop(facts, &sends) || file.shape.embedded_hook.is_some();
            let weight = match (eager.on_load(), flows, dropped) {
                (true, true, _) | (_, true, true) | (true, _, true) => Weight::critical(0.95),
                (true, false, false) if !sends.is_empty() || !writes.is_empty() => Weight::malware(0.91),
                (false, true, false) => Weight::habit(Severity::Medium, 0.7),
                (false, false, true) => Weight::habit(Severity::Medium, 0.7),
                (true, ..) => Weight::habit(Severity::Medium, 0.6),
                _ => continue,
            };
            let message = format!("keystrokes are recorded {}", eager.phrase());
            report(out, self.id(), weight.for_fact(listens[0]), message, evidence(file, &[listens, writes, sends].concat()));
        }
    }
}
