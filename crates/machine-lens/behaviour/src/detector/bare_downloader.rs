//! A package of little else fetches something from a host that it does not call its own, and starts programs.
//!
//! Large packages have reasons for both: updaters, test runners, build tools. A package of a few small files in which the
//! two stand side by side is a downloader, whoever calls it. Releases of the project itself and checked digests are not
//! meant.

use super::ask::{checks_digest, evidence, is_network, matching, names_program, outside, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, Language, PackageFacts, Taint, Trigger};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct BareDownloader;

impl Detector for BareDownloader {
    fn id(&self) -> &'static str {
        "behaviour/bare-downloader"
    }

    fn describe(&self) -> &'static str {
        "a small package fetches from a foreign host and starts programs"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        // Classes have a detector of their own.
        for file in facts.files.iter().filter(|file| facts.is_small() && file.language != Language::Jvm) {
            let fetches: Vec<&Fact> = matching(file, |fact| is_network(fact) && outside(facts, fact)).collect();
            let runs: Vec<&Fact> = matching(file, |fact| {
                fact.capability == Capability::Spawn || (fact.capability == Capability::Eval && fact.taint.has(Taint::NETWORK))
            })
            .collect();
            let stores: Vec<&Fact> = matching(file, |fact| {
                fact.capability == Capability::FileWrite && fact.taint.has(Taint::NETWORK) && names_program(fact)
            })
            .collect();
            if fetches.is_empty() || (runs.is_empty() && stores.is_empty()) || checks_digest(file) {
                continue;
            }
            let started = |fact: &&&Fact| fact.capability == Capability::Spawn && fact.taint.has(Taint::NETWORK);
            let flows = runs.iter().filter(started).any(|fact| fact.taint.has(Taint::DROPPED) || outside(facts, fact));
            let program = fetches.iter().chain(&stores).any(|fact| names_program(fact));
            let eager = strongest(&fetches).max(runs.iter().chain(&stores).map(|fact| fact.trigger).min().unwrap_or(Trigger::Test));
            let weight = if eager.is_automatic() {
                Weight::malware(0.92)
            } else if flows || program {
                Weight::malware(0.9)
            } else {
                Weight::habit(Severity::Medium, 0.7)
            };
            let what = if flows || program { "a program is fetched and started" } else { "a host is asked and programs are started" };
            let message = format!("{what} {}, in a package of little else", eager.phrase());
            report(out, self.id(), weight.for_fact(fetches[0]), message, evidence(file, &[fetches, runs, stores].concat()));
        }
    }
}
