//! From inventories to a list of releases to assess.
//!
//! In: what files and the command line ask for. Out: each exact release once, with every digest, place and file that
//! was named for it; ranges still to be resolved; path dependencies; and what can never become a release.

use crate::report::{LocalDependency, NotEvaluated};
use bifocal_core::{DeclaredArtifact, Dependency, Ecosystem, Inventory, PackageName, Place, Release, Requested};
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
    /// Hosts that lockfiles name for it without pinning a digest: nothing ties those bytes to the registry's.
    pub unpinned_hosts: BTreeSet<String>,
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
}

/// What a check has to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Releases by purl order.
    pub wanted: BTreeMap<Release, Wanted>,
    /// Ranges in order of mention.
    pub ranges: Vec<RangeRequest>,
    /// Path dependencies.
    pub local: Vec<LocalDependency>,
    /// Dependencies that never become a release.
    pub not_evaluated: Vec<NotEvaluated>,
    /// Notes of the readers.
    pub notes: Vec<String>,
}

impl Plan {
    /// A plan for all that these inventories name.
    pub fn of(inventories: &[Inventory]) -> Self {
        let mut plan = Plan::default();
        for inventory in inventories {
            for note in &inventory.notes {
                plan.notes.push(format!("{}: {note}", inventory.path));
            }
            for dependency in &inventory.dependencies {
                plan.add(dependency);
            }
        }
        plan.finish()
    }

    /// Drops the releases that `base` names too: what is left is what a change adds or updates.
    pub fn without(mut self, base: &Plan) -> Self {
        self.wanted.retain(|release, _| !base.wanted.contains_key(release));
        self.ranges.retain(|range| !base.ranges.iter().any(|old| old.package == range.package && old.requirement == range.requirement));
        self.not_evaluated.retain(|missing| !base.not_evaluated.iter().any(|old| old.what == missing.what));
        self.local.retain(|local| !base.local.iter().any(|old| old.path == local.path));
        self
    }

    /// Adds an exact release that `dependency` was resolved to.
    pub fn add_resolved(&mut self, release: Release, dependency: &Dependency) {
        let wanted = self.wanted.entry(release.clone()).or_insert_with(|| Wanted {
            release,
            declared: Vec::new(),
            places: Vec::new(),
            optional: true,
            unpinned_hosts: BTreeSet::new(),
        });
        wanted.optional &= dependency.optional;
        if let Some(host) =
            dependency.registry_host.as_ref().filter(|_| dependency.artifacts.iter().all(|artifact| artifact.digests.is_empty()))
        {
            wanted.unpinned_hosts.insert(host.to_ascii_lowercase());
        }
        if !wanted.places.contains(&dependency.place) {
            wanted.places.push(dependency.place.clone());
        }
        for artifact in &dependency.artifacts {
            let pinned = (artifact.clone(), dependency.place.clone());
            if !wanted.declared.iter().any(|(known, _)| known == artifact) {
                wanted.declared.push(pinned);
            }
        }
    }

    /// The ecosystems that the plan touches.
    pub fn ecosystems(&self) -> BTreeSet<Ecosystem> {
        let exact = self.wanted.keys().map(Release::ecosystem);
        exact.chain(self.ranges.iter().map(|range| range.package.ecosystem())).collect()
    }

    fn add(&mut self, dependency: &Dependency) {
        let place = dependency.place.clone();
        match &dependency.requested {
            Requested::Exact { release } => self.add_resolved(release.clone(), dependency),
            Requested::Range { package, requirement } => self.ranges.push(RangeRequest {
                package: package.clone(),
                requirement: requirement.clone(),
                dependency: dependency.clone(),
            }),
            Requested::Path { name, path } if is_archive(path) || leaves_root(&place.path, path) => self.not_evaluated.push(NotEvaluated {
                what: named(name, path),
                place,
                error: "this path is an archive or leads outside the checked folder, so nothing looked at it; check from the folder that holds it, or run `bifocal scan` on it"
                    .to_owned(),
            }),
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

/// Whether a path names packed code rather than a folder of the project.
fn is_archive(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    [".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar", ".zip", ".whl", ".egg", ".jar", ".war", ".crate"]
        .iter()
        .any(|ending| path.ends_with(ending))
}

/// Whether a path, written in a file of the checked folder, leads out of that folder.
fn leaves_root(file: &str, path: &str) -> bool {
    let path = path.strip_prefix("file:").unwrap_or(path);
    let absolute = |path: &str| path.starts_with(['/', '\\', '~']) || path.as_bytes().get(1) == Some(&b':');
    if absolute(path) {
        return true;
    }
    // A file that was named by an absolute path has a root that is not known here; pnpm and yarn write a workspace's
    // links relative to the member that asks for them, not to the lockfile.
    let of_members = ["pnpm-lock.yaml", "yarn.lock"].iter().any(|name| file.rsplit('/').next() == Some(name));
    if absolute(file) || file.starts_with("..") || of_members {
        return false;
    }
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut depth = 0i32;
    for part in folder.split('/').chain(path.split(['/', '\\'])) {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

fn named(name: &str, rest: &str) -> String {
    if name.is_empty() { rest.to_owned() } else { format!("{name} ({rest})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bifocal_core::{Digest, FileKind};

    fn dependency(requested: Requested, optional: bool, line: u32) -> Dependency {
        Dependency { requested, artifacts: vec![], place: Place { path: "lock".to_owned(), line }, optional, registry_host: None }
    }

    fn inventory(dependencies: Vec<Dependency>) -> Inventory {
        Inventory { path: "lock".to_owned(), kind: FileKind::PackageLock, dependencies, notes: vec![] }
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
        let plan = Plan::of(&[inventory(vec![one, two])]);
        let wanted = &plan.wanted[&release("1.0.0")];
        assert_eq!(wanted.places.len(), 2);
        assert_eq!(wanted.declared.len(), 1);
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
            ("/abs/package-lock.json", "../x", false),
            ("pnpm-lock.yaml", "../shared", false),
            ("pnpm-lock.yaml", "/etc/x", true),
        ] {
            assert_eq!(leaves_root(file, path), leaves, "{file} {path}");
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
            dependency(Requested::Url { name: String::new(), url: "https://example.com/u.tgz".into() }, false, 5),
        ]);
        let plan = Plan::of(&[all]);
        assert_eq!((plan.wanted.len(), plan.local.len(), plan.not_evaluated.len()), (2, 1, 2));
        let base = Plan::of(&[inventory(vec![dependency(Requested::Exact { release: release("1.0.0") }, false, 1)])]);
        let left = plan.without(&base);
        assert_eq!(left.wanted.keys().collect::<Vec<_>>(), [&release("2.0.0")]);
    }
}
