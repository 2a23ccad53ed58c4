//! Several facts about the machine are collected, and something is sent, where nobody asked for either.
//!
//! The data's own way could not be followed; that would be `environment-exfiltration`. Reporting where a package was
//! installed is what researchers' proofs and scouts of an attack have in common.

use super::ask::{evidence, is_network, matching, strongest, to_drop};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use crate::place::HostKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};
use std::collections::BTreeSet;

/// See the module.
pub(super) struct FingerprintBeacon;

impl Detector for FingerprintBeacon {
    fn id(&self) -> &'static str {
        "behaviour/fingerprint-beacon"
    }

    fn describe(&self) -> &'static str {
        "the machine is described and something is sent, at install or import"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Beacon
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let asks: Vec<&Fact> = matching(file, |fact| {
                fact.trigger.on_load()
                    && (matches!(fact.capability, Capability::HostInfo | Capability::EnvironmentBulk)
                        || (is_network(fact) && fact.goes_to(|to| to.kind == HostKind::AddressEcho)))
            })
            .collect();
            let distinct: BTreeSet<&str> = asks.iter().map(|fact| fact.api.as_str()).collect();
            let sends: Vec<&Fact> = matching(file, |fact| {
                fact.trigger.on_load()
                    && is_network(fact)
                    && !fact.goes_to(|to| matches!(to.kind, HostKind::AddressEcho | HostKind::Local))
                    && !fact.goes_to(|to| facts.is_own(to))
            })
            .collect();
            if distinct.len() < 2 || sends.is_empty() {
                continue;
            }
            let carries = sends.iter().any(|fact| fact.taint.has(Taint::HOST.with(Taint::ENVIRONMENT)));
            let eager = strongest(&sends);
            let (severity, confidence) = match (to_drop(facts, &sends), carries || distinct.len() >= 3) {
                (true, _) => (Severity::High, 0.92),
                (false, true) if eager.is_automatic() => (Severity::High, 0.85),
                (false, true) => (Severity::Medium, 0.7),
                (false, false) => (Severity::Low, 0.5),
            };
            let message = format!("the machine is described by {} facts and something is sent {}", distinct.len(), eager.phrase());
            report(out, self.id(), Weight::of(SignalKind::Beacon, severity, confidence), message, evidence(file, &[sends, asks].concat()));
        }
    }
}
