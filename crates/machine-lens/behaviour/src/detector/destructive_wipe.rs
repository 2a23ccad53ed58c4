//! A user's files are deleted without being asked for.

use super::{Detector, Weight, evidence, matching, report, strongest};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use crate::place::PathKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct DestructiveWipe;

/// Whether a whole home folder or disk goes.
pub(super) fn is_wipe(fact: &Fact) -> bool {
    match fact.capability {
        Capability::DeleteTree => {
            fact.args.iter().any(|arg| crate::place::path_kind(arg) == Some(PathKind::HomeRoot))
                || matches!(fact.api.as_str(), "sh:mkfs" | "sh:dd")
        }
        // One file after the other, found by walking the home folder.
        Capability::Delete => fact.taint.has(Taint::HOME) && fact.args.iter().all(|arg| arg.is_empty() || arg == "…" || arg == "~"),
        _ => false,
    }
}

impl Detector for DestructiveWipe {
    fn id(&self) -> &'static str {
        "behaviour/destructive-wipe"
    }

    fn describe(&self) -> &'static str {
        "a user's home folder or a whole disk is deleted"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let wipes: Vec<&Fact> = matching(file, is_wipe).collect();
            if wipes.is_empty() {
                continue;
            }
            let eager = strongest(&wipes);
            let weight = if eager.on_load() { Weight::critical(0.95) } else { Weight::habit(Severity::Medium, 0.5) };
            let message = format!("a whole home folder or disk is deleted {}", eager.phrase());
            report(out, self.id(), weight.for_fact(wipes[0]), message, evidence(file, &wipes));
        }
    }
}
