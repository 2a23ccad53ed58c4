//! A program that the package carries in encoded form is written out and started.

use super::{Detector, Weight, evidence, is_network, matching, report, strongest};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct BinaryDropper;

impl Detector for BinaryDropper {
    fn id(&self) -> &'static str {
        "behaviour/binary-dropper"
    }

    fn describe(&self) -> &'static str {
        "an encoded program is written to disk and started"
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
                fact.capability == Capability::Spawn
                    && fact.taint.has(Taint::DROPPED)
                    && fact.taint.has(Taint::DECODED.with(Taint::EXECUTABLE).with(Taint::CIPHER))
                    && !fact.taint.has(Taint::NETWORK)
                    && !starts_module(fact)
            })
            .collect();
            if runs.is_empty() {
                continue;
            }
            let writes: Vec<&Fact> = matching(file, |fact| fact.capability == Capability::FileWrite).collect();
            let eager = strongest(&runs);
            let program = writes.iter().any(|fact| fact.taint.has(Taint::EXECUTABLE));
            // What is only unpacked beside a download is the download: other detectors judge where it comes from.
            let only_unpacked =
                writes.iter().all(|fact| fact.chain.iter().all(|layer| matches!(layer.as_str(), "zlib" | "gzip" | "bzip2" | "lzma")));
            let fetched = matching(file, is_network).next().is_some();
            let weight = match (eager.on_load(), program) {
                (_, false) if only_unpacked && fetched => Weight::habit(Severity::Medium, 0.6),
                (true, _) => Weight::critical(0.94),
                (false, true) => Weight::malware(0.9),
                (false, false) => Weight::habit(Severity::Medium, 0.6),
            };
            let message = format!("a decoded file is written and started {}", eager.phrase());
            report(out, self.id(), weight.for_fact(runs[0]), message, evidence(file, &[runs, writes].concat()));
        }
    }
}

/// `python -m module …`: what was written is handed to a module as data, and is not what starts.
fn starts_module(fact: &Fact) -> bool {
    fact.args.iter().any(|arg| arg.split([' ', ',']).any(|word| word.trim_matches(['"', '\'', '[', ']', '(', ')']) == "-m"))
}
