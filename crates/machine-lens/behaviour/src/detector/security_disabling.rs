//! What protects the machine is switched off: virus scanners, firewalls, logs, script inspection.

use super::ask::{evidence, has_word, matching, says, starts, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct SecurityDisabling;

impl Detector for SecurityDisabling {
    fn id(&self) -> &'static str {
        "behaviour/security-disabling"
    }

    fn describe(&self) -> &'static str {
        "virus scanners, firewalls or logs are switched off"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let changes: Vec<&Fact> = matching(file, |fact| fact.capability == Capability::Spawn && is_disarming(fact)).collect();
            if changes.is_empty() {
                continue;
            }
            let eager = strongest(&changes);
            let weight = if eager.on_load() {
                Weight::critical(0.95)
            } else if facts.is_small() {
                Weight::malware(0.9)
            } else {
                Weight::habit(Severity::Medium, 0.6)
            };
            let message = format!("what protects the machine is switched off {}", eager.phrase());
            report(out, self.id(), weight.for_fact(changes[0]), message, evidence(file, &changes));
        }
    }
}

fn is_disarming(fact: &Fact) -> bool {
    starts(fact, &["amsi"])
        || (starts(fact, &["add-mppreference"]) && says(fact, &["-exclusion"]))
        || (starts(fact, &["set-mppreference"]) && says(fact, &["-disable", "$true", "neversend", "-mapsreporting"]))
        || (starts(fact, &["stop-service", "service", "sc", "net"])
            && says(fact, &["windefend", "mpssvc", "wscsvc", "auditd", "falcon-sensor", "clamav"]))
        || (starts(fact, &["netsh"]) && says(fact, &["state off", "off"]) && says(fact, &["advfirewall", "firewall", "netfirewallprofile"]))
        || (starts(fact, &["netsh"]) && says(fact, &["set-netfirewallprofile"]) && says(fact, &["false"]))
        || (starts(fact, &["ufw"]) && has_word(fact, &["disable"]))
        || (starts(fact, &["iptables"]) && has_word(fact, &["-F", "--flush"]))
        || (starts(fact, &["setenforce"]) && has_word(fact, &["0", "permissive"]))
        || (starts(fact, &["spctl"]) && says(fact, &["--master-disable", "--global-disable"]))
        || (starts(fact, &["csrutil"]) && has_word(fact, &["disable"]))
        || (starts(fact, &["vssadmin"]) && has_word(fact, &["delete"]))
        || (starts(fact, &["wevtutil"]) && has_word(fact, &["cl", "clear-log"]))
        || (starts(fact, &["bcdedit"]) && says(fact, &["recoveryenabled"]))
        || (starts(fact, &["taskkill", "pkill", "killall"])
            && says(
                fact,
                &[
                    "msmpeng",
                    "avast",
                    "avgui",
                    "kaspersky",
                    "mcafee",
                    "defender",
                    "falcon",
                    "sentinel",
                    "wireshark",
                    "procmon",
                    "processhacker",
                ],
            ))
}
