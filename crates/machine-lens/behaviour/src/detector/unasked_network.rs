//! Anything at all goes over the network while the package is installed, or to a collector while it is imported.
//!
//! The best single fact about install scripts: common in malicious source distributions, rare in honest ones. Alone
//! it only annotates; towards a place that collects or serves for anybody it is a finding.

use super::{Detector, Weight, checks_digest, evidence, is_network, matching, report, strongest};
use crate::facts::{Fact, PackageFacts, Trigger};
use crate::place::HostKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct UnaskedNetwork;

/// Places that note who asked, for whoever rented the name.
const COLLECTORS: [HostKind; 4] = [HostKind::Callback, HostKind::Tunnel, HostKind::Onion, HostKind::ChatWebhook];
/// Places that serve whatever anybody put there.
const ANYBODY: [HostKind; 5] = [HostKind::RawIp, HostKind::Paste, HostKind::FileDrop, HostKind::ChatFiles, HostKind::Shortener];

impl Detector for UnaskedNetwork {
    fn id(&self) -> &'static str {
        "behaviour/unasked-network"
    }

    fn describe(&self) -> &'static str {
        "installing or importing the package talks to a host"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let goes = |fact: &Fact, kinds: &[HostKind]| fact.goes_to(|to| kinds.contains(&to.kind) && !facts.is_own(to));
            let talks: Vec<&Fact> = matching(file, |fact| {
                let early = fact.trigger <= Trigger::BuildBackend;
                is_network(fact)
                    && (early || (fact.trigger.is_automatic() && goes(fact, &COLLECTORS)))
                    && !fact.goes_to(|to| to.kind == HostKind::Local)
            })
            .collect();
            if talks.is_empty() {
                continue;
            }
            let weight = if talks.iter().any(|fact| goes(fact, &COLLECTORS)) {
                Weight::malware(0.93)
            } else if talks.iter().any(|fact| goes(fact, &ANYBODY) || fact.was_hidden()) {
                Weight::malware(0.91)
            } else if facts.is_small() && !checks_digest(file) && talks.iter().any(|fact| fact.trigger == Trigger::SetupScript && !is_own(facts, fact)) {
                // A few files whose `setup.py` talks to somebody are an installer and nothing else; one that checks what
                // it fetched against a digest builds from somebody's release.
                Weight::malware(0.9)
            } else {
                Weight::habit(Severity::Low, 0.6)
            };
            let hosts: Vec<&str> = talks.iter().flat_map(|fact| &fact.destinations).map(|to| to.host.as_str()).take(3).collect();
            let what =
                if hosts.is_empty() { "something is fetched or sent".to_owned() } else { format!("{} is contacted", hosts.join(", ")) };
            report(out, self.id(), weight.for_fact(talks[0]), format!("{what} {}", strongest(&talks).phrase()), evidence(file, &talks));
        }
    }
}

/// All that is known of where it goes is the project's own or a registry.
fn is_own(facts: &PackageFacts, fact: &Fact) -> bool {
    !fact.destinations.is_empty() && fact.destinations.iter().all(|to| facts.is_own(to) || to.kind == HostKind::Registry)
}
