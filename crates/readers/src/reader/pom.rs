//! `pom.xml` and `.pom` files: the releases that Maven takes for the project, its transitive dependencies included
//! where an upstream is at hand.

use crate::context::ReadContext;
use crate::error::ReadError;
use crate::listing::Listing;
use crate::pom::effective::{Builder, coordinates};
use crate::pom::load::Loader;
use crate::pom::resolve::{Resolver, Version};
use crate::pom::{Fail, model};
use crate::source::Source;
use bifocal_core::{Dependency, Ecosystem, FileKind, Inventory, PackageName, Release, Requested};
use std::collections::HashMap;
use std::rc::Rc;

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let mut list = Listing::new(*source, FileKind::Pom, ctx.limits);
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
    for release in taken {
        let name = format!("{}:{}", release.group, release.artifact);
        let checked = PackageName::new(Ecosystem::Maven, &name)
            .map_err(|problem| ReadError { place: release.place.clone(), problem: problem.into() })?;
        let requested = match &release.version {
            Version::Exact(version) => {
                let release =
                    Release::of(checked, version).map_err(|problem| ReadError { place: release.place.clone(), problem: problem.into() })?;
                Requested::Exact { release }
            }
            Version::Range(requirement) => Requested::Range { package: checked, requirement: requirement.clone() },
            Version::Module(path) | Version::File(path) => list.path(&name, path),
        };
        list.push(Dependency {
            requested,
            artifacts: Vec::new(),
            place: release.place,
            optional: release.scope == "test",
            registry_host: None,
        })?;
    }
    for (place, text) in notes {
        list.note_at(&place, &text);
    }
    if !transitive && !project.dependencies.is_empty() {
        list.note(0, "no Maven upstream is at hand: only direct dependencies are listed");
    }
    if !model.modules.is_empty() {
        list.note(0, "modules are listed by their own POMs");
    }
    if let Some(line) = model.plugins_line {
        list.note(line, "build plugins and what they depend on are not listed");
    }
    if let Some(line) = model.repositories_line {
        list.note(line, "repositories named here are not asked: releases come from the configured upstreams");
    }
    Ok(list.finish())
}
