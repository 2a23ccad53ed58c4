//! The package publishes packages: it looks for a token with which it may, and spreads.
//!
//! Release scripts publish on a maintainer's command. Nothing that is merely installed or imported does.

use super::ask::{carried, evidence, has_word, is_network, matching, starts, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct PublishTokenSpread;

impl Detector for PublishTokenSpread {
    fn id(&self) -> &'static str {
        "behaviour/publish-token-spread"
    }

    fn describe(&self) -> &'static str {
        "packages are published, or a publishing token is used, without being asked"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let publishes: Vec<&Fact> = matching(file, is_publication).collect();
            let uses: Vec<&Fact> = matching(file, |fact| {
                is_network(fact)
                    && fact.taint.has(Taint::PUBLISH)
                    && fact.goes_to(|to| to.host.starts_with("registry.") || to.host.starts_with("upload."))
            })
            .collect();
            let all = [publishes, uses].concat();
            if all.is_empty() {
                continue;
            }
            let eager = strongest(&all);
            let reads_token =
                matching(file, |fact| fact.capability == Capability::FileRead && fact.taint.has(Taint::PUBLISH)).next().is_some();
            let weight = match (eager.is_automatic(), carried(&all).has(Taint::PUBLISH) || reads_token) {
                (true, _) => Weight::critical(0.95),
                // A tool that is told to publish reads the token it needs.
                (false, true) => Weight::habit(Severity::Low, 0.5),
                (false, false) => continue,
            };
            let message = format!("packages are published {}", eager.phrase());
            report(out, self.id(), weight.for_fact(all[0]), message, evidence(file, &all));
        }
    }
}

fn is_publication(fact: &Fact) -> bool {
    (starts(fact, &["npm", "yarn", "pnpm", "cargo", "flit", "poetry", "hatch", "uv"]) && has_word(fact, &["publish"]))
        || (starts(fact, &["twine"]) && has_word(fact, &["upload"]))
        || (starts(fact, &["gem"]) && has_word(fact, &["push"]))
}
