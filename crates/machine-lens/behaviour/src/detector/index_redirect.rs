//! Package managers are made to fetch from somewhere else from now on.
//!
//! Clients that log in write such files on command. An install script that does it decides where the next package comes
//! from.

use super::ask::{evidence, has_word, matching, says, starts, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use crate::place::PathKind;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct IndexRedirect;

impl Detector for IndexRedirect {
    fn id(&self) -> &'static str {
        "behaviour/index-redirect"
    }

    fn describe(&self) -> &'static str {
        "package managers are told to fetch from another place"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let changes: Vec<&Fact> = matching(file, |fact| {
                let writes =
                    fact.capability == Capability::FileWrite && matches!(fact.path, Some(PathKind::IndexConfig | PathKind::PackageToken));
                let sets = starts(fact, &["npm", "yarn", "pnpm", "pip", "pip3", "poetry", "go", "conda"])
                    && has_word(fact, &["config", "env"])
                    && (has_word(fact, &["set", "-w", "--add"]))
                    && says(
                        fact,
                        &["registry", "index-url", "index_url", "trusted-host", "goproxy", "gonosumdb", "gonosumcheck", "channels"],
                    );
                writes || sets
            })
            .collect();
            if changes.is_empty() {
                continue;
            }
            let eager = strongest(&changes);
            let weight = if eager.is_automatic() {
                Weight::malware(0.92)
            } else if eager.on_load() {
                Weight::habit(Severity::Medium, 0.6)
            } else {
                Weight::habit(Severity::Info, 0.4)
            };
            let message = format!("where package managers fetch from is changed {}", eager.phrase());
            report(out, self.id(), weight.for_fact(changes[0]), message, evidence(file, &changes));
        }
    }
}
