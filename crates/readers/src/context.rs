//! What a reader may ask of its surroundings: files beside the one being read, POMs from an upstream, and what the
//! machine is that would install it.

use crate::error::{Problem, ReadError, shown};
use crate::python::PythonEnvironment;
use bifocal_core::ReaderLimits;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// Everything that [`crate::read`] takes besides the file itself.
pub struct ReadContext<'a> {
    /// Where included files come from.
    pub files: &'a dyn FileSource,
    /// Where parents, imported BOMs and transitive POMs come from; without it a POM gives its direct dependencies only.
    pub poms: Option<&'a dyn PomSource>,
    /// The interpreter that PEP 508 markers are evaluated for; without it every marker counts as true.
    pub python: Option<PythonEnvironment>,
    /// The machine that POM profiles are activated for.
    pub java: JavaEnvironment,
    /// Values of the `${NAME}` that requirements files may contain; names that are absent stay as written.
    pub variables: BTreeMap<String, String>,
    /// Bounds.
    pub limits: ReaderLimits,
}

impl<'a> ReadContext<'a> {
    /// A context with default limits, no upstream and every marker true.
    pub fn new(files: &'a dyn FileSource) -> Self {
        ReadContext {
            files,
            poms: None,
            python: None,
            java: JavaEnvironment::default(),
            variables: BTreeMap::new(),
            limits: ReaderLimits::default(),
        }
    }

    /// The same surroundings with another Java.
    pub(crate) fn with_java(&self, java: JavaEnvironment) -> ReadContext<'a> {
        let (files, poms, limits) = (self.files, self.poms, self.limits);
        ReadContext { files, poms, python: self.python.clone(), java, variables: self.variables.clone(), limits }
    }

    /// The file that is written so in the file `from`, with its path; `None` where there is none that may be read.
    pub(crate) fn beside(&self, from: &str, written: &str, limit: u64) -> Result<Option<(String, Vec<u8>)>, ReadError> {
        let Some(path) = beside(from, written) else { return Ok(None) };
        let problem = match self.files.file(&path, limit) {
            Ok(bytes) => return Ok(Some((path, bytes))),
            Err(FileError::NotFound | FileError::Outside) => return Ok(None),
            Err(FileError::TooLarge { bytes }) => Problem::TooLarge { bytes, limit },
            Err(FileError::Io(why)) => Problem::Io(shown(&why)),
        };
        Err(ReadError::new(&path, 0, problem))
    }
}

/// Why a file beside the one being read is not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileError {
    /// There is none.
    NotFound,
    /// It is outside the folders that may be read.
    Outside,
    /// It is larger than the limit.
    TooLarge {
        /// Its size, in bytes.
        bytes: u64,
    },
    /// Reading failed.
    Io(String),
}

/// Gives files by path: in the same form as the path given to [`crate::read`], `..` already folded.
pub trait FileSource {
    /// The bytes of a file of at most `limit` bytes.
    fn file(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError>;

    /// The names of the folders in a folder, sorted, at most `limit` of them; none where that cannot be told.
    fn folders(&self, path: &str, limit: usize) -> Vec<String> {
        let _ = (path, limit);
        Vec::new()
    }
}

/// A file source that has none.
#[derive(Debug, Clone, Copy)]
pub struct NoFiles;

impl FileSource for NoFiles {
    fn file(&self, _path: &str, _limit: u64) -> Result<Vec<u8>, FileError> {
        Err(FileError::NotFound)
    }
}

/// Files kept in memory, for tests and for callers that have no folder.
impl FileSource for BTreeMap<String, Vec<u8>> {
    fn file(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let bytes = self.get(path).ok_or(FileError::NotFound)?;
        if bytes.len() as u64 > limit {
            return Err(FileError::TooLarge { bytes: bytes.len() as u64 });
        }
        Ok(bytes.clone())
    }

    fn folders(&self, path: &str, limit: usize) -> Vec<String> {
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        let inside = self.keys().filter_map(|file| file.strip_prefix(&below)?.split_once('/'));
        let names: BTreeSet<&str> = inside.map(|(name, _)| name).collect();
        names.into_iter().take(limit).map(str::to_owned).collect()
    }
}

/// Files below a folder. Links are followed only while they stay below it (or below another allowed folder).
#[derive(Debug, Clone)]
pub struct Folder {
    base: PathBuf,
    allowed: Vec<PathBuf>,
}

impl Folder {
    /// `base` is what relative paths are relative to, and the folder that no include may leave.
    pub fn new(base: &Path) -> Result<Self, FileError> {
        let base = base.canonicalize().map_err(|error| FileError::Io(error.to_string()))?;
        Ok(Folder { allowed: vec![base.clone()], base })
    }

    /// Another folder that the user named and that includes may therefore lead into.
    pub fn allow(mut self, folder: &Path) -> Result<Self, FileError> {
        self.allowed.push(folder.canonicalize().map_err(|error| FileError::Io(error.to_string()))?);
        Ok(self)
    }
}

impl Folder {
    /// The real place of a path, where that is inside.
    fn real(&self, path: &str) -> Result<PathBuf, FileError> {
        let wanted = self.base.join(path);
        // A lexical check first, so that the answer does not tell whether a file outside exists.
        let mut folded = PathBuf::new();
        for part in wanted.components() {
            match part {
                Component::ParentDir => {
                    folded.pop();
                }
                Component::CurDir => {}
                other => folded.push(other),
            }
        }
        let inside = |path: &Path| self.allowed.iter().any(|root| path.starts_with(root));
        if !inside(&folded) && !folded.parent().and_then(|parent| parent.canonicalize().ok()).is_some_and(|parent| inside(&parent)) {
            return Err(FileError::Outside);
        }
        let real = wanted.canonicalize().map_err(io)?;
        if inside(&real) { Ok(real) } else { Err(FileError::Outside) }
    }
}

fn io(error: std::io::Error) -> FileError {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => FileError::NotFound,
        _ => FileError::Io(error.to_string()),
    }
}

impl FileSource for Folder {
    fn folders(&self, path: &str, limit: usize) -> Vec<String> {
        let Some(entries) = self.real(path).ok().and_then(|real| std::fs::read_dir(real).ok()) else { return Vec::new() };
        let folders = entries.flatten().filter(|entry| entry.path().is_dir());
        let mut names: Vec<String> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names.truncate(limit);
        names
    }

    fn file(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let real = self.real(path)?;
        // Opening a pipe would wait for whoever writes to it.
        if !std::fs::metadata(&real).map_err(io)?.is_file() {
            return Err(FileError::NotFound);
        }
        let file = File::open(&real).map_err(io)?;
        let meta = file.metadata().map_err(io)?;
        if !meta.is_file() {
            return Err(FileError::NotFound);
        }
        if meta.len() > limit {
            return Err(FileError::TooLarge { bytes: meta.len() });
        }
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > limit {
            return Err(FileError::TooLarge { bytes: bytes.len() as u64 });
        }
        Ok(bytes)
    }
}

/// Joins a path written in the file `from` (its own folder is the base) and folds `.` and `..`. `None` when it would
/// climb above the base of relative paths, or is absolute without `from` being so.
pub(crate) fn beside(from: &str, written: &str) -> Option<String> {
    let written = written.replace('\\', "/");
    let absolute = written.starts_with('/');
    if written.contains('\0') || (absolute && !from.starts_with('/')) {
        return None;
    }
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> =
        if absolute { Vec::new() } else { folder.split('/').filter(|part| !part.is_empty() && *part != ".").collect() };
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                None if !from.starts_with('/') => return None,
                Some(&"..") => parts.push(".."),
                _ => {
                    parts.pop();
                }
            },
            name => parts.push(name),
        }
    }
    let joined = parts.join("/");
    Some(if from.starts_with('/') { format!("/{joined}") } else { joined })
}

/// A path that is written in a file of `folder`, relative to the base of that folder: folded, with the `..` that lead out
/// of the base in front. An absolute path stays.
pub(crate) fn joined(folder: &str, written: &str) -> String {
    let written = written.replace('\\', "/");
    if written.starts_with(['/', '~']) || written.as_bytes().get(1) == Some(&b':') {
        return written;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(written.split('/')) {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", None | Some(&"..")) => parts.push(".."),
            ("..", _) => {
                parts.pop();
            }
            (name, _) => parts.push(name),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// Why an upstream gives no POM or no versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PomError {
    /// The upstream says that there is none.
    NotFound,
    /// It could not be asked, with the reason in words.
    Unavailable(String),
}

/// `group:artifact` at a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Coordinates {
    /// Group id.
    pub group: String,
    /// Artifact id.
    pub artifact: String,
    /// Version.
    pub version: String,
}

impl std::fmt::Display for Coordinates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.group, self.artifact, self.version)
    }
}

/// Gives POMs from the user's Maven upstreams. Called from the thread that reads; implementations may block.
pub trait PomSource {
    /// The bytes of one POM.
    fn pom(&self, coordinates: &Coordinates) -> Result<Vec<u8>, PomError>;

    /// The versions that the upstream has, in any order; asked only for version ranges.
    fn versions(&self, group: &str, artifact: &str) -> Result<Vec<String>, PomError> {
        let _ = (group, artifact);
        Err(PomError::Unavailable("this upstream lists no versions".to_owned()))
    }

    /// Says which POMs will be asked for next, so that an implementation can fetch them side by side.
    fn announce(&self, coordinates: &[Coordinates]) {
        let _ = coordinates;
    }
}

/// What Maven profiles are activated by, and what the command line gives to every POM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JavaEnvironment {
    /// `java.version`, such as `17.0.15`.
    pub java_version: String,
    /// `os.name`, lower case.
    pub os_name: String,
    /// `unix`, `windows`, `mac`.
    pub os_family: String,
    /// `os.arch`, such as `amd64`.
    pub os_arch: String,
    /// What `-Dname=value` says, for every POM of the project.
    pub user_properties: BTreeMap<String, String>,
}

impl Default for JavaEnvironment {
    /// Java 17 on 64-bit Linux.
    fn default() -> Self {
        JavaEnvironment {
            java_version: "17.0.0".to_owned(),
            os_name: "linux".to_owned(),
            os_family: "unix".to_owned(),
            os_arch: "amd64".to_owned(),
            user_properties: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_folded_and_never_climb_out() {
        for (from, written, joined) in [
            ("a/b/r.txt", "../c.txt", Some("a/c.txt")),
            ("r.txt", "./x/../y.txt", Some("y.txt")),
            ("r.txt", "../y.txt", None),
            ("a/r.txt", "../../y.txt", None),
            ("r.txt", "/etc/passwd", None),
            ("/p/r.txt", "/q/s.txt", Some("/q/s.txt")),
            ("/p/r.txt", "../../../s.txt", Some("/s.txt")),
            ("a/r.txt", "..\\s.txt", Some("s.txt")),
        ] {
            assert_eq!(beside(from, written).as_deref(), joined, "{from} {written}");
        }
    }

    #[test]
    fn paths_of_members_are_told_from_the_root() {
        for (folder, written, path) in [
            ("packages/a", "../b", "packages/b"),
            ("packages/a", "../../../b", "../b"),
            (".", "x/..", "."),
            ("", "../../x", "../../x"),
            ("a", "/etc/x", "/etc/x"),
            ("a", "C:\\x", "C:/x"),
        ] {
            assert_eq!(joined(folder, written), path, "{folder} {written}");
        }
    }
}
