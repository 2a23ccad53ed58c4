//! Anything at all goes over the network while the package is installed.
//!
//! The best single fact about install scripts: common in malicious source distributions, rare in honest ones. Alone
//! it only annotates; towards a place that collects or serves for anybody it is a finding.

use super::{Detector, Weight, evidence, is_network, matching, report, strongest};
use crate::facts::{Fact, PackageFacts, Trigger};
use crate::place::HostKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct InstallTimeNetwork;

impl Detector for InstallTimeNetwork {
    fn id(&self) -> &'static str {
        "behaviour/install-time-network"
    }

    fn describe(&self) -> &'static str {
        "installing the package talks to a host"
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let talks: Vec<&Fact> = matching(file, |fact| {
                is_network(fact) && fact.trigger <= Trigger::BuildBackend && !fact.destinations.iter().any(|to| to.kind == HostKind::Local)
            })
            .collect();
            if talks.is_empty() {
                continue;
            }
            let goes_to = |kinds: &[HostKind]| talks.iter().any(|fact| fact.goes_to(|to| kinds.contains(&to.kind) && !facts.is_own(to)));
            let weight = if goes_to(&[HostKind::Callback, HostKind::Tunnel, HostKind::Onion, HostKind::ChatWebhook]) {
                Weight::of(SignalKind::Malware, Severity::High, 0.93)
            } else if goes_to(&[HostKind::RawIp, HostKind::Paste, HostKind::FileDrop, HostKind::ChatFiles, HostKind::Shortener])
                || talks.iter().any(|fact| fact.was_hidden())
            {
                Weight::of(SignalKind::Malware, Severity::High, 0.91)
            } else {
                Weight::habit(Severity::Low, 0.6)
            };
            let hosts: Vec<&str> = talks.iter().flat_map(|fact| &fact.destinations).map(|to| to.host.as_str()).take(3).collect();
            let message = if hosts.is_empty() {
                format!("something is fetched or sent {}", strongest(&talks).phrase())
            } else {
                format!("{} is contacted {}", hosts.join(", "), strongest(&talks).phrase())
            };
            report(out, self.id(), weight.for_fact(talks[0]), message, evidence(file, &talks));
        }
    }
}
