//! A shell's input and output are tied to a socket.

use super::{Detector, Weight, evidence, is_bare_shell, matching, report, strongest};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct ReverseShell;

impl Detector for ReverseShell {
    fn id(&self) -> &'static str {
        "behaviour/reverse-shell"
    }

    fn describe(&self) -> &'static str {
        "a shell is tied to a network connection"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let sockets: Vec<&Fact> = matching(file, |fact| fact.capability == Capability::Socket).collect();
            let tied: Vec<&Fact> = matching(file, |fact| {
                let redirects = fact.capability == Capability::Redirect;
                let shell = fact.capability == Capability::Spawn && (is_bare_shell(fact) || fact.taint.has(Taint::SOCKET));
                let near = sockets.iter().any(|socket| socket.scope == fact.scope || (socket.trigger.on_load() && fact.trigger.on_load()));
                (redirects && (fact.api.starts_with("sh:") || near)) || (shell && near)
            })
            .collect();
            // One redirection alone is plumbing; a shell on a socket needs a socket.
            if sockets.is_empty() || tied.is_empty() {
                continue;
            }
            let eager = strongest(&tied);
            let piped =
                tied.iter().any(|fact| fact.capability == Capability::Redirect) || tied.iter().any(|fact| fact.taint.has(Taint::SOCKET));
            let weight = match (eager.on_load(), piped) {
                (true, _) => Weight::critical(0.95),
                (false, true) => Weight::habit(Severity::Medium, 0.7),
                (false, false) => Weight::habit(Severity::Low, 0.4),
            };
            let message = format!("a shell is tied to a network connection {}", eager.phrase());
            report(out, self.id(), weight.for_fact(tied[0]), message, evidence(file, &[tied, sockets.clone()].concat()));
        }
    }
}
