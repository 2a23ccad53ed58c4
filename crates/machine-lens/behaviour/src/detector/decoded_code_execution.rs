//! Text comes out of a decoder and is run as code when the package is installed or loaded.

use super::{Detector, Weight, evidence, matching, report, strongest};
use crate::facts::{Capability, Fact, PackageFacts, Taint, Trigger};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct DecodedCodeExecution;

impl Detector for DecodedCodeExecution {
    fn id(&self) -> &'static str {
        "behaviour/decoded-code-execution"
    }

    fn describe(&self) -> &'static str {
        "encoded text is decoded and run as code"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let runs: Vec<&Fact> = matching(file, |fact| {
                let code = fact.capability == Capability::Eval && !fact.api.starts_with("sh:");
                let command = fact.capability == Capability::Spawn && fact.was_hidden();
                (code || command) && fact.taint.has(Taint::DECODED) && !fact.taint.has(Taint::NETWORK.with(Taint::DROPPED))
            })
            .collect();
            let Some(trigger) = runs.iter().map(|fact| fact.trigger).min() else { continue };
            // What the peeled code goes on to do.
            let inner: Vec<&Fact> = matching(file, |fact| {
                let acts = matches!(
                    fact.capability,
                    Capability::Spawn
                        | Capability::Network
                        | Capability::Socket
                        | Capability::FileWrite
                        | Capability::Unprotect
                        | Capability::Persist
                );
                acts && fact.was_hidden() && runs.iter().any(|run| (run.line, run.column) == (fact.line, fact.column))
            })
            .collect();
            // Text made from codes in a loop is how compilers to this language carry strings, too.
            let only_codes =
                runs.iter().all(|fact| fact.chain.iter().all(|layer| layer == crate::peel::CODES || layer == crate::peel::REVERSED));
            let weight = match (trigger, inner.is_empty()) {
                (trigger, false) if trigger.on_load() => Weight::critical(0.97),
                (trigger, true) if trigger.at_install() => Weight::malware(0.94),
                (_, true) if only_codes && !facts.is_small() => Weight::habit(Severity::Low, 0.5),
                (trigger, true) if trigger.is_automatic() => Weight::malware(0.93),
                (Trigger::LooseModule, true) => Weight::malware(0.9),
                (_, false) if !only_codes => Weight::malware(0.9),
                _ => Weight::habit(Severity::Medium, 0.6),
            };
            let does = if inner.is_empty() {
                String::new()
            } else {
                format!(
                    "; below the encoding it uses {}",
                    inner.iter().map(|fact| fact.api.as_str()).take(3).collect::<Vec<_>>().join(", ")
                )
            };
            let message = format!("encoded text is decoded and run {}{does}", strongest(&runs).phrase());
            report(out, self.id(), weight.for_fact(runs[0]), message, evidence(file, &[runs.clone(), inner].concat()));
        }
    }
}
