//! `pom.xml` and `.pom` files: the releases that Maven takes for the project, its transitive dependencies included
//! where an upstream is at hand.

use crate::client::maven_config;
use crate::context::{Coordinates, FileError, JavaEnvironment, ReadContext, beside};
use crate::doc::xml;
use crate::error::{Problem, ReadError};
use crate::listing::Listing;
use crate::pom::effective::{Builder, coordinates};
use crate::pom::load::Loader;
use crate::pom::model::Repository;
use crate::pom::resolve::{Resolver, Version};
use crate::pom::{Fail, model, plugins};
use crate::source::Source;
use bifocal_core::{
    DeclaredArtifact, Dependency, Ecosystem, FileKind, Inventory, Origin, PackageName, Place, PurlError, Release, Requested,
};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Elements of `.mvn/extensions.xml`.
const MAX_EXTENSION_ELEMENTS: usize = 10_000;

/// Most things of a kind that a summary counts.
const MAX_TOLD: u64 = 10_000;

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let mut list = Listing::new(*source, FileKind::Pom, ctx.limits);
    let config = maven_config::read(source.path, ctx)?.unwrap_or_default();
    let ctx = &ctx.with_java(JavaEnvironment { user_properties: config.properties, ..ctx.java.clone() });
    let model = Rc::new(model::parse(source, Some(source.path.into()), &ctx.limits)?);
    let whole = source.place(model.parent.as_ref().map_or(0, |parent| parent.line));
    let mut loader = Loader::new(ctx);
    let reactor = loader.reactor(source.path)?;
    let mut builder = Builder::new(loader);
    let project = builder.build(&model, &whole).map_err(Fail::into_error)?;
    let mut modules = HashMap::new();
    for module in reactor.iter() {
        if module.path == model.path {
            continue;
        }
        // A module that cannot be understood is reported where it is read itself.
        if let Ok(lineage) = builder.lineage(module, &whole) {
            let properties = builder.properties(&lineage);
            if let Ok(own) = coordinates(&lineage, &properties) {
                modules.insert(own, module.clone());
            }
        }
    }
    let transitive = ctx.poms.is_some();
    let mut resolver = Resolver { builder: &mut builder, modules, notes: Vec::new(), limit: ctx.limits.dependencies, transitive };
    let taken = resolver.resolve(&project, &whole)?;
    let notes = std::mem::take(&mut resolver.notes);
    let modules = std::mem::take(&mut resolver.modules);
    let mut listed: HashSet<(String, String)> = HashSet::new();
    for release in taken {
        let name = format!("{}:{}", release.group, release.artifact);
        let checked = PackageName::new(Ecosystem::Maven, &name)
            .map_err(|problem| ReadError { place: release.place.clone(), problem: problem.into() })?;
        let artifacts = match (&release.version, &release.file) {
            (Version::Exact(version), Some((extension, classifier))) => file(&release.artifact, version, extension, classifier),
            _ => Vec::new(),
        };
        let origins = match &release.version {
            Version::Exact(version) | Version::Range(version) => asked_first(&project.repositories, version),
            Version::Module(_) | Version::File(_) => Vec::new(),
        };
        let requested = match &release.version {
            Version::Exact(version) => {
                listed.insert((name, version.clone()));
                exact(checked, version, &release.place)?
            }
            Version::Range(requirement) => Requested::Range { package: checked, requirement: requirement.clone() },
            Version::Module(path) | Version::File(path) => list.path(&name, path),
        };
        list.push(Dependency {
            requested,
            artifacts,
            place: release.place,
            optional: release.scope == "test",
            origins,
            ask: bifocal_core::Ask::default(),
        })?;
    }
    let extras = plugins::extras(&mut builder, &model, &project.managed, &whole)?;
    for _ in 0..extras.plugins.min(MAX_TOLD) {
        list.other("build plugin whose own dependencies were not looked at", "build plugins whose own dependencies were not looked at");
    }
    for _ in 0..extras.without_version.min(MAX_TOLD) {
        list.other("dependency of an inactive profile without a version", "dependencies of inactive profiles without a version");
    }
    for extra in extras.found {
        let one = extra.dependency;
        let name = format!("{}:{}", one.group, one.artifact);
        let place = one.path.as_ref().map_or_else(|| whole.clone(), |path| Place { path: path.to_string(), line: one.line });
        let fail = |problem: PurlError| ReadError { place: place.clone(), problem: problem.into() };
        let checked = PackageName::new(Ecosystem::Maven, &name).map_err(fail)?;
        let version = one.version.unwrap_or_else(|| "RELEASE".to_owned());
        // A plugin that the project builds itself.
        if modules.contains_key(&Coordinates { group: one.group, artifact: one.artifact, version: version.clone() }) {
            continue;
        }
        let repositories = if extra.of_plugin { &project.plugin_repositories } else { &project.repositories };
        let origins = asked_first(repositories, &version);
        let is_range = version.starts_with(['[', '(']) || matches!(version.as_str(), "RELEASE" | "LATEST");
        if !listed.insert((name, version.clone())) {
            continue;
        }
        let requested = match is_range {
            true => Requested::Range { package: checked, requirement: version },
            false => exact(checked, &version, &place)?,
        };
        list.push(Dependency {
            requested,
            artifacts: Vec::new(),
            place,
            optional: !extra.of_plugin,
            origins,
            ask: bifocal_core::Ask::default(),
        })?;
    }
    core_extensions(&mut list, ctx)?;
    for (place, text) in notes {
        list.note_at(&place, &text);
    }
    if !transitive && !project.dependencies.is_empty() {
        list.note(0, "no Maven upstream is at hand: only direct dependencies are listed");
    }
    for module in model.modules.iter().chain(model.profiles.iter().flat_map(|profile| &profile.modules)) {
        if leads_out(source.path, module, ctx) {
            let requested = list.path(&format!("module {module}"), module);
            list.add(0, requested, Vec::new(), false, Vec::new())?;
        }
    }
    if !model.modules.is_empty() {
        list.note(0, "modules are listed by their own POMs");
    }
    if !config.profiles.is_empty() {
        let text = "profiles that .mvn/maven.config names (-P) are listed as those of other machines are, beside the active ones";
        list.note(0, text);
    }
    Ok(list.finish())
}

/// Whether a module is not in the folder of the POM that names it, so that a walk of that folder does not come upon it.
fn leads_out(from: &str, module: &str, ctx: &ReadContext<'_>) -> bool {
    let written = if module.ends_with(".xml") { module.to_owned() } else { format!("{module}/pom.xml") };
    let folder = from.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{}/", folder.trim_start_matches("./")));
    match beside(from, &written) {
        Some(path) => !path.starts_with(&folder) || matches!(ctx.files.file(&path, ctx.limits.file_bytes), Err(FileError::Outside)),
        None => true,
    }
}

fn exact(package: PackageName, version: &str, place: &Place) -> Result<Requested, ReadError> {
    let release = Release::of(package, version).map_err(|problem| ReadError { place: place.clone(), problem: problem.into() })?;
    Ok(Requested::Exact { release })
}

/// A file that is not the release's main one. One whose classifier names an undefined property is none of this build.
fn file(artifact: &str, version: &str, extension: &str, classifier: &str) -> Vec<DeclaredArtifact> {
    if extension.contains("${") || classifier.contains("${") {
        return Vec::new();
    }
    let dash = if classifier.is_empty() { "" } else { "-" };
    vec![DeclaredArtifact { filename: format!("{artifact}-{version}{dash}{classifier}.{extension}"), digests: Vec::new() }]
}

/// `.mvn/extensions.xml`: what Maven loads into itself before it reads a POM.
fn core_extensions(list: &mut Listing<'_>, ctx: &ReadContext<'_>) -> Result<(), ReadError> {
    let Some((path, bytes)) = ctx.beside(list.source.path, ".mvn/extensions.xml", ctx.limits.file_bytes)? else { return Ok(()) };
    let source = Source { path: &path, bytes: &bytes };
    let root = xml::parse(&source, ctx.limits.depth, MAX_EXTENSION_ELEMENTS)?;
    for extension in root.children.iter().filter(|child| child.name == "extension") {
        let need = |field: &'static str| {
            let missing = Problem::Missing { field, inside: "`extension`".to_owned() };
            extension.child_text(field).ok_or_else(|| source.error(extension.line, missing))
        };
        let name = format!("{}:{}", need("groupId")?, need("artifactId")?);
        let package = PackageName::new(Ecosystem::Maven, &name).map_err(|problem| source.error(extension.line, problem))?;
        let place = source.place(extension.line);
        let requested = exact(package, need("version")?, &place)?;
        list.push(Dependency {
            requested,
            artifacts: Vec::new(),
            place,
            optional: false,
            origins: Vec::new(),
            ask: bifocal_core::Ask::default(),
        })?;
    }
    Ok(())
}

/// The repositories of the project that Maven asks for a version before it asks the built-in one.
fn asked_first(repositories: &[Repository], version: &str) -> Vec<Origin> {
    let snapshot = version.ends_with("-SNAPSHOT");
    let asked = repositories.iter().filter(|repository| if snapshot { repository.snapshots } else { repository.releases });
    asked.map(|repository| Origin { id: crate::error::shown(&repository.id), address: repository.url.clone() }).collect()
}
