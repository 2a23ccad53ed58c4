//! The machine computes coins for somebody else.

use super::ask::{evidence, is_network, matching, says, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use crate::place::HostKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct Cryptominer;

impl Detector for Cryptominer {
    fn id(&self) -> &'static str {
        "behaviour/cryptominer"
    }

    fn describe(&self) -> &'static str {
        "a mining program is started or a mining pool is contacted"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let mines: Vec<&Fact> = matching(file, |fact| {
                let pool = fact.goes_to(|to| to.kind == HostKind::MiningPool);
                let miner = fact.capability == Capability::Spawn
                    && (says(fact, &["stratum+tcp://", "stratum+ssl://", "--donate-level", "--cpu-max-threads-hint"])
                        || (fact.api.starts_with("sh:")
                            && says(fact, &["xmrig", "minerd", "cpuminer", "nbminer", "ethminer"])
                            && says(fact, &["-o", "--url", "--pool", "-u"])));
                ((is_network(fact) || fact.capability == Capability::Spawn) && pool) || miner
            })
            .collect();
            if mines.is_empty() {
                continue;
            }
            let eager = strongest(&mines);
            let starts = mines.iter().any(|fact| fact.capability == Capability::Spawn);
            let weight = match (eager.on_load(), starts) {
                (true, true) => Weight::critical(0.95),
                (true, false) => Weight::malware(0.91),
                (false, true) => Weight::habit(Severity::Medium, 0.7),
                (false, false) => Weight::habit(Severity::Low, 0.4),
            };
            let message = format!("coins are mined {}", eager.phrase());
            report(out, self.id(), weight.for_fact(mines[0]), message, evidence(file, &mines));
        }
    }
}
