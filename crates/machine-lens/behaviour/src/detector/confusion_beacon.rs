//! A proof that a private name can be taken: a version above all others, and a message from the install.
//!
//! Researchers publish such packages under names that companies use inside. They do no more than report; an attacker's
//! first try looks the same.

use super::ask::{evidence, is_network, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct ConfusionBeacon;

impl Detector for ConfusionBeacon {
    fn id(&self) -> &'static str {
        "behaviour/confusion-beacon"
    }

    fn describe(&self) -> &'static str {
        "a package with an outsized version reports its installation"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::ProofOfConcept
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        let Some(version) = facts.manifest.version.as_deref().filter(|version| is_outsized(version)) else { return };
        for file in &facts.files {
            let sends: Vec<&Fact> = matching(file, |fact| fact.trigger.is_automatic() && (is_network(fact) || is_download(fact))).collect();
            if sends.is_empty() {
                continue;
            }
            let weight = Weight::of(SignalKind::ProofOfConcept, Severity::High, 0.92);
            let message = format!("version {version} wins over every private one, and something is sent {}", strongest(&sends).phrase());
            report(out, self.id(), weight.for_fact(sends[0]), message, evidence(file, &sends));
        }
    }
}

fn is_download(fact: &Fact) -> bool {
    fact.capability == Capability::Spawn && fact.goes_to(|_| true)
}

/// A major version that no honest counting reaches; years of four digits are calendar versions.
fn is_outsized(version: &str) -> bool {
    let major: String = version.trim_start_matches('v').chars().take_while(char::is_ascii_digit).collect();
    match major.parse::<u64>() {
        Ok(number) => (90..1_900).contains(&number) || number > 2_100,
        Err(_) => major.len() > 18,
    }
}

#[cfg(test)]
mod tests {
    use super::is_outsized;

    #[test]
    fn calendar_versions_are_no_outsized_ones() {
        assert!(is_outsized("99.9.9") && is_outsized("9999.0.0") && is_outsized("v100.0.1"));
        assert!(!is_outsized("2024.1.1") && !is_outsized("1.99.0") && !is_outsized("20.11.0") && !is_outsized("next"));
    }
}
