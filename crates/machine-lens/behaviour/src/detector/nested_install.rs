//! Installing or importing the package installs others, past the client's own resolution.
//!
//! The payload of many packages lies in another one. Build scripts of old packages install what they need this way, too,
//! which is a habit; from an address or another index it is not.

use super::ask::{evidence, has_word, matching, says, starts, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Fact, PackageFacts};
use crate::place::HostKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct NestedInstall;

impl Detector for NestedInstall {
    fn id(&self) -> &'static str {
        "behaviour/nested-install"
    }

    fn describe(&self) -> &'static str {
        "installing or importing the package runs a package manager"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let installs: Vec<&Fact> = matching(file, |fact| fact.trigger.on_load() && is_install(fact)).collect();
            if installs.is_empty() {
                continue;
            }
            let elsewhere = installs.iter().any(|fact| {
                fact.goes_to(|to| to.is_shady() && !facts.is_own(to))
                    || (has_word(fact, &["-i", "--index-url", "--extra-index-url", "--find-links", "-f", "--registry"])
                        && fact.goes_to(|to| to.kind == HostKind::FreeHost || (says(fact, &["http://"]) && to.kind != HostKind::Local)))
            });
            let eager = strongest(&installs);
            let weight = if elsewhere {
                Weight::malware(0.92)
            } else if eager.is_automatic() {
                Weight::habit(Severity::Medium, 0.6)
            } else {
                Weight::habit(Severity::Low, 0.5)
            };
            let message = format!("a package manager installs something {}", eager.phrase());
            report(out, self.id(), weight.for_fact(installs[0]), message, evidence(file, &installs));
        }
    }
}

/// Whether a command installs a named package; `npm install` alone installs what the package's own manifest says.
fn is_install(fact: &Fact) -> bool {
    let named = fact.args.iter().skip(1).filter(|arg| !arg.starts_with('-')).count() >= 2;
    (starts(fact, &["pip", "pip3", "pipx", "npm", "yarn", "pnpm", "gem", "go", "cargo", "conda", "easy_install", "uv"])
        && has_word(fact, &["install", "i", "add", "get"])
        && named)
        || starts(fact, &["easy_install"])
}
