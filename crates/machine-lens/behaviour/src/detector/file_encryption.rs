//! Files of the user are encrypted where they lie.
//!
//! Tools for encryption do so for the files that they are handed. Encrypting what is found by walking the home folder, or
//! at import, is ransom.

use super::ask::{evidence, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct FileEncryption;

impl Detector for FileEncryption {
    fn id(&self) -> &'static str {
        "behaviour/file-encryption"
    }

    fn describe(&self) -> &'static str {
        "a user's files are encrypted in place without being asked"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let writes: Vec<&Fact> =
                matching(file, |fact| fact.capability == Capability::FileWrite && fact.taint.has(Taint::ENCRYPTED) && !is_named(fact)).collect();
            if writes.is_empty() {
                continue;
            }
            let walks = writes.iter().any(|fact| fact.taint.has(Taint::HOME));
            let eager = strongest(&writes);
            let own_files = writes.iter().any(|fact| fact.taint.has(Taint::FILE));
            let weight = match (eager.on_load(), walks, own_files) {
                (true, true, _) => Weight::critical(0.95),
                (true, false, true) if eager.is_automatic() => Weight::malware(0.91),
                (false, true, true) => Weight::habit(Severity::Medium, 0.6),
                _ => continue,
            };
            let message = format!("files are encrypted and written back {}", eager.phrase());
            report(out, self.id(), weight.for_fact(writes[0]), message, evidence(file, &writes));
        }
    }
}

/// One file of a name that is written out: a store of the program's own.
fn is_named(fact: &Fact) -> bool {
    fact.args.first().is_some_and(|place| {
        let name = place.rsplit(['/', '\\']).next().unwrap_or(place);
        name.len() > 2 && !name.contains('…') && !name.starts_with('.') || name.starts_with('.') && name.matches('.').count() > 1 && !name.contains('…')
    })
}
