//! A wallet's files are opened while the package is installed or imported, whatever is done with them.

use super::ask::{evidence, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use crate::place::PathKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct WalletAccess;

impl Detector for WalletAccess {
    fn id(&self) -> &'static str {
        "behaviour/wallet-access"
    }

    fn describe(&self) -> &'static str {
        "a wallet's files are opened without being asked"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let reads: Vec<&Fact> =
                matching(file, |fact| fact.capability == Capability::FileRead && fact.path == Some(PathKind::Wallet)).collect();
            if reads.is_empty() {
                continue;
            }
            let eager = strongest(&reads);
            let weight = if eager.on_load() { Weight::malware(0.93) } else { Weight::habit(Severity::Low, 0.5) };
            let message = format!("a wallet's files are opened {}", eager.phrase());
            report(out, self.id(), weight.for_fact(reads[0]), message, evidence(file, &reads));
        }
    }
}
