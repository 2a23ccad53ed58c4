//! Files are destroyed for people of one country or language.
//!
//! Known as protestware. The act is a wipe like any other; that it asks where it is makes the intention plain.

use super::ask::{evidence, matching, strongest};
use super::{Detector, Weight, destructive_wipe::is_wipe, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct GeographicWiper;

impl Detector for GeographicWiper {
    fn id(&self) -> &'static str {
        "behaviour/geographic-wiper"
    }

    fn describe(&self) -> &'static str {
        "files are destroyed depending on country or language"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let wipes: Vec<&Fact> = matching(file, |fact| {
                fact.gate.has(Taint::REGION)
                    && (is_wipe(fact)
                        || fact.capability == Capability::DeleteTree
                        || (fact.capability == Capability::FileWrite && fact.taint.has(Taint::ENCRYPTED)))
            })
            .collect();
            if wipes.is_empty() {
                continue;
            }
            let eager = strongest(&wipes);
            let weight = if eager.on_load() || wipes.iter().any(|fact| is_wipe(fact)) {
                Weight::critical(0.95)
            } else {
                Weight::habit(Severity::Medium, 0.6)
            };
            let message = format!("whether files are destroyed {} depends on the country or language", eager.phrase());
            report(out, self.id(), weight.for_fact(wipes[0]), message, evidence(file, &wipes));
        }
    }
}
