//! Code that hides what it does and cannot be peeled.
//!
//! Minified bundles are not meant: they are short, not hidden. Obfuscated libraries exist, obfuscated install scripts
//! have no honest reason.

use super::{Detector, Weight, evidence, matching, report};
use crate::facts::{Capability, Fact, Language, PackageFacts, Taint, Trigger};
use bifocal_core::{Evidence, Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct OpaqueCode;

impl Detector for OpaqueCode {
    fn id(&self) -> &'static str {
        "behaviour/opaque-code"
    }

    fn describe(&self) -> &'static str {
        "code hides what it does by obfuscation"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in facts.files.iter().filter(|file| file.trigger != Trigger::Test) {
            let shape = &file.shape;
            let runs: Vec<&Fact> =
                matching(file, |fact| matches!(fact.capability, Capability::Eval | Capability::Spawn | Capability::Network)).collect();
            let obfuscated = shape.hex_names >= 24 || shape.lookalike_names >= 12;
            if let Some(line) = shape.pushed_right
                && runs.iter().any(|fact| fact.line == line)
            {
                let shown: Vec<&Fact> = runs.iter().copied().filter(|fact| fact.line == line).collect();
                let weight = if file.trigger.on_load() { Weight::malware(0.94) } else { Weight::malware(0.9) };
                report(
                    out,
                    self.id(),
                    weight.for_fact(shown[0]),
                    "code stands behind hundreds of blanks, out of sight of editors".to_owned(),
                    evidence(file, &shown),
                );
                continue;
            }
            let one_line = shape.longest_line >= 2_000 && shape.longest_line * 2 > shape.bytes;
            // Python is shipped as it is read: nobody packs it for size.
            let packed = file.language == Language::Python && shape.lookalike_names >= 6 && shape.longest_line >= 1_000;
            if obfuscated || packed {
                let weight =
                    if packed
                        || file.trigger.at_install() || (shape.lookalike_names >= 12 && file.trigger.is_automatic() && !runs.is_empty()) {
                        Weight::malware(0.92)
                    } else {
                        Weight::of(SignalKind::Obfuscation, if runs.is_empty() { Severity::Low } else { Severity::Medium }, 0.8)
                    };
                let first = shape.odd_name.iter().map(|(line, column, text)| Evidence::file(&file.path, *line, *column, text));
                let mut shown: Vec<Evidence> = first.collect();
                shown.extend(evidence(file, &runs));
                report(out, self.id(), weight, format!("an obfuscator's output stands {}", file.trigger.phrase()), shown);
                continue;
            }
            let program: Vec<&Fact> = runs
                .iter()
                .copied()
                .filter(|fact| fact.capability == Capability::Eval && fact.trigger.is_automatic() && !fact.taint.has(Taint::GENERATED))
                .collect();
            if one_line && file.language == Language::Python && !program.is_empty() {
                let message = "a file is little more than one very long line that is run as code".to_owned();
                report(out, self.id(), Weight::malware(0.92).for_fact(program[0]), message, evidence(file, &program));
                continue;
            }
            let ciphered: Vec<&Fact> = runs
                .iter()
                .copied()
                .filter(|fact| fact.capability == Capability::Eval && fact.taint.has(Taint::CIPHER) && fact.trigger.on_load())
                .collect();
            if !ciphered.is_empty() {
                report(
                    out,
                    self.id(),
                    Weight::malware(0.95).for_fact(ciphered[0]),
                    "code is decrypted and run".to_owned(),
                    evidence(file, &ciphered),
                );
            }
        }
    }
}
