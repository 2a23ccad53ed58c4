//! Saved passwords, keys, tokens or wallets are read and sent away.

use super::{Detector, Weight, evidence, is_network, matching, report, strongest, taint_words};
use crate::facts::{Capability, Fact, FileFacts, PackageFacts, Taint};
use crate::place::{Destination, HostKind, PathKind};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct CredentialTheft;

const STOLEN: Taint = Taint::BROWSER.with(Taint::CHAT).with(Taint::WALLET).with(Taint::SECRET_FILE);

impl Detector for CredentialTheft {
    fn id(&self) -> &'static str {
        "behaviour/credential-theft"
    }

    fn describe(&self) -> &'static str {
        "saved passwords, keys, tokens or wallets are read and sent away"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            self.flow(file, out);
            self.beside(file, out);
        }
    }
}

impl CredentialTheft {
    /// The data itself reaches a host.
    fn flow(&self, file: &FileFacts, out: &mut Vec<SignalDraft>) {
        let sends: Vec<&Fact> = matching(file, |fact| is_network(fact) && fact.taint.has(STOLEN) && !stays_here(fact)).collect();
        if sends.is_empty() {
            return;
        }
        let taint = sends.iter().fold(Taint::NONE, |all, fact| all.with(fact.taint));
        let trigger = strongest(&sends);
        let to_drop = sends.iter().any(|fact| fact.goes_to(Destination::is_drop));
        let weight = if taint.has(Taint::BROWSER.with(Taint::CHAT).with(Taint::WALLET)) || to_drop {
            Weight::critical(0.95)
        } else if trigger.is_automatic() {
            Weight::critical(0.94)
        } else {
            // Clients of clouds and registries do read their own credentials when they are called.
            Weight::habit(Severity::Info, 0.4)
        };
        let reads: Vec<&Fact> = matching(file, |fact| matches!(fact.capability, Capability::FileRead | Capability::Unprotect)).collect();
        let message = format!("{} are read and sent away {}", taint_words(Taint(taint.0 & STOLEN.0)), trigger.phrase());
        report(out, self.id(), weight.for_fact(sends[0]), message, evidence(file, &[sends, reads].concat()));
    }

    /// The data's way could not be followed, but reading, unlocking and sending stand side by side.
    fn beside(&self, file: &FileFacts, out: &mut Vec<SignalDraft>) {
        if out.iter().any(|have| {
            have.id == self.id()
                && have.evidence.iter().any(|place| matches!(place, bifocal_core::Evidence::File { path, .. } if *path == file.path))
        }) {
            return;
        }
        let sends: Vec<&Fact> = matching(file, |fact| is_network(fact) && !stays_here(fact)).collect();
        let reads: Vec<&Fact> = matching(file, |fact| {
            fact.capability == Capability::Unprotect
                || (fact.capability == Capability::FileRead
                    && matches!(fact.path, Some(PathKind::Browser | PathKind::ChatClient | PathKind::Wallet)))
        })
        .collect();
        if sends.is_empty() || (reads.is_empty() && file.shape.theft_words < 4) {
            return;
        }
        let unlocks = reads.iter().any(|fact| fact.capability == Capability::Unprotect);
        let to_drop = file.shape.embedded_hook.is_some() || sends.iter().any(|fact| fact.goes_to(Destination::is_drop));
        let words = file.shape.theft_words;
        let weight = match (unlocks, to_drop, words) {
            (_, true, 3..) => Weight::critical(0.95),
            (true, _, 3..) => Weight::critical(0.92),
            (_, _, 6..) => Weight::malware(0.9),
            _ if !reads.is_empty() => Weight::habit(Severity::Medium, 0.6),
            _ => return,
        };
        let shown = [reads, sends].concat();
        let message = "the places where browsers, chat clients or wallets keep secrets are read beside code that sends data".to_owned();
        report(out, self.id(), weight.for_fact(shown[0]), message, evidence(file, &shown));
    }
}

/// Asks a program on this machine: a browser's own debugging port, an agent.
fn stays_here(fact: &Fact) -> bool {
    !fact.destinations.is_empty() && fact.destinations.iter().all(|to| to.kind == HostKind::Local)
}
