//! The releases that Maven 3 takes for a project.
//!
//! Level by level from the project: the nearest declaration of a group, artifact, type and classifier wins, among
//! equals the first; the subtree of one that lost is not followed. The project's own management overrides versions and
//! scopes below the first level. `test`, `provided` and optional dependencies are followed from the project only;
//! exclusions hold for the subtree of the dependency that names them. Last, each release gets the widest scope by which
//! it is reached, unless the project itself names it.

use super::effective::{Builder, Dependency, Effective, Key};
use super::interpolate::open_property;
use super::{Fail, MAX_PARENTS};
use crate::context::Coordinates;
use crate::error::{Problem, ReadError, shown};
use bifocal_core::{Ecosystem, Place};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Levels of transitive dependencies.
const MAX_LEVELS: usize = 100;

/// A release that Maven takes, or what stands for one.
pub(crate) struct Taken {
    pub(crate) group: String,
    pub(crate) artifact: String,
    pub(crate) version: Version,
    pub(crate) scope: String,
    pub(crate) place: Place,
    /// Ending and classifier of the file, where it is not the release's main one.
    pub(crate) file: Option<(String, String)>,
}

/// What a dependency came down to.
pub(crate) enum Version {
    Exact(String),
    /// A range that could not be resolved for want of a list of versions.
    Range(String),
    /// A module of the project, by its path.
    Module(String),
    /// A file on this machine (`system` scope).
    File(String),
}

/// Exclusions of one dependency and of those above it.
struct Exclusions {
    own: HashSet<(String, String)>,
    above: Option<Rc<Exclusions>>,
}

impl Exclusions {
    fn exclude(&self, group: &str, artifact: &str) -> bool {
        let star = || "*".to_owned();
        let forms = [(group.to_owned(), artifact.to_owned()), (group.to_owned(), star()), (star(), artifact.to_owned()), (star(), star())];
        let mut level = Some(self);
        while let Some(exclusions) = level {
            if forms.iter().any(|form| exclusions.own.contains(form)) {
                return true;
            }
            level = exclusions.above.as_deref();
        }
        false
    }
}

struct Candidate {
    dependency: Dependency,
    parent: Option<usize>,
    exclusions: Option<Rc<Exclusions>>,
    place: Place,
}

/// Resolves a project and notes what Maven would warn about.
pub(crate) struct Resolver<'b, 'c, 'x> {
    pub(crate) builder: &'b mut Builder<'c, 'x>,
    /// Modules of the project: coordinates to path.
    pub(crate) modules: HashMap<Coordinates, Rc<super::model::Model>>,
    pub(crate) notes: Vec<(Place, String)>,
    pub(crate) limit: usize,
    pub(crate) transitive: bool,
}

impl Resolver<'_, '_, '_> {
    pub(crate) fn resolve(&mut self, project: &Effective, whole: &Place) -> Result<Vec<Taken>, ReadError> {
        let mut level: Vec<Candidate> = Vec::new();
        for dependency in &project.dependencies {
            let place = match &dependency.path {
                Some(path) => Place { path: path.to_string(), line: dependency.line },
                None => whole.clone(),
            };
            level.push(Candidate { dependency: dependency.clone(), parent: None, exclusions: None, place });
        }
        let mut taken: Vec<Taken> = Vec::new();
        let mut direct: HashSet<usize> = HashSet::new();
        let mut by_key: HashMap<Key, usize> = HashMap::new();
        // Parent, child, the child's declared scope.
        let mut edges: Vec<(usize, usize, String)> = Vec::new();
        for depth in 0..=MAX_LEVELS {
            let mut won: Vec<(usize, Candidate)> = Vec::new();
            for candidate in level {
                let key = conflict_key(&candidate.dependency);
                let scope = candidate.dependency.scope.clone().unwrap_or_else(|| "compile".to_owned());
                if let Some(&winner) = by_key.get(&key) {
                    edges.extend(candidate.parent.map(|parent| (parent, winner, scope)));
                    continue;
                }
                if taken.len() >= self.limit {
                    return Err(ReadError {
                        place: candidate.place,
                        problem: Problem::TooMany { what: "dependencies", limit: self.limit },
                    });
                }
                let Some(version) = self.version(&candidate)? else { continue };
                let at = taken.len();
                let (_, _, extension, classifier) = &key;
                let main = classifier.is_empty() && matches!(extension.as_str(), "jar" | "pom");
                let file = (!main).then(|| (extension.clone(), classifier.clone()));
                by_key.insert(key, at);
                match candidate.parent {
                    Some(parent) => edges.push((parent, at, scope.clone())),
                    None => {
                        direct.insert(at);
                    }
                }
                let dependency = &candidate.dependency;
                taken.push(Taken {
                    group: dependency.group.clone(),
                    artifact: dependency.artifact.clone(),
                    version,
                    scope,
                    place: candidate.place.clone(),
                    file,
                });
                won.push((at, candidate));
            }
            self.announce(&won, &taken);
            let mut next = Vec::new();
            for (at, candidate) in won {
                self.expand(project, at, &candidate, &mut taken, &mut next)?;
            }
            if next.is_empty() {
                widen(&mut taken, &direct, &edges);
                return Ok(taken);
            }
            if depth == MAX_LEVELS {
                break;
            }
            level = next;
        }
        Err(ReadError { place: whole.clone(), problem: Problem::TooDeep { limit: MAX_LEVELS } })
    }

    fn announce(&self, won: &[(usize, Candidate)], taken: &[Taken]) {
        let Some(poms) = self.builder.loader.ctx.poms.filter(|_| self.transitive) else { return };
        let mut wanted = Vec::new();
        for (at, _) in won {
            if let Version::Exact(version) = &taken[*at].version {
                let coordinates =
                    Coordinates { group: taken[*at].group.clone(), artifact: taken[*at].artifact.clone(), version: version.clone() };
                wanted.push(coordinates);
            }
        }
        poms.announce(&wanted);
    }

    /// The version of a candidate; `None` where Maven would go on without it.
    fn version(&mut self, candidate: &Candidate) -> Result<Option<Version>, ReadError> {
        let dependency = &candidate.dependency;
        let name = shown(&format!("{}:{}", dependency.group, dependency.artifact));
        let fail = |problem| ReadError { place: candidate.place.clone(), problem };
        if dependency.scope.as_deref() == Some("system") {
            return Ok(Some(Version::File(dependency.system_path.clone().unwrap_or_default())));
        }
        let text = match &dependency.version {
            Some(text) => text.clone(),
            None if candidate.parent.is_none() => return Err(fail(Problem::Missing { field: "version", inside: name })),
            None => {
                self.notes
                    .push((candidate.place.clone(), format!("`{name}` is asked for without a version by a dependency, and left out")));
                return Ok(None);
            }
        };
        let unresolved = [&dependency.group, &dependency.artifact, &text].into_iter().find_map(|text| open_property(text));
        if let Some(property) = unresolved {
            if candidate.parent.is_none() {
                let what = format!("property `{}`", shown(property));
                return Err(fail(Problem::Undefined { what, inside: "this POM, its parents and the machine".to_owned() }));
            }
            self.notes
                .push((candidate.place.clone(), format!("`{name}` is asked for with an undefined property by a dependency, and left out")));
            return Ok(None);
        }
        let coordinates = Coordinates { group: dependency.group.clone(), artifact: dependency.artifact.clone(), version: text.clone() };
        if let Some(model) = self.modules.get(&coordinates) {
            return Ok(Some(Version::Module(model.path.as_deref().unwrap_or_default().to_owned())));
        }
        if !text.starts_with(['[', '(']) {
            let moving = text == "LATEST" || text == "RELEASE";
            return Ok(Some(if moving { Version::Range(text) } else { Version::Exact(text) }));
        }
        if let Some(one) =
            text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).filter(|text| !text.contains(',') && !text.is_empty())
        {
            return Ok(Some(Version::Exact(one.trim().to_owned())));
        }
        let Some(poms) = self.builder.loader.ctx.poms else { return Ok(Some(Version::Range(text))) };
        let versions = match poms.versions(&dependency.group, &dependency.artifact) {
            Ok(versions) => versions,
            Err(_) => return Ok(Some(Version::Range(text))),
        };
        let fitting = versions.iter().filter(|version| bifocal_versions::satisfies(Ecosystem::Maven, version, &text).unwrap_or(false));
        let best =
            fitting.max_by(|one, other| bifocal_versions::compare(Ecosystem::Maven, one, other).unwrap_or(std::cmp::Ordering::Equal));
        Ok(Some(best.map_or(Version::Range(text), |best| Version::Exact(best.clone()))))
    }

    /// The dependencies of a release that was taken.
    fn expand(
        &mut self,
        project: &Effective,
        at: usize,
        candidate: &Candidate,
        taken: &mut [Taken],
        next: &mut Vec<Candidate>,
    ) -> Result<(), ReadError> {
        let Some(effective) = self.effective(at, candidate, taken)? else { return Ok(()) };
        let own: HashSet<(String, String)> = candidate.dependency.exclusions.iter().cloned().collect();
        let exclusions = if own.is_empty() {
            candidate.exclusions.clone()
        } else {
            Some(Rc::new(Exclusions { own, above: candidate.exclusions.clone() }))
        };
        for dependency in &effective.dependencies {
            let followed = matches!(dependency.scope.as_deref(), None | Some("compile" | "runtime")) && dependency.optional != Some(true);
            let excluded = exclusions.as_ref().is_some_and(|exclusions| exclusions.exclude(&dependency.group, &dependency.artifact));
            if !followed || excluded {
                continue;
            }
            let mut dependency = dependency.clone();
            if let Some(entry) = project.managed.get(&dependency.key()) {
                if entry.version.is_some() {
                    dependency.version.clone_from(&entry.version);
                }
                if entry.scope.is_some() {
                    dependency.scope.clone_from(&entry.scope);
                    dependency.system_path.clone_from(&entry.system_path);
                }
                dependency.exclusions.extend(entry.exclusions.iter().cloned());
            }
            next.push(Candidate { dependency, parent: Some(at), exclusions: exclusions.clone(), place: candidate.place.clone() });
        }
        Ok(())
    }

    /// The effective model of a release, over relocations; `None` where nothing is below it.
    fn effective(&mut self, at: usize, candidate: &Candidate, taken: &mut [Taken]) -> Result<Option<Effective>, ReadError> {
        let place = &candidate.place;
        let mut coordinates = match &taken[at].version {
            Version::Exact(version) if self.transitive => {
                Coordinates { group: taken[at].group.clone(), artifact: taken[at].artifact.clone(), version: version.clone() }
            }
            Version::Module(_) => {
                let key = candidate.dependency.version.clone().unwrap_or_default();
                let coordinates = Coordinates { group: taken[at].group.clone(), artifact: taken[at].artifact.clone(), version: key };
                let Some(model) = self.modules.get(&coordinates).cloned() else { return Ok(None) };
                return self.builder.build(&model, place).map(Some).map_err(Fail::into_error);
            }
            _ => return Ok(None),
        };
        for _ in 0..MAX_PARENTS {
            let built = self.builder.loader.remote(&coordinates, place).and_then(|model| self.builder.build(&model, place));
            let effective = match built {
                Ok(effective) => effective,
                Err(Fail::Unavailable(error)) => return Err(error),
                Err(Fail::Broken(error)) => {
                    let text = format!("no dependencies of `{}` are listed, as Maven takes none: {error}", shown(&coordinates.to_string()));
                    self.notes.push((place.clone(), text));
                    return Ok(None);
                }
            };
            match &effective.relocation {
                Some(to) if *to != coordinates => {
                    coordinates = to.clone();
                    (taken[at].group, taken[at].artifact) = (to.group.clone(), to.artifact.clone());
                    taken[at].version = Version::Exact(to.version.clone());
                }
                _ => return Ok(Some(effective)),
            }
        }
        Err(ReadError {
            place: place.clone(),
            problem: Problem::ParentCycle { coordinates: shown(&coordinates.to_string()), limit: MAX_PARENTS },
        })
    }
}

/// Types that are jars under another name share one.
fn conflict_key(dependency: &Dependency) -> Key {
    let (mut group, mut artifact, kind, mut classifier) = dependency.key();
    let extension = match kind.as_str() {
        "ejb" | "ejb-client" | "bundle" | "maven-plugin" | "java-source" | "javadoc" | "test-jar" => {
            if classifier.is_empty() {
                classifier = match kind.as_str() {
                    "test-jar" => "tests",
                    "ejb-client" => "client",
                    "java-source" => "sources",
                    "javadoc" => "javadoc",
                    _ => "",
                }
                .to_owned();
            }
            "jar".to_owned()
        }
        _ => kind,
    };
    group.shrink_to_fit();
    artifact.shrink_to_fit();
    (group, artifact, extension, classifier)
}

fn width(scope: &str) -> u8 {
    match scope {
        "compile" => 4,
        "runtime" => 3,
        "system" | "provided" => 2,
        _ => 1,
    }
}

/// The scope that a child has under a parent.
fn derived<'s>(parent: &'s str, child: &'s str) -> &'s str {
    match (parent, child) {
        (_, "system" | "test") | ("compile" | "", _) => child,
        ("test" | "runtime", _) => parent,
        ("system" | "provided", _) => "provided",
        _ => "runtime",
    }
}

/// Gives each release the widest scope by which it is reached. Scopes only grow, so this ends after few rounds.
fn widen(taken: &mut [Taken], direct: &HashSet<usize>, edges: &[(usize, usize, String)]) {
    let mut below: HashMap<usize, Vec<(usize, &str)>> = HashMap::new();
    for (parent, child, scope) in edges {
        below.entry(*parent).or_default().push((*child, scope));
    }
    let mut scopes: Vec<Option<String>> = (0..taken.len()).map(|at| direct.contains(&at).then(|| taken[at].scope.clone())).collect();
    let mut queue: Vec<usize> = {
        let mut first: Vec<usize> = direct.iter().copied().collect();
        first.sort_unstable();
        first
    };
    while let Some(parent) = queue.pop() {
        let Some(scope) = scopes[parent].clone() else { continue };
        for (child, declared) in below.get(&parent).into_iter().flatten() {
            if direct.contains(child) {
                continue;
            }
            let new = derived(&scope, declared);
            if scopes[*child].as_deref().is_none_or(|old| width(new) > width(old)) {
                scopes[*child] = Some(new.to_owned());
                queue.push(*child);
            }
        }
    }
    for (release, scope) in taken.iter_mut().zip(scopes) {
        if let Some(scope) = scope {
            release.scope = scope;
        }
    }
}
