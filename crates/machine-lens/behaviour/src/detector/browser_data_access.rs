//! A browser's saved passwords or cookies are opened or unlocked while the package is installed or imported.

use super::ask::{evidence, is_network, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use crate::place::PathKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct BrowserDataAccess;

impl Detector for BrowserDataAccess {
    fn id(&self) -> &'static str {
        "behaviour/browser-data-access"
    }

    fn describe(&self) -> &'static str {
        "a browser's saved passwords or cookies are opened without being asked"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let reads: Vec<&Fact> = matching(file, |fact| match fact.capability {
                Capability::FileRead => fact.path == Some(PathKind::Browser),
                Capability::Unprotect => true,
                _ => false,
            })
            .collect();
            if reads.is_empty() {
                continue;
            }
            let eager = strongest(&reads);
            // Tools that take over a browser's session keep what they read, and do it when told to.
            let sends = facts.is_small() || file.shape.embedded_hook.is_some() || matching(file, is_network).next().is_some();
            let weight = match (eager.on_load(), file.shape.theft_words) {
                (true, _) => Weight::malware(0.92),
                (false, 8..) if sends => Weight::malware(0.9),
                (false, 3..) => Weight::habit(Severity::Medium, 0.6),
                (false, _) => Weight::habit(Severity::Low, 0.4),
            };
            let message = format!("a browser's saved passwords or cookies are opened {}", eager.phrase());
            report(out, self.id(), weight.for_fact(reads[0]), message, evidence(file, &reads));
        }
    }
}
