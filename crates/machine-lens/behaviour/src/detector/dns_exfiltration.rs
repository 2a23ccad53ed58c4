//! Data leaves as the name that a name server is asked for.
//!
//! Few firewalls look at it, and whoever owns the domain reads the questions. Looking up a host whose name is not known
//! in advance is ordinary; building the name out of secrets, host names or output of commands is not.

use super::ask::{carried, evidence, matching, strongest, taint_words, to_drop};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct DnsExfiltration;

impl Detector for DnsExfiltration {
    fn id(&self) -> &'static str {
        "behaviour/dns-exfiltration"
    }

    fn describe(&self) -> &'static str {
        "data leaves inside the names that name servers are asked for"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        const LOOT: Taint =
            Taint::SENSITIVE.with(Taint::ENVIRONMENT).with(Taint::HOST).with(Taint::PROCESS).with(Taint::FILE).with(Taint::KEYS);
        for file in &facts.files {
            let asks: Vec<&Fact> = matching(file, |fact| fact.capability == Capability::Dns && fact.taint.has(LOOT)).collect();
            if asks.is_empty() {
                continue;
            }
            let eager = strongest(&asks);
            let loot = carried(&asks).only(LOOT);
            let only_host = loot.without(Taint::HOST).is_none();
            let weight = match (eager.on_load(), only_host) {
                (true, false) => Weight::malware(0.93),
                (true, true) => Weight::of(SignalKind::Beacon, Severity::High, 0.92),
                (false, _) if to_drop(facts, &asks) => Weight::malware(0.9),
                (false, false) if loot.has(Taint::SENSITIVE.with(Taint::ENVIRONMENT)) => Weight::habit(Severity::Medium, 0.6),
                _ => continue,
            };
            let message = format!("{} leave as names that a name server is asked for, {}", taint_words(loot), eager.phrase());
            report(out, self.id(), weight.for_fact(asks[0]), message, evidence(file, &asks));
        }
    }
}
