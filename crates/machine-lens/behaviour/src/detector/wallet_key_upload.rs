//! A wallet's private key or its words are sent to a host.
//!
//! Whoever holds the key holds the money, so no service asks for it: transactions are signed where the key is. A field of
//! that name in a request is a thief's, whoever calls the function.

use super::ask::{evidence, is_network, matching, outside, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Fact, PackageFacts};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct WalletKeyUpload;

impl Detector for WalletKeyUpload {
    fn id(&self) -> &'static str {
        "behaviour/wallet-key-upload"
    }

    fn describe(&self) -> &'static str {
        "a private key or the words of a wallet are sent to a host"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let sends: Vec<&Fact> =
                matching(file, |fact| is_network(fact) && outside(facts, fact) && fact.args.iter().any(|arg| names_key(arg))).collect();
            if sends.is_empty() {
                continue;
            }
            let eager = strongest(&sends);
            let weight = if facts.is_small() || eager.is_automatic() {
                Weight::malware(0.91)
            } else {
                Weight::habit(Severity::Medium, 0.7)
            };
            let message = format!("a wallet's private key goes to a host {}", eager.phrase());
            report(out, self.id(), weight.for_fact(sends[0]), message, evidence(file, &sends));
        }
    }
}

/// Whether an argument has a field that is named as a wallet's key or its words.
fn names_key(arg: &str) -> bool {
    const FIELDS: [&str; 8] =
        ["private_key", "privatekey", "priv_key", "mnemonic", "seed_phrase", "seedphrase", "secret_phrase", "recovery_phrase"];
    let arg = crate::trace::value::cut(arg, 4_096).to_ascii_lowercase();
    // A public key that is named beside is a handshake's.
    FIELDS.iter().any(|field| arg.contains(field)) && !arg.contains("public") && !arg.contains("-----begin")
}
