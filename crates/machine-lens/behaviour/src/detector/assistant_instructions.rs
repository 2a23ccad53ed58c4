//! Instructions or settings of coding assistants are written into a person's or a project's files.
//!
//! An assistant obeys such a file at every later session. Tools that set up rules do it when they are told to; some do it
//! at install, which is a habit to know of, and text that tells the assistant to run or hide something is an attack.

use super::ask::{evidence, matching, says, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use crate::place::PathKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct AssistantInstructions;

impl Detector for AssistantInstructions {
    fn id(&self) -> &'static str {
        "behaviour/assistant-instructions"
    }

    fn describe(&self) -> &'static str {
        "instructions for coding assistants are written without being asked"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let writes: Vec<&Fact> =
                matching(file, |fact| fact.capability == Capability::FileWrite && fact.path == Some(PathKind::AssistantConfig)).collect();
            if writes.is_empty() {
                continue;
            }
            let eager = strongest(&writes);
            let commands = writes.iter().any(|fact| {
                says(
                    fact,
                    &[
                        "curl ",
                        "wget ",
                        "| sh",
                        "|sh",
                        "base64",
                        "powershell",
                        "do not tell",
                        "don't tell",
                        "ignore previous",
                        "ignore all",
                        "without asking",
                        "do not mention",
                        "never mention",
                    ],
                )
            });
            let weight = match (eager.on_load(), commands) {
                (true, true) => Weight::malware(0.93),
                (true, false) => Weight::habit(Severity::Medium, 0.6),
                (false, true) => Weight::habit(Severity::Low, 0.5),
                (false, false) => continue,
            };
            let message = format!("instructions for coding assistants are written {}", eager.phrase());
            report(out, self.id(), weight.for_fact(writes[0]), message, evidence(file, &writes));
        }
    }
}
