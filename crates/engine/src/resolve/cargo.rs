//! cargo's way: one version for each range of compatible versions, the highest that is not yanked, for all targets; what
//! features turn on, and no more (<https://doc.rust-lang.org/cargo/reference/resolver.html>).
//!
//! The manifest's own crate is resolved with all its features and its development dependencies, as `cargo
//! generate-lockfile` does; those of other crates count only where a feature in use turns them on. `crate?/feature` turns
//! the crate on here, as it does in Cargo.lock.
//!
//! A requirement that clashes with what was chosen before it is remembered, and the work begins anew with it. cargo itself
//! would also go back to older versions of whoever asks; where only that helps, this says which requirements clash.

use super::{Chosen, Desk, Missing, Resolved};
use crate::plan::Unlocked;
use bifocal_core::{Ecosystem, PackageName, Release, Requested, Role};
use bifocal_registries::{Candidate, CargoNeeds, Needs};
use bifocal_versions::{ParsedVersion, Requirement};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Beginnings anew for one manifest.
const MAX_RESTARTS: usize = 1_000;

/// Versions of a crate of which only one can be chosen.
type Slot = (PackageName, [u64; 3]);

/// A requirement, with those who ask for it.
#[derive(Debug, Clone)]
struct Asked {
    package: PackageName,
    requirement: String,
    features: BTreeSet<String>,
    default_features: bool,
    chain: Vec<String>,
    root: usize,
    direct: bool,
    optional: bool,
}

/// A crate that was chosen.
#[derive(Debug)]
struct Active {
    version: String,
    parsed: ParsedVersion,
    needs: Option<CargoNeeds>,
    features: BTreeSet<String>,
    /// Dependencies that are turned on, by name, with the features that features pass on to them.
    on: BTreeMap<String, BTreeSet<String>>,
    chain: Vec<String>,
    root: usize,
}

/// Requirements that others clashed with, by slot.
type Remembered = BTreeMap<Slot, BTreeMap<String, Vec<String>>>;

/// Resolves a Cargo.toml on what is known.
pub(super) fn resolve(manifest: &Unlocked, desk: &Desk<'_>) -> Resolved {
    let mut remembered = Remembered::new();
    for _ in 0..MAX_RESTARTS {
        let mut work = Work {
            desk,
            remembered: &remembered,
            active: BTreeMap::new(),
            queue: VecDeque::new(),
            later: Vec::new(),
            out: Resolved::default(),
        };
        work.roots(manifest);
        match work.run() {
            Ok(()) => return work.collect(manifest),
            Err(clash) => {
                for (requirement, chain) in clash.requirements {
                    remembered.entry(clash.slot.clone()).or_default().entry(requirement).or_insert(chain);
                }
            }
        }
    }
    Resolved { unsolved: true, missing: BTreeSet::from([super::too_much(manifest)]), ..Resolved::default() }
}

/// Two requirements on one slot that the version chosen for the first does not meet.
struct Clash {
    slot: Slot,
    requirements: Vec<(String, Vec<String>)>,
}

struct Work<'k, 'd, 'r> {
    desk: &'d Desk<'k>,
    remembered: &'r Remembered,
    active: BTreeMap<Slot, Active>,
    queue: VecDeque<Asked>,
    /// What is only for development or optional: seen to when all else is, so that what both need counts as needed.
    later: Vec<Asked>,
    out: Resolved,
}

impl Work<'_, '_, '_> {
    fn roots(&mut self, manifest: &Unlocked) {
        for (root, dependency) in manifest.roots.iter().enumerate() {
            let (package, requirement) = match &dependency.requested {
                Requested::Exact { release } => (release.package.clone(), format!("={}", release.version)),
                Requested::Range { package, requirement } => (package.clone(), requirement.clone()),
                _ => continue,
            };
            let asked = Asked {
                package,
                requirement,
                features: dependency.ask.extras.iter().cloned().collect(),
                default_features: !dependency.ask.no_default_features,
                chain: Vec::new(),
                root,
                direct: true,
                optional: matches!(dependency.ask.role, Role::Development | Role::Optional),
            };
            if asked.optional { self.later.push(asked) } else { self.queue.push_back(asked) }
        }
    }

    fn run(&mut self) -> Result<(), Clash> {
        self.later.reverse();
        while let Some(asked) = self.queue.pop_front().or_else(|| self.later.pop()) {
            if let Some(slot) = self.choose(&asked)? {
                if asked.direct
                    && let Some(active) = self.active.get(&slot)
                    && let Ok(release) = Release::of(slot.0.clone(), &active.version)
                {
                    self.out.chosen.insert(Chosen { release, root: asked.root, direct: true, optional: asked.optional });
                }
                self.turn_on(&slot, &asked);
            }
            if self.active.len() > super::MAX_RELEASES {
                break;
            }
        }
        Ok(())
    }

    /// The slot of the version that answers a requirement; nothing where that is not known yet or there is none.
    fn choose(&mut self, asked: &Asked) -> Result<Option<Slot>, Clash> {
        let requirement = match Requirement::parse(Ecosystem::Cargo, &asked.requirement) {
            Ok(requirement) => requirement,
            Err(error) => {
                self.missing(asked, error.to_string(), false);
                return Ok(None);
            }
        };
        let candidates = match self.desk.candidates(&asked.package) {
            None => return Ok(None),
            Some(Ok(candidates)) => candidates,
            Some(Err(failure)) => {
                self.missing(asked, failure.text.clone(), failure.configuration);
                return Ok(None);
            }
        };
        let mut why_not = None;
        for (candidate, parsed) in fitting(candidates, &requirement) {
            let slot = (asked.package.clone(), compatible(&parsed));
            if let Some(active) = self.active.get(&slot) {
                if requirement.matches(&active.parsed) {
                    return Ok(Some(slot));
                }
                // Whether one version could do for both shows when all that is asked of the slot is known.
                let known = self.remembered.get(&slot);
                if known.is_none_or(|known| !known.contains_key(&asked.requirement)) {
                    let requirements = vec![(asked.requirement.clone(), asked.chain.clone())];
                    return Err(Clash { slot, requirements });
                }
                why_not.get_or_insert_with(|| clash(active, &asked.package));
                continue;
            }
            let others = self.remembered.get(&slot);
            let unmet = others
                .into_iter()
                .flatten()
                .find(|(other, _)| Requirement::parse(Ecosystem::Cargo, other).is_ok_and(|other| !other.matches(&parsed)));
            if let Some((other, chain)) = unmet {
                why_not.get_or_insert_with(|| format!("`{other}` is asked for too{}", by(chain)));
                continue;
            }
            let Ok(release) = Release::of(asked.package.clone(), &candidate.version) else { continue };
            let needs = match self.desk.needs(&release) {
                // Nothing is known of its features: taken for now, and looked at again in the next round.
                None => None,
                Some(Err(failure)) => {
                    self.missing(asked, failure.text.clone(), failure.configuration);
                    return Ok(None);
                }
                Some(Ok(needs)) => match needs.as_ref() {
                    Needs::Cargo(needs) => Some(needs.clone()),
                    _ => None,
                },
            };
            if let Some(needs) = &needs
                && let Some(lacking) = asked.features.iter().find(|feature| !has_feature(needs, feature))
            {
                why_not.get_or_insert_with(|| format!("{} has no feature `{lacking}`", candidate.version));
                continue;
            }
            let mut chain = asked.chain.clone();
            chain.push(format!("{}@{}", asked.package.as_str(), candidate.version));
            let version = candidate.version.clone();
            let active = Active { version, parsed, needs, features: BTreeSet::new(), on: BTreeMap::new(), chain, root: asked.root };
            self.active.insert(slot.clone(), active);
            return Ok(Some(slot));
        }
        let yanked = candidates.iter().filter(|candidate| candidate.withdrawn).count();
        let why = why_not.map_or_else(
            || format!("{} versions are listed, {yanked} of them yanked, and none of the others is in that range", candidates.len()),
            |why| {
                format!(
                    "no version fits: {why}; cargo might go back to an older release of what asks for it: {}",
                    super::lock_it(bifocal_core::FileKind::CargoToml)
                )
            },
        );
        self.missing(asked, why, false);
        Ok(None)
    }

    fn missing(&mut self, asked: &Asked, why: String, configuration: bool) {
        let what = format!("{} {}", asked.package.purl(), asked.requirement);
        self.out.missing.insert(Missing { what, root: asked.root, chain: asked.chain.clone(), why, configuration });
    }

    /// Turns features of a chosen crate on, and asks for what they bring.
    fn turn_on(&mut self, slot: &Slot, asked: &Asked) {
        let Some(active) = self.active.get_mut(slot) else { return };
        let Some(needs) = &active.needs else { return };
        let first = active.on.is_empty() && active.features.is_empty();
        let mut changed: BTreeSet<String> = BTreeSet::new();
        let mut switch = |on: &mut BTreeMap<String, BTreeSet<String>>, name: &str, feature: Option<&str>| {
            let fresh = !on.contains_key(name);
            let features = on.entry(name.to_owned()).or_default();
            let more = feature.is_some_and(|feature| features.insert(feature.to_owned()));
            if fresh || more {
                changed.insert(name.to_owned());
            }
        };
        if first {
            for dependency in needs.dependencies.iter().filter(|one| !one.optional && !one.development) {
                switch(&mut active.on, &dependency.name, None);
            }
        }
        let mut open: Vec<String> = asked.features.iter().cloned().collect();
        if asked.default_features && needs.features.contains_key("default") {
            open.push("default".to_owned());
        }
        while let Some(feature) = open.pop() {
            if let Some((name, passed)) = feature.split_once('/') {
                let weak = name.strip_suffix('?');
                let name = weak.unwrap_or(name);
                let optional = needs.dependencies.iter().any(|one| one.name == name && one.optional);
                if weak.is_none() && optional && (needs.features.contains_key(name) || is_implicit(needs, name)) {
                    open.push(name.to_owned());
                }
                switch(&mut active.on, name, Some(passed));
            } else if let Some(name) = feature.strip_prefix("dep:") {
                switch(&mut active.on, name, None);
            } else if active.features.insert(feature.clone()) {
                match needs.features.get(&feature) {
                    Some(more) => open.extend(more.iter().cloned()),
                    None if is_implicit(needs, &feature) => switch(&mut active.on, &feature, None),
                    None => {}
                }
            }
        }
        for dependency in needs.dependencies.iter().filter(|one| !one.development && changed.contains(&one.name)) {
            let Ok(package) = PackageName::new(Ecosystem::Cargo, dependency.package.as_deref().unwrap_or(&dependency.name)) else {
                continue;
            };
            let mut features: BTreeSet<String> = dependency.features.iter().cloned().collect();
            features.extend(active.on.get(&dependency.name).into_iter().flatten().cloned());
            self.queue.push_back(Asked {
                package,
                requirement: dependency.requirement.clone(),
                features,
                default_features: dependency.default_features,
                chain: active.chain.clone(),
                root: active.root,
                direct: false,
                optional: false,
            });
        }
    }

    /// Everything that was chosen, with whether only development or optional dependencies of the manifest lead to it.
    fn collect(mut self, manifest: &Unlocked) -> Resolved {
        let direct: BTreeSet<Release> = self.out.chosen.iter().map(|chosen| chosen.release.clone()).collect();
        let optional = |root: usize| manifest.roots.get(root).is_some_and(|root| root.optional);
        for ((package, _), active) in &self.active {
            let Ok(release) = Release::of(package.clone(), &active.version) else { continue };
            if !direct.contains(&release) {
                self.out.chosen.insert(Chosen { release, root: active.root, direct: false, optional: optional(active.root) });
            }
        }
        self.out
    }
}

/// Candidates in a range, highest first; a yanked one is chosen by nobody who has no lockfile.
fn fitting<'c>(candidates: &'c [Candidate], requirement: &'c Requirement) -> impl Iterator<Item = (&'c Candidate, ParsedVersion)> {
    let open = candidates.iter().rev().filter(|candidate| !candidate.withdrawn);
    open.filter_map(|candidate| Some((candidate, ParsedVersion::parse(Ecosystem::Cargo, &candidate.version)?)))
        .filter(|(_, parsed)| requirement.matches(parsed))
}

/// The numbers that versions share of which cargo takes only one.
fn compatible(version: &ParsedVersion) -> [u64; 3] {
    match version.release_numbers()[..] {
        [0, 0, patch] => [0, 0, patch],
        [0, minor, _] => [0, minor, 0],
        [major, ..] => [major, 0, 0],
        [] => [0, 0, 0],
    }
}

fn clash(active: &Active, package: &PackageName) -> String {
    let above = active.chain.get(..active.chain.len().saturating_sub(1)).unwrap_or_default();
    format!("{}@{} is chosen already{}", package.as_str(), active.version, by(above))
}

fn by(chain: &[String]) -> String {
    if chain.is_empty() { " by the manifest".to_owned() } else { format!(" by {}", chain.join(" → ")) }
}

/// An optional dependency is a feature of its name, unless some feature calls it `dep:NAME`.
fn is_implicit(needs: &CargoNeeds, name: &str) -> bool {
    needs.dependencies.iter().any(|one| one.optional && one.name == name)
        && !needs.features.values().flatten().any(|item| item.strip_prefix("dep:") == Some(name))
}

fn has_feature(needs: &CargoNeeds, feature: &str) -> bool {
    let name = feature.split_once('/').map(|(name, _)| name.trim_end_matches('?'));
    match name {
        Some(name) => needs.dependencies.iter().any(|one| one.name == name),
        None => needs.features.contains_key(feature) || is_implicit(needs, feature),
    }
}
