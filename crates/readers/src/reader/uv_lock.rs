//! `uv.lock`, version 1.
//!
//! Each package has a source (registry, git, url, path, directory, editable, virtual) and its sdist and wheels with
//! digests. What only development groups need is told by walking from the projects over `dependencies`.

use crate::address;
use crate::context::ReadContext;
use crate::doc::{Node, toml};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::python::{lock, requirement};
use crate::source::Source;
use crate::unlocked;
use bifocal_core::{Ecosystem, FileKind, Inventory};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let root = toml::parse(source, ctx.limits.depth)?;
    let table = root.table(source, "the lockfile")?;
    let mut list = Listing::new(*source, FileKind::UvLock, ctx.limits);
    match table.get("version") {
        Some(version) if version.scalar(source, "version")? == "1" => {}
        Some(version) => {
            let problem = Problem::FormatVersion { what: "version", supported: "1", found: shown(version.scalar(source, "version")?) };
            return Err(source.error(version.line, problem));
        }
        None => return Err(source.error(root.line, Problem::Missing { field: "version", inside: "the lockfile".to_owned() })),
    }
    // Version 1 files of the first weeks say `distribution`.
    let packages =
        if table.get("package").is_some() { table.list_of(source, "package")? } else { table.list_of(source, "distribution")? };
    if packages.is_empty() && table.get("requires-python").is_none() {
        return Err(source.error(root.line, Problem::Missing { field: "requires-python", inside: "the lockfile".to_owned() }));
    }
    let needed = needed(source, packages)?;
    let projects = Projects::of(source, packages)?;
    for (at, node) in packages.iter().enumerate() {
        if !projects.own.contains(&at) {
            package(&mut list, node, needed.as_ref().is_some_and(|needed| !needed.contains(&at)))?;
        }
    }
    unlocked::python(&mut list, &projects.folders, &projects.locked, None, ctx)?;
    Ok(list.finish())
}

/// The projects that the lockfile is for.
#[derive(Default)]
struct Projects {
    /// Positions of those on which no other package depends: the project itself, no path dependency.
    own: HashSet<usize>,
    /// Where they and the members of their workspace lie.
    folders: BTreeSet<String>,
    /// Every package with its versions.
    locked: BTreeMap<String, Vec<String>>,
}

impl Projects {
    fn of(source: &Source<'_>, packages: &[Node<'_>]) -> Result<Projects, ReadError> {
        let mut found = Projects::default();
        let mut asked: HashSet<&str> = HashSet::new();
        let mut candidates = Vec::new();
        for (at, node) in packages.iter().enumerate() {
            let package = node.table(source, "package")?;
            let name = package.text(source, "name")?.unwrap_or_default();
            let versions = found.locked.entry(unlocked::folded(name)).or_default();
            versions.extend(package.text(source, "version")?.map(str::to_owned));
            let origin = package.get("source").and_then(Node::as_table);
            for kind in ["editable", "virtual", "directory"] {
                if let Some(folder) = origin.and_then(|origin| origin.get(kind)).and_then(Node::as_text) {
                    found.folders.insert(folder.to_owned());
                    candidates.push((at, name));
                }
            }
            let extras = ["optional-dependencies", "dev-dependencies"].iter().filter_map(|key| package.get(key)?.as_table());
            let lists = extras.flat_map(|table| table.entries.iter().map(|entry| &entry.node)).chain(package.get("dependencies"));
            for list in lists {
                for edge in list.list(source, "dependencies")? {
                    let wanted = edge.as_table().and_then(|edge| edge.get("name")).and_then(Node::as_text);
                    asked.extend(wanted.filter(|wanted| *wanted != name));
                }
            }
        }
        found.own = candidates.into_iter().filter(|(_, name)| !asked.contains(name)).map(|(at, _)| at).collect();
        Ok(found)
    }
}

/// Edges followed from the projects.
const MAX_STEPS: usize = 5_000_000;

fn node_line(packages: &[Node<'_>], at: usize) -> u32 {
    packages.get(at).map_or(0, |node| node.line)
}

/// Positions of the packages that the projects need outside development groups and extras; `None` without a project.
fn needed(source: &Source<'_>, packages: &[Node<'_>]) -> Result<Option<HashSet<usize>>, ReadError> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut queue: Vec<(usize, Option<String>)> = Vec::new();
    for (at, node) in packages.iter().enumerate() {
        let package = node.table(source, "package")?;
        if let Some(name) = package.text(source, "name")? {
            by_name.entry(name).or_default().push(at);
        }
        let origin = package.get("source").and_then(|origin| origin.as_table());
        if origin.is_some_and(|origin| origin.get("editable").is_some() || origin.get("virtual").is_some()) {
            queue.push((at, None));
        }
    }
    if queue.is_empty() {
        return Ok(None);
    }
    let mut seen: HashSet<(usize, Option<String>)> = HashSet::new();
    let mut steps = 0usize;
    while let Some((at, extra)) = queue.pop() {
        if !seen.insert((at, extra.clone())) {
            continue;
        }
        let package = packages[at].table(source, "package")?;
        if let Some(extras) = package.get("optional-dependencies").and_then(|extras| extras.as_table()) {
            // Finding one extra among many is a walk over them.
            steps += extras.entries.len();
        }
        let edges = match &extra {
            None => package.list_of(source, "dependencies")?,
            Some(extra) => match package.get("optional-dependencies") {
                Some(extras) => extras.table(source, "optional-dependencies")?.list_of(source, extra)?,
                None => &[],
            },
        };
        for edge in edges {
            let edge = edge.table(source, "a dependency")?;
            let Some(name) = edge.text(source, "name")? else { continue };
            let version = edge.text(source, "version")?;
            steps += by_name.get(name).map_or(0, Vec::len);
            if steps > MAX_STEPS {
                return Err(source.error(node_line(packages, at), Problem::TooMany { what: "edges between packages", limit: MAX_STEPS }));
            }
            for &target in by_name.get(name).into_iter().flatten() {
                let fits = match version {
                    Some(version) => {
                        packages[target].as_table().and_then(|table| table.get("version")).and_then(Node::as_text) == Some(version)
                    }
                    None => true,
                };
                if !fits {
                    continue;
                }
                queue.push((target, None));
                for extra in edge.list_of(source, "extra")? {
                    queue.push((target, extra.as_text().map(str::to_owned)));
                }
            }
        }
    }
    Ok(Some(seen.into_iter().map(|(at, _)| at).collect()))
}

fn package(list: &mut Listing<'_>, node: &Node<'_>, optional: bool) -> Result<(), ReadError> {
    let source = list.source;
    let line = node.line;
    let package = node.table(&source, "package")?;
    let name = package.required_text(&source, line, "name", "[[package]]")?;
    let Some(origin) = package.get("source") else {
        return Err(source.error(line, Problem::Missing { field: "source", inside: shown(name) }));
    };
    let origin = origin.table(&source, "source")?;
    // A package that a fork of the resolution needs carries the markers of those forks.
    for marker in package.list_of(&source, "resolution-markers")? {
        requirement::check(&source, Some(marker.text(&source, "resolution-markers")?), marker.line)?;
    }
    let mut artifacts = Vec::new();
    if let Some(sdist) = package.get("sdist") {
        artifacts.extend(lock::file(list, sdist)?);
    }
    artifacts.extend(lock::files(list, package.list_of(&source, "wheels")?)?);
    let (requested, artifacts, origins) = if let Some(index) = origin.text(&source, "registry")? {
        let version = package.required_text(&source, line, "version", name)?;
        if !address::is_remote(index) {
            return list.unread(line, shown(&format!("{name} {version}")), in_a_folder(index));
        }
        (list.exact(Ecosystem::Pypi, name, version, line)?, artifacts, vec![address::origin(index)])
    } else if let Some(git) = origin.text(&source, "git")? {
        let (address, commit) = git.split_once('#').unwrap_or((git, ""));
        let (address, query) = address.split_once('?').unwrap_or((address, ""));
        let named = query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| matches!(*key, "rev" | "tag" | "branch")));
        let revision = if commit.is_empty() { named.map_or("", |(_, value)| value) } else { commit };
        (list.git(name, address, Some(revision), line)?, Vec::new(), Vec::new())
    } else if let Some(url) = origin.text(&source, "url")? {
        (list.url(name, url, line)?, artifacts, Vec::new())
    } else {
        let path = ["path", "directory", "editable", "virtual"].iter().find_map(|key| origin.get(key));
        let Some(path) = path else {
            let problem =
                Problem::Requirement { expected: "a source registry, git, url, path, directory, editable or virtual", found: shown(name) };
            return Err(source.error(line, problem));
        };
        (list.path(name, path.text(&source, "source")?), artifacts, Vec::new())
    };
    list.add(line, requested, artifacts, optional, origins)
}

fn in_a_folder(path: &str) -> String {
    format!("its files lie in the folder {}, so nothing looked at them; run `bifocal scan` on them, or take it from an index", shown(path))
}
