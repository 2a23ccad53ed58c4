//! Where npm puts the files of a tarball: it takes the first part off every path as written, whatever it is called.
//!
//! In: the paths in the archive's order. Out: the one folder that all files belong in, or the path for which two files
//! compete. The attack: `package/package.json` for whoever looks, and `other/package.json` behind it, which replaces it
//! at installation; or `./package.json`, of which npm takes off the dot.

use bifocal_core::Ecosystem;
use std::collections::{BTreeMap, BTreeSet};

/// A file as the archive has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed<'a> {
    /// Its path without `.` parts.
    pub(crate) path: &'a str,
    /// Whether the path began with `./`.
    pub(crate) dotted: bool,
    pub(crate) data: &'a [u8],
    /// The whole file's bytes, also where only its head was kept.
    pub(crate) size: u64,
}

/// Manifests that other clients than npm read.
const OTHERS: [&str; 5] = ["PKG-INFO", "setup.py", "pyproject.toml", "Cargo.toml", "go.mod"];

/// The files by the path that each has once installed, under one folder, as places in `files`. `None`: they are there
/// already, or npm does not install them. An error names a path that stands for two different files.
pub(crate) fn installed(ecosystem: Option<Ecosystem>, files: &[Placed<'_>]) -> Result<Option<BTreeMap<String, usize>>, String> {
    if !matches!(ecosystem, None | Some(Ecosystem::Npm)) || files.iter().all(|file| file.dotted) {
        return Ok(None);
    }
    let folders: BTreeSet<&str> = files.iter().filter_map(|file| Some(file.path.split_once('/')?.0)).collect();
    let scattered = folders.len() > 1 || files.iter().any(|file| file.dotted || !file.path.contains('/'));
    let is_below = |name: &str| files.iter().any(|file| !file.dotted && file.path.split_once('/').is_some_and(|(_, rest)| rest == name));
    let is_npm = ecosystem.is_some() || is_below("package.json") && !OTHERS.iter().any(|name| is_below(name));
    if !scattered || !is_npm {
        return Ok(None);
    }
    let home = folders.get("package").or_else(|| folders.first()).copied().unwrap_or("package");
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        let below = file.path.split_once('/').map(|(_, rest)| rest);
        // Clients differ in what they make of a dot or of no folder, so such a file counts as lying at both places.
        let whole = (file.dotted || below.is_none()).then_some(file.path);
        for rest in below.into_iter().chain(whole) {
            let earlier = found.insert(format!("{home}/{rest}"), index).and_then(|at| files.get(at));
            if earlier.is_some_and(|earlier| earlier.data != file.data || earlier.size != file.size) {
                return Err(file.path.to_owned());
            }
        }
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(ecosystem: Option<Ecosystem>, files: &[(&str, &str)]) -> Result<Option<Vec<String>>, String> {
        let files: Vec<Placed<'_>> = files
            .iter()
            .map(|(path, text)| Placed {
                path: path.trim_start_matches("./"),
                dotted: path.starts_with("./"),
                data: text.as_bytes(),
                size: text.len() as u64,
            })
            .collect();
        Ok(installed(ecosystem, &files)?.map(|found| found.into_keys().collect()))
    }

    const NPM: Option<Ecosystem> = Some(Ecosystem::Npm);

    #[test]
    fn one_folder_stays_as_it_is() {
        for files in [&[("package/package.json", "{}"), ("package/a/b.js", "")][..], &[("./x/package.json", "{}"), ("./x/a.js", "")]] {
            assert_eq!(place(NPM, files), Ok(None), "{files:?}");
            assert_eq!(place(None, files), Ok(None), "{files:?}");
        }
    }

    #[test]
    fn files_of_several_folders_come_to_lie_in_one() {
        let files = [("other/package.json", "{}"), ("package/a.js", "")];
        let both = Ok(Some(vec!["package/a.js".to_owned(), "package/package.json".to_owned()]));
        assert_eq!(place(NPM, &files), both);
        assert_eq!(place(None, &files), both);
        // The same file twice is one.
        assert_eq!(place(NPM, &[("other/a.js", ""), ("package/a.js", ""), ("package/package.json", "{}")]), both);
    }

    #[test]
    fn two_files_for_one_place_are_named() {
        for second in ["other/package.json", "./package.json", "package.json"] {
            let files = [("package/package.json", "{}"), (second, "{\"scripts\":{}}")];
            assert!(place(NPM, &files).is_err(), "{second}");
            assert!(place(None, &files).is_err(), "{second}");
        }
        assert!(place(NPM, &[("package/package.json", "{}"), ("package/lib/a.js", "1"), ("./lib/a.js", "2")]).is_err());
    }

    #[test]
    fn what_npm_does_not_install_is_left_alone() {
        assert_eq!(place(Some(Ecosystem::Pypi), &[("a/package.json", "{}"), ("b/package.json", "")]), Ok(None));
        assert_eq!(place(None, &[("package.json", "{}"), ("src/index.js", "")]), Ok(None));
        assert_eq!(place(None, &[("x-1/setup.py", ""), ("x-1/package.json", ""), ("pax_global_header", "")]), Ok(None));
    }
}
