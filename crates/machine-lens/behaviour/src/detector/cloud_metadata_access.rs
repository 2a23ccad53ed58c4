//! The cloud's metadata service is asked for the keys of the machine's role.
//!
//! Clients of clouds do so when somebody calls them. A package that does it at install or import wants the keys.

use super::ask::{evidence, is_network, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Fact, PackageFacts, Taint};
use crate::place::HostKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct CloudMetadataAccess;

impl Detector for CloudMetadataAccess {
    fn id(&self) -> &'static str {
        "behaviour/cloud-metadata-access"
    }

    fn describe(&self) -> &'static str {
        "a cloud's metadata service is asked for keys without being asked"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let asks: Vec<&Fact> =
                matching(file, |fact| is_network(fact) && fact.goes_to(|to| to.kind == HostKind::CloudMetadata)).collect();
            let sends: Vec<&Fact> = matching(file, |fact| {
                is_network(fact) && fact.taint.has(Taint::CLOUD) && !fact.goes_to(|to| to.kind == HostKind::CloudMetadata)
            })
            .collect();
            let all = [sends.clone(), asks].concat();
            if all.is_empty() {
                continue;
            }
            let eager = strongest(&all);
            let weight = match (eager.on_load(), sends.is_empty()) {
                (true, false) => Weight::critical(0.95),
                (true, true) => Weight::malware(0.92),
                (false, false) => Weight::habit(Severity::Low, 0.4),
                (false, true) => Weight::habit(Severity::Info, 0.3),
            };
            let message = format!("the cloud's metadata service is asked for keys {}", eager.phrase());
            report(out, self.id(), weight.for_fact(all[0]), message, evidence(file, &all));
        }
    }
}
