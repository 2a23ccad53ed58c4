//! A `//go:generate` line runs what it downloads.
//!
//! It does not run in builds, but on the machine of every developer who generates the module's code anew.

use super::ask::{evidence, matching};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint, Trigger};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct GoGenerateShell;

impl Detector for GoGenerateShell {
    fn id(&self) -> &'static str {
        "behaviour/go-generate-shell"
    }

    fn describe(&self) -> &'static str {
        "a go:generate line pipes a download into a shell"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in facts.files.iter().filter(|file| file.path.ends_with(".go")) {
            let runs: Vec<&Fact> = matching(file, |fact| {
                fact.api.starts_with("sh:")
                    && fact.trigger == Trigger::Command
                    && matches!(fact.capability, Capability::Eval | Capability::Spawn)
                    && fact.taint.has(Taint::NETWORK.with(Taint::DECODED))
            })
            .collect();
            if runs.is_empty() {
                continue;
            }
            let own = runs.iter().all(|fact| !fact.destinations.is_empty() && fact.destinations.iter().all(|to| facts.is_own(to)));
            let weight = if own { Weight::habit(Severity::Medium, 0.6) } else { Weight::malware(0.9) };
            report(out, self.id(), weight, "a go:generate line runs what it downloads".to_owned(), evidence(file, &runs));
        }
    }
}
