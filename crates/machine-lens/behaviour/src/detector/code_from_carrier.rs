//! Code comes out of a picture, a sound, a font or another file that is no code, and is run.
//!
//! Reading a version file with `exec` is common, and it is a source file. Nobody keeps code in pixels for a good reason.

use super::ask::{evidence, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct CodeFromCarrier;

impl Detector for CodeFromCarrier {
    fn id(&self) -> &'static str {
        "behaviour/code-from-carrier"
    }

    fn describe(&self) -> &'static str {
        "code is taken out of a picture, sound or data file and run"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let runs: Vec<(&Fact, bool)> = matching(file, |fact| matches!(fact.capability, Capability::Eval | Capability::Spawn))
                .filter_map(|fact| {
                    let pixels = fact.taint.has(Taint::CARRIER) && (fact.capability == Capability::Eval || fact.taint.has(Taint::DROPPED));
                    let media = fact.capability == Capability::Eval && fact.taint.has(Taint::FILE) && names(fact, MEDIA);
                    let data = fact.capability == Capability::Eval && fact.taint.has(Taint::FILE) && names(fact, DATA);
                    (pixels || media || data).then_some((fact, pixels || media))
                })
                .collect();
            if runs.is_empty() {
                continue;
            }
            let shown: Vec<&Fact> = runs.iter().map(|(fact, _)| *fact).collect();
            let eager = strongest(&shown);
            let weight = match (runs.iter().any(|(_, media)| *media), eager.on_load()) {
                (true, true) => Weight::critical(0.95),
                (true, false) => Weight::malware(0.91),
                (false, true) => Weight::of(SignalKind::Obfuscation, Severity::Medium, 0.7),
                (false, false) => Weight::habit(Severity::Low, 0.4),
            };
            let message = format!("code out of a file that is no code is run {}", eager.phrase());
            report(out, self.id(), weight.for_fact(shown[0]), message, evidence(file, &shown));
        }
    }
}

const MEDIA: &[&str] =
    &[".png", ".jpg", ".jpeg", ".gif", ".ico", ".bmp", ".svg", ".webp", ".woff", ".woff2", ".ttf", ".otf", ".mp3", ".wav", ".mp4", ".pdf"];
const DATA: &[&str] = &[".dat", ".bin", ".log", ".tmp", ".db", ".cache", ".key", ".css", ".md"];

fn names(fact: &Fact, endings: &[&str]) -> bool {
    fact.args.iter().any(|arg| {
        let arg = arg.trim().to_ascii_lowercase();
        arg.len() < 400 && endings.iter().any(|ending| arg.ends_with(ending))
    })
}
