//! npm's `node_modules`, as folders in memory: who sees whom, and where another package may be put.

use bifocal_core::{Ecosystem, PackageName, Release};
use bifocal_versions::{ParsedVersion, Requirement};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// The project's own folder.
pub(super) const ROOT: usize = 0;

/// What a dependency is to whoever asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Needed,
    Optional,
    Peer,
    /// Holds only for what is there anyway.
    OptionalPeer,
}

/// One thing asked for.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    /// The folder's name: that of the package, or an alias.
    pub(super) name: String,
    pub(super) package: PackageName,
    pub(super) requirement: String,
    /// The requirement read; `None` is a dist-tag, which any release answers once it is there.
    pub(super) range: Option<Requirement>,
    pub(super) kind: Kind,
    /// The root's edge asks for development only.
    pub(super) development: bool,
    /// The manifest's dependency that leads here.
    pub(super) root: usize,
}

impl Edge {
    pub(super) fn new(name: String, package: PackageName, requirement: String, kind: Kind) -> Self {
        let range = Requirement::parse(Ecosystem::Npm, &requirement).ok();
        Edge { name, package, requirement, range, kind, development: false, root: 0 }
    }

    /// Whether a release answers it.
    pub(super) fn takes(&self, release: &Release) -> bool {
        let fits =
            |range: &Requirement| ParsedVersion::parse(Ecosystem::Npm, &release.version).is_some_and(|version| range.matches(&version));
        // `*` takes pre-releases too, where they are there already.
        release.package == self.package && (matches!(self.requirement.trim(), "" | "*") || self.range.as_ref().is_none_or(fits))
    }

    fn is_peer(&self) -> bool {
        matches!(self.kind, Kind::Peer | Kind::OptionalPeer)
    }
}

#[derive(Debug, Default)]
struct Node {
    name: String,
    release: Option<Release>,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    edges: Vec<Edge>,
    /// Who asked for it first.
    from: usize,
    root: usize,
    gone: bool,
}

/// The tree. The first node is the project.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    queue: BTreeSet<(usize, Collated, usize)>,
    /// Who asks for a name: folder and edge.
    asking: HashMap<String, Vec<(usize, usize)>>,
}

/// See [`collated`].
type Collated = Vec<(u8, u8)>;

enum Fit {
    Free,
    Keep,
    Replace,
    Conflict,
}

impl Tree {
    pub(super) fn new() -> Self {
        let mut tree = Tree { nodes: vec![Node::default()], queue: BTreeSet::new(), asking: HashMap::new() };
        tree.enqueue(ROOT);
        tree
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The next folder to see to: the shallowest, then by path.
    pub(super) fn next(&mut self) -> Option<usize> {
        loop {
            let (.., node) = self.queue.pop_first()?;
            if !self.nodes[node].gone {
                return Some(node);
            }
        }
    }

    pub(super) fn edges(&self, node: usize) -> &[Edge] {
        &self.nodes[node].edges
    }

    pub(super) fn is_gone(&self, node: usize) -> bool {
        self.nodes[node].gone
    }

    pub(super) fn release(&self, node: usize) -> Option<&Release> {
        self.nodes[node].release.as_ref()
    }

    pub(super) fn root(&self, node: usize) -> usize {
        self.nodes[node].root
    }

    /// The manifest's dependency that an edge of `node` goes back to.
    pub(super) fn root_of(&self, node: usize, edge: &Edge) -> usize {
        if node == ROOT { edge.root } else { self.nodes[node].root }
    }

    /// Gives a folder what it asks for.
    pub(super) fn load(&mut self, node: usize, mut edges: Vec<Edge>) {
        edges.sort_by_cached_key(|edge| collated(&edge.name));
        for (at, edge) in edges.iter().enumerate() {
            self.asking.entry(edge.name.clone()).or_default().push((node, at));
        }
        self.nodes[node].edges = edges;
    }

    /// The releases that lead to a folder, itself last.
    pub(super) fn chain(&self, node: usize) -> Vec<String> {
        let mut chain: Vec<String> = self
            .lineage(node)
            .filter_map(|node| self.release(node))
            .map(|release| format!("{}@{}", release.package.as_str(), release.version))
            .collect();
        chain.reverse();
        chain
    }

    /// Names and releases of those that lead to a folder, outermost first, itself last.
    pub(super) fn ancestors(&self, node: usize) -> Vec<(&str, &Release)> {
        let mut found: Vec<(&str, &Release)> =
            self.lineage(node).filter_map(|node| Some((self.nodes[node].name.as_str(), self.release(node)?))).collect();
        found.reverse();
        found
    }

    /// The folder, who asked for it, and so on; never the same twice.
    fn lineage(&self, node: usize) -> impl Iterator<Item = usize> {
        let mut seen = BTreeSet::new();
        std::iter::successors(Some(node), move |node| (*node != ROOT).then(|| self.nodes[*node].from))
            .take_while(move |node| seen.insert(*node))
    }

    /// What a folder sees under a name.
    pub(super) fn resolve(&self, node: usize, name: &str) -> Option<usize> {
        self.upwards(node).find_map(|folder| self.nodes[folder].children.get(name).copied())
    }

    fn upwards(&self, node: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(node), |node| self.nodes[*node].parent)
    }

    pub(super) fn satisfies(&self, edge: &Edge, node: usize) -> bool {
        self.release(node).is_some_and(|release| edge.takes(release))
    }

    /// Puts a release where npm would; gives its folder unless it was there already.
    pub(super) fn place(&mut self, from: usize, edge: &Edge, release: Release, peers: &[(Edge, Option<Release>)]) -> Option<usize> {
        let start = match self.nodes[from].parent {
            Some(parent) if edge.is_peer() => parent,
            _ => from,
        };
        let mut best: Option<(usize, Fit)> = None;
        for target in self.upwards(start) {
            let own = self.nodes[target].edges.iter().find(|own| own.name == edge.name);
            if target != ROOT && target != from && own.is_some_and(Edge::is_peer) {
                continue;
            }
            match self.fit(target, from, edge, &release, peers) {
                Fit::Conflict => break,
                fit => best = Some((target, fit)),
            }
        }
        let (target, fit) = best.unwrap_or_else(|| {
            // npm would stop at such peers of the project itself, and elsewhere warn; what is there stays.
            let taken = self.nodes[start].children.contains_key(&edge.name);
            (start, if taken { if edge.is_peer() { Fit::Keep } else { Fit::Replace } } else { Fit::Free })
        });
        let mut again = Vec::new();
        match fit {
            Fit::Keep | Fit::Conflict => return None,
            Fit::Replace => {
                if let Some(old) = self.nodes[target].children.get(&edge.name).copied() {
                    again = self.asked_by(old, &edge.name);
                    self.nodes[target].children.remove(&edge.name);
                    self.remove(old);
                }
            }
            Fit::Free => {}
        }
        let placed = self.nodes.len();
        let root = self.root_of(from, edge);
        // A release below itself is a link to the folder that is there already, or two that ask for each other's other
        // version would have no end.
        let is_link = self.upwards(target).any(|above| above != ROOT && self.release(above) == Some(&release));
        self.nodes.push(Node { name: edge.name.clone(), release: Some(release), parent: Some(target), from, root, ..Node::default() });
        self.nodes[target].children.insert(edge.name.clone(), placed);
        for (node, at) in again {
            let edge = &self.nodes[node].edges[at];
            if !self.nodes[node].gone && !self.satisfies(edge, placed) {
                self.enqueue(node);
            }
        }
        if is_link {
            return None;
        }
        self.enqueue(placed);
        self.dedupe(target, &edge.name);
        Some(placed)
    }

    fn enqueue(&mut self, node: usize) {
        let mut path: Vec<&str> = self.upwards(node).map(|node| self.nodes[node].name.as_str()).collect();
        path.reverse();
        let depth = path.len();
        let key = path.join("/");
        self.queue.insert((depth, collated(&key), node));
    }

    /// Whether a release can be put into `target` for somebody below.
    fn fit(&self, target: usize, from: usize, edge: &Edge, release: &Release, peers: &[(Edge, Option<Release>)]) -> Fit {
        let own = self.nodes[target].edges.iter().find(|own| own.name == edge.name);
        if let Some(current) = self.nodes[target].children.get(&edge.name).copied() {
            if self.release(current) == Some(release) {
                return Fit::Keep;
            }
            let newer = self.release(current).is_none_or(|old| order(&old.version, &release.version) != Ordering::Greater);
            if newer && self.stands_in(current, &edge.name, release) && self.peers_fit(target, peers) {
                return Fit::Replace;
            }
            if self.satisfies(edge, current) {
                return Fit::Keep;
            }
            // A peer has no deeper place than this; the others may find one of their own.
            let nests = |(asking, at): &(usize, usize)| {
                let other = &self.nodes[*asking].edges[*at];
                other.takes(release) || (*asking != target && !other.is_peer())
            };
            let yields = edge.is_peer()
                && self.nodes[from].parent == Some(target)
                && self.asked_by(current, &edge.name).iter().filter(|(asking, _)| *asking != from).all(nests);
            return if yields || (target == from && !edge.is_peer()) { Fit::Replace } else { Fit::Conflict };
        }
        if target != from {
            // What the folder itself asks for, and what those below see above it.
            if own.is_some_and(|own| !own.takes(release)) {
                return Fit::Conflict;
            }
            if let Some(current) = self.resolve(target, &edge.name) {
                let below = self.asked_by(current, &edge.name).into_iter().filter(|(node, _)| self.is_below(*node, target));
                if below.into_iter().any(|(node, at)| {
                    let other = &self.nodes[node].edges[at];
                    self.satisfies(other, current) && !other.takes(release)
                }) {
                    return Fit::Conflict;
                }
            }
        }
        if self.peers_fit(target, peers) { Fit::Free } else { Fit::Conflict }
    }

    /// Whether everybody who sees `node` could do with `release`.
    fn stands_in(&self, node: usize, name: &str, release: &Release) -> bool {
        self.asked_by(node, name).into_iter().all(|(asking, at)| self.nodes[asking].edges[at].takes(release))
    }

    /// Whether the peers of a release would be well in `target`.
    fn peers_fit(&self, target: usize, peers: &[(Edge, Option<Release>)]) -> bool {
        peers.iter().all(|(peer, picked)| match self.nodes[target].children.get(&peer.name).copied() {
            Some(there) if self.satisfies(peer, there) => true,
            Some(there) => picked.as_ref().is_some_and(|picked| {
                let newer = self.release(there).is_none_or(|old| order(&old.version, &picked.version) != Ordering::Greater);
                newer && self.stands_in(there, &peer.name, picked)
            }),
            None => {
                let own = self.nodes[target].edges.iter().find(|own| own.name == peer.name);
                own.is_none_or(|own| {
                    picked.as_ref().is_none_or(|picked| own.takes(picked))
                        || own.kind == Kind::OptionalPeer
                        || own.requirement == peer.requirement
                        || target == ROOT
                })
            }
        })
    }

    /// Who sees a folder under its name.
    fn asked_by(&self, node: usize, name: &str) -> Vec<(usize, usize)> {
        let asking = self.asking.get(name).map(Vec::as_slice).unwrap_or_default();
        let sees = |(asking, _): &&(usize, usize)| !self.nodes[*asking].gone && self.resolve(*asking, name) == Some(node);
        asking.iter().filter(sees).copied().collect()
    }

    fn is_below(&self, node: usize, target: usize) -> bool {
        self.upwards(node).any(|folder| folder == target)
    }

    fn remove(&mut self, node: usize) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            self.nodes[node].gone = true;
            open.extend(std::mem::take(&mut self.nodes[node].children).into_values());
        }
    }

    /// Takes away folders of that name below `target` that what was put there makes needless.
    fn dedupe(&mut self, target: usize, name: &str) {
        for node in 1..self.nodes.len() {
            let here = &self.nodes[node];
            let Some(parent) = here.parent.filter(|_| !here.gone && here.name == name) else { continue };
            let Some(above) = self.nodes[parent].parent else { continue };
            if parent == target || !self.is_below(parent, target) {
                continue;
            }
            let Some(other) = self.resolve(above, name) else { continue };
            let (Some(mine), Some(theirs)) = (self.release(node), self.release(other)) else { continue };
            let newer = order(&theirs.version, &mine.version) != Ordering::Less;
            if mine == theirs || (newer && self.stands_in(node, name, theirs)) {
                self.nodes[parent].children.remove(name);
                self.remove(node);
            }
        }
    }

    /// Every release that the project reaches, with the dependency of the manifest that brings it, whether it is that
    /// dependency itself, and whether only optional ways lead to it.
    pub(super) fn reachable(&self) -> Vec<(Release, usize, bool, bool)> {
        let mut found: BTreeMap<usize, (usize, bool)> = BTreeMap::new();
        for optional in [false, true] {
            let mut queue = VecDeque::from([ROOT]);
            let mut seen = BTreeSet::from([ROOT]);
            while let Some(node) = queue.pop_front() {
                for edge in &self.nodes[node].edges {
                    let soft = edge.development || matches!(edge.kind, Kind::Optional | Kind::OptionalPeer);
                    let Some(to) = self.resolve(node, &edge.name).filter(|_| optional || !soft) else { continue };
                    if seen.insert(to) {
                        let root = if node == ROOT { edge.root } else { found.get(&node).map_or(0, |(root, _)| *root) };
                        found.entry(to).or_insert((root, optional));
                        queue.push_back(to);
                    }
                }
            }
        }
        let own: Vec<(usize, usize)> =
            self.nodes[ROOT].edges.iter().filter_map(|edge| Some((self.resolve(ROOT, &edge.name)?, edge.root))).collect();
        let mut all = Vec::new();
        for (node, (root, optional)) in found {
            let Some(release) = self.release(node) else { continue };
            let direct = own.iter().filter(|(to, _)| *to == node).map(|(_, root)| (release.clone(), *root, true, optional));
            let before = all.len();
            all.extend(direct);
            if all.len() == before {
                all.push((release.clone(), root, false, optional));
            }
        }
        all
    }
}

fn order(a: &str, b: &str) -> Ordering {
    bifocal_versions::compare(Ecosystem::Npm, a, b).unwrap_or_else(|| a.cmp(b))
}

/// A key that sorts as `localeCompare` does in English: punctuation, digits, letters, case last.
fn collated(text: &str) -> Collated {
    const PUNCTUATION: &[u8] = b"_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
    let weight = |byte: u8| match PUNCTUATION.iter().position(|known| *known == byte) {
        Some(at) => (1 + at as u8, 0),
        None if byte.is_ascii_digit() => (64 + (byte - b'0'), 0),
        None if byte.is_ascii_alphabetic() => (80 + (byte.to_ascii_lowercase() - b'a'), u8::from(byte.is_ascii_uppercase())),
        None => (byte.max(128), 0),
    };
    text.bytes().map(weight).collect()
}
