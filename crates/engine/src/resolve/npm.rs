//! npm's own way: a tree of folders, built breadth first, in which a package sees what its own folder and those above
//! hold (the rules are those of npm's Arborist since npm 7).
//!
//! A dependency that the tree already answers costs nothing; another one gets the version that npm picks for its range, as
//! high up as it fits without taking its dependency away from somebody else. `peerDependencies` are placed beside whoever
//! asks for them. `overrides` of the root replace what anybody asks for. Optional dependencies stay, whatever machine they
//! are for, as they do in package-lock.json.

use super::tree::{Edge, Kind, ROOT, Tree};
use super::{Chosen, Desk, Missing, Resolved};
use crate::plan::Unlocked;
use bifocal_core::{Dependency, Ecosystem, PackageName, Place, Release, Requested, Role, printable};
use bifocal_readers::{npm_dependency, split_npm_name};
use bifocal_registries::{Needs, NpmNeeds};
use bifocal_versions::{ParsedVersion, Requirement};
use std::collections::{BTreeMap, BTreeSet};

/// An entry of `overrides`: the keys that enclose it, its own last, and what takes the place.
struct Rule<'m> {
    keys: Vec<(String, Option<Requirement>)>,
    to: &'m Requested,
}

/// Resolves a package.json on what is known.
pub(super) fn resolve(manifest: &Unlocked, desk: &Desk<'_>) -> Resolved {
    let mut work = Work { desk, rules: rules(manifest), tree: Tree::new(), out: Resolved::default(), manifest };
    work.roots();
    while let Some(node) = work.tree.next() {
        work.node(node);
        if work.tree.len() > super::MAX_RELEASES {
            return Resolved { unsolved: true, missing: BTreeSet::from([super::too_much(manifest)]), ..Resolved::default() };
        }
    }
    work.collect()
}

fn rules(manifest: &Unlocked) -> Vec<Rule<'_>> {
    let key = |key: &String| match split_npm_name(key) {
        Some((name, range)) => (name.to_owned(), Requirement::parse(Ecosystem::Npm, range).ok()),
        None => (key.clone(), None),
    };
    let mut rules: Vec<Rule<'_>> = manifest
        .rules
        .iter()
        .filter(|rule| rule.ask.role == Role::Override && !rule.ask.path.is_empty())
        .map(|rule| Rule { keys: rule.ask.path.iter().map(key).collect(), to: &rule.requested })
        .collect();
    // The more it says, the sooner it counts.
    rules.sort_by_key(|rule| std::cmp::Reverse((rule.keys.len(), rule.keys.last().is_some_and(|(_, range)| range.is_some()))));
    rules
}

struct Work<'m, 'k, 'd> {
    desk: &'d Desk<'k>,
    rules: Vec<Rule<'m>>,
    tree: Tree,
    out: Resolved,
    manifest: &'m Unlocked,
}

impl Work<'_, '_, '_> {
    fn roots(&mut self) {
        // Of a name that two tables have, npm takes the one that stands first here.
        let order = |role: Role| match role {
            Role::Optional => 0,
            Role::Normal | Role::Build => 1,
            Role::Development => 2,
            Role::Peer => 3,
            Role::OptionalPeer | Role::Override => 4,
        };
        let mut edges: BTreeMap<String, (u8, Edge)> = BTreeMap::new();
        for (root, dependency) in self.manifest.roots.iter().enumerate() {
            let (package, requirement) = match &dependency.requested {
                Requested::Exact { release } => (release.package.clone(), release.version.clone()),
                Requested::Range { package, requirement } => (package.clone(), requirement.clone()),
                _ => continue,
            };
            let role = dependency.ask.role;
            let kind = match role {
                Role::Peer => Kind::Peer,
                Role::OptionalPeer => Kind::OptionalPeer,
                Role::Optional => Kind::Optional,
                _ => Kind::Needed,
            };
            let name = if dependency.ask.alias.is_empty() { package.as_str().to_owned() } else { dependency.ask.alias.clone() };
            let edge = Edge { root, development: role == Role::Development, ..Edge::new(name.clone(), package, requirement, kind) };
            match edges.get(&name) {
                Some((held, _)) if *held <= order(role) => {}
                _ => {
                    edges.insert(name, (order(role), edge));
                }
            }
        }
        self.tree.load(ROOT, edges.into_values().map(|(_, edge)| edge).collect());
    }

    /// Sees to everything that a folder asks for.
    fn node(&mut self, node: usize) {
        for at in 0..self.tree.edges(node).len() {
            if self.tree.is_gone(node) {
                return;
            }
            let edge = self.tree.edges(node)[at].clone();
            let seen = self.tree.resolve(node, &edge.name);
            let settled = match seen {
                Some(seen) => self.tree.satisfies(&edge, seen),
                None => false,
            };
            // An optional peer brings nothing by itself; what is there all the same has to fit it.
            if settled || (edge.kind == Kind::OptionalPeer && seen.is_none()) {
                continue;
            }
            if let Some(release) = self.pick(node, &edge) {
                self.place(node, &edge, release, 0);
            }
        }
    }

    /// The release that npm takes for what `edge` asks for; nothing where that is not known yet or cannot be had.
    fn pick(&mut self, node: usize, edge: &Edge) -> Option<Release> {
        match self.desk.pick(&edge.package, &edge.requirement)? {
            Ok(release) => Some(release.clone()),
            Err(failure) if failure.not_found && edge.kind == Kind::OptionalPeer => None,
            Err(failure) if failure.not_found && edge.kind == Kind::Optional => {
                self.out.notes.insert(format!(
                    "{} {}: an optional dependency that cannot be had; npm leaves it out: {}",
                    edge.package.as_str(),
                    edge.requirement,
                    failure.text
                ));
                None
            }
            Err(failure) => {
                let missing = Missing {
                    what: format!("{} {}", edge.package.purl(), edge.requirement),
                    root: self.tree.root_of(node, edge),
                    chain: self.tree.chain(node),
                    why: failure.text.clone(),
                    configuration: failure.configuration,
                };
                self.out.missing.insert(missing);
                None
            }
        }
    }

    /// Puts a release into the tree, and beside it the peers that it asks for.
    fn place(&mut self, from: usize, edge: &Edge, release: Release, depth: usize) {
        let peers = self.peers(&release, from, edge);
        let Some(placed) = self.tree.place(from, edge, release, &peers) else { return };
        self.load(placed);
        // Peers that lead to peers: as deep as a chain of packages of one family.
        if depth > 64 {
            return;
        }
        for at in 0..self.tree.edges(placed).len() {
            let peer = self.tree.edges(placed)[at].clone();
            if peer.kind != Kind::Peer || self.tree.is_gone(placed) {
                continue;
            }
            let seen = self.tree.resolve(placed, &peer.name);
            if seen.is_some_and(|seen| self.tree.satisfies(&peer, seen)) {
                continue;
            }
            // What the asking folder itself wants of that name comes first, where it fits.
            let own = self.tree.edges(from).iter().find(|own| own.name == peer.name && own.kind != Kind::OptionalPeer).cloned();
            let wished = own.and_then(|own| self.pick(from, &own)).filter(|release| peer.takes(release));
            if let Some(release) = wished.or_else(|| self.pick(placed, &peer)) {
                self.place(placed, &peer, release, depth + 1);
            }
        }
    }

    fn needs(&self, release: &Release) -> Option<NpmNeeds> {
        match self.desk.needs(release)? {
            Ok(needs) => match needs.as_ref() {
                Needs::Npm(needs) => Some(needs.clone()),
                _ => None,
            },
            Err(_) => None,
        }
    }

    /// The peers of a release with what npm would take for each.
    fn peers(&mut self, release: &Release, from: usize, edge: &Edge) -> Vec<(Edge, Option<Release>)> {
        let Some(needs) = self.needs(release) else { return Vec::new() };
        let mut found = Vec::new();
        for (name, spec) in needs.peers.iter().filter(|(name, _)| !needs.optional_peers.contains(*name)) {
            let Ok(requested) = npm_dependency(name, spec) else { continue };
            if let Some(peer) = asked(name, &requested, Kind::Peer, self.tree.root_of(from, edge)) {
                let picked = self.desk.pick(&peer.package, &peer.requirement).and_then(|answer| answer.as_ref().ok()).cloned();
                found.push((peer, picked));
            }
        }
        found
    }

    /// Reads what a placed release asks for.
    fn load(&mut self, node: usize) {
        let Some(release) = self.tree.release(node).cloned() else { return };
        let root = self.tree.root(node);
        let needs = match self.desk.needs(&release) {
            None => return,
            Some(Err(failure)) => {
                let mut chain = self.tree.chain(node);
                chain.pop();
                let what = format!("what {} needs in turn", release.purl());
                let (why, configuration) = (failure.text.clone(), failure.configuration);
                self.out.missing.insert(Missing { what, root, chain, why, configuration });
                return;
            }
            Some(Ok(needs)) => match needs.as_ref() {
                Needs::Npm(needs) => needs.clone(),
                _ => return,
            },
        };
        if needs.has_shrinkwrap {
            self.out.notes.insert(format!(
                "{}: it brings a lockfile of its own (npm-shrinkwrap.json), which npm keeps to; here its ranges were resolved",
                release.purl()
            ));
        }
        let optional_peer = |name: &str| if needs.optional_peers.contains(name) { Kind::OptionalPeer } else { Kind::Peer };
        let all = needs
            .peers
            .iter()
            .filter(|(name, _)| !needs.dependencies.contains_key(*name) && !needs.optional.contains_key(*name))
            .map(|(name, spec)| (name, spec, optional_peer(name)))
            .chain(needs.dependencies.iter().map(|(name, spec)| (name, spec, Kind::Needed)))
            .chain(needs.optional.iter().map(|(name, spec)| (name, spec, Kind::Optional)));
        let mut edges = Vec::new();
        for (name, spec, kind) in all.filter(|(name, ..)| !needs.bundled.contains(*name)) {
            if let Some(edge) = self.edge(node, name, spec, kind, root) {
                edges.push(edge);
            }
        }
        for name in &needs.bundled {
            self.out.notes.insert(format!("{}: `{}` comes inside its tarball", release.purl(), printable(name)));
        }
        self.tree.load(node, edges);
    }

    fn edge(&mut self, node: usize, name: &str, spec: &str, kind: Kind, root: usize) -> Option<Edge> {
        let requested = match npm_dependency(name, spec) {
            Ok(requested) => requested,
            Err(problem) => {
                let what = format!("{} {}", printable(name), printable(spec));
                let (chain, why) = (self.tree.chain(node), problem.to_string());
                self.out.missing.insert(Missing { what, root, chain, why, configuration: false });
                return None;
            }
        };
        let requested = self.replaced(node, name, &requested).unwrap_or(requested);
        let edge = asked(name, &requested, kind, root);
        if edge.is_none() && kind != Kind::OptionalPeer {
            self.elsewhere(node, requested, kind, root);
        }
        edge
    }

    /// What is no release of a registry: said, and never followed.
    fn elsewhere(&mut self, node: usize, requested: Requested, kind: Kind, root: usize) {
        if let Requested::Path { name, path } = &requested {
            let (what, chain) = (format!("{name} ({path})"), self.tree.chain(node));
            let why = "a published package asks for a path, which only its author's machine has".to_owned();
            self.out.missing.insert(Missing { what, root, chain, why, configuration: false });
            return;
        }
        let place =
            self.manifest.roots.get(root).map_or_else(|| Place { path: self.manifest.path.clone(), line: 0 }, |root| root.place.clone());
        let optional = kind == Kind::Optional;
        let ask = bifocal_core::Ask::default();
        let dependency = Dependency { requested, artifacts: Vec::new(), place, optional, origins: Vec::new(), ask };
        if !self.out.elsewhere.iter().any(|(_, known)| *known == dependency) {
            self.out.elsewhere.push((root, dependency));
        }
    }

    /// What `overrides` put in the place of a dependency of `node`.
    fn replaced(&self, node: usize, name: &str, requested: &Requested) -> Option<Requested> {
        let holds = |(key, range): &(String, Option<Requirement>), name: &str, release: Option<&Release>| {
            let fits = |range: &Requirement| {
                release
                    .and_then(|release| ParsedVersion::parse(Ecosystem::Npm, &release.version))
                    .is_some_and(|version| range.matches(&version))
            };
            key == name && range.as_ref().is_none_or(fits)
        };
        let rule = self.rules.iter().find(|rule| {
            let Some((own, enclosing)) = rule.keys.split_last() else { return false };
            if own.0 != name {
                return false;
            }
            let picked = match (&own.1, asked(name, requested, Kind::Needed, 0)) {
                (Some(_), Some(edge)) => self.desk.pick(&edge.package, &edge.requirement).and_then(|answer| answer.as_ref().ok()),
                _ => None,
            };
            let mut ancestors = self.tree.ancestors(node).into_iter();
            holds(own, name, picked) && enclosing.iter().all(|key| ancestors.any(|(name, release)| holds(key, name, Some(release))))
        })?;
        Some(rule.to.clone())
    }

    fn collect(mut self) -> Resolved {
        for (release, root, direct, optional) in self.tree.reachable() {
            self.out.chosen.insert(Chosen { release, root, direct, optional });
        }
        self.out.elsewhere.sort();
        self.out
    }
}

/// The edge for a request that a registry can answer.
fn asked(name: &str, requested: &Requested, kind: Kind, root: usize) -> Option<Edge> {
    let (package, requirement): (PackageName, String) = match requested {
        Requested::Exact { release } => (release.package.clone(), release.version.clone()),
        Requested::Range { package, requirement } => (package.clone(), requirement.clone()),
        _ => return None,
    };
    Some(Edge { root, ..Edge::new(name.to_owned(), package, requirement, kind) })
}
