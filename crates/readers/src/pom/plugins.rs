//! What a build runs beside the project's dependencies: plugins with what they are given, extensions, and the dependencies
//! of profiles that are not active on this machine.
//!
//! In: a lineage of POMs. Out: the releases that these name, the first of a key counting: plugins of `<plugins>` and those that
//! Maven binds by itself, completed from `<pluginManagement>`. What plugins themselves depend on is not followed, and said. The attack: a plugin or a profile that brings in code which no list of dependencies shows.

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

/// What a project's build names beside its active dependencies.
#[derive(Default)]
pub(crate) struct Extras {
    /// Each with a version or, for plugins, none.
    pub(crate) found: Vec<Extra>,
    /// Plugins among them; what these need in turn is not followed.
    pub(crate) plugins: u64,
    /// Dependencies of inactive profiles that no management at hand gives a version.
    pub(crate) without_version: u64,
}

/// Plugins that Maven binds to the life cycles of every project.
const BOUND_ALWAYS: [&str; 4] = ["maven-clean-plugin", "maven-install-plugin", "maven-deploy-plugin", "maven-site-plugin"];

/// Those that it binds for each packaging but `pom`.
const BOUND_TO_CODE: [&str; 3] = ["maven-resources-plugin", "maven-compiler-plugin", "maven-surefire-plugin"];

/// Those that it binds for some packaging each: `maven-PACKAGING-plugin`.
const BOUND_BY_KIND: [&str; 6] = ["jar", "war", "ear", "ejb", "rar", "maven-plugin"];

/// Whether Maven runs a plugin of its own for a packaging without being told.
fn is_bound(plugin: &Dependency, packaging: &str) -> bool {
    let name = plugin.artifact.as_str();
    let of_kind =
        |kind: &str| name == if kind == "maven-plugin" { "maven-plugin-plugin".to_owned() } else { format!("maven-{kind}-plugin") };
    // A packaging that an extension brings may bind any of them; that of Maven plugins makes a jar.
    let known = packaging == "pom" || BOUND_BY_KIND.contains(&packaging);
    let by_kind = if known {
        of_kind(packaging) || (packaging == "maven-plugin" && of_kind("jar"))
    } else {
        BOUND_BY_KIND.iter().any(|kind| of_kind(kind))
    };
    plugin.group == OWN_GROUP && (BOUND_ALWAYS.contains(&name) || by_kind || (packaging != "pom" && BOUND_TO_CODE.contains(&name)))
}

/// `<plugin>` with everything filled in.
struct Plugin {
    artifact: Dependency,
    dependencies: Vec<Dependency>,
}

impl Plugin {
    /// Takes from management what it does not say itself: a version, and what the plugin is given.
    fn complete(mut self, managed: &[Plugin]) -> Plugin {
        let (group, artifact) = (self.artifact.group.clone(), self.artifact.artifact.clone());
        for entry in managed.iter().filter(|entry| entry.artifact.group == group && entry.artifact.artifact == artifact) {
            if self.artifact.version.is_none() {
                self.artifact.version.clone_from(&entry.artifact.version);
            }
            for given in &entry.dependencies {
                if !self.dependencies.iter().any(|own| own.key() == given.key()) {
                    self.dependencies.push(given.clone());
                }
            }
        }
        self
    }
}

/// Everything that a project's build names beside its active dependencies.
pub(crate) fn extras(builder: &mut Builder<'_, '_>, model: &Rc<Model>, managed: &Managed, wanted_by: &Place) -> Result<Extras, ReadError> {
    let lineage = builder.lineage(model, wanted_by).map_err(super::Fail::into_error)?;
    let properties = builder.properties(&lineage);
    let mut extras = Extras::default();
    let mut seen: HashSet<(String, String)> = HashSet::new();
    let at = |raw: &model::Dependency, problem: Problem| {
        let place = raw.path.as_ref().map_or_else(|| wanted_by.clone(), |path| Place { path: path.to_string(), line: raw.line });
        ReadError { place, problem }
    };
    let fill = |raw: &model::Dependency, properties: &Properties| filled(raw, properties).map_err(|problem| at(raw, problem));
    let fill_plugin = |raw: &model::Plugin, properties: &Properties| -> Result<Plugin, ReadError> {
        let dependencies = raw.dependencies.iter().map(|given| fill(given, properties)).collect::<Result<_, _>>()?;
        Ok(Plugin { artifact: fill(&raw.artifact, properties)?, dependencies })
    };
    let mut managed_plugins: Vec<Plugin> = Vec::new();
    for raw in lineage.iter().flat_map(|model| bases(model, builder)).flat_map(|base| &base.managed_plugins) {
        managed_plugins.push(fill_plugin(raw, &properties)?);
    }
    for raw in lineage.iter().flat_map(|model| bases(model, builder)).flat_map(|base| &base.plugins) {
        let plugin = fill_plugin(raw, &properties)?.complete(&managed_plugins);
        let first = seen.insert((plugin.artifact.group.clone(), plugin.artifact.artifact.clone()));
        extras.add(plugin, first);
    }
    let packaging = model.packaging.as_deref().unwrap_or("jar");
    for entry in managed_plugins.iter().filter(|entry| is_bound(&entry.artifact, packaging)) {
        if seen.insert((entry.artifact.group.clone(), entry.artifact.artifact.clone())) {
            let plugin = Plugin { artifact: entry.artifact.clone(), dependencies: Vec::new() };
            extras.add(plugin.complete(&managed_plugins), true);
        }
    }
    // Only what the project itself says: a parent out of a repository has its profiles for its own build.
    for model in lineage.iter().filter(|model| model.path.is_some()) {
        let active: Vec<*const model::Profile> = profile::active(model, builder.loader.ctx).into_iter().map(std::ptr::from_ref).collect();
        for other in model.profiles.iter().filter(|other| !active.contains(&std::ptr::from_ref(*other))) {
            let properties = builder.properties_with(&lineage, &other.base.properties);
            let mut own: Vec<Dependency> = Vec::new();
            for raw in &other.base.managed {
                own.push(fill(raw, &properties)?);
            }
            for raw in &other.base.dependencies {
                let mut dependency = fill(raw, &properties)?;
                let entry = own.iter().find(|entry| entry.key() == dependency.key()).or_else(|| managed.get(&dependency.key()));
                if let Some(entry) = entry {
                    complete(&mut dependency, entry);
                }
                extras.without_version += u64::from(dependency.version.is_none());
                extras.found.push(Extra { dependency, of_plugin: false });
            }
            let mut own: Vec<Plugin> = Vec::new();
            for raw in &other.base.managed_plugins {
                own.push(fill_plugin(raw, &properties)?);
            }
            for raw in &other.base.plugins {
                extras.add(fill_plugin(raw, &properties)?.complete(&own).complete(&managed_plugins), true);
            }
            // What a profile manages counts for what runs without it, too.
            for entry in own {
                let runs =
                    is_bound(&entry.artifact, packaging) || seen.contains(&(entry.artifact.group.clone(), entry.artifact.artifact.clone()));
                if runs && !other.base.plugins.iter().any(|raw| raw.artifact.artifact == entry.artifact.artifact) {
                    extras.add(entry.complete(&managed_plugins), true);
                }
            }
        }
    }
    // What names an undefined property is what this build never takes.
    extras.found.retain(|extra| {
        let one = &extra.dependency;
        let open =
            [Some(&one.group), Some(&one.artifact), one.version.as_ref()].into_iter().flatten().any(|text| open_property(text).is_some());
        !open && (one.version.is_some() || extra.of_plugin)
    });
    Ok(extras)
}

impl Extras {
    /// Adds a plugin (where it is the first of its name) and what it is given.
    fn add(&mut self, plugin: Plugin, first: bool) {
        let bound = plugin.artifact.version.is_none() && plugin.artifact.group == OWN_GROUP;
        if first && !bound {
            self.plugins += 1;
            self.found.push(Extra { dependency: plugin.artifact, of_plugin: true });
        }
        self.found.extend(plugin.dependencies.into_iter().map(|dependency| Extra { dependency, of_plugin: true }));
    }
}

fn bases<'m>(model: &'m Model, builder: &Builder<'_, '_>) -> Vec<&'m model::Base> {
    let active = profile::active(model, builder.loader.ctx);
    std::iter::once(&model.base).chain(active.into_iter().map(|profile| &profile.base)).collect()
}
