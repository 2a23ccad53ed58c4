//! A workflow that a forge runs is written into whatever checkout the package is installed in.
//!
//! Generators write workflows when they are told to; an install script or an import is not told anything. The workflow
//! runs with the repository's secrets.

use super::ask::{evidence, is_network, matching, says, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use crate::place::PathKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct WorkflowInjection;

impl Detector for WorkflowInjection {
    fn id(&self) -> &'static str {
        "behaviour/workflow-injection"
    }

    fn describe(&self) -> &'static str {
        "a workflow or a git hook is written into the checkout without being asked"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let writes: Vec<&Fact> = matching(file, |fact| {
                (fact.capability == Capability::FileWrite && matches!(fact.path, Some(PathKind::Workflow | PathKind::GitHook)))
                    || (is_network(fact) && says(fact, &["/contents/.github/workflows"]))
            })
            .collect();
            if writes.is_empty() {
                continue;
            }
            let eager = strongest(&writes);
            let hooks_only = writes.iter().all(|fact| fact.path == Some(PathKind::GitHook));
            let weight = match (eager.on_load(), hooks_only) {
                (true, false) => Weight::critical(0.94),
                // Commit hooks are set up at install by tools whose purpose that is.
                (true, true) => Weight::habit(Severity::Medium, 0.6),
                (false, _) => Weight::habit(Severity::Info, 0.5),
            };
            let what = if hooks_only { "a git hook" } else { "a workflow of a forge" };
            let message = format!("{what} is written {}", eager.phrase());
            report(out, self.id(), weight.for_fact(writes[0]), message, evidence(file, &writes));
        }
    }
}
