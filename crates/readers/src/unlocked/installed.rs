//! What npm's lockfiles have installed, and whether that is what the manifests ask for.
//!
//! npm keeps to a lockfile as far as each edge of the tree is met by what the lockfile has installed there; what is not
//! met it takes from the registry. `overrides` are kept nowhere in the lockfile: what they name is compared with
//! the releases that it has.

use super::manifest::{Asked, Manifest, Override, Section, Target};
use crate::error::{ReadError, shown};
use crate::listing::Listing;
use crate::npm_spec::{self, Spec};
use bifocal_core::Ecosystem;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The order in which npm prefers the sections of a manifest.
pub(crate) const NPM_ORDER: [Section; 4] = [Section::Dev, Section::Optional, Section::Dependencies, Section::Peer];

/// Edges followed below the packages that overrides name.
const MAX_STEPS: usize = 1_000_000;

/// One installed package.
#[derive(Debug, Default)]
pub(crate) struct Installed<'t> {
    /// Its real name, where an alias was asked for.
    pub(crate) name: &'t str,
    pub(crate) version: &'t str,
    /// Where it was taken from: an address, a git repository or a path.
    pub(crate) resolved: Option<&'t str>,
    pub(crate) link: bool,
    /// Its files are inside another package, or another package's shrinkwrap chose it.
    pub(crate) foreign: bool,
    pub(crate) peer: bool,
    /// What it needs.
    pub(crate) needs: Vec<&'t str>,
}

impl Installed<'_> {
    /// Whether it is what `spec`, written for `name`, asks for. What cannot be compared is.
    pub(crate) fn meets(&self, name: &str, spec: &str) -> bool {
        let from = self.resolved.map(|resolved| npm_spec::sort(name, resolved));
        match npm_spec::sort(name, spec) {
            Spec::Registry { name, requirement } => match from {
                Some(Spec::Git(_) | Spec::Path(_)) => true,
                _ => self.link || (self.name == name && fits(self.version, requirement)),
            },
            Spec::Git(_) => match from {
                Some(Spec::Url(url)) => !without_fragment(url).ends_with(".tgz"),
                Some(Spec::Registry { .. }) | None => false,
                _ => true,
            },
            Spec::Url(wanted) => matches!(from, Some(Spec::Url(url)) if without_fragment(url) == without_fragment(wanted)),
            Spec::Path(_) => self.link || matches!(from, Some(Spec::Path(_))),
            Spec::Catalog(_) => true,
        }
    }

    fn is(&self, called: &str, target: &Target) -> bool {
        called == target.name && target.range.as_ref().is_none_or(|range| fits(self.version, range))
    }
}

fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or(text)
}

/// Whether a version is in a range. `*` takes pre-releases too; a tag cannot be compared.
pub(crate) fn fits(version: &str, requirement: &str) -> bool {
    matches!(requirement.trim(), "" | "*") || bifocal_versions::satisfies(Ecosystem::Npm, version, requirement).unwrap_or(true)
}

/// Every package by its folder, such as `node_modules/a/node_modules/b`.
#[derive(Debug, Default)]
pub(crate) struct Tree<'t>(pub(crate) BTreeMap<String, Installed<'t>>);

impl<'t> Tree<'t> {
    /// What a package in `folder` finds under a name, as Node looks for it: in its own folder, then upwards.
    fn find(&self, folder: &str, name: &str) -> Option<(&str, &Installed<'t>)> {
        let mut at = folder;
        loop {
            let key = if at.is_empty() { format!("node_modules/{name}") } else { format!("{at}/node_modules/{name}") };
            if let Some((key, found)) = self.0.get_key_value(&key) {
                return Some((key, found));
            }
            if at.is_empty() {
                return None;
            }
            at = at.rsplit_once('/').map_or("", |(above, _)| above);
            at = at.strip_suffix("/node_modules").or_else(|| (at == "node_modules").then_some("")).unwrap_or(at);
        }
    }

    /// What is called so in the folder: the last name of it.
    fn called(folder: &str) -> &str {
        folder.rsplit_once("node_modules/").map_or(folder, |(_, name)| name)
    }

    /// Whether npm of a version that installs peers made it.
    fn has_peers(&self) -> bool {
        self.0.values().any(|installed| installed.peer)
    }

    /// Folders of what the packages that are `target` (among `among`, all where it is `None`) find in turn: what they need,
    /// or everything below them.
    fn below<'s>(&'s self, target: &Target, among: Option<&BTreeSet<&'s str>>, deep: bool) -> BTreeSet<&'s str> {
        let begins =
            |folder: &str, one: &Installed<'_>| one.is(Self::called(folder), target) && among.is_none_or(|among| among.contains(folder));
        let mut queue: Vec<&str> = self.0.iter().filter(|(folder, one)| begins(folder, one)).map(|(folder, _)| folder.as_str()).collect();
        let mut seen = BTreeSet::new();
        let mut steps = 0usize;
        while let Some(folder) = queue.pop() {
            let needs = self.0.get(folder).map(|one| one.needs.as_slice()).unwrap_or_default();
            steps = steps.saturating_add(needs.len());
            if steps > MAX_STEPS {
                break;
            }
            for name in needs {
                if let Some((key, _)) = self.find(folder, name)
                    && seen.insert(key)
                    && deep
                {
                    queue.push(key);
                }
            }
        }
        seen
    }
}

/// Says what the manifest in `folder` asks for and the lockfile does not have. `kept` are the specifications that the
/// lockfile keeps of it, where it keeps any.
pub(crate) fn compare(
    list: &mut Listing<'_>,
    tree: &Tree<'_>,
    (folder, manifest): (&str, &Manifest),
    root: &Manifest,
    kept: Option<&HashSet<(&str, &str)>>,
) -> Result<(), ReadError> {
    // npm takes no peer that is marked optional.
    for asked in manifest.taken(&NPM_ORDER).into_iter().filter(|asked| !asked.optional_peer) {
        if kept.is_some_and(|kept| !kept.contains(&(asked.name.as_str(), asked.spec.as_str()))) {
            unlocked(list, asked)?;
            continue;
        }
        let met = |installed: &Installed<'_>| {
            let mut everywhere = root.overrides.iter().filter(|one| one.within.is_empty() && one.target.name == asked.name);
            installed.meets(&asked.name, &asked.spec)
                || everywhere.any(|one| root.own(&one.spec).is_none_or(|spec| installed.meets(&asked.name, &spec)))
        };
        if tree.find(folder, &asked.name).is_some_and(|(_, installed)| met(installed)) {
            continue;
        }
        // npm up to version 6, and later ones that are told so, install no peers.
        if asked.section == Section::Peer && !tree.has_peers() {
            list.other("peer dependency that the lockfile leaves out", "peer dependencies that the lockfile leaves out");
        } else {
            unlocked(list, asked)?;
        }
    }
    Ok(())
}

pub(crate) fn unlocked(list: &mut Listing<'_>, asked: &Asked) -> Result<(), ReadError> {
    list.unlocked(&asked.place, &shown(&format!("{} {}", asked.name, asked.spec)))
}

/// Says which overrides of the project the lockfile was made without.
///
/// An override for everywhere, or for what a package needs itself, has to be met by all that it names. One for what lies
/// deeper has to be met once: a package that others need too npm may have chosen for them.
pub(crate) fn compare_overrides(list: &mut Listing<'_>, tree: &Tree<'_>, root: &Manifest) -> Result<(), ReadError> {
    let specs = |one: &Override| root.own(&one.spec).filter(|spec| !spec.is_empty() && spec != "-");
    for one in root.overrides.iter().filter(|one| specs(one).is_some()) {
        // Of several overrides of a package any may be the one that counts at a place.
        let rivals: Vec<String> = root.overrides.iter().filter(|other| other.target.name == one.target.name).filter_map(specs).collect();
        let met = |installed: &Installed<'_>| rivals.iter().any(|spec| installed.meets(&one.target.name, spec));
        let named = |among: Option<&BTreeSet<&str>>| -> Vec<bool> {
            let counts = |folder: &str, installed: &Installed<'_>| {
                !installed.foreign && Tree::called(folder) == one.target.name && among.is_none_or(|among| among.contains(folder))
            };
            let found = tree.0.iter().filter(|(folder, installed)| counts(folder, installed));
            // What the override itself put there may be outside the range of its key.
            found
                .filter(|(folder, installed)| met(installed) || installed.is(Tree::called(folder), &one.target))
                .map(|(_, installed)| met(installed))
                .collect()
        };
        let stale = match one.within.split_last() {
            None => named(None).contains(&false),
            Some((parent, above)) => {
                let mut among = None;
                for target in above {
                    among = Some(tree.below(target, among.as_ref(), true));
                }
                let needed = named(Some(&tree.below(parent, among.as_ref(), false)));
                let deeper = named(Some(&tree.below(parent, among.as_ref(), true)));
                (above.is_empty() && needed.contains(&false)) || (deeper.contains(&false) && !deeper.contains(&true))
            }
        };
        if stale {
            list.unlocked(&one.place, &shown(&format!("{} {}", one.target.name, one.spec)))?;
        }
    }
    Ok(())
}
