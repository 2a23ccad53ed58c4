//! Installing or importing the package shows that it could have done anything: it opens a calculator, leaves a note.
//!
//! Nothing is lost, and nobody needs it. The next release of the same name can hold the real thing.

use super::ask::{evidence, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct HarmlessProof;

impl Detector for HarmlessProof {
    fn id(&self) -> &'static str {
        "behaviour/harmless-proof"
    }

    fn describe(&self) -> &'static str {
        "installing or importing opens a calculator or leaves a mark"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::ProofOfConcept
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let shows: Vec<&Fact> = matching(file, |fact| fact.trigger.is_automatic() && is_show(fact)).collect();
            if shows.is_empty() {
                continue;
            }
            let weight = Weight::of(SignalKind::ProofOfConcept, Severity::High, 0.92);
            let message = format!("a proof that code runs is given {}", strongest(&shows).phrase());
            report(out, self.id(), weight.for_fact(shows[0]), message, evidence(file, &shows));
        }
    }
}

fn is_show(fact: &Fact) -> bool {
    const SHOWS: [&str; 9] =
        ["calc", "calc.exe", "notepad", "notepad.exe", "gnome-calculator", "kcalc", "xcalc", "mspaint", "galculator"];
    if fact.capability != Capability::Spawn {
        return false;
    }
    let line = fact.args.first().map_or("", String::as_str).to_ascii_lowercase();
    let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches(['"', '\''])).take(8).collect();
    let [program, rest @ ..] = words.as_slice() else { return false };
    let program = program.rsplit(['/', '\\']).next().unwrap_or(program);
    // With a file it is an editor that was asked for.
    (SHOWS.contains(&program) && rest.is_empty())
        || (program == "open" && rest.iter().any(|word| word.contains("calculator")))
        || (program == "touch" && rest.len() == 1 && rest.iter().any(|word| word.starts_with("/tmp/")))
        || (program == "echo" && ["pwned", "hacked", "you have been"].iter().any(|word| line.contains(word)))
}
