//! The manifest fetches part of the package from elsewhere than the registry.
//!
//! What comes from a repository, an address or under another package's name is not what a review of this package sees, and
//! it can change without a release. A plain address or a place where anybody may leave files is how payloads are kept out
//! of the registry.

use super::ask::{evidence, matching};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use crate::place::{HostKind, destinations};
use bifocal_core::{Evidence, Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct HiddenDependency;

impl Detector for HiddenDependency {
    fn id(&self) -> &'static str {
        "behaviour/hidden-dependency"
    }

    fn describe(&self) -> &'static str {
        "a dependency is fetched from outside the registry"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for dependency in &facts.dependencies {
            let Some((weight, how)) = judge(facts, &dependency.wanted) else { continue };
            let place = Evidence::file(&dependency.manifest, dependency.line, 0, &format!("{}: {}", dependency.name, dependency.wanted));
            report(out, self.id(), weight, format!("the dependency {} comes {how}", dependency.name), vec![place]);
        }
        for file in &facts.files {
            let declares: Vec<&Fact> =
                matching(file, |fact| fact.capability == Capability::Declare && fact.goes_to(|to| !facts.is_own(to))).collect();
            for fact in declares {
                let url = fact.text();
                if let Some((weight, how)) = judge(facts, url.split("@ ").nth(1).unwrap_or(&url)) {
                    report(out, self.id(), weight.for_fact(fact), format!("a dependency comes {how}"), evidence(file, &[fact]));
                }
            }
        }
    }
}

/// How bad it is to fetch `wanted`, and how a person would say where it comes from.
fn judge(facts: &PackageFacts, wanted: &str) -> Option<(Weight, &'static str)> {
    let places = destinations(wanted);
    if let Some(to) = places.first() {
        if to.is_shady() && to.kind != HostKind::Local {
            return Some((Weight::malware(0.93), "from a place where anybody may leave files"));
        }
        let plain = wanted.contains("http://") && to.kind != HostKind::Local;
        if plain {
            return Some((Weight::malware(0.9), "over an open connection from outside the registry"));
        }
        let own = facts.is_own(to);
        return Some((Weight::habit(if own { Severity::Low } else { Severity::Medium }, 0.7), "from an address outside the registry"));
    }
    let git =
        wanted.starts_with("git") || wanted.starts_with("github:") || wanted.starts_with("gitlab:") || wanted.starts_with("bitbucket:");
    let shorthand = wanted.split_once('/').is_some_and(|(owner, rest)| {
        !owner.is_empty() && owner.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !rest.is_empty() && !rest.contains([' ', '/'])
    });
    if git || shorthand {
        return Some((Weight::habit(Severity::Medium, 0.6), "from a repository, not from the registry"));
    }
    None
}
