//! What a POM means: with its parents, active profiles, filled-in properties, imported BOMs and managed versions.
//!
//! The order of Maven 3: profiles are laid over the POM they are in, then children over parents, then properties are
//! filled in, then BOMs are imported (the POM's own entries win over the first import, that one over the next), and
//! last, management completes the dependencies.

use super::interpolate::Properties;
use super::load::Loader;
use super::model::{self, Model};
use super::{Fail, MAX_PARENTS, profile};
use crate::context::Coordinates;
use crate::error::{Problem, ReadError, shown};
use bifocal_core::Place;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

/// Repositories that one POM and its parents may name.
const MAX_REPOSITORIES: usize = 100;

/// A dependency with everything filled in.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    /// The local file it is in.
    pub(crate) path: Option<Rc<str>>,
    pub(crate) line: u32,
    pub(crate) group: String,
    pub(crate) artifact: String,
    pub(crate) version: Option<String>,
    pub(crate) kind: String,
    pub(crate) classifier: String,
    pub(crate) scope: Option<String>,
    pub(crate) optional: Option<bool>,
    pub(crate) system_path: Option<String>,
    pub(crate) exclusions: Vec<(String, String)>,
}

impl Dependency {
    /// What management knows it by.
    pub(crate) fn key(&self) -> Key {
        (self.group.clone(), self.artifact.clone(), self.kind.clone(), self.classifier.clone())
    }
}

/// Group, artifact, type, classifier.
pub(crate) type Key = (String, String, String, String);

/// Managed dependencies: the first of a key counts.
pub(crate) type Managed = HashMap<Key, Dependency>;

/// An effective model.
pub(crate) struct Effective {
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) managed: Rc<Managed>,
    pub(crate) relocation: Option<Coordinates>,
    /// Repositories that this POM and its parents add to the configured ones, addresses without credentials.
    pub(crate) repositories: Vec<model::Repository>,
    /// The same for plugins.
    pub(crate) plugin_repositories: Vec<model::Repository>,
}

/// Makes effective models and keeps the BOMs it made.
pub(crate) struct Builder<'c, 'x> {
    pub(crate) loader: Loader<'c, 'x>,
    boms: HashMap<Coordinates, Rc<Managed>>,
}

impl<'c, 'x> Builder<'c, 'x> {
    pub(crate) fn new(loader: Loader<'c, 'x>) -> Self {
        Builder { loader, boms: HashMap::new() }
    }

    /// The effective model of a POM. `wanted_by` is the place that errors about other POMs name.
    pub(crate) fn build(&mut self, model: &Rc<Model>, wanted_by: &Place) -> Result<Effective, Fail> {
        self.build_within(model, wanted_by, &mut Vec::new())
    }

    fn build_within(&mut self, model: &Rc<Model>, wanted_by: &Place, importing: &mut Vec<Coordinates>) -> Result<Effective, Fail> {
        let lineage = self.lineage(model, wanted_by)?;
        let properties = self.properties(&lineage);
        let at = |problem| Fail::Broken(ReadError { place: wanted_by.clone(), problem });
        let coordinates = coordinates(&lineage, &properties).map_err(at)?;
        let mut dependencies = Vec::new();
        let mut managed_list = Vec::new();
        {
            let (raw_dependencies, raw_managed) = self.inherited(&lineage);
            for raw in raw_dependencies {
                dependencies
                    .push(filled(raw, &properties).map_err(|problem| Fail::Broken(ReadError { place: place(raw, wanted_by), problem }))?);
            }
            for raw in raw_managed {
                managed_list
                    .push(filled(raw, &properties).map_err(|problem| Fail::Broken(ReadError { place: place(raw, wanted_by), problem }))?);
            }
        }
        let (imports, own): (Vec<_>, Vec<_>) =
            managed_list.into_iter().partition(|entry| entry.kind == "pom" && entry.scope.as_deref() == Some("import"));
        let mut managed = Managed::new();
        for entry in own {
            managed.entry(entry.key()).or_insert(entry);
        }
        let mut imported = HashSet::new();
        for import in imports {
            if !imported.insert((import.group.clone(), import.artifact.clone(), import.version.clone())) {
                continue;
            }
            let bom = self.import(&import, wanted_by, importing)?;
            for (key, entry) in bom.iter() {
                if !managed.contains_key(key) {
                    managed.insert(key.clone(), entry.clone());
                }
            }
        }
        for dependency in &mut dependencies {
            if let Some(entry) = managed.get(&dependency.key()) {
                complete(dependency, entry);
            }
        }
        let relocation = match &model.relocation {
            Some((group, artifact, version)) => {
                let part = |part: &Option<String>, or: &str| part.as_deref().map_or(Ok(or.to_owned()), |part| properties.fill(part));
                Some(Coordinates {
                    group: part(group, &coordinates.group).map_err(at)?,
                    artifact: part(artifact, &coordinates.artifact).map_err(at)?,
                    version: part(version, &coordinates.version).map_err(at)?,
                })
            }
            None => None,
        };
        let repositories = self.repositories(&lineage, &properties, |base| &base.repositories).map_err(at)?;
        let plugin_repositories = self.repositories(&lineage, &properties, |base| &base.plugin_repositories).map_err(at)?;
        let dependencies = last_of_each(dependencies);
        Ok(Effective { dependencies, managed: Rc::new(managed), relocation, repositories, plugin_repositories })
    }

    /// Repositories of a lineage: of one id the nearest counts.
    fn repositories(
        &self,
        lineage: &[Rc<Model>],
        properties: &Properties,
        of: fn(&model::Base) -> &Vec<model::Repository>,
    ) -> Result<Vec<model::Repository>, Problem> {
        let mut found: Vec<model::Repository> = Vec::new();
        for model in lineage {
            let profiles = profile::active(model, self.loader.ctx);
            for raw in profiles.iter().map(|profile| &profile.base).chain([&model.base]).flat_map(of) {
                let id = properties.fill(&raw.id)?;
                if found.iter().any(|known| known.id == id) {
                    continue;
                }
                if found.len() >= MAX_REPOSITORIES {
                    return Err(Problem::TooMany { what: "repositories", limit: MAX_REPOSITORIES });
                }
                let url = crate::address::origin(&properties.fill(&raw.url)?).address;
                found.push(model::Repository { id, url, ..raw.clone() });
            }
        }
        Ok(found)
    }

    /// The POM, its parent, the parent's parent, …
    pub(crate) fn lineage(&mut self, model: &Rc<Model>, wanted_by: &Place) -> Result<Vec<Rc<Model>>, Fail> {
        let mut lineage = vec![model.clone()];
        let mut current = model.clone();
        while let Some(parent) = current.parent.clone() {
            let place = match &current.path {
                Some(path) => Place { path: path.to_string(), line: parent.line },
                None => wanted_by.clone(),
            };
            if lineage.len() >= MAX_PARENTS {
                let coordinates = format!("{}:{}:{}", parent.group, parent.artifact, parent.version);
                return Err(Fail::Broken(ReadError {
                    place,
                    problem: Problem::ParentCycle { coordinates: shown(&coordinates), limit: MAX_PARENTS },
                }));
            }
            // `${revision}` in a parent's version stands in the POM itself.
            let mut own: HashMap<String, String> = current.base.properties.iter().cloned().collect();
            own.extend(self.given(std::slice::from_ref(&current)));
            let version =
                Properties::new(own).fill(&parent.version).map_err(|problem| Fail::Broken(ReadError { place: place.clone(), problem }))?;
            current = self.loader.parent(&current, &parent, &version, &place)?;
            lineage.push(current.clone());
        }
        Ok(lineage)
    }

    /// Properties of the whole lineage, those of `project`, and the machine's.
    pub(crate) fn properties(&self, lineage: &[Rc<Model>]) -> Properties {
        self.properties_with(lineage, &[])
    }

    /// As [`Builder::properties`], with those of a profile over them.
    pub(crate) fn properties_with(&self, lineage: &[Rc<Model>], more: &[(String, String)]) -> Properties {
        let mut raw: HashMap<String, String> = HashMap::new();
        for name in
            ["java.version", "java.specification.version", "os.name", "os.arch", "file.separator", "path.separator", "maven.version"]
        {
            raw.extend(profile::system_property(name, &self.loader.ctx.java).map(|value| (name.to_owned(), value.to_owned())));
        }
        raw.extend(self.loader.ctx.java.user_properties.clone());
        for model in lineage.iter().rev() {
            let profiles = profile::active(model, self.loader.ctx);
            let bases = std::iter::once(&model.base).chain(profiles.iter().map(|profile| &profile.base));
            for (name, value) in bases.flat_map(|base| &base.properties) {
                raw.insert(name.clone(), value.clone());
            }
        }
        raw.extend(more.iter().cloned());
        raw.extend(self.given(lineage));
        let mut project = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                for prefix in ["project.", "pom."] {
                    raw.insert(format!("{prefix}{name}"), value.clone());
                }
                if !name.contains('.') {
                    raw.entry(name.to_owned()).or_insert(value);
                }
            }
        };
        project("groupId", inherit(lineage, |model| model.group.clone()));
        project("artifactId", lineage.first().map(|model| model.artifact.clone()));
        project("version", inherit(lineage, |model| model.version.clone()));
        if let Some(parent) = lineage.first().and_then(|model| model.parent.as_ref()) {
            project("parent.groupId", Some(parent.group.clone()));
            project("parent.artifactId", Some(parent.artifact.clone()));
            project("parent.version", Some(parent.version.clone()));
        }
        Properties::new(raw)
    }

    /// What the command line gives: over all that a POM of the project says, and under all that another one does.
    fn given(&self, lineage: &[Rc<Model>]) -> BTreeMap<String, String> {
        let of_project = lineage.first().is_some_and(|model| model.path.is_some());
        if of_project { self.loader.ctx.java.user_properties.clone() } else { BTreeMap::new() }
    }

    /// Dependencies and managed dependencies as written: the POM's own, then its parents' where the key is new.
    fn inherited<'m>(&self, lineage: &'m [Rc<Model>]) -> (Vec<&'m model::Dependency>, Vec<&'m model::Dependency>) {
        let mut dependencies: Vec<&model::Dependency> = Vec::new();
        let mut managed: Vec<&model::Dependency> = Vec::new();
        for model in lineage {
            let profiles = profile::active(model, self.loader.ctx);
            let bases: Vec<&model::Base> = std::iter::once(&model.base).chain(profiles.iter().map(|profile| &profile.base)).collect();
            merge(&mut dependencies, bases.iter().flat_map(|base| &base.dependencies).collect());
            merge(&mut managed, bases.iter().flat_map(|base| &base.managed).collect());
        }
        (dependencies, managed)
    }

    fn import(&mut self, import: &Dependency, wanted_by: &Place, importing: &mut Vec<Coordinates>) -> Result<Rc<Managed>, Fail> {
        let place = match &import.path {
            Some(path) => Place { path: path.to_string(), line: import.line },
            None => wanted_by.clone(),
        };
        let Some(version) = import.version.clone() else {
            let problem = Problem::Missing { field: "version", inside: shown(&format!("{}:{}", import.group, import.artifact)) };
            return Err(Fail::Broken(ReadError { place, problem }));
        };
        let coordinates = Coordinates { group: import.group.clone(), artifact: import.artifact.clone(), version };
        if let Some(bom) = self.boms.get(&coordinates) {
            return Ok(bom.clone());
        }
        if importing.len() >= MAX_PARENTS || importing.contains(&coordinates) {
            let problem = Problem::ParentCycle { coordinates: shown(&coordinates.to_string()), limit: MAX_PARENTS };
            return Err(Fail::Broken(ReadError { place, problem }));
        }
        importing.push(coordinates.clone());
        let model = match self.local_bom(&coordinates, &place)? {
            Some(model) => model,
            None => self.loader.remote(&coordinates, &place)?,
        };
        let managed = self.build_within(&model, &place, importing)?.managed;
        importing.pop();
        self.boms.insert(coordinates, managed.clone());
        Ok(managed)
    }

    /// A BOM that is a module of the project itself.
    fn local_bom(&mut self, coordinates: &Coordinates, place: &Place) -> Result<Option<Rc<Model>>, Fail> {
        let reactor = self.loader.reactor(&place.path).map_err(Fail::Broken)?;
        for model in reactor.iter() {
            if model.artifact == coordinates.artifact {
                let lineage = self.lineage(model, place)?;
                let properties = self.properties(&lineage);
                if self::coordinates(&lineage, &properties).is_ok_and(|own| own == *coordinates) {
                    return Ok(Some(model.clone()));
                }
            }
        }
        Ok(None)
    }
}

fn inherit(lineage: &[Rc<Model>], get: impl Fn(&Model) -> Option<String>) -> Option<String> {
    lineage.iter().find_map(|model| get(model))
}

/// Group, artifact and version of the first of a lineage.
pub(crate) fn coordinates(lineage: &[Rc<Model>], properties: &Properties) -> Result<Coordinates, Problem> {
    let of_parent = |part: fn(&model::Parent) -> &String| lineage.iter().find_map(|model| model.parent.as_ref()).map(part).cloned();
    let group = inherit(lineage, |model| model.group.clone()).or_else(|| of_parent(|parent| &parent.group));
    let version = inherit(lineage, |model| model.version.clone()).or_else(|| of_parent(|parent| &parent.version));
    let artifact = lineage.first().map(|model| model.artifact.clone()).unwrap_or_default();
    let missing = |field| Problem::Missing { field, inside: shown(&format!("the POM of `{artifact}`")) };
    Ok(Coordinates {
        group: properties.fill(&group.ok_or_else(|| missing("groupId"))?)?,
        version: properties.fill(&version.ok_or_else(|| missing("version"))?)?,
        artifact: properties.fill(&artifact)?,
    })
}

/// Adds what has a new key (as written, as Maven compares before it fills in).
fn merge<'m>(into: &mut Vec<&'m model::Dependency>, from: Vec<&'m model::Dependency>) {
    let key = |raw: &model::Dependency| {
        format!("{}:{}:{}:{}", raw.group, raw.artifact, raw.kind.as_deref().unwrap_or("jar"), raw.classifier.as_deref().unwrap_or_default())
    };
    let known: HashSet<String> = into.iter().map(|raw| key(raw)).collect();
    // Within one POM the last of a key counts (profiles come last), at the place of the first.
    let mut at: HashMap<String, usize> = HashMap::new();
    for raw in from {
        let key = key(raw);
        if known.contains(&key) {
            continue;
        }
        match at.get(&key) {
            Some(&position) => into[position] = raw,
            None => {
                at.insert(key, into.len());
                into.push(raw);
            }
        }
    }
}

fn last_of_each(dependencies: Vec<Dependency>) -> Vec<Dependency> {
    let mut at: HashMap<Key, usize> = HashMap::new();
    let mut out: Vec<Dependency> = Vec::new();
    for dependency in dependencies {
        match at.get(&dependency.key()) {
            // A child's entry stands before the parent's and wins.
            Some(_) => {}
            None => {
                at.insert(dependency.key(), out.len());
                out.push(dependency);
            }
        }
    }
    out
}

fn place(raw: &model::Dependency, wanted_by: &Place) -> Place {
    match &raw.path {
        Some(path) => Place { path: path.to_string(), line: raw.line },
        None => wanted_by.clone(),
    }
}

pub(crate) fn filled(raw: &model::Dependency, properties: &Properties) -> Result<Dependency, Problem> {
    let fill = |text: &Option<String>| text.as_deref().map(|text| properties.fill(text).map(|text| text.trim().to_owned())).transpose();
    let mut exclusions = Vec::with_capacity(raw.exclusions.len());
    for (group, artifact) in &raw.exclusions {
        exclusions.push((properties.fill(group)?, properties.fill(artifact)?));
    }
    Ok(Dependency {
        path: raw.path.clone(),
        line: raw.line,
        group: properties.fill(&raw.group)?,
        artifact: properties.fill(&raw.artifact)?,
        version: fill(&raw.version)?.filter(|version| !version.is_empty()),
        kind: fill(&raw.kind)?.filter(|kind| !kind.is_empty()).unwrap_or_else(|| "jar".to_owned()),
        classifier: fill(&raw.classifier)?.unwrap_or_default(),
        scope: fill(&raw.scope)?.filter(|scope| !scope.is_empty()),
        optional: fill(&raw.optional)?.map(|text| text == "true"),
        system_path: fill(&raw.system_path)?,
        exclusions,
    })
}

/// What management adds to a dependency that leaves it open.
pub(crate) fn complete(dependency: &mut Dependency, entry: &Dependency) {
    if dependency.version.is_none() {
        dependency.version.clone_from(&entry.version);
    }
    if dependency.scope.is_none() {
        dependency.scope.clone_from(&entry.scope);
    }
    if dependency.optional.is_none() {
        dependency.optional = entry.optional;
    }
    if dependency.system_path.is_none() {
        dependency.system_path.clone_from(&entry.system_path);
    }
    if dependency.exclusions.is_empty() {
        dependency.exclusions.clone_from(&entry.exclusions);
    }
}
