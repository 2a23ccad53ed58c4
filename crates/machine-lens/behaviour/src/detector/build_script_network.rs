//! A crate's build script, a procedural macro or an annotation processor talks to the network.
//!
//! Some honest build scripts fetch a prebuilt library and check its digest. None sends the environment away, and none
//! runs what it fetched without looking at it.

use super::{Detector, Origin, Weight, checks_digest, evidence, is_network, matching, origin, report, strongest, taint_words};
use crate::facts::{Capability, Fact, PackageFacts, Taint, Trigger};
use crate::place::Destination;
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct BuildScriptNetwork;

impl Detector for BuildScriptNetwork {
    fn id(&self) -> &'static str {
        "behaviour/build-script-network"
    }

    fn describe(&self) -> &'static str {
        "a build script or compiler plugin talks to the network"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let early = |fact: &Fact| matches!(fact.trigger, Trigger::BuildScript | Trigger::CompilerPlugin);
            let talks: Vec<&Fact> = matching(file, |fact| early(fact) && is_network(fact)).collect();
            let runs: Vec<&Fact> = matching(file, |fact| {
                early(fact) && matches!(fact.capability, Capability::Spawn | Capability::Eval) && fact.taint.has(Taint::NETWORK)
            })
            .collect();
            if talks.is_empty() && runs.is_empty() {
                continue;
            }
            let sent = talks.iter().fold(Taint::NONE, |all, fact| all.with(fact.taint));
            let leaks = Taint(sent.0 & Taint::SENSITIVE.with(Taint::ENVIRONMENT).with(Taint::HOST).0);
            let whence = origin(facts, file);
            let all = [runs.clone(), talks.clone()].concat();
            let (weight, message) = if leaks.has(Taint::SENSITIVE.with(Taint::ENVIRONMENT)) {
                (Weight::critical(0.95), format!("{} go to a host", taint_words(leaks)))
            } else if !runs.is_empty() {
                let checked = checks_digest(file) || whence == Origin::Own;
                (
                    if checked { Weight::habit(Severity::Medium, 0.6) } else { Weight::critical(0.93) },
                    "something is downloaded and run".to_owned(),
                )
            } else if talks.iter().any(|fact| fact.goes_to(|to| to.is_drop() && !facts.is_own(to))) || leaks.has(Taint::HOST) {
                (
                    Weight::malware(0.91),
                    format!(
                        "{} goes to a place that collects it",
                        talks
                            .first()
                            .and_then(|fact| fact.destinations.iter().find(|to| Destination::is_drop(to)))
                            .map_or("a message", |_| "a request")
                    ),
                )
            } else {
                let checked = checks_digest(file) || whence == Origin::Own;
                (Weight::habit(if checked { Severity::Low } else { Severity::Medium }, 0.6), "something is downloaded".to_owned())
            };
            report(out, self.id(), weight.for_fact(all[0]), format!("{message} {}", strongest(&all).phrase()), evidence(file, &all));
        }
    }
}
