//! The environment, or who and where the machine is, goes out.
//!
//! A request that only says "installed on host H by user U" is a *beacon*: often a researcher's proof, never needed.

use super::{Detector, Weight, evidence, is_network, matching, report, strongest, taint_words};
use crate::facts::{Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct EnvironmentExfiltration;

impl Detector for EnvironmentExfiltration {
    fn id(&self) -> &'static str {
        "behaviour/environment-exfiltration"
    }

    fn describe(&self) -> &'static str {
        "environment variables or facts about the machine are sent to a host"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let carried = Taint::ENVIRONMENT.with(Taint::HOST).with(Taint::SECRET_ENV);
            let sends: Vec<&Fact> = matching(file, |fact| is_network(fact) && fact.taint.has(carried)).collect();
            if sends.is_empty() {
                continue;
            }
            let eager = strongest(&sends);
            let sends: Vec<&Fact> = sends.into_iter().filter(|fact| fact.trigger == eager).collect();
            let taint = sends.iter().fold(Taint::NONE, |all, fact| all.with(fact.taint));
            let to_drop = sends.iter().any(|fact| fact.goes_to(|to| to.is_drop() && !facts.is_own(to)));
            let whole = taint.has(Taint::ENVIRONMENT);
            let weight = if whole && eager.is_automatic() {
                Weight::critical(0.95)
            } else if whole && (eager.on_load() || to_drop) {
                Weight::malware(0.91)
            } else if taint.has(Taint::SECRET_ENV) && eager.on_load() && to_drop {
                Weight::critical(0.95)
            } else if taint.has(Taint::HOST) && eager.at_install() {
                Weight::of(SignalKind::Beacon, Severity::High, if to_drop { 0.95 } else { 0.9 })
            } else if taint.has(Taint::HOST) && eager.on_load() {
                let own = sends.iter().all(|fact| fact.goes_to(|to| facts.is_own(to)));
                Weight::of(SignalKind::Beacon, if own { Severity::Medium } else { Severity::High }, if own { 0.8 } else { 0.9 })
            } else if whole {
                Weight::habit(Severity::Medium, 0.5)
            } else if taint.has(Taint::HOST) {
                Weight::habit(Severity::Info, 0.4)
            } else {
                continue;
            };
            let message = format!("{} go to a host {}", taint_words(Taint(taint.0 & carried.0)), eager.phrase());
            report(out, self.id(), weight.for_fact(sends[0]), message, evidence(file, &sends));
        }
    }
}
