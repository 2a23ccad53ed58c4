//! What a manifest makes a client install besides: names, and whether they come from an address instead of the registry.
//!
//! The attack: a release whose own code is clean and that only gains a dependency, which nothing in it uses, and whose
//! install script does the work (event-stream 2018 and its many followers).

use super::summary::place;
use crate::layout::{self, Files};
use bifocal_core::{BehaviourSummary, DependencyClaim, Ecosystem, one_line};

/// Bytes of source text in which mentions are looked for; past that, it is not known.
const MAX_TEXT: usize = 4 << 20;

/// The dependencies of an artifact, by name.
pub(super) fn read(ecosystem: Option<Ecosystem>, files: &Files<'_>) -> Vec<DependencyClaim> {
    let base = layout::base_of(files);
    let mut found = match ecosystem {
        Some(Ecosystem::Npm) => npm(&base, files),
        Some(Ecosystem::Pypi) => pypi(&base, files),
        Some(Ecosystem::Cargo) => cargo(&base, files),
        Some(Ecosystem::Golang) => golang(files),
        // A jar's dependencies stand in a file of their own, which is no part of the jar.
        Some(Ecosystem::Maven) | None => Vec::new(),
    };
    found.sort_by(|a, b| (&a.name, &a.requirement).cmp(&(&b.name, &b.requirement)));
    found.dedup_by(|a, b| a.name == b.name && a.requirement == b.requirement);
    found.truncate(BehaviourSummary::MAX_LISTED + 1);
    if matches!(ecosystem, Some(Ecosystem::Npm | Ecosystem::Cargo)) {
        mentions(&mut found, files);
    }
    found
}

fn claim(name: &str, requirement: &str, off_registry: bool, path: &str, text: &str, needle: &str) -> DependencyClaim {
    let line = layout::line_of(text, needle);
    DependencyClaim {
        name: one_line(name, 214),
        requirement: one_line(requirement, 200),
        off_registry,
        mentioned: None,
        place: place(path, line, 0, &format!("{name} {requirement}"), &[]),
    }
}

fn npm(base: &str, files: &Files<'_>) -> Vec<DependencyClaim> {
    let path = format!("{base}package.json");
    let Some(text) = files.get(path.as_str()).map(|bytes| layout::source_text(bytes)) else { return Vec::new() };
    let Some(manifest) = layout::json::value(&text) else { return Vec::new() };
    let mut found = Vec::new();
    for section in ["dependencies", "optionalDependencies"] {
        for (name, requirement) in manifest.get(section).and_then(|section| section.as_object()).into_iter().flatten() {
            let requirement = requirement.as_str().unwrap_or_default();
            found.push(claim(name, requirement, npm_address(requirement), &path, &text, &format!("\"{name}\"")));
        }
    }
    found
}

/// Whether npm fetches this from elsewhere: an address, or `owner/repository` of a forge.
fn npm_address(requirement: &str) -> bool {
    let forge = ["github:", "gitlab:", "bitbucket:", "gist:"].iter().any(|prefix| requirement.starts_with(prefix));
    let address = requirement.contains("://") || requirement.starts_with("git@");
    let other = ["npm:", "file:", "link:", "workspace:", "portal:", ".", "/", "~/"].iter().any(|prefix| requirement.starts_with(prefix));
    let short = !other
        && !requirement.contains(char::is_whitespace)
        && requirement.split('#').next().is_some_and(|spec| spec.matches('/').count() == 1);
    forge || address || short
}

fn pypi(base: &str, files: &Files<'_>) -> Vec<DependencyClaim> {
    let info = format!("{base}PKG-INFO");
    let path = files
        .keys()
        .copied()
        .find(|path| path.ends_with(".dist-info/METADATA"))
        .or_else(|| files.contains_key(info.as_str()).then_some(info.as_str()));
    let Some((path, text)) = path.and_then(|path| files.get(path).map(|bytes| (path, layout::source_text(bytes)))) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for line in text.lines().take_while(|line| !line.is_empty()).take(4_000) {
        let Some(value) = line.strip_prefix("Requires-Dist:").map(str::trim) else { continue };
        if value.split_once(';').is_some_and(|(_, marker)| marker.contains("extra ") || marker.contains("extra=")) {
            continue;
        }
        let requirement = value.split(" ;").next().unwrap_or(value);
        let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))).unwrap_or(requirement.len());
        let (name, rest) = requirement.split_at(end);
        let rest = rest.trim_start();
        let rest = if rest.starts_with('[') { rest.split_once(']').map_or("", |(_, rest)| rest.trim_start()) } else { rest };
        let name = name.to_ascii_lowercase().replace(['_', '.'], "-");
        found.push(claim(&name, rest, rest.starts_with('@'), path, &text, line));
    }
    found
}

fn cargo(base: &str, files: &Files<'_>) -> Vec<DependencyClaim> {
    let path = format!("{base}Cargo.toml");
    let Some(text) = files.get(path.as_str()).map(|bytes| layout::source_text(bytes)) else { return Vec::new() };
    let Ok(manifest) = text.parse::<toml::Table>() else { return Vec::new() };
    let mut found = Vec::new();
    let mut tables = vec![&manifest];
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    tables.extend(targets.into_iter().flat_map(|targets| targets.values().filter_map(toml::Value::as_table)));
    for table in tables {
        for section in ["dependencies", "build-dependencies"] {
            for (name, value) in table.get(section).and_then(toml::Value::as_table).into_iter().flatten() {
                let key = |key: &str| value.get(key).and_then(toml::Value::as_str);
                let address = key("git").or_else(|| key("registry-index"));
                let requirement = address.or_else(|| key("version")).or_else(|| value.as_str()).unwrap_or_default();
                found.push(claim(name, requirement, address.is_some(), &path, &text, name));
            }
        }
    }
    found
}

/// `require` lines of direct dependencies; `replace` does nothing in a dependency's go.mod.
fn golang(files: &Files<'_>) -> Vec<DependencyClaim> {
    // A module's path has slashes of its own: its manifest is the one with the shortest path.
    let manifests = files.keys().copied().filter(|path| *path == "go.mod" || path.ends_with("/go.mod"));
    let Some(path) = manifests.min_by_key(|path| path.len()) else { return Vec::new() };
    let Some(text) = files.get(path).map(|bytes| layout::source_text(bytes)) else { return Vec::new() };
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines().take(10_000) {
        let bare = line.trim();
        match bare {
            "require (" => inside = true,
            ")" => inside = false,
            _ => {}
        }
        let Some(module) = bare.strip_prefix("require ").or_else(|| inside.then_some(bare)).filter(|module| !module.contains('(')) else {
            continue;
        };
        let mut words = module.split("//").next().unwrap_or(module).split_whitespace();
        if let (Some(name), Some(version), false) = (words.next(), words.next(), module.contains("// indirect")) {
            found.push(claim(name, version, false, path, &text, line));
        }
    }
    found
}

/// Notes for each dependency whether any file but manifests and prose holds its name.
fn mentions(found: &mut [DependencyClaim], files: &Files<'_>) {
    let mut open: Vec<(usize, String)> = found.iter().enumerate().map(|(index, claim)| (index, claim.name.clone())).collect();
    let crates: Vec<(usize, String)> =
        open.iter().filter(|(_, name)| name.contains('-')).map(|(index, name)| (*index, name.replace('-', "_"))).collect();
    open.extend(crates);
    let mut left = MAX_TEXT;
    for (path, bytes) in files {
        if open.is_empty() || left == 0 {
            break;
        }
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        let prose = [".md", ".txt", ".map", ".lock", ".toml", ".orig"].iter().any(|end| name.ends_with(end));
        let manifest = matches!(name.as_str(), "package.json" | "package-lock.json" | "npm-shrinkwrap.json" | "pnpm-lock.yaml" | "license");
        if prose || manifest {
            continue;
        }
        let text = &bytes[..bytes.len().min(left)];
        left -= text.len();
        let mut done = Vec::new();
        for (index, needle) in &open {
            if memchr::memmem::find(text, needle.as_bytes()).is_some() {
                found[*index].mentioned = Some(true);
                done.push(*index);
            }
        }
        open.retain(|(index, _)| !done.contains(index));
    }
    if left > 0 {
        for (index, _) in open {
            found[index].mentioned = Some(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[DependencyClaim]) -> Vec<(&str, bool, Option<bool>)> {
        found.iter().map(|claim| (claim.name.as_str(), claim.off_registry, claim.mentioned)).collect()
    }

    #[test]
    fn addresses_and_registry_names_are_told_apart_in_four_ecosystems() {
        let manifest = br#"{"dependencies":{"a":"^1.0.0","b":"https://files.example.com/b.tgz","c":"owner/repo#v1","d":"npm:other@1","e":"file:../e"}}"#;
        let files = Files::from([("package/package.json", &manifest[..]), ("package/index.js", b"require('a')")]);
        assert_eq!(
            names(&read(Some(Ecosystem::Npm), &files)),
            [
                ("a", false, Some(true)),
                ("b", true, Some(false)),
                ("c", true, Some(false)),
                ("d", false, Some(false)),
                ("e", false, Some(true))
            ]
        );
        let metadata = b"Name: x\nRequires-Dist: One.Two>=1\nRequires-Dist: three @ https://files.example.com/t.zip\nRequires-Dist: four; extra == \"x\"\nRequires-Dist: six[socks]>=2 ; python_version < \"3\"\n\nRequires-Dist: five\n";
        let files = Files::from([("x-1.dist-info/METADATA", &metadata[..])]);
        assert_eq!(names(&read(Some(Ecosystem::Pypi), &files)), [("one-two", false, None), ("six", false, None), ("three", true, None)]);
        let manifest = b"[package]\nname = \"x\"\n[dependencies]\nserde-x = \"1\"\n[build-dependencies.helper]\ngit = \"https://git.example.com/h.git\"\n[dev-dependencies]\nq = \"1\"\n";
        let files = Files::from([("x-1/Cargo.toml", &manifest[..]), ("x-1/src/lib.rs", b"use serde_x::Y;")]);
        assert_eq!(names(&read(Some(Ecosystem::Cargo), &files)), [("helper", true, Some(false)), ("serde-x", false, Some(true))]);
        let manifest = b"module example.com/m\nrequire example.com/a v1.0.0\nrequire (\n\texample.com/b v1.2.0\n\texample.com/c v1.0.0 // indirect\n)\n";
        let files = Files::from([("example.com/m@v1.0.0/go.mod", &manifest[..]), ("example.com/m@v1.0.0/m.go", b"package m")]);
        assert_eq!(names(&read(Some(Ecosystem::Golang), &files)), [("example.com/a", false, None), ("example.com/b", false, None)]);
    }
}
