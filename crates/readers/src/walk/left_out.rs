//! What a walk leaves out on purpose, told in a few lines: folders of installed or foreign code, links, and files that name
//! dependencies in a form that is not read.

use super::Found;
use crate::detect::reader_for;
use bifocal_core::{FileKind, counted, printable};
use ignore::WalkBuilder;
use std::collections::BTreeMap;
use std::path::Path;

/// Folders of version control: they hold nothing that is asked for.
const HISTORY: [&str; 4] = [".git", ".hg", ".svn", ".bzr"];

/// Folders that hold what was installed or cached, not what is asked for.
const INSTALLED: [&str; 18] = [
    "node_modules",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    "site-packages",
    "bower_components",
    "__pycache__",
    ".gradle",
    ".yarn",
    ".pnpm-store",
    ".m2",
    ".eggs",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".terraform",
    ".direnv",
];

/// Folders that hold copies of others' code, or what was built.
const COPIES: [&str; 2] = ["vendor", "target"];

/// Entries looked at to count the lockfiles of a folder that is left out.
const MAX_COUNTED: usize = 20_000;

/// Paths named in one line.
const MAX_NAMED: usize = 5;

/// Whether a walk goes past a folder of that name.
pub(super) fn is_skipped(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let in_cargo_home = name == "registry" && folder.parent().is_some_and(|parent| parent.ends_with(".cargo"));
    HISTORY.contains(&name) || INSTALLED.contains(&name) || COPIES.contains(&name) || in_cargo_home
}

/// Collects what is left out.
#[derive(Default)]
pub(super) struct LeftOut {
    installed: Vec<String>,
    copies: Vec<String>,
    links: Vec<String>,
    /// Files without a reader: reason to paths.
    files: BTreeMap<&'static str, Vec<String>>,
}

impl LeftOut {
    /// A folder that the walk went past.
    pub(super) fn folder(&mut self, root: &Path, folder: &Path) {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let shown = folder.strip_prefix(root).unwrap_or(folder).to_string_lossy();
        let shown = super::slashes(&shown);
        if HISTORY.contains(&name) {
            return;
        }
        if !COPIES.contains(&name) {
            self.installed.push(shown);
            return;
        }
        if name == "vendor" && folder.join("modules.txt").is_file() {
            self.copies.push(format!("{shown} (go builds from it, not from the modules that were looked at)"));
            return;
        }
        let (count, more) = count(folder);
        if count > 0 {
            let counted = counted(count as u64, "lockfile or manifest", "lockfiles or manifests");
            self.copies.push(format!("{shown} ({}{counted})", if more { "at least " } else { "" }));
        } else if more {
            self.copies.push(format!("{shown} (too many files to look for lockfiles)"));
        }
    }

    /// A link to a folder.
    pub(super) fn link(&mut self, link: &str, to: &str) {
        self.links.push(format!("{link} (to {to})"));
    }

    /// A file that no reader takes; kept where its name says that it names dependencies.
    pub(super) fn file(&mut self, path: &str) {
        let name = path.rsplit('/').next().unwrap_or(path);
        let reason = match name {
            "bun.lock" | "bun.lockb" | "deno.lock" | "pylock.toml" | "conda-lock.yml" | "shrinkwrap.yaml" => {
                "lockfiles of a form that is not read"
            }
            "environment.yml" | "environment.yaml" => "conda environments are not read",
            "requirements.in" => "a requirements.in is read only through the requirements.txt that is made of it",
            "bom.xml" => "CycloneDX is read as JSON only",
            _ if name.ends_with(".cdx.xml") || name.ends_with("cyclonedx.xml") => "CycloneDX is read as JSON only",
            _ if name.ends_with(".in") && name.contains("requirements") => {
                "a requirements.in is read only through the requirements.txt that is made of it"
            }
            "Pipfile" => "a Pipfile is read only through its Pipfile.lock",
            "setup.py" | "setup.cfg" => "requirements in setup.py and setup.cfg are not read",
            "build.gradle" | "build.gradle.kts" | "libs.versions.toml" => "of Gradle only what a gradle.lockfile pins is read",
            _ if differs_in_case(path, name) => "names that are read only where the system does not tell upper and lower case apart",
            _ => return,
        };
        self.files.entry(reason).or_default().push(path.to_owned());
    }

    /// One line for each kind, sorted paths in each.
    pub(super) fn lines(mut self, found: &[Found]) -> Vec<String> {
        // A file is left out only where no lockfile beside it says what is taken.
        let beside = |path: &str, kind: FileKind| {
            found.iter().any(|file| file.kind == kind && super::folder_of(&file.path) == super::folder_of(path))
        };
        for paths in self.files.values_mut() {
            paths.retain(|path| match path.rsplit('/').next() {
                Some(name) if name.ends_with(".in") => {
                    !found.iter().any(|file| path.strip_suffix(".in").is_some_and(|stem| file.path == format!("{stem}.txt")))
                }
                Some("Pipfile") => !beside(path, FileKind::PipfileLock),
                Some("build.gradle" | "build.gradle.kts") => !beside(path, FileKind::GradleLockfile),
                _ => true,
            });
        }
        let mut lines = Vec::new();
        let kinds = [
            ("installed packages", self.installed),
            ("copies of others' code and what was built", self.copies),
            ("links to folders", self.links),
        ];
        for (what, paths) in kinds.into_iter().chain(self.files) {
            lines.extend(line(what, paths));
        }
        lines
    }
}

fn line(what: &str, mut paths: Vec<String>) -> Option<String> {
    paths.sort();
    let named: Vec<String> = paths.iter().take(MAX_NAMED).map(|path| printable(path)).collect();
    let more = paths.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!paths.is_empty()).then(|| format!("{what}: {}{more}", named.join(", ")))
}

/// Lockfiles and manifests in a folder; `true` when it holds more than was looked at.
fn count(folder: &Path) -> (usize, bool) {
    let walk = WalkBuilder::new(folder).standard_filters(false).follow_links(false).build();
    let mut found = 0;
    for (at, entry) in walk.flatten().enumerate() {
        if at >= MAX_COUNTED {
            return (found, true);
        }
        let is_file = entry.file_type().is_some_and(|kind| !kind.is_dir());
        if is_file && reader_for(&entry.file_name().to_string_lossy(), b"").is_some() {
            found += 1;
        }
    }
    (found, false)
}

/// Whether another spelling of a name would be read.
fn differs_in_case(path: &str, name: &str) -> bool {
    const SPELLED: [&str; 3] = ["Cargo.toml", "Cargo.lock", "Pipfile.lock"];
    let lower = name.to_ascii_lowercase();
    let folder = &path[..path.len() - name.len()];
    let spelled = SPELLED.iter().any(|known| known.eq_ignore_ascii_case(name));
    spelled || (lower != name && reader_for(&format!("{folder}{lower}"), b"").is_some())
}
