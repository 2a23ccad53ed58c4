//! Code that nobody called reaches a place that serves or collects for anybody: a bare address, a paste, a tunnel.
//!
//! Such places have no owner who could be asked. Test tools and clients of such services reach them when they are called;
//! what runs at import does not, and a small package that knows a bare address or a tunnel is its other end.

use super::ask::{evidence, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts, Trigger};
use crate::place::HostKind;
use bifocal_core::{Ecosystem, Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct AnonymousHost;

impl Detector for AnonymousHost {
    fn id(&self) -> &'static str {
        "behaviour/anonymous-host"
    }

    fn describe(&self) -> &'static str {
        "importing the package reaches a bare address, a paste, a tunnel or a link shortener"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let reaches: Vec<&Fact> =
                matching(file, |fact| is_act(fact) && fact.goes_to(|to| to.is_shady() && !facts.is_own(to))).collect();
            if reaches.is_empty() {
                continue;
            }
            let eager = strongest(&reaches);
            // Services that anybody may use have clients; nobody else has a use for a bare address.
            let other_end = reaches.iter().any(|fact| fact.goes_to(|to| is_other_end(to.kind) && !facts.is_own(to)));
            // What no module of an npm package requires is a script for whoever works on it.
            let loose = eager == Trigger::LooseModule && facts.ecosystem != Some(Ecosystem::Pypi);
            let weight = if eager.on_load() && !loose {
                Weight::malware(0.92)
            } else if facts.is_small() && other_end && !loose {
                Weight::malware(0.9)
            } else if facts.is_small() {
                Weight::habit(Severity::Medium, 0.7)
            } else {
                Weight::habit(Severity::Low, 0.5)
            };
            let host = reaches.iter().flat_map(|fact| &fact.destinations).find(|to| to.is_shady()).map_or("", |to| to.host.as_str());
            let message = format!("{host}, which has no owner to ask, is reached {}", eager.phrase());
            report(out, self.id(), weight.for_fact(reaches[0]), message, evidence(file, &reaches));
        }
    }
}

fn is_act(fact: &Fact) -> bool {
    matches!(
        fact.capability,
        Capability::Network
            | Capability::Socket
            | Capability::Dns
            | Capability::Tunnel
            | Capability::Spawn
            | Capability::Eval
            | Capability::FileWrite
            | Capability::Persist
    )
}

/// A place that only whoever set it up has a use for.
fn is_other_end(kind: HostKind) -> bool {
    matches!(kind, HostKind::RawIp | HostKind::ChatFiles | HostKind::Callback | HostKind::Tunnel | HostKind::Onion)
}
