//! What a build runs beside the project's dependencies: plugins with what they are given, extensions, and the dependencies
//! of profiles that are not active on this machine.
//!
//! In: a lineage of POMs. Out: the releases that these name, the first of a key counting. What plugins themselves depend on is
//! not followed. The attack: a plugin or a profile that brings in code which no list of dependencies shows.

use super::effective::{Builder, Dependency, Managed, complete, filled};
use super::interpolate::{Properties, open_property};
use super::model::{self, Model};
use super::profile;
use crate::error::{Problem, ReadError};
use bifocal_core::Place;
use std::collections::HashSet;
use std::rc::Rc;

/// Maven's own plugins: without a version they are what the installed Maven binds.
const OWN_GROUP: &str = "org.apache.maven.plugins";

/// One release that a build takes.
pub(crate) struct Extra {
    pub(crate) dependency: Dependency,
    /// From `<pluginRepositories>` rather than `<repositories>`.
    pub(crate) of_plugin: bool,
}

/// Everything that a project's build names beside its active dependencies, with a version or none.
pub(crate) fn extras(
    builder: &mut Builder<'_, '_>,
    model: &Rc<Model>,
    managed: &Managed,
    wanted_by: &Place,
) -> Result<Vec<Extra>, ReadError> {
    let lineage = builder.lineage(model, wanted_by).map_err(super::Fail::into_error)?;
    let properties = builder.properties(&lineage);
    let mut found: Vec<Extra> = Vec::new();
    let mut seen: HashSet<(String, String)> = HashSet::new();
    let at = |raw: &model::Dependency, problem: Problem| {
        let place = raw.path.as_ref().map_or_else(|| wanted_by.clone(), |path| Place { path: path.to_string(), line: raw.line });
        ReadError { place, problem }
    };
    let fill = |raw: &model::Dependency, properties: &Properties| filled(raw, properties).map_err(|problem| at(raw, problem));
    let mut versions: Vec<Dependency> = Vec::new();
    for raw in lineage.iter().flat_map(|model| bases(model, builder)).flat_map(|base| &base.managed_plugins) {
        versions.push(fill(&raw.artifact, &properties)?);
    }
    for raw in lineage.iter().flat_map(|model| bases(model, builder)).flat_map(|base| &base.plugins) {
        let mut plugin = fill(&raw.artifact, &properties)?;
        let managed = versions.iter().find(|other| other.group == plugin.group && other.artifact == plugin.artifact);
        plugin.version = plugin.version.or_else(|| managed.and_then(|managed| managed.version.clone()));
        if seen.insert((plugin.group.clone(), plugin.artifact.clone())) {
            let bound = plugin.version.is_none() && plugin.group == OWN_GROUP;
            found.extend((!bound).then_some(Extra { dependency: plugin, of_plugin: true }));
        }
        for given in &raw.dependencies {
            found.push(Extra { dependency: fill(given, &properties)?, of_plugin: true });
        }
    }
    // Only what the project itself says: a parent out of a repository has its profiles for its own build.
    for model in lineage.iter().filter(|model| model.path.is_some()) {
        let active: Vec<*const model::Profile> = profile::active(model, builder.loader.ctx).into_iter().map(std::ptr::from_ref).collect();
        for other in model.profiles.iter().filter(|other| !active.contains(&std::ptr::from_ref(*other))) {
            let properties = builder.properties_with(&lineage, &other.base.properties);
            for raw in &other.base.dependencies {
                let mut dependency = fill(raw, &properties)?;
                if let Some(entry) = managed.get(&dependency.key()) {
                    complete(&mut dependency, entry);
                }
                found.push(Extra { dependency, of_plugin: false });
            }
            for raw in &other.base.plugins {
                found.push(Extra { dependency: fill(&raw.artifact, &properties)?, of_plugin: true });
            }
        }
    }
    // What names an undefined property is what this build never takes.
    found.retain(|extra| {
        let one = &extra.dependency;
        let open =
            [Some(&one.group), Some(&one.artifact), one.version.as_ref()].into_iter().flatten().any(|text| open_property(text).is_some());
        !open && (one.version.is_some() || extra.of_plugin)
    });
    Ok(found)
}

fn bases<'m>(model: &'m Model, builder: &Builder<'_, '_>) -> Vec<&'m model::Base> {
    let active = profile::active(model, builder.loader.ctx);
    std::iter::once(&model.base).chain(active.into_iter().map(|profile| &profile.base)).collect()
}
