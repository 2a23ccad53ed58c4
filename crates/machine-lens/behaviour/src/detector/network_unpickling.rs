//! Bytes from the network are handed to a decoder that runs what they say (`pickle`, `marshal`).
//!
//! Between machines of one cluster that is a habit, a dangerous one. At import, from an address in the code, it is a way
//! to run anything.

use super::ask::{evidence, is_network, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct NetworkUnpickling;

impl Detector for NetworkUnpickling {
    fn id(&self) -> &'static str {
        "behaviour/network-unpickling"
    }

    fn describe(&self) -> &'static str {
        "bytes from the network are unpickled, which runs what they say"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let loads: Vec<&Fact> =
                matching(file, |fact| fact.capability == Capability::Deserialise && fact.taint.has(Taint::NETWORK.with(Taint::SOCKET)))
                    .collect();
            if loads.is_empty() {
                continue;
            }
            let fetches: Vec<&Fact> = matching(file, is_network).collect();
            let eager = strongest(&loads);
            // A loader that takes addresses and paths alike, and is given a path of the package's own, asks nobody.
            let somewhere = [&loads, &fetches].into_iter().flatten().any(|fact| fact.capability == Capability::Socket || !fact.destinations.is_empty());
            let weight = if eager.is_automatic() && somewhere { Weight::malware(0.92) } else { Weight::habit(Severity::Low, 0.5) };
            let message = format!("bytes from the network are unpickled {}", eager.phrase());
            report(out, self.id(), weight.for_fact(loads[0]), message, evidence(file, &[loads, fetches].concat()));
        }
    }
}
