//! One version of each Python distribution that all who ask for it can do with, found by PubGrub (as uv does): the highest
//! first, a pre-release or a yanked one only where it is named or nothing else is left.
//!
//! An extra is a package of its own that asks for its distribution at the same version. Markers are those of this machine
//! and its interpreter. What is needed to build the project is resolved apart, as pip builds in an environment of its own.
//! Versions are their places in the registry's list, and a specifier is the set of places that it holds: no algebra over
//! PEP 440's order is needed, and none can be wrong.

use super::places::Places;
use super::{Chosen, Desk, Missing, Resolved};
use crate::plan::Unlocked;
use bifocal_core::{Dependency, Ecosystem, FileKind, PackageName, Release, Requested, Role};
use bifocal_readers::{PythonEnvironment, python_dependency};
use bifocal_registries::{Candidate, Needs, PypiNeeds};
use bifocal_versions::{ParsedVersion, Requirement};
use pubgrub::{Dependencies, DependencyProvider, DerivationTree, External, PackageResolutionStatistics, PubGrubError};
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;

/// Decisions for one manifest; beyond them the search is given up.
const MAX_STEPS: usize = 200_000;
/// Requirements that an error tells.
const TOLD: usize = 8;

/// A distribution, one of its extras, or the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Part {
    Manifest,
    Whole(PackageName),
    Extra(PackageName, String),
}

impl Part {
    fn package(&self) -> Option<&PackageName> {
        match self {
            Part::Manifest => None,
            Part::Whole(package) | Part::Extra(package, _) => Some(package),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Manifest => f.write_str("the manifest"),
            Part::Whole(package) => f.write_str(package.as_str()),
            Part::Extra(package, extra) => write!(f, "{}[{extra}]", package.as_str()),
        }
    }
}

/// One thing asked for.
#[derive(Debug, Clone)]
struct Asked {
    requested: Requested,
    extras: Vec<String>,
}

/// Why the search stopped.
#[derive(Debug, Clone, thiserror::Error)]
enum Stopped {
    #[error("{why}")]
    Failed { package: String, why: String, configuration: bool },
    #[error("more than {MAX_STEPS} decisions")]
    Steps,
}

/// Resolves a Python manifest on what is known.
pub(super) fn resolve(manifest: &Unlocked, desk: &Desk<'_>, python: &PythonEnvironment) -> Resolved {
    let mut out = Resolved::default();
    for build in [false, true] {
        let roots: Vec<usize> = (0..manifest.roots.len()).filter(|root| (manifest.roots[*root].ask.role == Role::Build) == build).collect();
        if !roots.is_empty() {
            Search::new(manifest, roots, desk, python).run(&mut out);
        }
    }
    out
}

struct Search<'m, 'k, 'd> {
    manifest: &'m Unlocked,
    /// Places among the manifest's roots.
    roots: Vec<usize>,
    desk: &'d Desk<'k>,
    python: &'d PythonEnvironment,
    /// Packages of which the manifest names a pre-release, and versions that it pins.
    prereleases: BTreeSet<PackageName>,
    pinned: BTreeSet<(PackageName, String)>,
    constraints: BTreeMap<PackageName, Vec<String>>,
    overrides: BTreeMap<PackageName, Asked>,
    /// When a package was first asked for.
    found: RefCell<HashMap<PackageName, usize>>,
    /// What a version of a part asks for of another, in words.
    words: RefCell<BTreeMap<(Part, Part), BTreeMap<u32, String>>>,
    steps: RefCell<usize>,
}

impl<'m, 'k, 'd> Search<'m, 'k, 'd> {
    fn new(manifest: &'m Unlocked, roots: Vec<usize>, desk: &'d Desk<'k>, python: &'d PythonEnvironment) -> Self {
        let (mut prereleases, mut pinned) = (BTreeSet::new(), BTreeSet::new());
        let (mut constraints, mut overrides) = (BTreeMap::<PackageName, Vec<String>>::new(), BTreeMap::new());
        let own = roots.iter().map(|root| &manifest.roots[*root]);
        for dependency in own.chain(&manifest.rules) {
            let Some((package, specifier)) = of_index(&dependency.requested) else { continue };
            if Requirement::parse(Ecosystem::Pypi, &specifier).is_ok_and(|requirement| requirement.names_prerelease()) {
                prereleases.insert(package.clone());
            }
            if let Requested::Exact { release } = &dependency.requested {
                pinned.insert((package, bifocal_versions::normalise(Ecosystem::Pypi, &release.version)));
            }
        }
        for rule in &manifest.rules {
            let Some((package, specifier)) = of_index(&rule.requested) else { continue };
            if rule.ask.role == Role::Override {
                overrides.insert(package, Asked { requested: rule.requested.clone(), extras: rule.ask.extras.clone() });
            } else {
                constraints.entry(package).or_default().push(specifier);
            }
        }
        let (found, words, steps) = Default::default();
        Search { manifest, roots, desk, python, prereleases, pinned, constraints, overrides, found, words, steps }
    }

    fn run(&self, out: &mut Resolved) {
        match pubgrub::resolve(self, Part::Manifest, 0_u32) {
            Ok(selected) => {
                let selected = selected.into_iter().filter_map(|(part, place)| match part {
                    Part::Whole(package) => {
                        let version = self.candidate(&package, place)?.version.clone();
                        Some((package.clone(), Release::of(package, &version).ok()?))
                    }
                    _ => None,
                });
                self.collect(&selected.collect(), out);
            }
            Err(PubGrubError::NoSolution(tree)) => self.unsolved(self.told(&tree), "the dependencies together", out),
            Err(PubGrubError::ErrorInShouldCancel(stopped)) => self.stopped(stopped, out),
            Err(PubGrubError::ErrorRetrievingDependencies { source, .. } | PubGrubError::ErrorChoosingVersion { source, .. }) => {
                self.stopped(source, out);
            }
        }
    }

    fn stopped(&self, stopped: Stopped, out: &mut Resolved) {
        match stopped {
            Stopped::Steps => out.missing.append(&mut BTreeSet::from([super::too_much(self.manifest)])),
            Stopped::Failed { package, why, configuration } => {
                let root = self.roots.first().copied().unwrap_or_default();
                out.missing.insert(Missing { what: package, root, chain: Vec::new(), why, configuration });
            }
        }
        out.unsolved = true;
    }

    fn unsolved(&self, why: String, what: &str, out: &mut Resolved) {
        let root = self.roots.first().copied().unwrap_or_default();
        let what = format!("{what} in {}", self.manifest.path);
        let why = format!("no set of releases meets them for Python {} here: {why}; {}", self.python.python_full_version, self.lock_it());
        out.missing.insert(Missing { what, root, chain: Vec::new(), why, configuration: false });
        out.unsolved = true;
    }

    fn lock_it(&self) -> String {
        super::lock_it(if self.manifest.kind == FileKind::Pyproject { FileKind::Pyproject } else { FileKind::Requirements })
    }

    fn candidate(&self, package: &PackageName, place: u32) -> Option<&'k Candidate> {
        self.desk.candidates(package)?.as_ref().ok()?.get(usize::try_from(place).ok()?)
    }

    /// What a part at a version asks for; nothing where that is not known yet.
    fn asked(&self, part: &Part, place: u32) -> Result<Vec<Asked>, Stopped> {
        let Some(package) = part.package() else {
            let roots = self.roots.iter().map(|root| &self.manifest.roots[*root]);
            return Ok(roots.map(|root| Asked { requested: root.requested.clone(), extras: root.ask.extras.clone() }).collect());
        };
        let Some(version) = self.candidate(package, place).map(|candidate| candidate.version.clone()) else { return Ok(Vec::new()) };
        let Ok(release) = Release::of(package.clone(), &version) else { return Ok(Vec::new()) };
        let extra = match part {
            Part::Extra(_, extra) => Some(extra.as_str()),
            _ => None,
        };
        let Some(needs) = self.needs(&release)? else { return Ok(Vec::new()) };
        Ok(self.requirements(&needs, extra))
    }

    fn needs(&self, release: &Release) -> Result<Option<PypiNeeds>, Stopped> {
        match self.desk.needs(release) {
            None => Ok(None),
            Some(Err(failure)) => Err(Stopped::Failed {
                package: format!("what {} needs in turn", release.purl()),
                why: failure.text.clone(),
                configuration: failure.configuration,
            }),
            Some(Ok(needs)) => Ok(match needs.as_ref() {
                Needs::Pypi(needs) => Some(needs.clone()),
                _ => None,
            }),
        }
    }

    /// Requirements whose markers hold here. One that cannot be read is passed over, as by no client: see `unread`.
    fn requirements(&self, needs: &PypiNeeds, extra: Option<&str>) -> Vec<Asked> {
        let extras: Vec<&str> = extra.into_iter().collect();
        let read = needs.requires.iter().filter_map(|text| python_dependency(text, self.python, &extras).ok().flatten());
        read.map(|needed| Asked { requested: needed.requested, extras: needed.extras })
            .map(|asked| match of_index(&asked.requested).and_then(|(package, _)| self.overrides.get(&package)) {
                Some(other) => Asked { requested: other.requested.clone(), extras: asked.extras },
                None => asked,
            })
            .collect()
    }

    /// The places that a specifier and the constraints leave; `None` while the versions are not known.
    fn places(&self, package: &PackageName, specifier: &str) -> Result<Option<Places>, Stopped> {
        let candidates = match self.desk.candidates(package) {
            None => return Ok(None),
            Some(Ok(candidates)) => candidates,
            // Not there is an answer: another version of whoever asks may do without it.
            Some(Err(failure)) if failure.not_found => return Ok(Some(Places::none())),
            Some(Err(failure)) => {
                return Err(Stopped::Failed { package: package.purl(), why: failure.text.clone(), configuration: failure.configuration });
            }
        };
        let constraints = self.constraints.get(package).into_iter().flatten().map(String::as_str);
        let mut all = Vec::new();
        for text in std::iter::once(specifier).chain(constraints) {
            match Requirement::parse(Ecosystem::Pypi, text) {
                Ok(requirement) => all.push(requirement),
                Err(_) => return Ok(Some(Places::none())),
            }
        }
        let pins = all.iter().any(Requirement::pins);
        let fits = |candidate: &Candidate| {
            let allowed = !candidate.withdrawn || pins || self.pinned.contains(&(package.clone(), candidate.version.clone()));
            allowed
                && ParsedVersion::parse(Ecosystem::Pypi, &candidate.version)
                    .is_some_and(|version| all.iter().all(|requirement| requirement.matches(&version)))
        };
        let held = (0_u32..).zip(candidates.iter()).filter(|(_, candidate)| fits(candidate)).map(|(place, _)| place);
        Ok(Some(Places::only(held.collect())))
    }

    fn note_found(&self, package: &PackageName) {
        let mut found = self.found.borrow_mut();
        let next = found.len();
        found.entry(package.clone()).or_insert(next);
    }

    /// Which requirements clash, in words.
    fn told(&self, tree: &DerivationTree<Part, Places, String>) -> String {
        let mut lines = BTreeSet::new();
        let mut open = vec![tree];
        let words = self.words.borrow();
        while let Some(tree) = open.pop() {
            match tree {
                DerivationTree::Derived(derived) => open.extend([derived.cause1.as_ref(), derived.cause2.as_ref()]),
                DerivationTree::External(External::FromDependencyOf(part, places, other, _)) => {
                    let said = words.get(&(part.clone(), other.clone()));
                    let newest = said.and_then(|said| said.iter().rev().find(|(place, _)| places.holds(**place)));
                    // An extra asks for its own distribution: nothing to tell.
                    if let Some((place, text)) = newest.filter(|_| part.package().is_none() || part.package() != other.package()) {
                        let version =
                            part.package().and_then(|package| self.candidate(package, *place)).map(|one| format!(" {}", one.version));
                        lines.insert(format!("{part}{} asks for {text}", version.unwrap_or_default()));
                    }
                }
                DerivationTree::External(External::Custom(part, _, why)) => {
                    lines.insert(format!("{part}: {why}"));
                }
                DerivationTree::External(External::NoVersions(part, _)) => {
                    lines.insert(format!("no version of {part} fits them all"));
                }
                DerivationTree::External(External::NotRoot(..)) => {}
            }
        }
        let more = lines.len().saturating_sub(TOLD);
        let mut text = lines.into_iter().take(TOLD).collect::<Vec<_>>().join("; ");
        if more > 0 {
            text.push_str(&format!("; and {more} more"));
        }
        text
    }

    /// Walks the chosen releases from the manifest, its needed dependencies first.
    fn collect(&self, selected: &BTreeMap<PackageName, Release>, out: &mut Resolved) {
        let mut seen: BTreeSet<(PackageName, Option<String>)> = BTreeSet::new();
        for soft in [false, true] {
            let mut queue = VecDeque::new();
            for root in self.roots.iter().copied().filter(|root| self.manifest.roots[*root].optional == soft) {
                let dependency = &self.manifest.roots[root];
                queue.push_back((Asked { requested: dependency.requested.clone(), extras: dependency.ask.extras.clone() }, root, true));
            }
            while let Some((asked, root, direct)) = queue.pop_front() {
                let Some((package, _)) = of_index(&asked.requested) else {
                    self.elsewhere(asked.requested, root, out);
                    continue;
                };
                let Some(release) = selected.get(&package) else { continue };
                let first = seen.insert((package.clone(), None));
                if first || direct {
                    out.chosen.insert(Chosen { release: release.clone(), root, direct, optional: soft && first });
                }
                let Ok(Some(needs)) = self.needs(release) else { continue };
                if first && let Some(why) = &needs.unknown {
                    self.unknown(release, &format!("it is not known: {why}; nothing is built to find out"), root, out);
                }
                if first {
                    self.unread(release, &needs, root, out);
                    queue.extend(self.requirements(&needs, None).into_iter().map(|asked| (asked, root, false)));
                }
                for extra in asked.extras {
                    if seen.insert((package.clone(), Some(extra.clone()))) {
                        queue.extend(self.requirements(&needs, Some(&extra)).into_iter().map(|asked| (asked, root, false)));
                    }
                }
            }
        }
    }

    /// Requirements of a chosen release that cannot be read: a client refuses such a release.
    fn unread(&self, release: &Release, needs: &PypiNeeds, root: usize, out: &mut Resolved) {
        for text in &needs.requires {
            if let Err(problem) = python_dependency(text, self.python, &[]) {
                self.unknown(release, &problem.to_string(), root, out);
            }
        }
    }

    fn unknown(&self, release: &Release, why: &str, root: usize, out: &mut Resolved) {
        let what = format!("what {} needs in turn", release.purl());
        let tool = match self.manifest.kind {
            FileKind::Pyproject => "`uv lock`",
            _ => "`uv pip compile --generate-hashes` or `pip-compile --generate-hashes`",
        };
        let why = format!("{why}; lock with your own tool ({tool}) and check that");
        out.unknown.insert(Missing { what, root, chain: Vec::new(), why, configuration: false });
    }

    fn elsewhere(&self, requested: Requested, root: usize, out: &mut Resolved) {
        let place = self.manifest.roots[root].place.clone();
        let ask = bifocal_core::Ask::default();
        let dependency = Dependency { requested, artifacts: Vec::new(), place, optional: false, origins: Vec::new(), ask };
        if !out.elsewhere.iter().any(|(_, known)| *known == dependency) {
            out.elsewhere.push((root, dependency));
        }
    }
}

impl DependencyProvider for Search<'_, '_, '_> {
    type P = Part;
    type V = u32;
    type VS = Places;
    type Priority = (bool, bool, Reverse<usize>, bool);
    type M = String;
    type Err = Stopped;

    fn prioritize(&self, part: &Part, range: &Places, statistics: &PackageResolutionStatistics) -> Self::Priority {
        let Some(package) = part.package() else { return (true, true, Reverse(0), true) };
        let found = self.found.borrow().get(package).copied().unwrap_or(usize::MAX);
        // What clashed often is decided early, then what has one answer, then what was asked for first; of one distribution
        // itself before its extras.
        (statistics.conflict_count() > 5, range.is_single(), Reverse(found), matches!(part, Part::Whole(_)))
    }

    fn choose_version(&self, part: &Part, range: &Places) -> Result<Option<u32>, Stopped> {
        let Some(package) = part.package() else { return Ok(range.holds(0).then_some(0)) };
        let Some(Ok(candidates)) = self.desk.candidates(package) else { return Ok(None) };
        let open: Vec<(u32, &Candidate)> = (0_u32..).zip(candidates.iter()).filter(|(place, _)| range.holds(*place)).collect();
        let stable = |(_, candidate): &&(u32, &Candidate)| !bifocal_versions::is_prerelease(Ecosystem::Pypi, &candidate.version);
        let any = self.prereleases.contains(package);
        let found = if any { open.last() } else { open.iter().rev().find(stable).or(open.last()) };
        Ok(found.map(|(place, _)| *place))
    }

    fn get_dependencies(&self, part: &Part, place: &u32) -> Result<Dependencies<Part, Places, String>, Stopped> {
        let mut constraints: BTreeMap<Part, Places> = BTreeMap::new();
        if let Part::Extra(package, _) = part {
            constraints.insert(Part::Whole(package.clone()), Places::only(vec![*place]));
        }
        for asked in self.asked(part, *place)? {
            let Some((package, specifier)) = of_index(&asked.requested) else { continue };
            self.note_found(&package);
            let Some(places) = self.places(&package, &specifier)? else { continue };
            let extras = asked.extras.iter().map(|extra| Part::Extra(package.clone(), extra.clone()));
            for wanted in std::iter::once(Part::Whole(package.clone())).chain(extras) {
                // What asks for itself, for another of its extras, gets the same version of it.
                if part.package() == Some(&package) && (wanted == *part || matches!(wanted, Part::Whole(_))) {
                    continue;
                }
                let text = format!("{package}{specifier}", package = package.as_str());
                self.words.borrow_mut().entry((part.clone(), wanted.clone())).or_default().insert(*place, text);
                let places =
                    constraints.get(&wanted).map_or_else(|| places.clone(), |held| pubgrub::VersionSet::intersection(held, &places));
                constraints.insert(wanted, places);
            }
        }
        Ok(Dependencies::Available(constraints.into_iter().collect()))
    }

    fn should_cancel(&self) -> Result<(), Stopped> {
        let mut steps = self.steps.borrow_mut();
        *steps += 1;
        if *steps > MAX_STEPS { Err(Stopped::Steps) } else { Ok(()) }
    }
}

/// Package and specifier of what an index is asked for.
fn of_index(requested: &Requested) -> Option<(PackageName, String)> {
    match requested {
        Requested::Exact { release } => Some((release.package.clone(), format!("=={}", release.version))),
        Requested::Range { package, requirement } => Some((package.clone(), requirement.clone())),
        _ => None,
    }
}
