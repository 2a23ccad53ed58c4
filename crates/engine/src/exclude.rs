//! Files that a person wants passed over when a folder is walked: test fixtures, examples, what another team owns.
//!
//! Patterns are those of `.gitignore`. Nothing is passed over in silence: what was is named in the report.

use bifocal_core::printable;
use bifocal_readers::Walked;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::path::{Path, PathBuf};

/// Files that are named one by one; the rest are counted.
const NAMED: usize = 5;

/// Patterns, each with the folder that it is relative to.
#[derive(Debug, Clone, Default)]
pub struct Exclude {
    groups: Vec<(PathBuf, Gitignore)>,
}

impl Exclude {
    /// Adds patterns that are relative to `base`, and to the folder that is walked.
    ///
    /// # Errors
    /// The first pattern that is none, with why.
    pub fn add(&mut self, base: &Path, patterns: &[String]) -> Result<(), String> {
        if patterns.is_empty() {
            return Ok(());
        }
        let refused = |pattern: &str, why: String| format!("`{}` is no pattern for files: {why}", printable(pattern));
        let mut builder = GitignoreBuilder::new("");
        // An open class would match its own letters, which nobody means.
        builder.allow_unclosed_class(false);
        for pattern in patterns {
            builder.add_line(None, pattern).map_err(|error| refused(pattern, error.to_string()))?;
        }
        let built = builder.build().map_err(|error| refused(&patterns.join(", "), error.to_string()))?;
        if built.num_ignores() == 0 {
            return Err(refused(&patterns.join(", "), "it names nothing".to_owned()));
        }
        self.groups.push((base.to_path_buf(), built));
        Ok(())
    }

    fn covers(&self, root: &Path, file: &str) -> bool {
        let whole = root.join(file);
        self.groups.iter().any(|(base, patterns)| {
            let named = |path: &Path| !path.has_root() && patterns.matched_path_or_any_parents(path, false).is_ignore();
            whole.strip_prefix(base).is_ok_and(named) || named(Path::new(file))
        })
    }

    /// Takes out of what a walk of `root` found, and of `others`, what is excluded; says so in a line. What an excluded
    /// file would have spoken for is read for itself.
    pub(crate) fn apply(&self, root: &Path, found: &mut Walked, others: &mut Vec<String>) -> Option<String> {
        if self.groups.is_empty() {
            return None;
        }
        let mut out = Vec::new();
        let mut uncovered = Vec::new();
        found.files.retain(|file| {
            let excluded = self.covers(root, &file.path);
            if excluded {
                out.push(file.path.clone());
                uncovered.extend(file.covers.iter().filter(|file| !self.covers(root, file)).cloned());
            }
            !excluded
        });
        found.unread.retain(|unread| {
            let excluded = self.covers(root, &unread.place.path);
            if excluded {
                out.push(unread.place.path.clone());
            }
            !excluded
        });
        others.extend(uncovered);
        others.retain(|file| {
            let excluded = self.covers(root, file);
            if excluded && !out.contains(file) {
                out.push(file.clone());
            }
            !excluded
        });
        out.sort();
        let named: Vec<String> = out.iter().take(NAMED).map(|path| printable(path)).collect();
        let more = if out.len() > NAMED { format!(" and {} more", out.len() - NAMED) } else { String::new() };
        (!out.is_empty()).then(|| format!("excluded by --exclude or check.exclude: {}{more}", named.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_gitignore_relative_to_their_base_and_to_the_walked_folder() {
        let mut exclude = Exclude::default();
        exclude.add(Path::new("/w"), &["fixtures/".to_owned(), "/web/old/*.lock".to_owned()]).unwrap();
        for (root, file, covered) in [
            ("/w", "tests/fixtures/a/package-lock.json", true),
            ("/w/.", "fixtures/a.lock", true),
            ("/w", "web/old/Cargo.lock", true),
            ("/w/web", "old/Cargo.lock", true),
            ("/w", "other/web/old/Cargo.lock", false),
            ("/elsewhere", "web/old/Cargo.lock", true),
            ("/elsewhere", "fixtures.lock", false),
        ] {
            assert_eq!(exclude.covers(Path::new(root), file), covered, "{root} {file}");
        }
        assert!(exclude.add(Path::new("/w"), &["# nothing".to_owned()]).is_err());
        let error = exclude.add(Path::new("/w"), &["fixtures/".to_owned(), "old/[a-".to_owned()]).unwrap_err();
        assert!(error.starts_with("`old/[a-` is no pattern for files: "), "{error}");
    }
}
