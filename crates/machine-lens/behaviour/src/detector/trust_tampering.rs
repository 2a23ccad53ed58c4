//! The machine is made to trust somebody: names, certificates, proxies.
//!
//! Whoever controls those reads and changes what goes over the network. Tools for local certificates do it on command.

use super::ask::{evidence, has_word, matching, says, starts, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use crate::place::PathKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct TrustTampering;

impl Detector for TrustTampering {
    fn id(&self) -> &'static str {
        "behaviour/trust-tampering"
    }

    fn describe(&self) -> &'static str {
        "host names, trusted certificates or proxies of the machine are changed"
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
            let weight = if eager.is_automatic() {
                Weight::critical(0.94)
            } else if eager.on_load() {
                Weight::malware(0.9)
            } else {
                Weight::habit(Severity::Low, 0.5)
            };
            let message = format!("what the machine trusts on the network is changed {}", eager.phrase());
            report(out, self.id(), weight.for_fact(changes[0]), message, evidence(file, &changes));
        }
    }
}

fn is_change(fact: &Fact) -> bool {
    let writes = fact.capability == Capability::FileWrite && fact.path == Some(PathKind::NetworkTrust);
    writes
        || starts(fact, &["update-ca-certificates", "update-ca-trust", "certmgr"])
        || (starts(fact, &["trust"]) && has_word(fact, &["anchor"]))
        || (matches!(fact.api.as_str(), "sh:certutil") && has_word(fact, &["-addstore", "/addstore"]))
        || (fact.api == "sh:security" && has_word(fact, &["add-trusted-cert"]))
        || (starts(fact, &["networksetup"]) && says(fact, &["-setwebproxy", "-setsecurewebproxy", "-setautoproxyurl"]))
        || (starts(fact, &["git", "npm", "yarn"])
            && has_word(fact, &["config"])
            && says(fact, &["http.proxy", "https.proxy", "https-proxy", "strict-ssl", "sslverify"]))
        || (fact.api == "sh:reg" && says(fact, &["internet settings"]) && says(fact, &["proxyserver", "autoconfigurl"]))
}
