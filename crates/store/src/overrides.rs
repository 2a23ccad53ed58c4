//! Two people's decisions against one malware record become one override.

use bifocal_core::{Decision, DecisionAction, MalwareOverride, Person, Sha256, different_people};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The longest life of an override, and the longest time that a first signature waits for a second.
const LONGEST: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The overrides that these decisions (overrides and revocations, in the order of the log) amount to.
pub(crate) fn overrides(decisions: &[Decision]) -> Vec<MalwareOverride> {
    let revoked = revoked(decisions);
    let mut signed: BTreeMap<(String, Sha256, String), Vec<&Decision>> = BTreeMap::new();
    for decision in decisions {
        let Some(record) = &decision.malware_record else { continue };
        let signs = decision.action == DecisionAction::OverrideMalware && Person::parse(&decision.actor).is_ok();
        if signs && !revoked.contains(decision.id.as_str()) {
            for sha256 in &decision.artifacts {
                signed.entry((record.clone(), *sha256, decision.release.package.purl())).or_default().push(decision);
            }
        }
    }
    let mut found = Vec::new();
    for ((record, sha256, _), mut decisions) in signed {
        decisions.sort_by_key(|decision| (decision.decided_at, decision.id.as_str()));
        let mut first: Option<&Decision> = None;
        for second in decisions {
            // A signature serves one override; a new one needs two new signatures.
            let pair =
                first.filter(|first| are_two(&first.actor, &second.actor) && second.decided_at.duration_since(first.decided_at) <= LONGEST);
            match pair {
                Some(pair) => {
                    found.push(combined(&record, sha256, pair, second));
                    first = None;
                }
                None => first = Some(second),
            }
        }
    }
    found
}

fn combined(record: &str, sha256: Sha256, first: &Decision, second: &Decision) -> MalwareOverride {
    let since = second.decided_at;
    let longest = since.checked_add(LONGEST).unwrap_or(since);
    let until = [first.until, second.until].into_iter().flatten().fold(longest, Timestamp::min);
    let reason = if first.reason == second.reason { first.reason.clone() } else { format!("{}; {}", first.reason, second.reason) };
    MalwareOverride {
        record: record.to_owned(),
        sha256,
        package: second.release.package.clone(),
        by: vec![first.actor.clone(), second.actor.clone()],
        reason,
        since,
        until,
    }
}

/// Whether these are surely two people.
fn are_two(first: &str, second: &str) -> bool {
    different_people([first, second]).is_ok_and(|people| people == 2)
}

/// Ids of decisions that a revocation takes back which is not taken back itself.
fn revoked(decisions: &[Decision]) -> BTreeSet<&str> {
    let mut revoked = BTreeSet::new();
    for decision in decisions.iter().rev() {
        if decision.action == DecisionAction::Revoke
            && !revoked.contains(decision.id.as_str())
            && let Some(target) = &decision.revokes
        {
            revoked.insert(target.as_str());
        }
    }
    revoked
}
