//! What would be conspicuous happens for some machines only: not on build servers, not in one country, not before a date.
//!
//! Conditions are everywhere, and so is leaving something out on a build server. What counts is a condition of that kind
//! around an act that has no honest reason by itself.

use super::ask::{evidence, is_network, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct ConditionalPayload;

impl Detector for ConditionalPayload {
    fn id(&self) -> &'static str {
        "behaviour/conditional-payload"
    }

    fn describe(&self) -> &'static str {
        "a suspicious act happens only for some machines, places or times"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let gated: Vec<&Fact> = matching(file, |fact| fact.trigger.on_load() && !fact.gate.is_none() && is_act(facts, fact)).collect();
            if gated.is_empty() {
                continue;
            }
            let gate = gated.iter().fold(Taint::NONE, |all, fact| all.with(fact.gate));
            let only_clock = gate.without(Taint::CLOCK).is_none();
            let shady = gated.iter().any(|fact| is_shady(facts, fact));
            let eager = strongest(&gated);
            let weight = match (shady, only_clock) {
                (true, _) if eager.is_automatic() => Weight::malware(0.92),
                (true, false) => Weight::malware(0.9),
                (false, false) if eager.is_automatic() => Weight::habit(Severity::Medium, 0.6),
                _ => continue,
            };
            let message = format!("what happens {} depends on {}", eager.phrase(), gate_words(gate));
            report(out, self.id(), weight.for_fact(gated[0]), message, evidence(file, &gated));
        }
    }
}

/// What a package could want to hide from somebody.
fn is_act(facts: &PackageFacts, fact: &Fact) -> bool {
    let runs = matches!(fact.capability, Capability::Eval | Capability::Spawn)
        && fact.taint.has(Taint::NETWORK.with(Taint::DROPPED).with(Taint::DECODED).with(Taint::CIPHER));
    let sends = is_network(fact) && fact.taint.has(Taint::SENSITIVE.with(Taint::ENVIRONMENT).with(Taint::HOST).with(Taint::FILE));
    runs || sends || matches!(fact.capability, Capability::DeleteTree | Capability::Persist | Capability::Keylog) || is_shady(facts, fact)
}

/// What has no honest reason while a package is installed or imported, whoever decides when.
fn is_shady(facts: &PackageFacts, fact: &Fact) -> bool {
    let runs = fact.capability == Capability::Eval && fact.taint.has(Taint::NETWORK.with(Taint::CIPHER));
    // A single secret of the environment is how services are set up: it goes to its own service.
    let steals = is_network(fact) && fact.taint.has(Taint::SENSITIVE.without(Taint::SECRET_ENV).with(Taint::ENVIRONMENT));
    runs || steals || (is_network(fact) && fact.goes_to(|to| to.is_drop() && !facts.is_own(to)))
}

fn gate_words(gate: Taint) -> String {
    let mut words = Vec::new();
    for (bit, word) in [
        (Taint::CI, "whether this is a build server"),
        (Taint::REGION, "country or language"),
        (Taint::WHO.with(Taint::HOST), "who or which machine it is"),
        (Taint::WATCHED, "whether somebody watches"),
        (Taint::CLOCK, "the date"),
    ] {
        if gate.has(bit) {
            words.push(word);
        }
    }
    words.join(" and ")
}
