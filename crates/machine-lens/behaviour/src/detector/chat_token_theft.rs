//! Tokens of chat clients are taken out of the places where the clients keep them.
//!
//! Whoever holds such a token is that person. Libraries of chat services are given a token; none looks for it in the
//! client's own database.

use super::ask::{evidence, is_network, matching, strongest, to_drop};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use crate::place::PathKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct ChatTokenTheft;

impl Detector for ChatTokenTheft {
    fn id(&self) -> &'static str {
        "behaviour/chat-token-theft"
    }

    fn describe(&self) -> &'static str {
        "a chat client's own token store is read"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let reads: Vec<&Fact> =
                matching(file, |fact| fact.capability == Capability::FileRead && fact.path == Some(PathKind::ChatClient)).collect();
            let sends: Vec<&Fact> = matching(file, |fact| is_network(fact) && fact.taint.has(Taint::CHAT)).collect();
            let all = [reads, sends.clone()].concat();
            if all.is_empty() {
                continue;
            }
            let eager = strongest(&all);
            let talks: Vec<&Fact> = matching(file, is_network).collect();
            let dropped = to_drop(facts, &talks) || file.shape.embedded_hook.is_some();
            let weight = if !sends.is_empty() || dropped {
                Weight::critical(0.95)
            } else if eager.on_load() || (!talks.is_empty() && file.shape.theft_words >= 2) {
                Weight::malware(0.92)
            } else {
                Weight::habit(Severity::Medium, 0.6)
            };
            let message = format!("the token store of a chat client is read {}", eager.phrase());
            report(out, self.id(), weight.for_fact(all[0]), message, evidence(file, &[all, talks].concat()));
        }
    }
}
