//! Wallet addresses are exchanged on their way: in the clipboard, or in a page's own requests.

use super::{Detector, Weight, evidence, matching, report, strongest};
use crate::facts::{Capability, Fact, PackageFacts};
use bifocal_core::{Evidence, Severity, SignalDraft};

/// See the module.
pub(super) struct ClipboardSwap;

impl Detector for ClipboardSwap {
    fn id(&self) -> &'static str {
        "behaviour/clipboard-swap"
    }

    fn describe(&self) -> &'static str {
        "wallet addresses are replaced in the clipboard or in requests"
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
            } else if file.shape.hooks_requests
                && let Some(line) = file.shape.wallet_pattern
                && file.trigger.on_load()
            {
                let place = Evidence::file(&file.path, line, 0, "a pattern for wallet addresses beside replaced request functions");
                report(
                    out,
                    self.id(),
                    Weight::habit(Severity::Medium, 0.7),
                    "the page's request functions are replaced beside patterns for wallet addresses".to_owned(),
                    vec![place],
                );
            }
        }
    }
}
