//! A page's own functions for requests and wallets are replaced, beside patterns for the addresses of several coins.
//!
//! The payment that a person confirms then goes to somebody else. Libraries of wallets wrap those functions too; none
//! needs to recognise the addresses of coins that it does not hold.

use super::{Detector, Weight, report};
use crate::facts::PackageFacts;
use bifocal_core::{Evidence, Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct WalletAddressSwap;

impl Detector for WalletAddressSwap {
    fn id(&self) -> &'static str {
        "behaviour/wallet-address-swap"
    }

    fn describe(&self) -> &'static str {
        "a page's request functions are replaced beside patterns for wallet addresses"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let Some(line) = file.shape.wallet_pattern.filter(|_| file.shape.hooks_requests && file.trigger.on_load()) else { continue };
            let weight = if file.shape.wallet_forms >= 3 { Weight::malware(0.92) } else { Weight::habit(Severity::Medium, 0.7) };
            let place = Evidence::file(&file.path, line, 0, "a pattern for wallet addresses beside replaced request functions");
            let message = "the page's request functions are replaced beside patterns for wallet addresses".to_owned();
            report(out, self.id(), weight, message, vec![place]);
        }
    }
}
