//! Wallet addresses are exchanged on their way: in the clipboard.

use super::{Detector, Weight, evidence, matching, report, strongest};
use crate::facts::{Capability, Fact, PackageFacts};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct ClipboardSwap;

impl Detector for ClipboardSwap {
    fn id(&self) -> &'static str {
        "behaviour/clipboard-swap"
    }

    fn describe(&self) -> &'static str {
        "wallet addresses are replaced in the clipboard"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let reads: Vec<&Fact> = matching(file, |fact| fact.capability == Capability::ClipboardRead).collect();
            let writes: Vec<&Fact> = matching(file, |fact| fact.capability == Capability::ClipboardWrite).collect();
            if !reads.is_empty() && !writes.is_empty() {
                let eager = strongest(&[reads.clone(), writes.clone()].concat());
                let weight = match (file.shape.wallet_pattern.is_some(), eager.is_automatic()) {
                    (true, _) => Weight::critical(0.95),
                    (false, true) => Weight::habit(Severity::Medium, 0.7),
                    (false, false) => continue,
                };
                let message = format!("the clipboard is read, matched against wallet addresses and written again {}", eager.phrase());
                report(out, self.id(), weight.for_fact(reads[0]), message, evidence(file, &[reads, writes].concat()));
            }
        }
    }
}
