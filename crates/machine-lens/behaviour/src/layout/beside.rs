//! What lies in a source distribution and is not installed with it: maintainers' scripts beside the packages.
//!
//! `bootstrap.py` at the root, `ci/`, `bin/`, `scripts/`: nobody who installs the package has them afterwards. A file
//! counts as left behind only where the project names its packages and nowhere names the file or its folder; what runs
//! while the package is built is reached from `setup.py` and keeps its trigger.

use super::{Files, Layout};
use std::collections::BTreeSet;

/// Folders that hold what a project's own people start.
const FOLDERS: [&str; 22] = [
    "bin",
    "build_tools",
    "buildscripts",
    "ci",
    ".ci",
    ".circleci",
    ".github",
    ".gitlab",
    ".travis",
    "contrib",
    "dev",
    "dev-tools",
    "devtools",
    "etc",
    "hacking",
    "maint",
    "release",
    "script",
    "scripts",
    "tool",
    "tools",
    "packaging",
];

/// Longest text of the project's own files that is searched, in bytes.
const MOST_TEXT: usize = 1 << 20;

/// Fills in [`Layout::beside`].
pub(super) fn find(layout: &mut Layout, files: &Files<'_>) {
    let base = layout.base.clone();
    let mut project = String::new();
    for name in ["setup.py", "setup.cfg", "pyproject.toml"] {
        if let Some(bytes) = files.get(format!("{base}{name}").as_str()) {
            project.push_str(&super::source_text(&bytes[..bytes.len().min(MOST_TEXT)]));
            project.push('\n');
        }
    }
    let has_package = files.keys().any(|path| path.strip_prefix(&*base).is_some_and(|inner| inner.ends_with("/__init__.py")));
    if project.is_empty() || !(has_package || project.contains("packages") || project.contains("py_modules")) {
        return;
    }
    let own = layout.claims.name.as_deref().unwrap_or_default().to_ascii_lowercase().replace(['-', '.'], "_");
    let packages: BTreeSet<&str> = files
        .keys()
        .filter_map(|path| path.strip_prefix(&*base))
        .filter(|inner| inner.ends_with("/__init__.py"))
        .filter_map(|inner| inner.split('/').next())
        .collect();
    for path in files.keys() {
        let Some(inner) = path.strip_prefix(&*base) else { continue };
        let left = match inner.split_once('/') {
            None => inner.strip_suffix(".py").is_some_and(|stem| {
                !matches!(stem, "setup" | "__init__" | "__main__") && stem.to_ascii_lowercase() != own && !names(&project, stem)
            }),
            Some((folder, _)) => {
                FOLDERS.contains(&folder)
                    && !packages.contains(folder)
                    && !project.contains("namespace")
                    && !project.contains(&format!("{folder}/"))
                    && !project.contains(&format!("'{folder}'"))
                    && !project.contains(&format!("\"{folder}\""))
            }
        };
        if left {
            layout.beside.insert((*path).to_owned());
        }
    }
}

/// Whether a word stands in a text, by itself.
fn names(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    !word.is_empty() && text.match_indices(word).any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nothing_names_is_left_behind() {
        let beside = |setup: &'static str| {
            let paths =
                ["p-1/setup.py", "p-1/p/__init__.py", "p-1/bootstrap-all.py", "p-1/more.py", "p-1/p.py", "p-1/ci/go.py", "p-1/lib/x.py"];
            let files: Files<'static> =
                paths.iter().map(|path| (*path, if path.ends_with("setup.py") { setup.as_bytes() } else { &b""[..] })).collect();
            let mut layout = Layout { base: "p-1/".to_owned(), ..Layout::default() };
            layout.claims.name = Some("P".to_owned());
            find(&mut layout, &files);
            layout.beside.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(beside("setup(packages=['p'])"), ["p-1/bootstrap-all.py", "p-1/ci/go.py", "p-1/more.py"]);
        assert_eq!(beside("setup(py_modules=['more'], scripts=['ci/go.py'])"), ["p-1/bootstrap-all.py"]);
        assert_eq!(beside("setup(packages=find_namespace_packages())"), ["p-1/bootstrap-all.py", "p-1/more.py"]);
    }
}
