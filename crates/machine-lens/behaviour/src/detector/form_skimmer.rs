//! What a person types into a page goes to a host that is not the page's.
//!
//! Libraries for forms read fields, libraries for measurements send. The content of fields or keystrokes, sent to an
//! address that the package brings along, is skimming.

use super::ask::{evidence, is_network, matching, strongest, to_drop};
use super::{Detector, Weight, report};
use crate::facts::{Fact, PackageFacts, Taint};
use crate::place::HostKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct FormSkimmer;

impl Detector for FormSkimmer {
    fn id(&self) -> &'static str {
        "behaviour/form-skimmer"
    }

    fn describe(&self) -> &'static str {
        "what is typed into a page is sent to a fixed address"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let sends: Vec<&Fact> = matching(file, |fact| {
                is_network(fact)
                    && fact.taint.has(Taint::FORM)
                    && fact.goes_to(|to| !to.host.contains('…') && to.kind != HostKind::Local && !facts.is_own(to))
            })
            .collect();
            if sends.is_empty() {
                continue;
            }
            let eager = strongest(&sends);
            let keys = sends.iter().any(|fact| fact.taint.has(Taint::KEYS));
            let weight = match (to_drop(facts, &sends), keys && eager.on_load()) {
                (true, _) if eager.on_load() => Weight::malware(0.92),
                (_, true) => Weight::habit(Severity::Medium, 0.7),
                _ => Weight::habit(Severity::Low, 0.5),
            };
            let message = format!("what is typed into a page is sent to a fixed address {}", eager.phrase());
            report(out, self.id(), weight.for_fact(sends[0]), message, evidence(file, &sends));
        }
    }
}
