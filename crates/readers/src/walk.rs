//! Finds the lockfiles, manifests and SBOMs of a folder.
//!
//! What `.gitignore` names is left out, as are the folders where tools put what they installed; links are not followed.
//! Where one folder has a lockfile and a manifest of the same ecosystem, the lockfile says what is taken and the
//! manifest is listed as covered.

use crate::detect::{Reader, SNIFFED_BYTES, reader_for};
use crate::error::{Problem, ReadError};
use bifocal_core::{Ecosystem, FileKind, ReaderLimits, printable};
use ignore::WalkBuilder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Folders that hold what was installed or built, not what is asked for.
const SKIPPED: [&str; 12] = [
    "node_modules",
    "vendor",
    "target",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    "site-packages",
    "bower_components",
    "__pycache__",
    ".git",
    ".gradle",
];

/// Folders deep that the walk goes.
const MAX_DEPTH: usize = 64;

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Path relative to the folder, with `/`.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Manifests and lockfiles of the same ecosystem beside it that need not be read, since this file says it all.
    pub covers: Vec<String>,
    /// What a person should know about the choice, in words.
    pub notes: Vec<String>,
}

/// Finds every known file below `root`, sorted by path.
pub fn walk(root: &Path, limits: &ReaderLimits) -> Result<Vec<Found>, ReadError> {
    let shown_root = printable(&root.to_string_lossy());
    let failed = |why: String| ReadError::new(&shown_root, 0, Problem::Io(why));
    if !root.is_dir() {
        return Err(failed("it is not a folder".to_owned()));
    }
    let mut builder = WalkBuilder::new(root);
    builder
        .follow_links(false)
        .require_git(false)
        .git_global(false)
        .git_exclude(false)
        .parents(false)
        .ignore(false)
        .max_depth(Some(MAX_DEPTH));
    builder.filter_entry(|entry| {
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        !(is_folder && entry.depth() > 0 && entry.file_name().to_str().is_some_and(|name| SKIPPED.contains(&name)))
    });
    // Folder to the files in it.
    let mut folders: BTreeMap<String, Vec<(String, &'static Reader)>> = BTreeMap::new();
    let mut count = 0usize;
    for entry in builder.build() {
        let entry = match entry {
            Ok(entry) => entry,
            // A folder that may not be read is an error: what is in it was asked for and not looked at.
            Err(error) if error.io_error().is_some() => return Err(failed(printable(&error.to_string()))),
            Err(_) => continue,
        };
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(relative) = entry.path().strip_prefix(root) else { continue };
        let Some(relative) = relative.to_str() else { continue };
        let relative = relative.replace('\\', "/");
        let Some(reader) = known(entry.path(), &relative).map_err(|why| ReadError::new(&printable(&relative), 0, Problem::Io(why)))? else {
            continue;
        };
        count += 1;
        if count > limits.files {
            return Err(ReadError::new(&shown_root, 0, Problem::TooMany { what: "files", limit: limits.files }));
        }
        let folder = relative.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        folders.entry(folder).or_default().push((relative, reader));
    }
    let mut found: Vec<Found> = folders.into_values().flat_map(choose).collect();
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// The reader of a file, by its name; content is looked at only to tell the two yarn formats apart.
fn known(path: &Path, relative: &str) -> Result<Option<&'static Reader>, String> {
    // Content alone never makes a file found: a walk would have to open every file.
    let Some(reader) = reader_for(relative, b"") else { return Ok(None) };
    if reader.kind != FileKind::YarnLock {
        return Ok(Some(reader));
    }
    let mut head = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(SNIFFED_BYTES as u64).read_to_end(&mut head).map_err(|error| error.to_string())?;
    Ok(reader_for(relative, &head))
}

/// Which of the files of one folder are read.
fn choose(mut files: Vec<(String, &'static Reader)>) -> Vec<Found> {
    files.sort_by(|one, other| one.0.cmp(&other.0));
    let mut chosen: Vec<Found> = Vec::new();
    let mut by_ecosystem: BTreeMap<Ecosystem, Vec<(String, &'static Reader)>> = BTreeMap::new();
    for (path, reader) in files {
        match reader.ecosystem {
            Some(ecosystem) => by_ecosystem.entry(ecosystem).or_default().push((path, reader)),
            None => chosen.push(plain(path, reader)),
        }
    }
    for (ecosystem, files) in by_ecosystem {
        let (mut locks, manifests): (Vec<_>, Vec<_>) = files.into_iter().partition(|(_, reader)| is_lock(reader, ecosystem));
        // `npm` itself passes over package-lock.json where there is a shrinkwrap.
        let shrinkwrap = locks.iter().any(|(path, _)| path.ends_with("npm-shrinkwrap.json"));
        let mut covered: Vec<String> = Vec::new();
        if shrinkwrap {
            covered.extend(locks.iter().map(|(path, _)| path.clone()).filter(|path| path.ends_with("package-lock.json")));
            locks.retain(|(path, _)| !path.ends_with("package-lock.json"));
        }
        if locks.is_empty() {
            chosen.extend(manifests.into_iter().map(|(path, reader)| plain(path, reader)));
            continue;
        }
        // Requirements files stand for themselves: no lockfile is made from them.
        let (own, under): (Vec<_>, Vec<_>) =
            manifests.into_iter().partition(|(_, reader)| reader.kind == FileKind::Requirements || reader.kind == FileKind::Pom);
        chosen.extend(own.into_iter().map(|(path, reader)| plain(path, reader)));
        covered.extend(under.into_iter().map(|(path, _)| path));
        covered.sort();
        for (at, (path, reader)) in locks.into_iter().enumerate() {
            let covers = if at == 0 { covered.clone() } else { Vec::new() };
            let notes = covers.iter().map(|other| format!("{}: covered by {}", printable(other), printable(&path))).collect();
            chosen.push(Found { path, kind: reader.kind, covers, notes });
        }
    }
    chosen
}

fn plain(path: String, reader: &Reader) -> Found {
    Found { path, kind: reader.kind, covers: Vec::new(), notes: Vec::new() }
}

/// Whether a file decides what is taken. Of Go's two, `go.mod` does (`go.sum` has digests of more than the build takes,
/// and the `go.mod` reader takes them from there).
fn is_lock(reader: &Reader, ecosystem: Ecosystem) -> bool {
    match ecosystem {
        Ecosystem::Golang => reader.kind == FileKind::GoMod,
        _ => reader.kind.is_locked(),
    }
}
