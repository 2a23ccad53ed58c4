//! A wheel's `.pth` file runs code at every start of the interpreter.
//!
//! Editable installs, namespace packages and coverage tools use such lines to load their own hook; none of them
//! starts a process or talks to a host in the line itself.

use super::{Detector, Weight, evidence, matching, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint, Trigger};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct PthCode;

impl Detector for PthCode {
    fn id(&self) -> &'static str {
        "behaviour/pth-code"
    }

    fn describe(&self) -> &'static str {
        "a .pth file runs code at every start of the interpreter"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in facts.files.iter().filter(|file| file.path.ends_with(".pth") && file.trigger == Trigger::InterpreterStart) {
            let acts: Vec<&Fact> = matching(file, |fact| match fact.capability {
                Capability::Spawn
                | Capability::Network
                | Capability::Socket
                | Capability::FileWrite
                | Capability::Persist
                | Capability::DeleteTree => true,
                Capability::Eval => fact.taint.has(Taint::DECODED.with(Taint::NETWORK).with(Taint::FILE)),
                _ => false,
            })
            .collect();
            if !acts.is_empty() {
                let message = format!("a .pth file uses {} at every start of the interpreter", acts[0].api);
                report(out, self.id(), Weight::critical(0.95).for_fact(acts[0]), message, evidence(file, &acts));
                continue;
            }
            let evaluates: Vec<&Fact> = matching(file, |fact| fact.capability == Capability::Eval).collect();
            if !evaluates.is_empty() {
                report(
                    out,
                    self.id(),
                    Weight::habit(Severity::Low, 0.7),
                    "a .pth file evaluates text at every start of the interpreter".to_owned(),
                    evidence(file, &evaluates),
                );
            }
        }
    }
}
