//! Finds the lockfiles, manifests and SBOMs of a folder.
//!
//! What `.gitignore` names is left out, as are the folders where tools put what they installed; links are not followed.
//! Where one folder has a lockfile and a manifest of the same ecosystem, the lockfile says what is taken and the
//! manifest is listed as covered; so are the manifests of workspace members further down.

use crate::context::{FileSource as _, Folder};
use crate::detect::{Reader, SNIFFED_BYTES, reader_for};
use crate::error::{Problem, ReadError};
use crate::workspace::Members;
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
    cover_members(root, &mut found, limits);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// Moves the manifests of workspace members under the lockfile that speaks for them.
fn cover_members(root: &Path, found: &mut Vec<Found>, limits: &ReaderLimits) {
    let is_member_manifest = |kind: FileKind| matches!(kind, FileKind::PackageJson | FileKind::CargoToml | FileKind::Pyproject);
    let Ok(folder) = Folder::new(root) else { return };
    let bytes = |path: &str| folder.file(path, limits.file_bytes).ok();
    let mut members: BTreeMap<String, Members> = BTreeMap::new();
    let mut moves: Vec<(String, String)> = Vec::new();
    for manifest in found.iter().filter(|file| is_member_manifest(file.kind)) {
        let folder = folder_of(&manifest.path);
        for lock in found.iter() {
            let above = folder_of(&lock.path);
            let below = if above.is_empty() { Some(folder) } else { folder.strip_prefix(above).and_then(|rest| rest.strip_prefix('/')) };
            let (Some(below), Some(manifest_name)) = (below.filter(|below| !below.is_empty()), member_manifest(lock.kind, manifest.kind))
            else {
                continue;
            };
            let known = members.entry(lock.path.clone()).or_insert_with(|| {
                let Some(lock_bytes) = bytes(&lock.path) else { return Members::default() };
                let beside = if above.is_empty() { manifest_name.to_owned() } else { format!("{above}/{manifest_name}") };
                let id = reader_for(&lock.path, &lock_bytes).map_or("", |reader| reader.id);
                Members::of(id, &lock_bytes, bytes(&beside).as_deref(), limits)
            });
            if !known.is_empty() && known.cover(below, manifest.kind, &bytes(&manifest.path).unwrap_or_default(), limits) {
                moves.push((manifest.path.clone(), lock.path.clone()));
                break;
            }
        }
    }
    for (manifest, lock) in moves {
        found.retain(|file| file.path != manifest);
        if let Some(lock) = found.iter_mut().find(|file| file.path == lock) {
            lock.notes.push(format!("{}: covered by {}", printable(&manifest), printable(&lock.path)));
            lock.covers.push(manifest);
        }
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The manifest beside a lockfile, where that lockfile can speak for manifests of `member`'s kind.
fn member_manifest(lock: FileKind, member: FileKind) -> Option<&'static str> {
    match (lock, member) {
        (FileKind::PackageLock | FileKind::YarnLock | FileKind::PnpmLock, FileKind::PackageJson) => Some("package.json"),
        (FileKind::CargoLock, FileKind::CargoToml) => Some("Cargo.toml"),
        (FileKind::UvLock, FileKind::Pyproject) => Some("pyproject.toml"),
        _ => None,
    }
}

/// The reader of a file, by its name; content is looked at only to tell the two yarn formats apart.
fn known(path: &Path, relative: &str) -> Result<Option<&'static Reader>, String> {
    // Content alone never makes a file found: a walk would have to open every file.
    let Some(reader) = reader_for(relative, b"") else { return Ok(None) };
    // Constraints say nothing of what is installed; the requirements that use them bring them in.
    let name = relative.rsplit('/').next().unwrap_or(relative);
    if reader.kind == FileKind::Requirements && name.to_ascii_lowercase().starts_with("constraints") {
        return Ok(None);
    }
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
