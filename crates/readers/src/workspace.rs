//! Which manifests a lockfile further up speaks for: the members of its workspace, by what the lockfile itself says.
//!
//! A manifest is covered only where the lockfile names its folder (npm, pnpm, yarn, uv) or its package without a source
//! (cargo); what only a pattern in some manifest says is not enough, except for yarn 1, whose lockfile has no members.

use crate::context::{FileSource, beside, joined};
use crate::doc::{DuplicateKeys, json, toml, yaml};
use crate::source::Source;
use bifocal_core::{FileKind, ReaderLimits};
use std::collections::BTreeSet;

/// Folders that one pattern of members may stand for.
const MAX_FOLDERS: usize = 2_000;

/// The members of a lockfile's workspace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    /// Folders, relative to the lockfile's.
    folders: BTreeSet<String>,
    /// Package names.
    names: BTreeSet<String>,
    /// Patterns of folders.
    patterns: Vec<String>,
}

impl Members {
    /// Members of the lockfile `bytes`; `manifest` is the manifest beside it. What cannot be parsed has none: the
    /// reader reports it.
    pub(crate) fn of(id: &str, bytes: &[u8], manifest: Option<&[u8]>, limits: &ReaderLimits) -> Members {
        let source = Source { path: "", bytes };
        let mut members = Members::default();
        match id {
            "cargo-lock" => {
                let Ok(root) = toml::parse(&source, limits.depth) else { return members };
                let packages = root.as_table().and_then(|table| table.list_of(&source, "package").ok()).unwrap_or_default();
                for package in packages.iter().filter_map(|node| node.as_table()) {
                    if package.get("source").is_none() {
                        members.names.extend(package.get("name").and_then(|name| name.as_text()).map(str::to_owned));
                    }
                }
            }
            "uv-lock" => {
                let Ok(root) = toml::parse(&source, limits.depth) else { return members };
                let packages = root.as_table().and_then(|table| table.list_of(&source, "package").ok()).unwrap_or_default();
                for package in packages.iter().filter_map(|node| node.as_table()) {
                    let origin = package.get("source").and_then(|origin| origin.as_table());
                    let folder = ["editable", "virtual", "directory"].iter().find_map(|key| origin?.get(key)?.as_text());
                    members.folders.extend(folder.map(str::to_owned));
                }
            }
            "package-lock" => {
                let Ok(root) = json::parse(&source, limits.depth, DuplicateKeys::Refuse) else { return members };
                let packages = root.as_table().and_then(|table| table.get("packages")).and_then(|packages| packages.as_table());
                let folders = packages.into_iter().flat_map(|packages| &packages.entries).map(|entry| entry.key.to_string());
                members.folders.extend(folders.filter(|folder| !folder.contains("node_modules")));
            }
            "pnpm-lock" => {
                for document in yaml::parse(&source, limits.depth).unwrap_or_default() {
                    let importers = document.as_table().and_then(|table| table.get("importers")).and_then(|importers| importers.as_table());
                    members
                        .folders
                        .extend(importers.into_iter().flat_map(|importers| &importers.entries).map(|entry| entry.key.to_string()));
                }
            }
            "yarn-berry" => {
                for document in yaml::parse(&source, limits.depth).unwrap_or_default() {
                    for entry in document.as_table().into_iter().flat_map(|table| &table.entries) {
                        let resolution = entry.node.as_table().and_then(|table| table.get("resolution")).and_then(|node| node.as_text());
                        let folder = resolution.and_then(|text| text.split_once("@workspace:")).map(|(_, folder)| folder.to_owned());
                        members.folders.extend(folder);
                    }
                }
            }
            "yarn-lock-v1" => {
                let manifest = Source { path: "", bytes: manifest.unwrap_or_default() };
                let Ok(root) = json::parse(&manifest, limits.depth, DuplicateKeys::LastWins) else { return members };
                let workspaces = root.as_table().and_then(|table| table.get("workspaces"));
                let list = workspaces.and_then(|node| match node.as_table() {
                    Some(table) => table.list_of(&manifest, "packages").ok(),
                    None => node.list(&manifest, "workspaces").ok(),
                });
                let patterns = list.unwrap_or_default().iter().filter_map(|node| node.as_text());
                members.patterns.extend(patterns.map(|pattern| pattern.trim_start_matches("./").trim_end_matches('/').to_owned()));
            }
            _ => {}
        }
        members.folders = members.folders.iter().map(|folder| plain(folder).to_owned()).collect();
        members
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.folders.is_empty() && self.names.is_empty() && self.patterns.is_empty()
    }

    /// Whether the manifest in `folder` (relative to the lockfile's) is a member's.
    pub(crate) fn cover(&self, folder: &str, kind: FileKind, manifest: &[u8], limits: &ReaderLimits) -> bool {
        if self.folders.contains(folder) || self.patterns.iter().any(|pattern| glob(pattern, folder)) {
            return true;
        }
        if kind != FileKind::CargoToml || self.names.is_empty() {
            return false;
        }
        let source = Source { path: "", bytes: manifest };
        let Ok(root) = toml::parse(&source, limits.depth) else { return false };
        let name =
            root.as_table().and_then(|table| table.get("package")).and_then(|node| node.as_table()).and_then(|table| table.get("name"));
        name.and_then(|name| name.as_text()).is_some_and(|name| self.names.contains(name))
    }
}

fn plain(folder: &str) -> &str {
    folder.trim_start_matches("./").trim_end_matches('/')
}

/// Whether a pattern of `*` (within a segment) and `**` (any segments) matches a folder. Linear in each segment.
fn glob(pattern: &str, folder: &str) -> bool {
    let patterns: Vec<&str> = pattern.split('/').collect();
    let folders: Vec<&str> = folder.split('/').collect();
    if patterns.len() > 32 || folders.len() > 64 {
        return false;
    }
    // reach[n]: the patterns so far match the first n segments.
    let mut reach = vec![false; folders.len() + 1];
    reach[0] = true;
    for part in patterns {
        let mut next = vec![false; folders.len() + 1];
        for at in 0..=folders.len() {
            if part == "**" {
                next[at] = reach[..=at].contains(&true);
            } else if at > 0 {
                next[at] = reach[at - 1] && segment(part, folders[at - 1]);
            }
        }
        reach = next;
    }
    reach.last() == Some(&true)
}

/// Whether a pattern of `*` matches one segment.
fn segment(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut ends_open = false;
    for part in parts {
        ends_open = part.is_empty();
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
        || ends_open
        || (pattern.contains('*')
            && pattern.rsplit('*').next().is_some_and(|last| text.len() >= first.len() + last.len() && text.ends_with(last)))
}

/// The folders that a pattern of members stands for.
pub(crate) fn expand(lock: &str, pattern: &str, files: &dyn FileSource) -> Vec<String> {
    let mut folders = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty() && *part != ".") {
        let mut next = Vec::new();
        for folder in folders {
            let below = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            if !part.contains('*') {
                next.push(below(part));
                continue;
            }
            let Some(path) = beside(lock, &format!("./{folder}")) else { continue };
            let names = files.folders(&path, MAX_FOLDERS);
            // `**` stands for any number of folders; two levels are as many as members lie deep.
            let any = part == "**";
            next.extend(any.then(|| folder.clone()));
            for name in names.iter().filter(|name| any || segment(part, name)) {
                next.push(below(name));
                if any && let Some(path) = beside(lock, &below(name)) {
                    next.extend(files.folders(&path, MAX_FOLDERS).iter().map(|inner| format!("{}/{inner}", below(name))));
                }
            }
        }
        next.truncate(MAX_FOLDERS);
        folders = next;
    }
    folders.into_iter().filter(|folder| !folder.is_empty()).map(|folder| joined("", &folder)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_segments() {
        for (pattern, folder, matches) in [
            ("packages/*", "packages/a", true),
            ("packages/*", "packages/a/b", false),
            ("packages/**", "packages/a/b", true),
            ("a/*-x", "a/b-x-x", true),
            ("a/*-x", "a/b-y", false),
            ("a", "a", true),
            ("a", "ab", false),
        ] {
            assert_eq!(glob(pattern, folder), matches, "{pattern} {folder}");
        }
    }
}
