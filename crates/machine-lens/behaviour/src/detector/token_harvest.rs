//! Somebody looks for tokens: in the environment by their names, in files by their form, with a scanner of others.
//!
//! Scanners for secrets do the same on command and send nothing. The pattern of a token's form beside code that sends
//! what it matched, at install or import, is theft.

use super::ask::{carried, evidence, is_network, matching, starts, strongest, to_drop};
use super::{Detector, Weight, report};
use crate::facts::{Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct TokenHarvest;

impl Detector for TokenHarvest {
    fn id(&self) -> &'static str {
        "behaviour/token-harvest"
    }

    fn describe(&self) -> &'static str {
        "tokens are searched for by name or form and sent away"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let sifted: Vec<&Fact> =
                matching(file, |fact| is_network(fact) && fact.taint.has(Taint::ENVIRONMENT) && fact.taint.has(Taint::SECRET_ENV))
                    .collect();
            let scanners: Vec<&Fact> =
                matching(file, |fact| starts(fact, &["trufflehog", "gitleaks", "noseyparker", "mimikatz", "lazagne"])).collect();
            let formed: Vec<&Fact> = if file.shape.token_patterns >= 2 {
                matching(file, |fact| is_network(fact) && fact.taint.has(Taint::FILE.with(Taint::ENVIRONMENT).with(Taint::SENSITIVE)))
                    .collect()
            } else {
                Vec::new()
            };
            let all = [sifted, scanners, formed].concat();
            if all.is_empty() {
                continue;
            }
            let eager = strongest(&all);
            let weight = if eager.on_load() {
                Weight::critical(0.95)
            } else if carried(&all).has(Taint::BROWSER.with(Taint::CHAT)) || to_drop(facts, &all) {
                Weight::malware(0.91)
            } else {
                Weight::habit(Severity::Medium, 0.5)
            };
            let message = format!("tokens are searched for and collected {}", eager.phrase());
            report(out, self.id(), weight.for_fact(all[0]), message, evidence(file, &all));
        }
    }
}
