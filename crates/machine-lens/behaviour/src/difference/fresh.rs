//! Which acts, hooks, files and dependencies of the new artifact are new.
//!
//! Code moves between files and lines, versions stand in paths, and bundlers rename everything with each release. So an act
//! counts as new only when its code (blanks apart) is nowhere in the old artifact *and* there are more acts of its kind
//! than before.

use bifocal_core::{Act, BehaviourSummary, Carries, DependencyClaim, Does, Evidence, Hook, Oddity, OddityKind, When};
use std::collections::{BTreeMap, BTreeSet};

/// Which of the two artifacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

/// Both summaries, and what of the new one is new.
pub(super) struct View<'a> {
    pub(super) old: &'a BehaviourSummary,
    pub(super) new: &'a BehaviourSummary,
    /// Acts whose code is new.
    pub(super) acts: Vec<&'a Act>,
    /// Hooks that are new, or whose command changed.
    pub(super) hooks: Vec<&'a Hook>,
    /// Odd files of a kind, more than before.
    pub(super) oddities: Vec<&'a Oddity>,
    /// Dependencies by names that were not there, or that moved off the registry.
    pub(super) dependencies: Vec<&'a DependencyClaim>,
    old_version: Option<&'a str>,
    new_version: Option<&'a str>,
}

/// Acts of one kind.
type Kind<'a> = (When, Does, &'a [Carries], Vec<&'a str>, &'a str);

fn kind(act: &Act) -> Kind<'_> {
    (act.when, act.does, &act.carries, act.hosts.iter().map(|host| host.name.as_str()).collect(), &act.api)
}

impl<'a> View<'a> {
    pub(super) fn of(
        old: &'a BehaviourSummary,
        new: &'a BehaviourSummary,
        old_version: Option<&'a str>,
        new_version: Option<&'a str>,
    ) -> View<'a> {
        let mut view = View {
            old,
            new,
            acts: Vec::new(),
            hooks: Vec::new(),
            oddities: Vec::new(),
            dependencies: Vec::new(),
            old_version,
            new_version,
        };
        view.acts = fresh_acts(old, new);
        let command = |hook: &Hook, side| (view.plain(&hook.name, side), view.plain(&squash(&hook.command), side));
        let before: BTreeSet<(String, String)> = old.hooks.iter().map(|hook| command(hook, Side::Old)).collect();
        view.hooks = new.hooks.iter().filter(|hook| !before.contains(&command(hook, Side::New))).collect();
        view.oddities = view.fresh_oddities();
        let known: BTreeMap<&str, bool> = old.dependencies.iter().map(|claim| (claim.name.as_str(), claim.off_registry)).collect();
        view.dependencies = new
            .dependencies
            .iter()
            .filter(|claim| known.get(claim.name.as_str()).is_none_or(|was_off| claim.off_registry && !was_off))
            .collect();
        view
    }

    /// A path or command without the release's own version.
    pub(super) fn plain(&self, text: &str, side: Side) -> String {
        let version = if side == Side::Old { self.old_version } else { self.new_version };
        match version.filter(|version| version.len() >= 3) {
            Some(version) => text.replace(version, "*"),
            None => text.to_owned(),
        }
    }

    /// A place whatever its line.
    pub(super) fn place_key(&self, place: &Evidence, side: Side) -> String {
        match place {
            Evidence::File { path, snippet, chain, .. } => format!("{}\0{}\0{}", self.plain(path, side), squash(snippet), chain.join("\0")),
            Evidence::Record { feed, id, .. } => format!("{feed}\0{id}"),
        }
    }

    /// Whether the old artifact did this at least as eagerly.
    pub(super) fn had(&self, does: Does, when: When) -> bool {
        self.old.acts.iter().any(|act| act.does == does && act.when <= when)
    }

    /// Odd files by path and kind; of kinds that come and go in crowds (programs, bundles), only when there are more.
    fn fresh_oddities(&self) -> Vec<&'a Oddity> {
        let key = |oddity: &Oddity, side| (oddity.kind, self.plain(path(&oddity.place), side));
        let before: BTreeSet<(OddityKind, String)> = self.old.oddities.iter().map(|oddity| key(oddity, Side::Old)).collect();
        let count = |summary: &BehaviourSummary, kind| summary.oddities.iter().filter(|oddity| oddity.kind == kind).count();
        self.new
            .oddities
            .iter()
            .filter(|oddity| !before.contains(&key(oddity, Side::New)))
            .filter(|oddity| count(self.new, oddity.kind) > count(self.old, oddity.kind))
            .collect()
    }
}

fn fresh_acts<'a>(old: &'a BehaviourSummary, new: &'a BehaviourSummary) -> Vec<&'a Act> {
    let code: BTreeSet<(Does, String)> = old.acts.iter().map(|act| (act.does, squash(snippet(&act.place)))).collect();
    let mut room: BTreeMap<Kind<'_>, i64> = BTreeMap::new();
    for act in &old.acts {
        *room.entry(kind(act)).or_default() -= 1;
    }
    for act in &new.acts {
        *room.entry(kind(act)).or_default() += 1;
    }
    new.acts
        .iter()
        .filter(|act| room.get(&kind(act)).is_some_and(|more| *more > 0))
        .filter(|act| !code.contains(&(act.does, squash(snippet(&act.place)))))
        // What was cut from the old summary may have been there.
        .filter(|act| old.complete || act.when < When::Call)
        .collect()
}

/// The path of a place.
pub(super) fn path(place: &Evidence) -> &str {
    match place {
        Evidence::File { path, .. } => path,
        Evidence::Record { id, .. } => id,
    }
}

fn snippet(place: &Evidence) -> &str {
    match place {
        Evidence::File { snippet, .. } => snippet,
        Evidence::Record { detail, .. } => detail,
    }
}

fn squash(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
