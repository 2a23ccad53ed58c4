//! Finds the lockfiles, manifests and SBOMs of a folder.
//!
//! In: a folder. Out: the files to read, what has such a name and cannot be read, and what was left out, so that nothing
//! is passed over in silence. What `.gitignore` names is left out, as are the folders where tools put what they installed;
//! a link is followed while it stays in the folder. Where one folder has a lockfile and a manifest of the same ecosystem,
//! the lockfile says what is taken and the manifest is listed as covered; so are the manifests of workspace members.

mod left_out;

use crate::context::{FileSource as _, Folder};
use crate::detect::{Reader, SNIFFED_BYTES, reader_for};
use crate::error::{Problem, ReadError};
use crate::workspace::Members;
use bifocal_core::{Ecosystem, FileKind, Place, ReaderLimits, Unread, printable};
use ignore::{DirEntry, WalkBuilder};
use left_out::LeftOut;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

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

/// What a walk gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walked {
    /// Every known file, by path.
    pub files: Vec<Found>,
    /// What has the name of one and cannot be read.
    pub unread: Vec<Unread>,
    /// What was left out on purpose, in words: one for each kind.
    pub left_out: Vec<String>,
}

/// Finds every known file below `root`.
pub fn walk(root: &Path, limits: &ReaderLimits) -> Result<Walked, ReadError> {
    let shown_root = printable(&root.to_string_lossy());
    let failed = |why: String| ReadError::new(&shown_root, 0, Problem::Io(why));
    if !root.is_dir() {
        return Err(failed("it is not a folder".to_owned()));
    }
    let real_root = root.canonicalize().map_err(|error| failed(error.to_string()))?;
    let passed_over: Arc<Mutex<Vec<PathBuf>>> = Arc::default();
    let mut search =
        Search { root, real_root, limits, folders: BTreeMap::new(), count: 0, unread: Vec::new(), left_out: LeftOut::default() };
    for entry in builder(root, &passed_over).build() {
        match entry {
            Ok(entry) => search.take(&entry)?,
            // A folder that may not be read is an error: what is in it was asked for and not looked at.
            Err(error) if error.io_error().is_some() => return Err(failed(printable(&error.to_string()))),
            Err(_) => {}
        }
    }
    for folder in std::mem::take(&mut *passed_over.lock().unwrap_or_else(PoisonError::into_inner)) {
        search.left_out.folder(root, &folder);
    }
    let mut files: Vec<Found> = search.folders.into_values().flat_map(choose).collect();
    cover_members(root, &mut files, limits);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    search.unread.sort();
    Ok(Walked { left_out: search.left_out.lines(&files), files, unread: search.unread })
}

/// Whether a walk looks for the file of that path (relative, with `/`), were it not ignored.
pub fn is_looked_for(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_constraints = name.to_ascii_lowercase().starts_with("constraints");
    let skipped = Path::new(path).ancestors().skip(1).any(left_out::is_skipped);
    reader_for(path, b"").is_some() && !is_constraints && !skipped
}

fn builder(root: &Path, passed_over: &Arc<Mutex<Vec<PathBuf>>>) -> WalkBuilder {
    let mut builder = WalkBuilder::new(root);
    builder
        .follow_links(false)
        .hidden(false)
        .require_git(false)
        .git_global(false)
        .git_exclude(false)
        .parents(false)
        .ignore(false)
        .max_depth(Some(MAX_DEPTH));
    let passed_over = Arc::clone(passed_over);
    builder.filter_entry(move |entry| {
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let skipped = is_folder && entry.depth() > 0 && left_out::is_skipped(entry.path());
        if skipped {
            passed_over.lock().unwrap_or_else(PoisonError::into_inner).push(entry.path().to_owned());
        }
        !skipped
    });
    builder
}

/// A path as it is named: with `/`, also where the system writes `\`.
fn slashes(path: &str) -> String {
    if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() }
}

struct Search<'a> {
    root: &'a Path,
    real_root: PathBuf,
    limits: &'a ReaderLimits,
    /// Folder to the files in it.
    folders: BTreeMap<String, Vec<(String, &'static Reader)>>,
    count: usize,
    unread: Vec<Unread>,
    left_out: LeftOut,
}

impl Search<'_> {
    fn take(&mut self, entry: &DirEntry) -> Result<(), ReadError> {
        let Ok(relative) = entry.path().strip_prefix(self.root) else { return Ok(()) };
        let shown = slashes(&relative.to_string_lossy());
        let Some(kind) = entry.file_type() else { return Ok(()) };
        if kind.is_dir() {
            if entry.depth() >= MAX_DEPTH {
                self.unread(
                    &shown,
                    &format!("it is more than {MAX_DEPTH} folders deep, and nothing below it was looked at; name it as a target"),
                );
            } else if is_plain_name(&shown) {
                self.unread(&shown, "it is a folder with the name of a file that is read; rename it");
            }
            return Ok(());
        }
        if kind.is_symlink() && self.link(entry.path(), &shown) {
            return Ok(());
        }
        // Content alone never makes a file found: a walk would have to open every file.
        let Some(reader) = reader_for(&shown, b"") else {
            self.left_out.file(&shown);
            return Ok(());
        };
        if !kind.is_symlink() && !kind.is_file() {
            self.unread(&shown, "it is no regular file");
            return Ok(());
        }
        if relative.to_str().is_none() {
            self.unread(&shown, "its path is no UTF-8, so it cannot be named; rename it, or go to its folder and check there");
            return Ok(());
        }
        let io = |why: String| ReadError::new(&printable(&shown), 0, Problem::Io(why));
        let Some(reader) = known(entry.path(), &shown, reader).map_err(io)? else { return Ok(()) };
        self.count += 1;
        if self.count > self.limits.files {
            let root = printable(&self.root.to_string_lossy());
            return Err(ReadError::new(&root, 0, Problem::TooMany { what: "files", limit: self.limits.files }));
        }
        let folder = folder_of(&shown).to_owned();
        self.folders.entry(folder).or_default().push((shown, reader));
        Ok(())
    }

    /// A link; `true` when there is nothing to read behind it.
    fn link(&mut self, path: &Path, shown: &str) -> bool {
        let wanted = reader_for(shown, b"").is_some();
        let Ok(real) = path.canonicalize() else {
            if wanted {
                self.unread(shown, "it is a link that leads nowhere");
            }
            return true;
        };
        let inside = real.strip_prefix(&self.real_root).ok();
        let is_folder = real.is_dir();
        match inside {
            None if wanted => {
                self.unread(shown, "it is a link that leads outside the checked folder; check what it leads to, or copy it here")
            }
            None if is_folder => self.left_out.link(shown, "outside"),
            // What it leads to is walked for itself, unless it lies in a folder that is not.
            Some(inside) if is_folder && inside.ancestors().any(left_out::is_skipped) => {
                self.left_out.link(shown, &inside.to_string_lossy())
            }
            Some(_) if is_folder && is_plain_name(shown) => {
                self.unread(shown, "it is a link to a folder with the name of a file that is read")
            }
            Some(_) if wanted && !is_folder && !real.is_file() => self.unread(shown, "it is no regular file"),
            Some(_) if wanted && !is_folder => return false,
            _ => {}
        }
        true
    }

    fn unread(&mut self, path: &str, why: &str) {
        let path = printable(path);
        self.unread.push(Unread { what: path.clone(), place: Place { path, line: 0 }, why: why.to_owned() });
    }
}

/// Whether a path has the very name of a lockfile or manifest, not one that only fits a pattern.
fn is_plain_name(path: &str) -> bool {
    const NAMES: [&str; 18] = [
        "package-lock.json",
        "npm-shrinkwrap.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "package.json",
        "poetry.lock",
        "uv.lock",
        "Pipfile.lock",
        "pdm.lock",
        "pyproject.toml",
        "requirements.txt",
        "Cargo.lock",
        "Cargo.toml",
        "pom.xml",
        "gradle.lockfile",
        "go.mod",
        "go.sum",
        "go.work",
    ];
    NAMES.contains(&path.rsplit('/').next().unwrap_or(path))
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

/// The reader of a file that has a reader by its name; content is looked at only to tell the two yarn formats apart.
fn known(path: &Path, relative: &str, reader: &'static Reader) -> Result<Option<&'static Reader>, String> {
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
        // Requirements files stand for themselves: no lockfile is made from them; nor is one of what a workspace replaces.
        let stands_alone = |kind| matches!(kind, FileKind::Requirements | FileKind::Pom | FileKind::GoWork);
        let (own, under): (Vec<_>, Vec<_>) = manifests.into_iter().partition(|(_, reader)| stands_alone(reader.kind));
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
