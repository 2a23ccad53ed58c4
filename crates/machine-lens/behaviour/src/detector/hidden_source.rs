//! Characters that make a reader see other code than the machine.

use super::{Detector, Weight, report};
use crate::facts::{Capability, PackageFacts, Trigger};
use bifocal_core::{Evidence, Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct HiddenSource;

impl Detector for HiddenSource {
    fn id(&self) -> &'static str {
        "behaviour/hidden-source"
    }

    fn describe(&self) -> &'static str {
        "characters that reorder or hide code from readers"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in facts.files.iter().filter(|file| file.trigger != Trigger::Test) {
            for hidden in &file.hidden {
                let evaluates = file.facts.iter().any(|fact| fact.capability == Capability::Eval);
                let (weight, what) = match hidden.what {
                    "bidi-code" if file.trigger.is_automatic() => {
                        (Weight::malware(0.92), "direction controls make code read as a comment or a text")
                    }
                    "invisible" if evaluates && hidden.count >= 64 => {
                        (Weight::malware(0.94), "invisible characters carry data beside code that evaluates text")
                    }
                    "encoding" if file.trigger.is_automatic() => {
                        (Weight::malware(0.92), "source that runs by itself is in an encoding that hides code from readers")
                    }
                    "encoding" => (Weight::of(SignalKind::Obfuscation, Severity::Medium, 0.7), "the source's encoding hides code from readers"),
                    "bidi-code" => (Weight::of(SignalKind::Obfuscation, Severity::Medium, 0.7), "direction controls stand around code"),
                    "bidi" => {
                        (Weight::of(SignalKind::Obfuscation, Severity::Low, 0.6), "direction controls are left open in a source line")
                    }
                    "invisible" => {
                        (Weight::of(SignalKind::Obfuscation, Severity::Medium, 0.6), "runs of invisible characters stand in the source")
                    }
                    _ => (
                        Weight::of(SignalKind::Obfuscation, Severity::Medium, 0.6),
                        "an identifier mixes letters of two scripts that look alike",
                    ),
                };
                let place = Evidence::file(&file.path, hidden.line, hidden.column, &hidden.snippet);
                report(out, self.id(), weight, what.to_owned(), vec![place]);
            }
        }
    }
}
