//! Somebody is let in: accounts, administrators, keys that may log in, programs that run as root.

use super::ask::{evidence, has_word, matching, says, starts, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use crate::place::PathKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct AccountTampering;

impl Detector for AccountTampering {
    fn id(&self) -> &'static str {
        "behaviour/account-tampering"
    }

    fn describe(&self) -> &'static str {
        "accounts, administrators or login keys of the machine are changed"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let changes: Vec<&Fact> = matching(file, is_change).collect();
            if changes.is_empty() {
                continue;
            }
            let eager = strongest(&changes);
            let weight = if eager.on_load() { Weight::critical(0.95) } else { Weight::habit(Severity::Low, 0.5) };
            let message = format!("who may use this machine is changed {}", eager.phrase());
            report(out, self.id(), weight.for_fact(changes[0]), message, evidence(file, &changes));
        }
    }
}

fn is_change(fact: &Fact) -> bool {
    let writes = fact.capability == Capability::FileWrite
        && matches!(fact.path, Some(PathKind::Sudoers | PathKind::AuthorizedKeys | PathKind::SystemAccounts));
    writes
        || starts(fact, &["useradd", "adduser", "chpasswd", "visudo"])
        || (starts(fact, &["usermod"]) && has_word(fact, &["-aG", "-a", "-G", "-p"]))
        || (starts(fact, &["net", "net1"]) && has_word(fact, &["user", "localgroup"]) && has_word(fact, &["/add"]))
        || (starts(fact, &["net"]) && says(fact, &["new-localuser", "add-localgroupmember"]))
        || (starts(fact, &["dscl"]) && has_word(fact, &["-create", "-passwd"]))
}
