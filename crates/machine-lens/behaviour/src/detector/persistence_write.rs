//! The package makes something run again at login or start without being asked.
//!
//! Shell completion and path settings go into shell start-up files too, on a person's own command.

use super::{Detector, Weight, evidence, matching, report, strongest};
use crate::facts::{Capability, Fact, PackageFacts, Taint, Trigger};
use crate::place::PathKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct PersistenceWrite;

fn is_harmless_rc(fact: &Fact) -> bool {
    let text = fact.text().to_ascii_lowercase();
    ["completion", "complete -", "path=", "$path", "_complete", "compinit", "source "].iter().any(|word| text.contains(word))
        && !["curl ", "wget ", "python -c", "base64", "/dev/tcp"].iter().any(|word| text.contains(word))
}

/// Writes a known place of the system's registry from which nothing is started.
fn sets_another_key(fact: &Fact) -> bool {
    let key = fact.args.first().map(|key| key.to_ascii_lowercase()).unwrap_or_default();
    let starts = ["run", "winlogon", "startup", "load", "appinit", "shell", "service", "command"].iter().any(|word| key.contains(word));
    fact.api.contains("SetValue") && ["software", "environment"].iter().any(|word| key.contains(word)) && !starts
}

impl Detector for PersistenceWrite {
    fn id(&self) -> &'static str {
        "behaviour/persistence-write"
    }

    fn describe(&self) -> &'static str {
        "something is made to run at every login or start"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let writes: Vec<&Fact> = matching(file, |fact| {
                (fact.capability == Capability::Persist && !sets_another_key(fact))
                    || (fact.capability == Capability::FileWrite
                        && matches!(fact.path, Some(PathKind::Autostart | PathKind::ShellRc | PathKind::AuthorizedKeys)))
            })
            .collect();
            if writes.is_empty() {
                continue;
            }
            let eager = strongest(&writes);
            let shown: Vec<&Fact> = writes.iter().copied().filter(|fact| fact.trigger == eager).collect();
            let only_rc = shown.iter().all(|fact| fact.path == Some(PathKind::ShellRc) && fact.capability == Capability::FileWrite);
            // Opening the file says nothing of what is written; what is written does.
            let mut contents = shown.iter().filter(|fact| fact.args.len() > 1).peekable();
            let only_harmless = contents.peek().is_some() && contents.all(|fact| is_harmless_rc(fact));
            let copies_itself = shown.iter().any(|fact| fact.taint.has(Taint::SELF_PATH.with(Taint::DROPPED).with(Taint::NETWORK)));
            let weight = if only_rc && only_harmless {
                Weight::habit(if eager.is_automatic() { Severity::Medium } else { Severity::Info }, 0.6)
            } else if eager.is_automatic() {
                Weight::malware(0.93)
            } else if copies_itself && eager.on_load() {
                Weight::malware(0.91)
            } else if facts.is_small() && eager != Trigger::Command && !only_rc {
                // A few files that do this for whoever calls them have it for their purpose.
                Weight::malware(0.9)
            } else {
                Weight::habit(Severity::Medium, 0.5)
            };
            let message = format!("something is registered to run at every login or start, {}", eager.phrase());
            report(out, self.id(), weight.for_fact(shown[0]), message, evidence(file, &shown));
        }
    }
}
