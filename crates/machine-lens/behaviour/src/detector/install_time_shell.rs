//! A command line at install time that pipes a download or decoded text into an interpreter.

use super::{Detector, Weight, evidence, matching, report, strongest};
use crate::facts::{Capability, Fact, PackageFacts, Taint, Trigger};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct InstallTimeShell;

impl Detector for InstallTimeShell {
    fn id(&self) -> &'static str {
        "behaviour/install-time-shell"
    }

    fn describe(&self) -> &'static str {
        "installing the package pipes something from the network or a decoder into a shell"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let early = |fact: &Fact| fact.trigger.at_install() || fact.trigger == Trigger::InterpreterStart;
            let runs: Vec<&Fact> = matching(file, |fact| {
                early(fact)
                    && fact.api.starts_with("sh:")
                    && ((fact.capability == Capability::Eval && fact.taint.has(Taint::NETWORK.with(Taint::DECODED)))
                        || (fact.capability == Capability::Spawn && fact.taint.has(Taint::DROPPED)))
            })
            .collect();
            if runs.is_empty() {
                continue;
            }
            let decoded = runs.iter().all(|fact| !fact.taint.has(Taint::NETWORK));
            let message = format!(
                "a command {} runs {}",
                strongest(&runs).phrase(),
                if decoded { "text that it decodes first" } else { "what it has just downloaded" }
            );
            report(out, self.id(), Weight::critical(0.95).for_fact(runs[0]), message, evidence(file, &runs));
        }
    }
}
