//! From inventories to a list of releases to assess.
//!
//! In: what files and the command line ask for. Out: each exact release once, with every digest, place and file that
//! was named for it; ranges still to be resolved; path dependencies; and what can never become a release.

use crate::report::{LocalDependency, NotEvaluated};
use crate::spelling;
use bifocal_core::{
    Choosing, DeclaredArtifact, Dependency, Ecosystem, FileKind, Inventory, Origin, PackageName, Place, Release, Requested, Role,
};
use bifocal_readers::NOT_LOOKED_AT;
use std::collections::{BTreeMap, BTreeSet};

/// One release to assess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The release.
    pub release: Release,
    /// Files and digests that lockfiles pin, with the place that pins them.
    pub declared: Vec<(DeclaredArtifact, Place)>,
    /// Where it is asked for, in order of first mention.
    pub places: Vec<Place>,
    /// No place asks for it outside development, test or optional dependencies.
    pub optional: bool,
    /// A file asks for it without pinning a digest: nothing but the client's configuration ties it to its bytes.
    pub open: bool,
    /// Where those files say that it comes from.
    pub origins: BTreeSet<Origin>,
    /// A file has its client build it from the source distribution, so that this is looked at too.
    pub source: bool,
}

impl Wanted {
    /// A release that nothing asks for yet.
    pub fn new(release: Release) -> Self {
        Wanted { release, declared: Vec::new(), places: Vec::new(), optional: true, open: false, origins: BTreeSet::new(), source: false }
    }

    /// Whether it asks for nothing that `old` does not: the same bytes from the same places.
    fn is_covered_by(&self, old: &Wanted) -> bool {
        let pinned = |(artifact, _): &(DeclaredArtifact, Place)| old.declared.iter().any(|(known, _)| known == artifact);
        self.declared.iter().all(pinned) && self.origins.is_subset(&old.origins) && (old.open || !self.open) && (old.source || !self.source)
    }
}

/// A range that a registry has to resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeRequest {
    /// The package.
    pub package: PackageName,
    /// The requirement, in the ecosystem's own syntax.
    pub requirement: String,
    /// The dependency as read.
    pub dependency: Dependency,
    /// What its file says of how the client chooses.
    pub choosing: Choosing,
}

/// A manifest without a lockfile: what it asks for is resolved as a whole, with all that follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlocked {
    /// The file, as places name it.
    pub path: String,
    /// Its kind.
    pub kind: FileKind,
    /// Whose client resolves it.
    pub ecosystem: Ecosystem,
    /// What it asks for from registries.
    pub roots: Vec<Dependency>,
    /// What replaces or narrows the choice of others.
    pub rules: Vec<Dependency>,
    /// What it says of how the client chooses.
    pub choosing: Choosing,
    /// The same manifest at the base revision; what that brings is not new.
    pub base: Option<Box<Unlocked>>,
}

impl Unlocked {
    /// The manifest of an inventory, where it is of a kind that is resolved here and asks a registry for something that it
    /// does not pin by digest.
    fn of(inventory: &Inventory) -> Option<Unlocked> {
        let ecosystem = match inventory.kind {
            FileKind::PackageJson => Ecosystem::Npm,
            FileKind::CargoToml => Ecosystem::Cargo,
            FileKind::Pyproject | FileKind::Requirements => Ecosystem::Pypi,
            _ => return None,
        };
        if !inventory.dependencies.iter().any(is_open) {
            return None;
        }
        let of_registry = inventory.dependencies.iter().filter(|one| is_of_registry(one));
        let (rules, roots): (Vec<_>, Vec<_>) = of_registry.cloned().partition(|one| one.ask.role == Role::Override);
        let rules = rules.into_iter().chain(inventory.constraints.iter().cloned()).collect();
        let (path, choosing) = (inventory.path.clone(), inventory.choosing.clone());
        Some(Unlocked { path, kind: inventory.kind, ecosystem, roots, rules, choosing, base: None })
    }
}

/// Whether a dependency names a release or a range of a registry.
fn is_of_registry(one: &Dependency) -> bool {
    matches!(one.requested, Requested::Exact { .. } | Requested::Range { .. })
}

/// Whether resolving the manifest tells which release is meant, if any. What is exact is looked at in any case.
fn is_chosen_later(one: &Dependency) -> bool {
    is_of_registry(one) && (one.ask.role == Role::Override || matches!(one.requested, Requested::Range { .. }))
}

/// Whether nothing but the client's configuration ties a dependency to its bytes.
fn is_open(one: &Dependency) -> bool {
    is_of_registry(one) && one.artifacts.iter().all(|artifact| artifact.digests.is_empty())
}

/// What a check has to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Releases by purl order.
    pub wanted: BTreeMap<Release, Wanted>,
    /// Ranges in order of mention.
    pub ranges: Vec<RangeRequest>,
    /// Manifests to resolve, in order of mention.
    pub manifests: Vec<Unlocked>,
    /// See [`crate::CheckReport::resolved`].
    pub resolved: Vec<String>,
    /// Path dependencies.
    pub local: Vec<LocalDependency>,
    /// Dependencies that never become a release.
    pub not_evaluated: Vec<NotEvaluated>,
    /// Notes of the readers.
    pub notes: Vec<String>,
    /// What the search for files left out, a line for each kind.
    pub left_out: Vec<String>,
    /// Files that the search found and that are malformed, each with what is wrong: wrong usage, although the rest is
    /// evaluated. They are among `not_evaluated` too.
    pub malformed: Vec<String>,
}

impl Plan {
    /// A plan for all that these inventories name. A path dependency has to stay in one of these folders, which are told in
    /// the form of the inventories' paths (`""` is the working folder), or in the folder of the file that names it.
    ///
    /// `locked` tells whether a file beside a manifest locks what it asks for: such a manifest is not resolved, and only what
    /// it names itself is looked at.
    pub fn of(inventories: &[Inventory], roots: &[String], locked: &dyn Fn(&Inventory) -> bool) -> Self {
        let mut plan = Plan::default();
        for inventory in inventories {
            for note in inventory.notes.iter().filter(|note| !note.starts_with(NOT_LOOKED_AT)) {
                plan.notes.push(format!("{}: {note}", inventory.path));
            }
            let readable = plan.refuse_unreadable(inventory);
            let inventory = readable.as_ref().unwrap_or(inventory);
            let manifest = Unlocked::of(inventory).filter(|_| !locked(inventory));
            let first_range = plan.ranges.len();
            for dependency in inventory.dependencies.iter().filter(|one| manifest.is_none() || !is_chosen_later(one)) {
                plan.add(dependency, roots);
                if let Requested::Exact { release } = &dependency.requested {
                    plan.note_source(&spelling::plain(release), &inventory.choosing);
                }
            }
            plan.ranges.iter_mut().skip(first_range).for_each(|range| range.choosing = inventory.choosing.clone());
            plan.left_out.extend(left_out(inventory, manifest.is_some()));
            plan.manifests.extend(manifest);
            let unread = inventory.unread.iter().cloned();
            plan.not_evaluated.extend(unread.map(|unread| NotEvaluated { what: unread.what, place: unread.place, error: unread.why }));
        }
        plan.finish()
    }

    /// Drops what `base` asks for too: what is left is what a change adds, updates or takes from elsewhere.
    pub fn without(mut self, base: &Plan) -> Self {
        self.wanted.retain(|release, wanted| base.wanted.get(release).is_none_or(|old| !wanted.is_covered_by(old)));
        self.ranges.retain(|range| {
            let same = |old: &RangeRequest| {
                old.package == range.package
                    && old.requirement == range.requirement
                    && range.dependency.origins.iter().all(|origin| old.dependency.origins.contains(origin))
            };
            !base.ranges.iter().any(same)
        });
        let same = |a: &Unlocked, b: &Unlocked| a.path == b.path && a.kind == b.kind;
        self.manifests.retain_mut(|manifest| {
            let Some(old) = base.manifests.iter().find(|old| same(old, manifest)) else { return true };
            let asks = |one: &Unlocked| -> BTreeSet<(Requested, bifocal_core::Ask, Vec<Origin>)> {
                one.roots.iter().chain(&one.rules).map(|one| (one.requested.clone(), one.ask.clone(), one.origins.clone())).collect()
            };
            manifest.base = Some(Box::new(old.clone()));
            asks(old) != asks(manifest) || old.choosing != manifest.choosing
        });
        self.not_evaluated.retain(|missing| !base.not_evaluated.iter().any(|old| old.what == missing.what && old.error == missing.error));
        self.local.retain(|local| !base.local.iter().any(|old| old.name == local.name && old.path == local.path));
        self
    }

    /// Adds an exact release that `dependency` was resolved to.
    pub fn add_resolved(&mut self, release: Release, dependency: &Dependency) {
        let wanted = self.wanted.entry(release.clone()).or_insert_with(|| Wanted::new(release));
        wanted.optional &= dependency.optional;
        if dependency.artifacts.iter().all(|artifact| artifact.digests.is_empty()) {
            wanted.open |= dependency.place != crate::engine::command_line();
            wanted.origins.extend(dependency.origins.iter().cloned());
        }
        if !wanted.places.contains(&dependency.place) {
            wanted.places.push(dependency.place.clone());
        }
        for artifact in &dependency.artifacts {
            let pinned = (artifact.clone(), dependency.place.clone());
            if !wanted.declared.contains(&pinned) {
                wanted.declared.push(pinned);
            }
        }
    }

    /// Has the source distribution of a release looked at too, where its file has the client build it.
    pub(crate) fn note_source(&mut self, release: &Release, choosing: &Choosing) {
        if let Some(wanted) = self.wanted.get_mut(release) {
            wanted.source |= choosing.is_from_source(&release.package);
        }
    }

    /// Calls a release by the spelling that its registry lists, together with what asks for it under that one.
    pub(crate) fn respell(&mut self, old: &Release, listed: Release) {
        let Some(asked) = self.wanted.remove(old) else { return };
        let wanted = self.wanted.entry(listed.clone()).or_insert_with(|| Wanted::new(listed));
        wanted.optional &= asked.optional;
        wanted.open |= asked.open;
        wanted.source |= asked.source;
        wanted.origins.extend(asked.origins);
        wanted.places.extend(asked.places.into_iter().filter(|place| !wanted.places.contains(place)).collect::<Vec<_>>());
        wanted.declared.extend(asked.declared.into_iter().filter(|pin| !wanted.declared.contains(pin)).collect::<Vec<_>>());
    }

    /// The ecosystems that the plan touches.
    pub fn ecosystems(&self) -> BTreeSet<Ecosystem> {
        let exact = self.wanted.keys().map(Release::ecosystem);
        let ranges = self.ranges.iter().map(|range| range.package.ecosystem());
        exact.chain(ranges).chain(self.manifests.iter().map(|manifest| manifest.ecosystem)).collect()
    }

    /// Adds what a dependency asks for. A path has to stay in one of the folders `roots`.
    pub(crate) fn add(&mut self, dependency: &Dependency, roots: &[String]) {
        let place = dependency.place.clone();
        match &dependency.requested {
            Requested::Exact { release } => self.add_resolved(spelling::plain(release), dependency),
            Requested::Range { package, requirement } => self.ranges.push(RangeRequest {
                package: package.clone(),
                requirement: requirement.clone(),
                dependency: dependency.clone(),
                choosing: Choosing::default(),
            }),
            Requested::Path { name, path } if is_archive(path) || leaves_root(&place.path, path, roots) => self.not_evaluated.push(NotEvaluated {
                what: named(name, path),
                place,
                error: "this path is an archive or leads outside the checked folder, so nothing looked at it; check from the folder that holds it, or run `bifocal scan` on it"
                    .to_owned(),
            }),
            // The project itself.
            Requested::Path { path, .. } if !path.is_empty() && fold("", path).is_empty() => {}
            Requested::Path { name, path } => self.local.push(LocalDependency { name: name.clone(), path: path.clone(), place }),
            Requested::Git { name, url, revision } => self.not_evaluated.push(NotEvaluated {
                what: named(name, &format!("git {url}{}", if revision.is_empty() { String::new() } else { format!("#{revision}") })),
                place,
                error: "git dependencies are not fetched, so nothing looked at this code; depend on a released version, or review the commit and vendor it"
                    .to_owned(),
            }),
            Requested::Url { name, url } => self.not_evaluated.push(NotEvaluated {
                what: named(name, url),
                place,
                error: "this file comes from outside the configured registries and is not fetched; depend on a registry release, or download it and run `bifocal scan`"
                    .to_owned(),
            }),
        }
    }

    fn finish(mut self) -> Self {
        self.local.sort();
        self.local.dedup();
        self.not_evaluated.sort();
        self.not_evaluated.dedup();
        self
    }
}

/// What of a file's wishes is not looked at, in lines: things of other kinds, and what a manifest beside a lockfile asks for
/// on the way.
fn left_out(inventory: &Inventory, resolved: bool) -> Vec<String> {
    let others = inventory.notes.iter().filter_map(|note| note.strip_prefix(NOT_LOOKED_AT));
    let mut lines: Vec<String> = others.map(|counts| format!("{counts} in {}", inventory.path)).collect();
    if resolved || !inventory.dependencies.iter().any(is_open) {
        return lines;
    }
    let lock = match inventory.kind {
        FileKind::PackageJson | FileKind::CargoToml => "the lockfile beside it has that; check it too",
        FileKind::Pyproject => "no lockfile has what its build requirements need, and the one beside it has the rest",
        _ => return lines,
    };
    lines.push(format!("what the dependencies in {} need in turn: {lock}", inventory.path));
    lines
}

/// Whether a path names packed code rather than a folder of the project.
fn is_archive(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    [".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar", ".zip", ".whl", ".egg", ".jar", ".war", ".crate"]
        .iter()
        .any(|ending| path.ends_with(ending))
}

/// Whether a path, written relative to the folder of a file, leads out of the checked folders.
fn leaves_root(file: &str, path: &str, roots: &[String]) -> bool {
    let path = path.strip_prefix("file:").unwrap_or(path);
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    if path.starts_with(['/', '\\', '~']) || path.as_bytes().get(1) == Some(&b':') {
        return true;
    }
    let sought = fold(folder, path);
    let inside = |root: &str| {
        let steps = fold("", root);
        // Of two paths only one of which begins at the root of the file system nothing can be said.
        root.starts_with('/') == folder.starts_with('/') && sought.starts_with(&steps) && sought.get(steps.len()) != Some(&"..")
    };
    let below_its_own_folder = fold("", path).first() != Some(&"..");
    !below_its_own_folder && !roots.iter().any(|root| inside(root))
}

/// The parts of a path in a folder, with `.` and `..` folded; those that lead out stand in front.
fn fold<'p>(folder: &'p str, path: &'p str) -> Vec<&'p str> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split(['/', '\\'])) {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", Some(last)) if *last != ".." => {
                parts.pop();
            }
            (part, _) => parts.push(part),
        }
    }
    parts
}

fn named(name: &str, rest: &str) -> String {
    if name.is_empty() { rest.to_owned() } else { format!("{name} ({rest})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bifocal_core::Digest;

    fn dependency(requested: Requested, optional: bool, line: u32) -> Dependency {
        Dependency {
            requested,
            artifacts: vec![],
            place: Place { path: "lock".to_owned(), line },
            optional,
            origins: vec![],
            ask: bifocal_core::Ask::default(),
        }
    }

    fn inventory(dependencies: Vec<Dependency>) -> Inventory {
        Inventory { dependencies, ..Inventory::new("lock", FileKind::PackageLock) }
    }

    fn release(version: &str) -> Release {
        Release::new(Ecosystem::Npm, "x", version).unwrap()
    }

    #[test]
    fn mentions_of_one_release_are_merged() {
        let mut one = dependency(Requested::Exact { release: release("1.0.0") }, true, 1);
        one.artifacts.push(DeclaredArtifact { filename: String::new(), digests: vec![Digest::from(bifocal_core::Sha256::of(b"a"))] });
        let mut two = one.clone();
        two.place.line = 2;
        two.optional = false;
        let plan = Plan::of(&[inventory(vec![one, two])], &[], &|_| false);
        let wanted = &plan.wanted[&release("1.0.0")];
        assert_eq!(wanted.places.len(), 2);
        assert_eq!(wanted.declared.len(), 2);
        assert!(!wanted.optional);
    }

    #[test]
    fn paths_that_leave_the_checked_folder_are_not_local() {
        for (file, path, leaves) in [
            ("package-lock.json", "packages/a", false),
            ("web/package-lock.json", "../shared", false),
            ("package-lock.json", "../outside", true),
            ("web/package-lock.json", "../../outside", true),
            ("package-lock.json", "/etc/x", true),
            ("package-lock.json", "file:/etc/x", true),
            ("web/package-lock.json", "a/../../b/..", false),
            ("/abs/package-lock.json", "x", false),
            ("/abs/package-lock.json", "../x", true),
            ("/abs/project/web/package-lock.json", "../x", false),
            ("/abs/project/web/package-lock.json", "../../x", true),
            ("/abs/project-2/package-lock.json", "../x", true),
            ("../other/package-lock.json", "../x", true),
            ("../other/web/package-lock.json", "../../../x", true),
            ("pnpm-lock.yaml", "packages/a", false),
            ("pnpm-lock.yaml", "../shared", true),
            ("pnpm-lock.yaml", "/etc/x", true),
        ] {
            let roots = [String::new(), "/abs/project".to_owned()];
            assert_eq!(leaves_root(file, path, &roots), leaves, "{file} {path}");
        }
        // The folder that is named is the root, wherever one stands.
        let named = ["app".to_owned(), "/abs/app".to_owned(), "../beside".to_owned()];
        for (file, path, leaves) in [
            ("app/package.json", "../evil", true),
            ("app/web/package.json", "../shared", false),
            ("/abs/app/web/package.json", "../shared", false),
            ("/abs/app/package.json", "../evil", true),
            ("app/package.json", "../application", true),
            ("../beside/web/package.json", "../shared", false),
            ("../beside/package.json", "../x", true),
            ("app/package.json", "../../beside/x", false),
        ] {
            assert_eq!(leaves_root(file, path, &named), leaves, "{file} {path}");
        }
        assert!(is_archive("./x-1.0.whl") && !is_archive("./x"));
    }

    #[test]
    fn nothing_is_dropped_and_a_base_takes_away_what_it_has() {
        let all = inventory(vec![
            dependency(Requested::Exact { release: release("1.0.0") }, false, 1),
            dependency(Requested::Exact { release: release("2.0.0") }, false, 2),
            dependency(Requested::Git { name: "g".into(), url: "https://example.com/g".into(), revision: "abc".into() }, false, 3),
            dependency(Requested::Path { name: "p".into(), path: "./p".into() }, false, 4),
            dependency(Requested::Path { name: "itself".into(), path: "./p/..".into() }, false, 4),
            dependency(Requested::Url { name: String::new(), url: "https://example.com/u.tgz".into() }, false, 5),
        ]);
        let plan = Plan::of(&[all], &[String::new()], &|_| false);
        assert_eq!((plan.wanted.len(), plan.local.len(), plan.not_evaluated.len()), (2, 1, 2));
        let base = Plan::of(&[inventory(vec![dependency(Requested::Exact { release: release("1.0.0") }, false, 1)])], &[], &|_| false);
        let left = plan.without(&base);
        assert_eq!(left.wanted.keys().collect::<Vec<_>>(), [&release("2.0.0")]);
    }

    #[test]
    fn a_release_that_is_taken_from_elsewhere_or_as_other_bytes_is_new() {
        let plan = |dependency: Dependency| Plan::of(&[inventory(vec![dependency])], &[], &|_| false);
        let same = dependency(Requested::Exact { release: release("1.0.0") }, false, 1);
        let pin = |bytes: &[u8]| DeclaredArtifact { filename: String::new(), digests: vec![Digest::from(bifocal_core::Sha256::of(bytes))] };
        let pinned = Dependency { artifacts: vec![pin(b"a")], ..same.clone() };
        let other = Dependency { artifacts: vec![pin(b"b")], ..same.clone() };
        let moved = Dependency { origins: vec![Origin { id: String::new(), address: "https://e.example".into() }], ..same.clone() };
        for (old, new, left) in
            [(&same, &same, 0), (&pinned, &pinned, 0), (&pinned, &other, 1), (&pinned, &same, 1), (&same, &moved, 1), (&same, &pinned, 1)]
        {
            assert_eq!(plan(new.clone()).without(&plan(old.clone())).wanted.len(), left, "{old:?} {new:?}");
        }
    }
}
