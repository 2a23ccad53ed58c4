//! The list of facts gained and lost.

use super::fresh::{Side, View, path};
use super::{Change, ChangeKind, Subject};
use bifocal_core::{Act, BehaviourSummary, Does, Evidence, OddityKind, When};
use std::collections::{BTreeMap, BTreeSet};

/// Most places of one change.
const MAX_PLACES: usize = 5;
/// Most single acts that are listed.
const MAX_LISTED_ACTS: usize = 40;

/// Everything that came or went.
pub(super) fn gained_and_lost(view: &View<'_>) -> Vec<Change> {
    let mut found = Vec::new();
    hooks(view, &mut found);
    capabilities(view.old, view.new, ChangeKind::Gained, &mut found);
    capabilities(view.new, view.old, ChangeKind::Lost, &mut found);
    acts(view, &mut found);
    hosts(view.old, view.new, ChangeKind::Gained, &mut found);
    hosts(view.new, view.old, ChangeKind::Lost, &mut found);
    oddities(view, &mut found);
    dependencies(view, &mut found);
    found
}

fn push(found: &mut Vec<Change>, kind: ChangeKind, subject: Subject, when: Option<When>, detail: String, evidence: Vec<Evidence>) {
    found.push(Change { kind, subject, when, detail, evidence });
}

fn hooks(view: &View<'_>, found: &mut Vec<Change>) {
    let words = |hook: &bifocal_core::Hook| {
        if hook.command.is_empty() { format!("{} runs by itself", hook.name) } else { format!("{}: {}", hook.name, hook.command) }
    };
    for hook in &view.hooks {
        push(found, ChangeKind::Gained, Subject::InstallScript, Some(When::Install), words(hook), vec![hook.place.clone()]);
    }
    let key = |hook: &bifocal_core::Hook, side| (view.plain(&hook.name, side), view.plain(&hook.command, side));
    let after: BTreeSet<(String, String)> = view.new.hooks.iter().map(|hook| key(hook, Side::New)).collect();
    for hook in view.old.hooks.iter().filter(|hook| !after.contains(&key(hook, Side::Old))) {
        push(found, ChangeKind::Lost, Subject::InstallScript, Some(When::Install), words(hook), vec![hook.place.clone()]);
    }
}

/// Capabilities at a trigger that `before` did not have there or earlier.
fn capabilities(before: &BehaviourSummary, after: &BehaviourSummary, kind: ChangeKind, found: &mut Vec<Change>) {
    let mut gained: BTreeMap<(When, Does), Vec<Evidence>> = BTreeMap::new();
    for act in &after.acts {
        let had = before.acts.iter().any(|old| old.does == act.does && old.when <= act.when);
        if !had && (before.complete || act.when < When::Call) {
            gained.entry((act.when, act.does)).or_default().push(act.place.clone());
        }
    }
    for ((when, does), mut places) in gained {
        places.truncate(MAX_PLACES);
        push(found, kind, Subject::Capability, Some(when), format!("{} {}", does.phrase(), when.phrase()), places);
    }
}

/// New code that acts by itself, where the package did such things before.
fn acts(view: &View<'_>, found: &mut Vec<Change>) {
    let eager = |act: &&&Act| act.when <= When::Import && view.had(act.does, act.when);
    for act in view.acts.iter().filter(eager).take(MAX_LISTED_ACTS) {
        let detail = format!("{} {}, by {}", act.does.phrase(), act.when.phrase(), act.api);
        push(found, ChangeKind::Gained, Subject::Act, Some(act.when), detail, vec![act.place.clone()]);
    }
}

/// Hosts of acts, by name.
pub(super) fn hosts_of(summary: &BehaviourSummary) -> BTreeMap<&str, Vec<&Act>> {
    let mut named: BTreeMap<&str, Vec<&Act>> = BTreeMap::new();
    for act in &summary.acts {
        for host in act.hosts.iter().filter(|host| host.name.chars().any(|c| c != '…')) {
            named.entry(&host.name).or_default().push(act);
        }
    }
    named
}

fn hosts(before: &BehaviourSummary, after: &BehaviourSummary, kind: ChangeKind, found: &mut Vec<Change>) {
    let known = hosts_of(before);
    for (host, acts) in hosts_of(after) {
        if known.contains_key(host) {
            continue;
        }
        let when = acts.iter().map(|act| act.when).min();
        let places = acts.iter().take(MAX_PLACES).map(|act| act.place.clone()).collect();
        push(found, kind, Subject::Host, when, host.to_owned(), places);
    }
}

fn oddities(view: &View<'_>, found: &mut Vec<Change>) {
    let subject = |kind| match kind {
        OddityKind::Program => Subject::Binary,
        OddityKind::Obfuscated | OddityKind::OutOfSight => Subject::OpaqueCode,
        OddityKind::ReplacesRequests | OddityKind::WalletPattern | OddityKind::EmbeddedHook => Subject::PageHook,
    };
    for oddity in &view.oddities {
        push(found, ChangeKind::Gained, subject(oddity.kind), oddity.when, path(&oddity.place).to_owned(), vec![oddity.place.clone()]);
    }
    let after: BTreeSet<(OddityKind, String)> =
        view.new.oddities.iter().map(|oddity| (oddity.kind, view.plain(path(&oddity.place), Side::New))).collect();
    for oddity in &view.old.oddities {
        if !after.contains(&(oddity.kind, view.plain(path(&oddity.place), Side::Old))) {
            push(found, ChangeKind::Lost, subject(oddity.kind), oddity.when, path(&oddity.place).to_owned(), vec![oddity.place.clone()]);
        }
    }
}

fn dependencies(view: &View<'_>, found: &mut Vec<Change>) {
    for claim in &view.dependencies {
        let mut detail = format!("{} {}", claim.name, claim.requirement);
        if claim.off_registry {
            detail.push_str(", fetched from an address instead of the registry");
        }
        if claim.mentioned == Some(false) {
            detail.push_str(", which no code of the package mentions");
        }
        push(found, ChangeKind::Gained, Subject::Dependency, None, detail, vec![claim.place.clone()]);
    }
    let after: BTreeSet<&str> = view.new.dependencies.iter().map(|claim| claim.name.as_str()).collect();
    for claim in view.old.dependencies.iter().filter(|claim| !after.contains(claim.name.as_str())) {
        push(
            found,
            ChangeKind::Lost,
            Subject::Dependency,
            None,
            format!("{} {}", claim.name, claim.requirement),
            vec![claim.place.clone()],
        );
    }
}
