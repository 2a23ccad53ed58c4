//! What the network answers is run as code, as a command, or as a program.

use super::{Detector, Origin, Weight, checks_digest, evidence, is_network, matching, origin, report, strongest};
use crate::facts::{Capability, Fact, Language, PackageFacts, Taint, Trigger};
use crate::place::HostKind;
use bifocal_core::{Ecosystem, Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct RemoteCodeExecution;

impl Detector for RemoteCodeExecution {
    fn id(&self) -> &'static str {
        "behaviour/remote-code-execution"
    }

    fn describe(&self) -> &'static str {
        "code from the network is run when the package is installed or imported"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in facts.files.iter().filter(|file| !matches!(file.language, Language::Go | Language::Jvm)) {
            let runs: Vec<&Fact> = matching(file, |fact| {
                let remote = fact.taint.has(Taint::NETWORK);
                let dropped = fact.taint.has(Taint::DROPPED);
                match fact.capability {
                    Capability::Eval => remote && !is_template(fact) && !(fact.api.starts_with("sh:") && fact.trigger.at_install()),
                    Capability::Spawn => remote && !(dropped && fact.trigger.at_install()),
                    _ => false,
                }
            })
            .collect();
            let Some(trigger) = runs.iter().map(|fact| fact.trigger).min() else { continue };
            let at_load: Vec<&Fact> = runs.iter().copied().filter(|fact| fact.trigger == trigger).collect();
            let as_code = at_load.iter().any(|fact| !fact.taint.has(Taint::DROPPED));
            let fetches: Vec<&Fact> = matching(file, is_network).collect();
            let shady = origin(facts, file) == Origin::Shady;
            // A script beside the packages of a source distribution is not installed with them.
            let aside = trigger == Trigger::LooseModule && !shady && stands_beside(facts, &file.path);
            let weight = match trigger {
                _ if aside => Weight::habit(Severity::Medium, 0.6),
                trigger if trigger.is_automatic() && as_code => Weight::critical(0.96),
                trigger if trigger.on_load() && (as_code || shady) => Weight::malware(0.92),
                // A hidden window that fetches an archive and starts what is in it.
                trigger
                    if trigger.on_load()
                        && at_load.iter().any(|fact| fact.api.starts_with("sh:"))
                        && origin(facts, file) != Origin::Own =>
                {
                    Weight::malware(0.92)
                }
                trigger if trigger.on_load() && !checks_digest(file) && origin(facts, file) == Origin::Foreign => Weight::malware(0.9),
                Trigger::Function | Trigger::Command if shady && as_code => Weight::malware(0.9),
                Trigger::Function | Trigger::Command if fetches_program(facts, &fetches) && !checks_digest(file) => Weight::malware(0.9),
                _ => Weight::habit(Severity::Medium, 0.6),
            };
            let message = format!("what a host answers is run {}", strongest(&at_load).phrase());
            report(out, self.id(), weight.for_fact(at_load[0]), message, evidence(file, &[at_load, fetches].concat()));
        }
    }
}

/// Code written here with fetched words in it (a parser that builds an accessor from column names) is not the network's
/// code: the text that is run has more of its own than a pair of brackets.
fn is_template(fact: &Fact) -> bool {
    let own = fact.args.last().map_or(0, |code| code.chars().filter(|c| *c != '…' && !c.is_whitespace()).count());
    matches!(fact.api.as_str(), "Function" | "eval") && fact.args.last().is_some_and(|code| code.contains('…')) && own >= 8
}

/// Whether a Python file lies beside packages that are installed, in none of them.
fn stands_beside(facts: &PackageFacts, path: &str) -> bool {
    facts.ecosystem == Some(Ecosystem::Pypi)
        && path.matches('/').count() == 1
        && facts.files.iter().any(|file| file.path.matches('/').count() >= 2 && file.trigger == Trigger::Import)
}

/// A program for one system, by its ending, from where anybody may put it.
fn fetches_program(facts: &PackageFacts, fetches: &[&Fact]) -> bool {
    fetches.iter().any(|fact| {
        fact.goes_to(|to| {
            let path = to.path.to_ascii_lowercase();
            let program = [".exe", ".bat", ".vbs", ".scr", ".ps1", ".hta", ".cmd"]
                .iter()
                .any(|ending| path.split(['?', '#']).next().unwrap_or("").ends_with(ending));
            let anybody = to.is_shady()
                || matches!(to.kind, HostKind::FreeHost)
                || to.host == "raw.githubusercontent.com"
                || (to.kind == HostKind::CodeHost && path.contains("/raw/"));
            program && anybody && !facts.is_own(to)
        })
    })
}
