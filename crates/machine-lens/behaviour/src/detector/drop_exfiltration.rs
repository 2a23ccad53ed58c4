//! Files, output of commands or keys go to a place where anybody may leave things: a paste, a file host, a request bin.
//!
//! Libraries of such places upload what their user hands them, to the place that is their purpose.

use super::ask::{carried, evidence, is_network, matching, strongest, taint_words};
use super::{Detector, Weight, report};
use crate::facts::{Fact, PackageFacts, Taint};
use crate::place::Destination;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct DropExfiltration;

impl Detector for DropExfiltration {
    fn id(&self) -> &'static str {
        "behaviour/drop-exfiltration"
    }

    fn describe(&self) -> &'static str {
        "files or output of commands are uploaded to an anonymous place"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        const LOOT: Taint = Taint::SENSITIVE.with(Taint::FILE).with(Taint::PROCESS).with(Taint::CLIPBOARD).with(Taint::SELF_PATH);
        for file in &facts.files {
            let sends: Vec<&Fact> =
                matching(file, |fact| is_network(fact) && fact.taint.has(LOOT) && fact.goes_to(|to| is_anonymous(to) && !facts.is_own(to)))
                    .collect();
            if sends.is_empty() {
                continue;
            }
            let eager = strongest(&sends);
            let loot = carried(&sends).only(LOOT);
            let weight = if loot.has(Taint::SENSITIVE) {
                Weight::critical(0.95)
            } else if eager.on_load() {
                Weight::malware(0.93)
            } else {
                Weight::habit(Severity::Medium, 0.5)
            };
            let host = sends.iter().flat_map(|fact| &fact.destinations).find(|to| is_anonymous(to)).map_or("", |to| to.host.as_str());
            let message = format!("{} go to {host} {}", taint_words(loot), eager.phrase());
            report(out, self.id(), weight.for_fact(sends[0]), message, evidence(file, &sends));
        }
    }
}

fn is_anonymous(to: &Destination) -> bool {
    to.is_shady()
}
