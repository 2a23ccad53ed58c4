//! The keyboard, the screen, the camera or the clipboard is watched and the result sent away.

use super::{Detector, Weight, evidence, is_network, matching, report, strongest, taint_words};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use crate::place::Destination;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct Surveillance;

impl Detector for Surveillance {
    fn id(&self) -> &'static str {
        "behaviour/surveillance"
    }

    fn describe(&self) -> &'static str {
        "keyboard, screen, camera or clipboard are watched and the result is sent away"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let watches: Vec<&Fact> =
                matching(file, |fact| matches!(fact.capability, Capability::Keylog | Capability::Capture | Capability::ClipboardRead))
                    .collect();
            let sends: Vec<&Fact> = matching(file, is_network).collect();
            if watches.is_empty() || sends.is_empty() {
                continue;
            }
            let taint = sends.iter().fold(Taint::NONE, |all, fact| all.with(fact.taint));
            let flows = taint.has(Taint::SPIED.with(Taint::CLIPBOARD));
            let to_drop = file.shape.embedded_hook.is_some() || sends.iter().any(|fact| fact.goes_to(Destination::is_drop));
            let eager = strongest(&watches);
            let weight = match (flows, to_drop, eager.is_automatic()) {
                (true, true, _) | (_, true, true) => Weight::critical(0.95),
                (true, _, true) => Weight::malware(0.93),
                (true, false, false) => Weight::habit(Severity::Medium, 0.6),
                _ => Weight::habit(Severity::Low, 0.4),
            };
            let what = if flows {
                taint_words(Taint(taint.0 & Taint::SPIED.with(Taint::CLIPBOARD).0))
            } else {
                "keyboard, screen or clipboard".to_owned()
            };
            let message = format!("{what} watched {} beside code that sends data", eager.phrase());
            report(out, self.id(), weight.for_fact(watches[0]), message, evidence(file, &[watches, sends].concat()));
        }
    }
}
