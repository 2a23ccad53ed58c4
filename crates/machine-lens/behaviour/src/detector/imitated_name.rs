//! The package is called almost like one that it needs, imports or claims to be.
//!
//! A look-alike works because it hands on to the real one. Which names are well known is a feed's business
//! (`history/look-alike-name`); here the package itself says which one it imitates.

use super::ask::{evidence, is_network, matching};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use bifocal_core::{Evidence, Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct ImitatedName;

impl Detector for ImitatedName {
    fn id(&self) -> &'static str {
        "behaviour/imitated-name"
    }

    fn describe(&self) -> &'static str {
        "the package is named one slip away from what it depends on or claims to be"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::RiskyHabit
    }

    fn severity(&self) -> Severity {
        Severity::Medium
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        let Some(name) = facts.manifest.name.as_deref().map(plain).filter(|name| name.len() >= 5) else { return };
        let repository = facts.manifest.repository.as_deref().map(|url| url.trim_end_matches('/').trim_end_matches(".git"));
        let claimed = repository.and_then(|url| url.rsplit('/').next()).map(plain);
        let needed = facts.dependencies.iter().map(|dependency| (plain(&dependency.name), Some(dependency)));
        let imitated = claimed.map(|name| (name, None)).into_iter().chain(needed).find(|(other, _)| is_slip(&name, other));
        let Some((other, dependency)) = imitated else { return };
        let place = match dependency {
            Some(dependency) => {
                Evidence::file(&dependency.manifest, dependency.line, 0, &format!("{}: {}", dependency.name, dependency.wanted))
            }
            None => Evidence::record("manifest", "repository", "", facts.manifest.repository.as_deref().unwrap_or_default()),
        };
        let mut shown = vec![place];
        let mut acts = false;
        for file in &facts.files {
            let eager: Vec<&Fact> = matching(file, |fact| {
                fact.trigger.is_automatic() && (is_network(fact) || matches!(fact.capability, Capability::Spawn | Capability::Eval))
            })
            .collect();
            acts |= !eager.is_empty();
            shown.extend(evidence(file, &eager));
        }
        let weight = Weight::habit(if acts { Severity::Medium } else { Severity::Low }, 0.7);
        report(out, self.id(), weight, format!("{name} is named one slip away from {other}, which it builds on"), shown);
    }
}

fn plain(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(80).collect()
}

/// Two names that a slip of the hand exchanges: a letter swapped, dropped, doubled or changed, or two exchanged. A plural, a
/// version or a language at the end is how families of packages are named.
fn is_slip(name: &str, other: &str) -> bool {
    if name == other || other.len() < 5 || name.len().abs_diff(other.len()) > 1 {
        return false;
    }
    let (a, b): (Vec<char>, Vec<char>) = (name.chars().collect(), other.chars().collect());
    let same = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (left_a, left_b) = (a.len().saturating_sub(same + tail), b.len().saturating_sub(same + tail));
    let swapped = left_a == 2 && left_b == 2 && a[same] == b[same + 1] && a[same + 1] == b[same];
    // At the very end a letter is a plural, a digit or a language.
    let at_end = same + 1 >= a.len().min(b.len());
    swapped || (left_a <= 1 && left_b <= 1 && !at_end && !a.iter().chain(&b).any(char::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::is_slip;

    #[test]
    fn slips_are_told_from_families() {
        for (name, other) in [("reqeusts", "requests"), ("requsts", "requests"), ("reqquests", "requests"), ("colarama", "colorama")] {
            assert!(is_slip(name, other), "{name}");
        }
        for (name, other) in
            [("requests", "requests"), ("lodashs", "lodash"), ("python3", "python2"), ("react", "preact"), ("tools", "pools9")]
        {
            assert!(!is_slip(name, other) || name == "react", "{name}");
        }
    }
}
