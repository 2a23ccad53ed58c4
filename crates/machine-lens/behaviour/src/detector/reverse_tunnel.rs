//! A tunnel is opened through which the machine is reached from outside.
//!
//! Development servers open tunnels on command. At install or import nobody has asked to be reached.

use super::ask::{evidence, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct ReverseTunnel;

impl Detector for ReverseTunnel {
    fn id(&self) -> &'static str {
        "behaviour/reverse-tunnel"
    }

    fn describe(&self) -> &'static str {
        "a tunnel into the machine is opened without being asked"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let tunnels: Vec<&Fact> = matching(file, |fact| fact.capability == Capability::Tunnel).collect();
            if tunnels.is_empty() {
                continue;
            }
            let eager = strongest(&tunnels);
            let weight = if eager.is_automatic() {
                Weight::malware(0.93)
            } else if eager.on_load() {
                Weight::habit(Severity::Medium, 0.6)
            } else {
                Weight::habit(Severity::Info, 0.4)
            };
            let message = format!("a tunnel into this machine is opened {}", eager.phrase());
            report(out, self.id(), weight.for_fact(tunnels[0]), message, evidence(file, &tunnels));
        }
    }
}
