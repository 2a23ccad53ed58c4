//! What runs when: a walk over (file, function) from what runs by itself, strongest trigger first.
//!
//! In: traced sources and the layouts. Out: the strongest [`Trigger`] of each function. A function that an install
//! script calls through three modules runs at install, and a function that nobody calls is just a function.

use crate::facts::{Capability, Language, Trigger};
use crate::layout::inner::{Unit, World};
use crate::layout::{self, Layout};
use crate::package::Source;
use crate::setuptools;
use crate::trace::Outcome;
use bifocal_core::Ecosystem;
use std::collections::BTreeMap;

/// The strongest trigger of each function of each file.
#[derive(Debug, Default)]
pub(crate) struct Triggers {
    of: BTreeMap<(usize, u32), Trigger>,
    mains: BTreeMap<usize, Trigger>,
}

impl Triggers {
    /// That of a function of a source; scope 0 is its top level. `None`: nothing runs it.
    pub(crate) fn of(&self, index: usize, scope: u32) -> Option<Trigger> {
        self.of.get(&(index, scope)).copied()
    }

    /// The strongest trigger by which a source runs as a program.
    pub(crate) fn as_program(&self, index: usize) -> Option<Trigger> {
        self.mains.get(&index).copied()
    }
}

/// Walks from what the artifact's own layout says runs by itself, then from what its archives hold: those in `named`,
/// which the code of the artifact names, those that a command starts, and those on the class path.
pub(crate) fn walk(sources: &[Source<'_>], world: &World<'_>, named: &[bool]) -> Triggers {
    let by_path =
        sources.iter().enumerate().filter(|(_, source)| !source.path.is_empty()).map(|(index, source)| (source.path, index)).collect();
    let mut reach = Reach { found: Triggers::default(), sources, by_path, world };
    reach.walk_layout(&world.layout, |trigger| trigger);
    if world.units.is_empty() {
        return reach.found;
    }
    let spawns = reach.spawns();
    for (unit, named) in world.units.iter().zip(named) {
        let started = reach.starts_archive(unit, &spawns);
        let on_class_path = unit.ecosystem == Some(Ecosystem::Maven) && world.ecosystem == Some(Ecosystem::Maven);
        if on_class_path || *named || started.is_some() {
            // What an install script starts runs with the install script, whatever it is to others.
            reach.walk_layout(&unit.layout, |trigger| started.map_or(trigger, |by| trigger.min(by)));
        }
    }
    reach.found
}

struct Reach<'w, 's> {
    found: Triggers,
    sources: &'s [Source<'s>],
    by_path: BTreeMap<&'s str, usize>,
    world: &'w World<'w>,
}

/// A command that code runs: source, scope, text.
type Spawned<'s> = (usize, u32, &'s str);

/// A start of the walk.
type Start = (Trigger, usize, u32);

impl<'s> Reach<'_, 's> {
    fn spawns(&self) -> Vec<Spawned<'s>> {
        let all = self.sources.iter().enumerate().flat_map(|(index, source)| source.outcome.facts.iter().map(move |fact| (index, fact)));
        all.filter(|(_, fact)| fact.capability == Capability::Spawn)
            .flat_map(|(index, fact)| fact.args.iter().map(move |arg| (index, fact.scope, arg.as_str())))
            .collect()
    }

    /// The strongest trigger of a command that names the archive.
    fn starts_archive(&self, unit: &Unit, spawns: &[Spawned<'_>]) -> Option<Trigger> {
        let name = unit.name();
        if name.len() < 4 {
            return None;
        }
        spawns.iter().filter(|(_, _, text)| text.contains(name)).filter_map(|(index, scope, _)| self.found.of(*index, *scope)).min()
    }

    fn walk_layout(&mut self, layout: &Layout, adapt: impl Fn(Trigger) -> Trigger) {
        let mut starts: Vec<Start> = Vec::new();
        for root in &layout.roots {
            let Some(&index) = self.by_path.get(root.path.as_str()) else { continue };
            let trigger = adapt(root.trigger);
            starts.push((trigger, index, 0));
            starts.extend(self.sources[index].outcome.asked.iter().map(|scope| (trigger.max(Trigger::Command), index, *scope)));
            if root.as_main {
                self.main(index, trigger);
            }
        }
        for (path, names, trigger) in &layout.hooks {
            let Some(&index) = self.by_path.get(path.as_str()) else { continue };
            let trigger = adapt(*trigger);
            let outcome = &self.sources[index].outcome;
            for (name, scopes) in &outcome.exports {
                let plain = name.strip_prefix("m:").map_or(name.as_str(), |own| own.split('(').next().unwrap_or(own));
                if names.iter().any(|hook| hook == plain) {
                    starts.extend(scopes.iter().map(|scope| (trigger, index, *scope)));
                }
            }
            for (_, methods) in &outcome.class_methods {
                starts.extend(methods.iter().map(|scope| (trigger, index, *scope)));
            }
        }
        for (index, source) in self.sources.iter().enumerate() {
            if let Some(command) = &source.command
                && layout.commands.iter().any(|own| own.path == command.path)
            {
                let trigger = adapt(command.trigger);
                self.found.of.insert((index, 0), trigger);
                starts.extend(self.started_by(source, &command.path, trigger));
            }
        }
        starts.sort();
        for (trigger, index, scope) in starts {
            self.spread(trigger, index, scope);
        }
    }

    /// Scripts that a manifest's command starts as programs.
    fn started_by(&mut self, source: &Source<'_>, manifest: &str, trigger: Trigger) -> Vec<Start> {
        let mut starts = Vec::new();
        for (_, load) in &source.outcome.loads {
            if let Some(path) = layout::resolve::started(load, manifest, self.world)
                && let Some(&index) = self.by_path.get(path.as_str())
            {
                starts.push((trigger, index, 0));
                self.main(index, trigger);
            }
        }
        starts
    }

    fn main(&mut self, index: usize, trigger: Trigger) {
        let entry = self.found.mains.entry(index).or_insert(trigger);
        *entry = (*entry).min(trigger);
    }

    fn spread(&mut self, trigger: Trigger, index: usize, scope: u32) {
        let sources = self.sources;
        let mut open = vec![(index, scope)];
        while let Some((index, scope)) = open.pop() {
            if self.found.of.get(&(index, scope)).is_some_and(|have| *have <= trigger) {
                continue;
            }
            self.found.of.insert((index, scope), trigger);
            let Some(source) = sources.get(index) else { continue };
            let outcome = &source.outcome;
            if scope == 0 {
                open.extend(outcome.starts.iter().map(|start| (index, *start)));
                if trigger == Trigger::SetupScript && !(outcome.registered.is_empty() && setuptools::only_publishes(&source.text)) {
                    let idle = setuptools::idle_classes(outcome, &source.text, &self.world.layout.aliased);
                    open.extend(build_commands(outcome, &idle).map(|method| (index, method)));
                }
                if !outcome.asked.is_empty() && setuptools::changes_arguments(&source.text) {
                    open.extend(outcome.asked.iter().map(|scope| (index, *scope)));
                }
            }
            open.extend(outcome.edges.range((scope, 0)..=(scope, u32::MAX)).map(|(_, to)| (index, *to)));
            let first = (scope, String::new());
            for (_, load) in outcome.loads.range(first.clone()..).take_while(|(from, _)| *from == scope) {
                if let Some(path) = layout::resolve::file(load, source.path, source.language, self.world)
                    && let Some(&to) = self.by_path.get(path.as_str())
                {
                    // A load runs a module's top level at most as eagerly as the loader runs.
                    open.push((to, 0));
                    let included = &sources[to];
                    if included.language == Language::Rust && !included.path.ends_with(".rs") {
                        // `include!` puts the text itself there: what it defines is called from where it stands.
                        open.extend(included.outcome.exports.values().flatten().map(|scope| (to, *scope)));
                    }
                    if source.language == Language::Shell || source.outcome.runs.iter().any(|(run, _)| run == load) {
                        self.main(to, trigger);
                    }
                }
            }
            for (_, call) in outcome.foreign_calls.range(first..).take_while(|(from, _)| *from == scope) {
                open.extend(self.foreign(call, source));
            }
        }
    }

    /// The scopes that a call into another file of the package means.
    fn foreign(&self, call: &str, source: &Source<'_>) -> Vec<(usize, u32)> {
        if source.language == Language::Go {
            // A function of the same package, in whichever file.
            let name = call.trim_start_matches("./.");
            let folder = folder_of(source.path);
            return self
                .by_path
                .iter()
                .filter(|(path, _)| folder_of(path) == folder)
                .filter_map(|(_, index)| self.sources[*index].outcome.exports.get(name).map(|scopes| (*index, scopes)))
                .flat_map(|(index, scopes)| scopes.iter().map(move |scope| (index, *scope)))
                .collect();
        }
        let Some((path, name)) = layout::resolve::called(call, source.path, source.language, self.world) else { return Vec::new() };
        let Some(&to) = self.by_path.get(path.as_str()) else { return Vec::new() };
        let exports = &self.sources[to].outcome.exports;
        let first = if exports.contains_key(&name) { &*name } else { name.split('.').next().unwrap_or(&name) };
        let names: Vec<&Vec<u32>> = if source.language == Language::Jvm {
            exports
                .iter()
                .filter(|(have, _)| have.strip_prefix("m:").and_then(|own| own.split('(').next()) == Some(first))
                .map(|(_, scopes)| scopes)
                .collect()
        } else {
            exports.get(first).into_iter().collect()
        };
        names.into_iter().flatten().map(|scope| (to, *scope)).collect()
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Methods of classes that setuptools runs as commands.
fn build_commands<'o>(outcome: &'o Outcome, idle: &'o [u32]) -> impl Iterator<Item = u32> + 'o {
    outcome
        .class_methods
        .iter()
        .zip(0u32..)
        .filter(|(_, class)| !idle.contains(class))
        .map(|(class, _)| class)
        .filter(|(bases, _)| {
            bases.iter().any(|base| {
                base.starts_with("setuptools.command")
                    || base.starts_with("distutils.command")
                    || matches!(
                        base.as_str(),
                        "setuptools.Command"
                            | "distutils.core.Command"
                            | "distutils.cmd.Command"
                            | "setuptools.Distribution"
                            | "setuptools.dist.Distribution"
                    )
                    || base.contains("bdist_wheel")
            })
        })
        .flat_map(|(_, methods)| methods.iter().copied())
}
