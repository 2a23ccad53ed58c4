//! An install or an import starts something that goes on by itself, out of sight.
//!
//! Daemons are started on command. A process that outlives the install that started it, with a hidden window or without
//! one, does what the install would not show.

use super::ask::{evidence, matching, says, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct DetachedProcess;

impl Detector for DetachedProcess {
    fn id(&self) -> &'static str {
        "behaviour/detached-process"
    }

    fn describe(&self) -> &'static str {
        "installing or importing starts a process that goes on out of sight"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::RiskyHabit
    }

    fn severity(&self) -> Severity {
        Severity::Medium
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let starts: Vec<&Fact> = matching(file, |fact| {
                let hidden = fact.args.last().is_some_and(|arg| arg == "detached")
                    || says(fact, &["nohup ", "-windowstyle hidden", "-w hidden", "start /b ", "setsid ", "pythonw"]);
                fact.trigger.on_load() && fact.capability == Capability::Spawn && !fact.api.starts_with("sh:") && hidden
            })
            .collect();
            if starts.is_empty() {
                continue;
            }
            let eager = strongest(&starts);
            let weight = Weight::habit(if eager.is_automatic() { Severity::Medium } else { Severity::Low }, 0.7);
            let message = format!("a process that goes on out of sight is started {}", eager.phrase());
            report(out, self.id(), weight.for_fact(starts[0]), message, evidence(file, &starts));
        }
    }
}
