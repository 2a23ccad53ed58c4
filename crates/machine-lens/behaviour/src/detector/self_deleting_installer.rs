//! An install script that removes itself after it ran.

use super::{Detector, Weight, evidence, matching, report, strongest};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct SelfDeletingInstaller;

impl Detector for SelfDeletingInstaller {
    fn id(&self) -> &'static str {
        "behaviour/self-deleting-installer"
    }

    fn describe(&self) -> &'static str {
        "an install script deletes itself"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let name = file.path.rsplit('/').next().unwrap_or(&file.path);
            let deletes: Vec<&Fact> = matching(file, |fact| {
                fact.trigger.is_automatic()
                    && matches!(fact.capability, Capability::Delete | Capability::DeleteTree)
                    && (fact.taint.has(Taint::SELF_PATH) || (name.len() > 4 && fact.args.iter().any(|arg| arg.ends_with(name))))
            })
            .collect();
            if deletes.is_empty() {
                continue;
            }
            // Reading the version from a file of its own is no act.
            let acts: Vec<&Fact> = matching(file, |fact| {
                let own_file = fact.capability == Capability::Eval && fact.chain.iter().all(|layer| layer == crate::peel::FILE);
                !own_file && matches!(fact.capability, Capability::Spawn | Capability::Network | Capability::Eval | Capability::Socket)
            })
            .collect();
            let weight = if acts.is_empty() { Weight::habit(Severity::Medium, 0.7) } else { Weight::malware(0.92) };
            let message = format!(
                "a script deletes itself {}{}",
                strongest(&deletes).phrase(),
                if acts.is_empty() { "" } else { ", after it has acted" }
            );
            report(out, self.id(), weight.for_fact(deletes[0]), message, evidence(file, &[deletes, acts].concat()));
        }
    }
}
