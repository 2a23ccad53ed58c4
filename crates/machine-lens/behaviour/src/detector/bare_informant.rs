//! A package of little else tells a foreign host about the machine: its names, its address, what commands print.
//!
//! Programs report such things when their user wants them to, to the project's own host. A few small files that gather them
//! for somebody whom the manifest does not name are an informant.

use super::ask::{carried, evidence, is_network, matching, outside, strongest, taint_words, to_drop};
use super::{Detector, Weight, report};
use crate::facts::{Fact, PackageFacts, Taint};
use crate::place::HostKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct BareInformant;

impl Detector for BareInformant {
    fn id(&self) -> &'static str {
        "behaviour/bare-informant"
    }

    fn describe(&self) -> &'static str {
        "a small package sends facts about the machine to a foreign host"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        const SPIED: Taint = Taint::PROCESS.with(Taint::CLIPBOARD).with(Taint::SPIED).with(Taint::ENVIRONMENT);
        for file in &facts.files {
            let sends: Vec<&Fact> = matching(file, |fact| {
                is_network(fact) && outside(facts, fact) && !fact.goes_to(|to| to.kind == HostKind::AddressEcho)
            })
            .collect();
            if sends.is_empty() {
                continue;
            }
            let told: Vec<&Fact> = sends
                .iter()
                .copied()
                .filter(|fact| fact.taint.has(SPIED.with(Taint::HOST)) && (fact.trigger.on_load() || !signs_in(fact)))
                .collect();
            let asks: Vec<&Fact> =
                matching(file, |fact| is_network(fact) && fact.goes_to(|to| to.kind == HostKind::AddressEcho)).collect();
            let (shown, eager) = match (told.is_empty(), asks.is_empty()) {
                (false, _) => (told.clone(), strongest(&told)),
                (true, false) => ([asks.clone(), sends.clone()].concat(), strongest(&sends).max(strongest(&asks))),
                (true, true) => continue,
            };
            let data = carried(&told);
            let small = facts.is_small();
            let weight = if small && data.has(SPIED) && !eager.on_load() {
                Weight::malware(0.9)
            } else if eager.on_load() && data.has(SPIED) {
                Weight::malware(if small { 0.93 } else { 0.9 })
            } else if eager.on_load() || (small && to_drop(facts, &sends)) {
                Weight::of(SignalKind::Beacon, Severity::High, 0.9)
            } else {
                continue;
            };
            let what = if told.is_empty() { "the machine's public address".to_owned() } else { taint_words(data.only(SPIED.with(Taint::HOST))) };
            let message = format!("{what} is gathered and a foreign host is told {}", eager.phrase());
            report(out, self.id(), weight.for_fact(shown[0]), message, evidence(file, &shown));
        }
    }
}

/// A client that names its device and brings an account's password, perhaps from a key store's command: a service that
/// its user signed up for.
fn signs_in(fact: &Fact) -> bool {
    fact.args.iter().any(|arg| arg.starts_with("auth="))
}
