//! From a manifest without a lockfile to the releases that the user's client would take today, all of them.
//!
//! In: the ranges that package.json, Cargo.toml, pyproject.toml or requirements.txt ask for. Out: [`Resolved`]: every
//! release, direct or not, with the dependency of the manifest that brings it; and for what cannot be had, the chain that
//! leads to it.
//!
//! Three phases, over and over until nothing is open: a resolver (pure, synchronous, one an ecosystem) works on what is
//! [`Known`] and writes down each [`Question`] that it had to skip; the questions of a round go to the registries side by
//! side; their answers are added to what is known. The last round has every answer, so the result depends on the answers
//! and not on the order in which they came. Rounds, questions and releases are bounded: a graph without end ends here.

mod cargo;
mod npm;
mod places;
mod pypi;
mod tree;

use crate::intake::Intake;
use crate::plan::{Plan, RangeRequest, Unlocked};
use crate::report::NotEvaluated;
use bifocal_core::{Dependency, Ecosystem, FileKind, PackageName, Place, Release, Requested};
use bifocal_readers::PythonEnvironment;
use bifocal_registries::{Candidate, Needs, RegistryError, ResolveContext};
use futures::StreamExt as _;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Questions asked of registries side by side; the registries bound what goes to one host.
const SIDE_BY_SIDE: usize = 48;
/// Rounds of questions: as many as the graph is deep, and one for each step back.
const MAX_ROUNDS: usize = 2_000;
/// Questions for one manifest.
const MAX_QUESTIONS: usize = 60_000;
/// Releases that one manifest may bring.
pub(crate) const MAX_RELEASES: usize = 20_000;

/// What a resolver may ask of a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// The release that the client takes for a requirement by itself.
    Pick(PackageName, String),
    /// The versions to choose from.
    Candidates(PackageName),
    /// What a release asks for.
    Needs(Release),
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) text: String,
    /// The registry answered, and there is no such thing.
    pub(crate) not_found: bool,
    pub(crate) configuration: bool,
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Failure { not_found: error.is_not_found(), configuration: error.is_configuration(), text: error.to_string() }
    }
}

type Answer<T> = Result<T, Failure>;

/// All that registries have answered.
#[derive(Debug, Default)]
pub(crate) struct Known {
    picks: BTreeMap<(PackageName, String), Answer<Release>>,
    candidates: BTreeMap<PackageName, Answer<Arc<Vec<Candidate>>>>,
    needs: BTreeMap<Release, Answer<Arc<Needs>>>,
}

impl Known {
    fn len(&self) -> usize {
        self.picks.len() + self.candidates.len() + self.needs.len()
    }
}

/// What is known, and what a resolver had to skip because it is not.
pub(crate) struct Desk<'k> {
    known: &'k Known,
    open: RefCell<BTreeSet<Question>>,
}

impl<'k> Desk<'k> {
    fn ask(&self, question: Question) {
        self.open.borrow_mut().insert(question);
    }

    fn pick(&self, package: &PackageName, requirement: &str) -> Option<&'k Answer<Release>> {
        let key = (package.clone(), requirement.to_owned());
        let known = self.known.picks.get(&key);
        if known.is_none() {
            self.ask(Question::Pick(key.0, key.1));
        }
        known
    }

    fn candidates(&self, package: &PackageName) -> Option<&'k Answer<Arc<Vec<Candidate>>>> {
        let known = self.known.candidates.get(package);
        if known.is_none() {
            self.ask(Question::Candidates(package.clone()));
        }
        known
    }

    fn needs(&self, release: &Release) -> Option<&'k Answer<Arc<Needs>>> {
        let known = self.known.needs.get(release);
        if known.is_none() {
            self.ask(Question::Needs(release.clone()));
        }
        known
    }
}

/// A release that the client would take.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Chosen {
    pub(crate) release: Release,
    /// The manifest's dependency that it stands for or that brings it, by its place among [`Unlocked::roots`].
    pub(crate) root: usize,
    /// It stands for that dependency itself.
    pub(crate) direct: bool,
    /// Only for development, or left out where it cannot be had.
    pub(crate) optional: bool,
}

/// Something asked for on the way that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Missing {
    pub(crate) what: String,
    pub(crate) root: usize,
    /// The releases that lead to it, the manifest's own dependency first.
    pub(crate) chain: Vec<String>,
    pub(crate) why: String,
    pub(crate) configuration: bool,
}

/// All that a manifest brings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) chosen: BTreeSet<Chosen>,
    pub(crate) missing: BTreeSet<Missing>,
    /// Git repositories, addresses and paths that published releases ask for, with the root.
    pub(crate) elsewhere: Vec<(usize, Dependency)>,
    pub(crate) notes: BTreeSet<String>,
    /// Chosen releases of which nobody can tell, without building something, what else they bring.
    pub(crate) unknown: BTreeSet<Missing>,
    /// There is no set of releases that fits: the direct dependencies are looked at one by one.
    pub(crate) unsolved: bool,
}

impl Missing {
    /// The error with the way that led to it.
    pub(crate) fn told(&self) -> String {
        if self.chain.is_empty() { self.why.clone() } else { format!("{} (asked for by {})", self.why, self.chain.join(" → ")) }
    }
}

/// Resolves a manifest.
pub(crate) async fn resolve(manifest: &Unlocked, intake: &Intake, step: &(dyn Fn(usize) + Sync)) -> Resolved {
    let python = match manifest.ecosystem {
        Ecosystem::Pypi => Some(PythonEnvironment::here(&intake.registries.python_version().await)),
        _ => None,
    };
    let context = &ResolveContext { before: manifest.choosing.before, ..ResolveContext::default() };
    let mut known = Known::default();
    for _ in 0..MAX_ROUNDS {
        let (resolved, open) = {
            let desk = Desk { known: &known, open: RefCell::default() };
            let resolved = match (manifest.ecosystem, &python) {
                (Ecosystem::Npm, _) => npm::resolve(manifest, &desk),
                (Ecosystem::Cargo, _) => cargo::resolve(manifest, &desk),
                (Ecosystem::Pypi, Some(python)) => pypi::resolve(manifest, &desk, python),
                _ => Resolved::default(),
            };
            (resolved, desk.open.into_inner())
        };
        if open.is_empty() {
            return resolved;
        }
        if known.len().saturating_add(open.len()) > MAX_QUESTIONS {
            break;
        }
        let answers: Vec<(Question, Told)> = futures::stream::iter(open)
            .map(|question| async move {
                let told = answer(&question, intake, context).await;
                (question, told)
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        for (question, told) in answers {
            match (question, told) {
                (Question::Pick(package, requirement), Told::Pick(release, needs)) => {
                    if let (Ok(release), Some(needs)) = (&release, needs) {
                        known.needs.insert(release.clone(), needs);
                    }
                    known.picks.insert((package, requirement), release);
                }
                (Question::Candidates(package), Told::Candidates(found)) => {
                    known.candidates.insert(package, found);
                }
                (Question::Needs(release), Told::Needs(needs)) => {
                    known.needs.insert(release, needs);
                }
                _ => {}
            }
        }
        step(known.len());
    }
    Resolved { unsolved: true, missing: BTreeSet::from([too_much(manifest)]), ..Resolved::default() }
}

enum Told {
    Pick(Answer<Release>, Option<Answer<Arc<Needs>>>),
    Candidates(Answer<Arc<Vec<Candidate>>>),
    Needs(Answer<Arc<Needs>>),
}

async fn answer(question: &Question, intake: &Intake, context: &ResolveContext) -> Told {
    let registries = &intake.registries;
    let needs = async |release: &Release| intake.needs(release).await.map(Arc::new).map_err(Failure::from);
    match question {
        Question::Pick(package, requirement) => match registries.resolve(package, requirement, context).await.map_err(Failure::from) {
            Ok(release) => {
                let asked = needs(&release).await;
                Told::Pick(Ok(release), Some(asked))
            }
            Err(failure) => Told::Pick(Err(failure), None),
        },
        Question::Candidates(package) => {
            Told::Candidates(registries.candidates(package, context).await.map(Arc::new).map_err(Failure::from))
        }
        Question::Needs(release) => Told::Needs(needs(release).await),
    }
}

fn too_much(manifest: &Unlocked) -> Missing {
    Missing {
        what: format!("what the dependencies in {} need in turn", manifest.path),
        root: 0,
        chain: Vec::new(),
        why: format!(
            "it has no end within {MAX_RELEASES} releases and {MAX_QUESTIONS} questions to registries; {}",
            lock_it(manifest.kind)
        ),
        configuration: false,
    }
}

/// What to do where no set of releases is found here.
pub(crate) fn lock_it(kind: FileKind) -> String {
    format!("make a lockfile (`{}`) and check that", lock_command(kind))
}

/// The command that writes a lockfile for a manifest.
pub(crate) fn lock_command(kind: FileKind) -> &'static str {
    match kind {
        FileKind::PackageJson => "npm install --package-lock-only",
        FileKind::CargoToml => "cargo generate-lockfile",
        FileKind::Pyproject => "uv lock",
        _ => "uv pip compile --generate-hashes",
    }
}

/// The client whose choice is followed.
pub(crate) fn client(ecosystem: Ecosystem) -> &'static str {
    match ecosystem {
        Ecosystem::Npm => "npm",
        Ecosystem::Cargo => "cargo",
        _ => "pip or uv",
    }
}

impl Plan {
    /// Takes in what a manifest brings, without what `old` brought; gives an error that is the configuration's fault.
    pub(crate) fn take_in(&mut self, manifest: &Unlocked, found: Resolved, old: Option<&Resolved>) -> Option<String> {
        let before: BTreeSet<&Release> = old.into_iter().flat_map(|old| &old.chosen).map(|chosen| &chosen.release).collect();
        let place = |root: usize| {
            manifest.roots.get(root).map_or_else(|| Place { path: manifest.path.clone(), line: 0 }, |root| root.place.clone())
        };
        let mut configuration = None;
        for missing in found.missing.iter().filter(|missing| old.is_none_or(|old| !old.missing.contains(missing))) {
            if missing.configuration && configuration.is_none() {
                configuration = Some(missing.told());
            }
            // One exact release that is asked for is looked at by itself, and its own error says more. In cargo it may
            // also be there and clash with what others ask for.
            let exact = manifest.ecosystem != Ecosystem::Cargo
                && missing.chain.is_empty()
                && manifest.roots.get(missing.root).is_some_and(|root| matches!(root.requested, Requested::Exact { .. }));
            if !exact || found.unsolved {
                self.not_evaluated.push(NotEvaluated { what: missing.what.clone(), place: place(missing.root), error: missing.told() });
            }
        }
        for (_, dependency) in &found.elsewhere {
            self.add(dependency, &[]);
        }
        let known_before =
            |one: &Missing| old.is_some_and(|old| old.unknown.iter().any(|two| (&one.what, &one.why) == (&two.what, &two.why)));
        for unknown in found.unknown.iter().filter(|one| !known_before(one)) {
            self.not_evaluated.push(NotEvaluated { what: unknown.what.clone(), place: place(unknown.root), error: unknown.told() });
        }
        for note in &found.notes {
            self.notes.push(format!("{}: {note}", manifest.path));
        }
        if found.unsolved {
            // Nobody can install these together; each by itself may still be something that is denied.
            for root in &manifest.roots {
                if let Requested::Range { package, requirement } = &root.requested {
                    let (package, requirement) = (package.clone(), requirement.clone());
                    self.ranges.push(RangeRequest { package, requirement, dependency: root.clone(), choosing: manifest.choosing.clone() });
                }
            }
            return configuration;
        }
        let (mut count, mut seen) = (0, BTreeSet::new());
        for chosen in &found.chosen {
            count += usize::from(seen.insert(&chosen.release));
            let Some(root) = manifest.roots.get(chosen.root) else { continue };
            if before.contains(&chosen.release) {
                continue;
            }
            let own = chosen.direct;
            let dependency = Dependency {
                requested: Requested::Exact { release: chosen.release.clone() },
                artifacts: if own { root.artifacts.clone() } else { Vec::new() },
                place: root.place.clone(),
                optional: chosen.optional,
                // An index that a requirements file names is asked for everything; other origins are of one package.
                origins: if own || manifest.kind == FileKind::Requirements { root.origins.clone() } else { Vec::new() },
                ask: bifocal_core::Ask::default(),
            };
            self.add_resolved(chosen.release.clone(), &dependency);
            self.note_source(&chosen.release, &manifest.choosing);
        }
        let whole = found.missing.is_empty() && found.unknown.is_empty() && found.elsewhere.is_empty();
        self.resolved.push(format!(
            "{} has no lockfile: {count} {}{}; pin them with `{}`",
            manifest.path,
            if count == 1 { "release was chosen" } else { "releases were chosen" },
            if whole {
                format!(" as {} would take them today", client(manifest.ecosystem))
            } else {
                ", and what else comes along is not known (see the errors)".to_owned()
            },
            lock_command(manifest.kind)
        ));
        configuration
    }
}
