//! An install script that removes itself after it ran.
//!
//! A folder beside it (`build`, `dist`, generated code) is not the script, though its path is made of the script's own.

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
                    && fact.args.iter().any(|arg| (fact.taint.has(Taint::SELF_PATH) && is_itself(arg)) || names(arg, name))
            })
            .collect();
            if deletes.is_empty() {
                continue;
            }
            // Reading the version from a file of its own is no act.
            let acts: Vec<&Fact> = matching(file, |fact| {
                let own_file = fact.capability == Capability::Eval && fact.chain.iter().all(|layer| layer == crate::peel::FILE);
                fact.trigger.is_automatic()
                    && !own_file
                    && matches!(fact.capability, Capability::Spawn | Capability::Network | Capability::Eval | Capability::Socket)
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

/// The script's own path or its folder, with nothing put behind it.
fn is_itself(arg: &str) -> bool {
    !arg.is_empty() && arg.trim_end_matches(['/', '.']).chars().all(|c| c == '…') && arg.chars().filter(|c| *c == '…').count() == 1
}

/// Whether a path ends in the script's name.
fn names(arg: &str, name: &str) -> bool {
    name.len() > 4 && arg.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with(['/', '\\', ' ', '"', '\'']))
}
