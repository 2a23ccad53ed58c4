//! A chat service's hook, written out with its token, receives data.
//!
//! A client library of the chat service takes the token from its user; a package that brings its own reports to
//! whoever wrote it.

use super::{Detector, Weight, evidence, is_network, matching, report, strongest};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use crate::place::HostKind;
use bifocal_core::{Evidence, Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct ChatWebhookExfiltration;

impl Detector for ChatWebhookExfiltration {
    fn id(&self) -> &'static str {
        "behaviour/chat-webhook-exfiltration"
    }

    fn describe(&self) -> &'static str {
        "data is sent to a chat service's hook that the package brings along"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let direct: Vec<&Fact> = matching(file, |fact| {
                is_network(fact) && fact.goes_to(|to| to.kind == HostKind::ChatWebhook && !to.path.contains('…') && to.path.len() > 20)
            })
            .collect();
            let embedded = file.shape.embedded_hook;
            let sends: Vec<&Fact> =
                if direct.is_empty() && embedded.is_some() { matching(file, is_network).collect() } else { direct.clone() };
            if sends.is_empty() {
                continue;
            }
            let taint = sends.iter().fold(Taint::NONE, |all, fact| all.with(fact.taint));
            let stolen = taint.has(Taint::SENSITIVE.with(Taint::ENVIRONMENT).with(Taint::CLIPBOARD)) || file.shape.theft_words >= 3;
            let spies = stolen
                || taint.has(Taint::HOST.with(Taint::PROCESS).with(Taint::FILE))
                || matching(file, |fact| matches!(fact.capability, Capability::Keylog | Capability::Capture | Capability::ClipboardRead))
                    .next()
                    .is_some();
            let eager = strongest(&sends);
            let weight = if stolen {
                Weight::critical(0.96)
            } else if eager.is_automatic() || (eager.on_load() && spies) {
                Weight::malware(0.94)
            } else if spies {
                Weight::malware(0.9)
            } else {
                Weight::habit(Severity::Medium, 0.7)
            };
            let mut shown = evidence(file, &sends);
            if let (true, Some(line)) = (direct.is_empty(), embedded) {
                shown.insert(0, Evidence::file(&file.path, line, 0, "a hook's address with its token"));
            }
            let message = format!("data goes to a chat service's hook that is written into the package, {}", eager.phrase());
            report(out, self.id(), weight.for_fact(sends[0]), message, shown);
        }
    }
}
