//! From what a person names to a plan: purls, files, folders; with none, what is found in the working folder.
//!
//! Synchronous, for a blocking thread: reading may ask an upstream for parent POMs.

use crate::exclude::Exclude;
use crate::plan::Plan;
use crate::poms::Poms;
use crate::report::{LocalDependency, NotEvaluated};
use bifocal_core::{
    Dependency, Ecosystem, FileKind, Inventory, PackageName, Place, PurlError, ReaderLimits, Requested, counted, printable,
};
use bifocal_readers::{
    FileError, FileSource, Folder, Problem, PythonEnvironment, ReadContext, ReadError, detect, is_looked_for, qualified, read, walk,
};
use bifocal_registries::Registries;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr as _;
use std::sync::Arc;
use tokio::runtime::Handle;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The working folder; places are relative to it.
    pub cwd: PathBuf,
    /// purls, files and folders.
    pub targets: Vec<String>,
    /// A git revision whose releases are left out.
    pub base: Option<String>,
    /// Files that are passed over when folders are walked.
    pub exclude: Exclude,
    /// Environment variables, for requirements files that refer to them.
    pub variables: BTreeMap<String, String>,
}

/// Why targets cannot be read. All but [`TargetError::Upstream`] are wrong usage.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Not a purl.
    #[error(transparent)]
    Purl(#[from] PurlError),
    /// A purl with something else than a version.
    #[error(transparent)]
    Exact(#[from] crate::ExactError),
    /// A qualifier that cannot be followed.
    #[error("cannot look at {purl}: {why}")]
    Qualifier {
        /// As named.
        purl: String,
        /// Which, and what to do.
        why: String,
    },
    /// A file that is malformed or of no known kind.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Neither a purl nor a file or folder.
    #[error("cannot read {path}: {why}")]
    Missing {
        /// As named.
        path: String,
        /// The system's word.
        why: String,
    },
    /// A target without a character, as an unset variable of a script leaves it.
    #[error("a target is empty; name a file, a folder or a purl, and `.` for this folder")]
    Empty,
    /// Nothing to check.
    #[error("found no lockfile, manifest or SBOM in {0}; name a file, a folder or a purl")]
    Nothing(String),
    /// git does not give the base revision.
    #[error("cannot read the base revision {revision}: {why}")]
    Base {
        /// As named.
        revision: String,
        /// git's word.
        why: String,
    },
    /// A file needs an upstream (parent POMs) that did not answer.
    #[error("{0}")]
    Upstream(ReadError),
}

/// Reads all targets.
pub fn read_targets(request: &Request, registries: &Arc<Registries>, runtime: &Handle) -> Result<Plan, TargetError> {
    let poms = Poms::new(Arc::clone(registries), runtime.clone());
    if request.targets.iter().any(String::is_empty) {
        return Err(TargetError::Empty);
    }
    let files = files_of(request)?;
    let mut found = Expanded::default();
    let mut purls = Vec::new();
    for target in &request.targets {
        if target.starts_with("pkg:") {
            purls.push(purl(target)?);
        } else {
            expand(request, target, &mut found)?;
        }
    }
    if request.targets.is_empty() {
        expand(request, ".", &mut found)?;
    }
    let Expanded { paths, named, mut inventories, left_out, .. } = found;
    if !purls.is_empty() {
        inventories.push(Inventory { dependencies: purls, ..Inventory::new(Place::COMMAND_LINE, FileKind::CommandLine) });
    }
    let (mut unread, mut malformed) = (Vec::new(), Vec::new());
    for path in &paths {
        match read_one(path, &files, request, &poms) {
            Ok(inventory) => inventories.push(inventory),
            // The other files are looked at all the same: one of them may name something that is denied.
            Err(TargetError::Upstream(error)) => {
                unread.push(NotEvaluated { what: printable(path), place: error.place, error: error.problem.to_string() });
            }
            // So too where a walk came upon one that is malformed; one that a person named is a mistake of theirs.
            Err(error) if !named.contains(path) => {
                malformed.push(error.to_string());
                let place = Place { path: path.clone(), line: 0 };
                unread.push(match error {
                    TargetError::Read(error) => {
                        NotEvaluated { what: printable(path), place: error.place, error: error.problem.to_string() }
                    }
                    TargetError::Missing { why, .. } => NotEvaluated { what: printable(path), place, error: why },
                    other => NotEvaluated { what: printable(path), place, error: other.to_string() },
                });
            }
            Err(error) => return Err(error),
        }
    }
    let roots = roots(request);
    let locked = |inventory: &Inventory| is_locked(inventory, &inventories, request);
    let mut plan = Plan::of(&inventories, &roots, &locked);
    links(&mut plan, request);
    plan.not_evaluated.extend(unread);
    plan.left_out.splice(0..0, left_out);
    plan.malformed.extend(malformed);
    match &request.base {
        None => Ok(plan),
        Some(revision) => {
            let old = GitFiles::new(&request.cwd, revision)?;
            let mut base = Vec::new();
            for path in &paths {
                // A file that the base does not have, or has in a broken form, takes nothing away.
                if let Ok(inventory) = read_one(path, &old, request, &poms) {
                    base.push(inventory);
                }
            }
            Ok(plan.without(&Plan::of(&base, &roots, &locked)))
        }
    }
}

/// Includes may come from the working folder and from the folders of the files that were named.
fn files_of(request: &Request) -> Result<Folder, TargetError> {
    let failed = |path: &Path| {
        let path = path.to_string_lossy().into_owned();
        move |error: FileError| TargetError::Missing { path: printable(&path), why: why(&error) }
    };
    let mut files = Folder::new(&request.cwd).map_err(failed(&request.cwd))?;
    for target in paths_of(request) {
        let path = request.cwd.join(target);
        let folder = if path.is_dir() { Some(path.as_path()) } else { path.parent() };
        if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
            files = files.allow(folder).map_err(failed(folder))?;
        }
    }
    Ok(files)
}

/// The checked folders in the form of paths, relative and from the root: those that are named, those of the files that are
/// named, and the working folder where nothing is. What one stands in has no say in what was looked at.
fn roots(request: &Request) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    for target in paths_of(request) {
        let target = slashes(target);
        let named =
            if request.cwd.join(&target).is_dir() { target.as_str() } else { target.rsplit_once('/').map_or("", |(folder, _)| folder) };
        folders.push(named.trim_end_matches('/').to_owned());
    }
    if folders.is_empty() {
        folders.push(String::new());
    }
    let from_the_root: Vec<String> = folders.iter().map(|folder| slashes(&request.cwd.join(folder).to_string_lossy())).collect();
    folders.into_iter().chain(from_the_root).collect()
}

/// The targets that are paths.
fn paths_of(request: &Request) -> impl Iterator<Item = &str> {
    request.targets.iter().map(String::as_str).filter(|target| !target.starts_with("pkg:"))
}

/// Path dependencies whose folder is a link out of the checked folders are no part of the project.
fn links(plan: &mut Plan, request: &Request) {
    let folders = paths_of(request).map(|target| request.cwd.join(target));
    let roots: Vec<PathBuf> = folders
        .map(|path| if path.is_dir() { path } else { path.parent().map_or_else(PathBuf::new, Path::to_owned) })
        .chain(paths_of(request).next().is_none().then(|| request.cwd.clone()))
        .filter_map(|root| root.canonicalize().ok())
        .collect();
    let leads_out = |local: &LocalDependency| {
        let file = request.cwd.join(&local.place.path);
        let real = file.parent().and_then(|folder| folder.join(&local.path).canonicalize().ok());
        real.is_some_and(|real| !roots.iter().any(|root| real.starts_with(root)))
    };
    let (out, local): (Vec<LocalDependency>, Vec<LocalDependency>) = std::mem::take(&mut plan.local).into_iter().partition(leads_out);
    plan.local = local;
    plan.not_evaluated.extend(out.into_iter().map(|local| NotEvaluated {
        what: format!("{} ({})", local.name, local.path),
        place: local.place,
        error: "this path is a link that leads outside the checked folder, so nothing looked at it; check what it leads to, or copy it here".to_owned(),
    }));
}

fn why(error: &FileError) -> String {
    match error {
        FileError::NotFound => "there is no such file".to_owned(),
        FileError::Outside => "it is outside the folders that may be read".to_owned(),
        FileError::TooLarge { bytes } => format!("it has {}, more than is read", counted(*bytes, "byte", "bytes")),
        FileError::Io(text) => printable(text),
    }
}

/// A purl with a version is exact; without one it is what the client would take today.
fn purl(text: &str) -> Result<Dependency, TargetError> {
    let said = match qualified(text) {
        Ok(said) => said,
        Err(why) => {
            // What is no package URL at all is told so.
            crate::release(text)?;
            return Err(TargetError::Qualifier { purl: printable(text), why });
        }
    };
    let requested = match crate::release(text) {
        Ok(release) => match &said.git {
            Some((url, revision)) => {
                Requested::Git { name: release.package.as_str().to_owned(), url: url.clone(), revision: revision.clone() }
            }
            None => Requested::Exact { release },
        },
        Err(crate::ExactError::Purl(PurlError::NoVersion(_))) if text.contains('?') => {
            let why = "it has qualifiers and no version, and these belong to one release; name the version".to_owned();
            return Err(TargetError::Qualifier { purl: printable(text), why });
        }
        Err(crate::ExactError::Purl(PurlError::NoVersion(_))) => {
            let package = PackageName::from_str(text)?;
            let requirement = match package.ecosystem() {
                Ecosystem::Npm | Ecosystem::Golang => "latest",
                Ecosystem::Cargo => "*",
                Ecosystem::Maven => "RELEASE",
                Ecosystem::Pypi => "",
            };
            Requested::Range { package, requirement: requirement.to_owned() }
        }
        Err(error) => return Err(error.into()),
    };
    let (artifacts, origins) = (said.artifacts, said.origins);
    Ok(Dependency {
        requested,
        artifacts,
        place: crate::engine::command_line(),
        optional: false,
        origins,
        ask: bifocal_core::Ask::default(),
    })
}

/// Whether a lockfile beside a manifest says what it brings.
fn is_locked(manifest: &Inventory, all: &[Inventory], request: &Request) -> bool {
    let names: &[&str] = match manifest.kind {
        FileKind::PackageJson => &["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"],
        FileKind::CargoToml => &["Cargo.lock"],
        FileKind::Pyproject => &["uv.lock", "poetry.lock", "pdm.lock"],
        _ => return false,
    };
    let folder = manifest.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let in_list = |other: &Inventory| {
        let (above, name) = other.path.rsplit_once('/').unwrap_or(("", &other.path));
        above == folder && names.contains(&name)
    };
    all.iter().any(in_list) || names.iter().any(|name| request.cwd.join(folder).join(name).exists())
}

/// The files that targets stand for.
#[derive(Debug, Default)]
struct Expanded {
    /// To read, each once.
    paths: Vec<String>,
    seen: BTreeSet<String>,
    /// Those that a person named one by one.
    named: BTreeSet<String>,
    /// What the search itself has to say.
    inventories: Vec<Inventory>,
    /// See [`Plan::left_out`].
    left_out: Vec<String>,
}

impl Expanded {
    fn add(&mut self, path: String) {
        if self.seen.insert(path.clone()) {
            self.paths.push(path);
        }
    }
}

/// A file as it is; a folder as the files found in it.
fn expand(request: &Request, target: &str, into: &mut Expanded) -> Result<(), TargetError> {
    let path = request.cwd.join(target);
    let meta = std::fs::metadata(&path).map_err(|error| TargetError::Missing { path: printable(target), why: error.to_string() })?;
    if !meta.is_dir() {
        into.named.insert(slashes(target));
        into.add(slashes(target));
        return Ok(());
    }
    let mut found = walk(&path, &ReaderLimits::default())?;
    let mut others = tracked_and_ignored(&path);
    others.retain(|file| is_looked_for(file));
    let excluded = request.exclude.apply(&path, &mut found, &mut others);
    found.left_out.extend(excluded);
    if found.files.is_empty() && found.unread.is_empty() {
        let left_out = if found.left_out.is_empty() { String::new() } else { format!(" (left out: {})", found.left_out.join("; ")) };
        // Without the `.` at the end of `folder/.`.
        let folder: PathBuf = path.components().collect();
        return Err(TargetError::Nothing(format!("{}{left_out}", printable(&folder.to_string_lossy()))));
    }
    let prefix = match slashes(target).trim_end_matches('/') {
        "." | "" => String::new(),
        other => format!("{}/", other.strip_prefix("./").unwrap_or(other)),
    };
    for file in found.files {
        let path = format!("{prefix}{}", file.path);
        if !file.notes.is_empty() {
            into.inventories.push(Inventory { notes: file.notes, ..Inventory::new(&path, file.kind) });
        }
        into.add(path);
    }
    for file in others {
        into.add(format!("{prefix}{file}"));
    }
    let mut unread = found.unread;
    for one in &mut unread {
        one.what.insert_str(0, &prefix);
        one.place.path.insert_str(0, &prefix);
    }
    into.inventories.push(Inventory { unread, ..Inventory::new(target, FileKind::CommandLine) });
    for line in found.left_out {
        if !into.left_out.contains(&line) {
            into.left_out.push(line);
        }
    }
    Ok(())
}

/// Files of a folder that git tracks although `.gitignore` names them: they are part of the project, and an ignored lockfile
/// would be a hidden one. Nothing where git knows no such folder.
fn tracked_and_ignored(folder: &Path) -> Vec<String> {
    if !folder.ancestors().any(|folder| folder.join(".git").exists()) {
        return Vec::new();
    }
    // A monitor that the repository's own configuration names would be run.
    let arguments = ["-c", "core.fsmonitor=false", "ls-files", "-z", "--cached", "--ignored", "--exclude-standard"];
    let output = Command::new("git").args(arguments).current_dir(folder).env("GIT_OPTIONAL_LOCKS", "0").stdin(Stdio::null()).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else { return Vec::new() };
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).into_owned()).filter(|name| folder.join(name).exists()).collect()
}

fn slashes(path: &str) -> String {
    if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() }
}

fn read_one(path: &str, files: &dyn FileSource, request: &Request, poms: &Poms) -> Result<Inventory, TargetError> {
    let limits = ReaderLimits::default();
    // A pipe would be waited for, and a folder has nothing to read.
    if std::fs::metadata(request.cwd.join(path)).is_ok_and(|meta| !meta.is_file()) {
        return Err(TargetError::Missing { path: printable(path), why: "it is no regular file".to_owned() });
    }
    let bytes = files.file(path, limits.file_bytes).map_err(|error| TargetError::Missing { path: printable(path), why: why(&error) })?;
    if bytes.iter().all(u8::is_ascii_whitespace) && detect(path, &bytes).is_some_and(never_empty) {
        return Err(TargetError::Missing {
            path: printable(path),
            why: "it is empty, and its tool never writes it so; make it anew".to_owned(),
        });
    }
    let mut context = ReadContext::new(files);
    context.poms = Some(poms);
    if detect(path, &bytes).is_some_and(asks_for_python) {
        context.python = Some(PythonEnvironment::here(&poms.python_version()));
    }
    context.variables = request.variables.clone();
    context.limits = limits;
    read(path, &bytes, &context).map_err(|error| {
        if poms.failed() || matches!(error.problem, Problem::Upstream { .. }) {
            TargetError::Upstream(error)
        } else {
            TargetError::Read(error)
        }
    })
}

/// Lockfiles that their tools never leave empty: an empty one was cut off, and would pass for a project without
/// dependencies.
fn never_empty(kind: FileKind) -> bool {
    use FileKind::{CargoLock, GoMod, GradleLockfile, PnpmLock};
    matches!(kind, CargoLock | GoMod | GradleLockfile | PnpmLock)
}

/// Whether environment markers decide what the file asks for.
fn asks_for_python(kind: FileKind) -> bool {
    use FileKind::{PdmLock, PipfileLock, PoetryLock, Pyproject, Requirements, UvLock};
    matches!(kind, PdmLock | PipfileLock | PoetryLock | Pyproject | Requirements | UvLock)
}

/// Files at a git revision, as `git show` gives them.
struct GitFiles {
    cwd: PathBuf,
    revision: String,
}

impl GitFiles {
    fn new(cwd: &Path, revision: &str) -> Result<Self, TargetError> {
        let failed = |why: String| TargetError::Base { revision: printable(revision), why };
        if revision.starts_with('-') {
            return Err(failed("a revision does not begin with `-`".to_owned()));
        }
        let commit = Command::new("git")
            .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
            .arg(format!("{revision}^{{commit}}"))
            .current_dir(cwd)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(format!("git cannot be started: {error}")))?;
        if !commit.status.success() {
            return Err(failed("git knows no such commit here".to_owned()));
        }
        Ok(GitFiles { cwd: cwd.to_path_buf(), revision: String::from_utf8_lossy(&commit.stdout).trim().to_owned() })
    }
}

impl FileSource for GitFiles {
    fn file(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let relative = Path::new(path);
        let relative = if relative.is_absolute() { relative.strip_prefix(&self.cwd).map_err(|_| FileError::Outside)? } else { relative };
        let output = Command::new("git")
            .arg("show")
            .arg(format!("{}:./{}", self.revision, relative.to_string_lossy()))
            .current_dir(&self.cwd)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .map_err(|error| FileError::Io(error.to_string()))?;
        if !output.status.success() {
            return Err(FileError::NotFound);
        }
        let bytes = output.stdout.len() as u64;
        if bytes > limit { Err(FileError::TooLarge { bytes }) } else { Ok(output.stdout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purls_are_exact_or_what_is_current() {
        assert!(matches!(purl("pkg:npm/x@1.0.0").unwrap().requested, Requested::Exact { .. }));
        assert!(matches!(purl("pkg:npm/x").unwrap().requested, Requested::Range { requirement, .. } if requirement == "latest"));
        assert!(purl("pkg:gem/x@1").is_err());
        assert!(purl("pkg:npm/../x@1").is_err());
    }

    #[test]
    fn places_are_as_the_person_named_them() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("web")).unwrap();
        std::fs::write(dir.path().join("web/package.json"), "{}").unwrap();
        let request = Request {
            cwd: dir.path().to_path_buf(),
            targets: Vec::new(),
            base: None,
            exclude: Exclude::default(),
            variables: BTreeMap::new(),
        };
        for (target, path) in [(".", "web/package.json"), ("web", "web/package.json"), ("./web/", "web/package.json")] {
            let mut found = Expanded::default();
            expand(&request, target, &mut found).unwrap();
            assert_eq!(found.paths, [path]);
        }
        assert!(matches!(expand(&request, "nowhere", &mut Expanded::default()), Err(TargetError::Missing { .. })));
    }
}
