//! The readers, one line each, and which of them takes a file.

use crate::client;
use crate::context::ReadContext;
use crate::error::{Problem, ReadError};
use crate::reader;
use crate::source::Source;
use bifocal_core::{Ecosystem, FileKind, Inventory};

/// Bytes at the start of a file that are enough to know its kind.
pub const SNIFFED_BYTES: usize = 4096;

/// One reader: what it takes and how it is called.
pub struct Reader {
    /// Stable id, in documentation, fixtures and fuzz targets.
    pub id: &'static str,
    /// The kind that it gives.
    pub kind: FileKind,
    /// The ecosystem whose manifest or lockfile this is; `None` for SBOMs.
    pub ecosystem: Option<Ecosystem>,
    /// Whether it takes a file of this name (without folders) and parent folder, judged by the name alone.
    named: fn(name: &str, folder: &str) -> bool,
    /// Tells readers apart that share a name, or knows a file by its content when the name says nothing.
    sniffed: fn(head: &str) -> bool,
    /// Whether content alone is enough.
    by_content: bool,
    read: fn(&Source<'_>, &ReadContext<'_>) -> Result<Inventory, ReadError>,
}

const ANY: fn(&str) -> bool = |_| true;
const BERRY: fn(&str) -> bool = |head| head.contains("__metadata:");

macro_rules! readers {
    ($($id:literal, $kind:ident, $ecosystem:expr, $module:ident, $by_content:literal, $named:expr, $sniffed:expr;)*) => {
        /// Every reader, in the order in which they are asked.
        pub const READERS: &[Reader] = &[$(Reader {
            id: $id, kind: FileKind::$kind, ecosystem: $ecosystem, named: $named, sniffed: $sniffed, by_content: $by_content,
            read: reader::$module::read,
        }),*];
    };
}

const GRADLE: [&str; 4] =
    ["gradle.lockfile", "buildscript-gradle.lockfile", "settings-gradle.lockfile", "settings-buildscript-gradle.lockfile"];

const NPM: Option<Ecosystem> = Some(Ecosystem::Npm);
const PYPI: Option<Ecosystem> = Some(Ecosystem::Pypi);
const MAVEN: Option<Ecosystem> = Some(Ecosystem::Maven);
const CARGO: Option<Ecosystem> = Some(Ecosystem::Cargo);
const GOLANG: Option<Ecosystem> = Some(Ecosystem::Golang);

readers! {
    "package-lock", PackageLock, NPM, package_lock, true, |n, _| n == "package-lock.json" || n == "npm-shrinkwrap.json", |h| h.trim_start().starts_with('{') && h.contains("\"lockfileVersion\"");
    "yarn-berry", YarnLock, NPM, yarn_berry, true, |n, _| n == "yarn.lock", BERRY;
    "yarn-lock-v1", YarnLock, NPM, yarn_lock_v1, true, |n, _| n == "yarn.lock", |h| !BERRY(h) && h.contains("# yarn lockfile v1");
    "pnpm-lock", PnpmLock, NPM, pnpm_lock, true, |n, _| n == "pnpm-lock.yaml", |h| h.starts_with("lockfileVersion:");
    "package-json", PackageJson, NPM, package_json, false, |n, _| n == "package.json", ANY;
    "poetry-lock", PoetryLock, PYPI, poetry_lock, false, |n, _| n == "poetry.lock", ANY;
    "uv-lock", UvLock, PYPI, uv_lock, false, |n, _| n == "uv.lock" || n.ends_with(".py.lock"), ANY;
    "pipfile-lock", PipfileLock, PYPI, pipfile_lock, false, |n, _| n == "Pipfile.lock", ANY;
    "pdm-lock", PdmLock, PYPI, pdm_lock, false, |n, _| n == "pdm.lock", ANY;
    "pyproject", Pyproject, PYPI, pyproject, false, |n, _| n == "pyproject.toml", ANY;
    "requirements", Requirements, PYPI, requirements, false, is_requirements, ANY;
    "cargo-lock", CargoLock, CARGO, cargo_lock, false, |n, _| n == "Cargo.lock", ANY;
    "cargo-toml", CargoToml, CARGO, cargo_toml, false, |n, _| n == "Cargo.toml", ANY;
    "pom", Pom, MAVEN, pom, true, |n, _| n == "pom.xml" || n.ends_with(".pom"), |h| h.contains("<project") && h.contains("maven");
    "gradle-lockfile", GradleLockfile, MAVEN, gradle_lockfile, true, |n, folder| GRADLE.contains(&n) || (folder == "dependency-locks" && n.ends_with(".lockfile")), |h| h.starts_with("# This is a Gradle generated file for dependency locking");
    "go-mod", GoMod, GOLANG, go_mod, false, |n, _| n == "go.mod", ANY;
    "go-sum", GoSum, GOLANG, go_sum, false, |n, _| n == "go.sum", ANY;
    "go-work", GoWork, GOLANG, go_work, false, |n, _| n == "go.work", ANY;
    "cyclonedx", CycloneDx, None, cyclonedx, true, |n, _| n == "bom.json" || n.ends_with(".cdx.json") || n.ends_with("cyclonedx.json"), |h| h.contains("\"bomFormat\"") || h.contains("cyclonedx.org/schema");
    "spdx", Spdx, None, spdx, true, |n, _| n.ends_with(".spdx.json") || n.ends_with("spdx3.json"), |h| h.contains("\"spdxVersion\"") || h.contains("\"SPDXID\"") || h.contains("spdx.org/rdf/3");
}

/// The ids of every reader.
pub fn reader_ids() -> impl Iterator<Item = &'static str> {
    READERS.iter().map(|reader| reader.id)
}

fn is_requirements(name: &str, folder: &str) -> bool {
    let Some(stem) = name.strip_suffix(".txt") else { return false };
    let stem = stem.to_ascii_lowercase();
    stem == "requirements"
        || stem == "constraints"
        || stem.starts_with("requirements-")
        || stem.starts_with("requirements_")
        || stem.starts_with("requirements.")
        || stem.ends_with("-requirements")
        || stem.ends_with("_requirements")
        || stem.ends_with(".requirements")
        || folder == "requirements"
}

/// The reader that takes the file at `path`, whose first bytes (up to [`SNIFFED_BYTES`]) are `first_bytes`.
pub(crate) fn reader_for(path: &str, first_bytes: &[u8]) -> Option<&'static Reader> {
    let path = path.replace('\\', "/");
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let folder = folders.rsplit('/').next().unwrap_or(folders);
    let head = &first_bytes[..first_bytes.len().min(SNIFFED_BYTES)];
    let head = String::from_utf8_lossy(head);
    let head = head.trim_start_matches('\u{feff}');
    let named: Vec<&Reader> = READERS.iter().filter(|reader| (reader.named)(name, folder)).collect();
    match named.as_slice() {
        // One reader, or the first of several that knows the content, or the last of them.
        [] => READERS.iter().find(|reader| reader.by_content && (reader.sniffed)(head)),
        [one] => Some(one),
        several => several.iter().find(|reader| (reader.sniffed)(head)).or(several.last()).copied(),
    }
}

/// What kind of file this is, by its name and, where that says nothing, by its first bytes; `None` when no reader
/// knows it.
pub fn detect(path: &str, first_bytes: &[u8]) -> Option<FileKind> {
    reader_for(path, first_bytes).map(|reader| reader.kind)
}

/// Reads one file. `path` is what places and errors will carry; includes are asked of `ctx.files` in the same form.
pub fn read(path: &str, bytes: &[u8], ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    match reader_for(path, bytes) {
        Some(reader) => run(reader, path, bytes, ctx),
        None => Err(ReadError::new(path, 0, Problem::UnknownKind)),
    }
}

/// Reads one file by the reader of that id or file name (`requirements`, `package-lock`, …), whatever its own name is.
pub fn read_as(id: &str, path: &str, bytes: &[u8], ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    match READERS.iter().find(|reader| reader.id == id) {
        Some(reader) => run(reader, path, bytes, ctx),
        None => Err(ReadError::new(path, 0, Problem::UnknownKind)),
    }
}

fn run(reader: &Reader, path: &str, bytes: &[u8], ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let size = bytes.len() as u64;
    if size > ctx.limits.file_bytes {
        return Err(ReadError::new(path, 0, Problem::TooLarge { bytes: size, limit: ctx.limits.file_bytes }));
    }
    let mut inventory = (reader.read)(&Source { path, bytes }, ctx)?;
    client::apply(&mut inventory, ctx)?;
    Ok(inventory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_name_and_else_by_content() {
        for (path, head, kind) in [
            ("a/package-lock.json", "", Some(FileKind::PackageLock)),
            ("npm-shrinkwrap.json", "", Some(FileKind::PackageLock)),
            ("yarn.lock", "__metadata:\n  version: 8", Some(FileKind::YarnLock)),
            ("requirements-dev.txt", "", Some(FileKind::Requirements)),
            ("requirements/base.txt", "", Some(FileKind::Requirements)),
            ("notes.txt", "", None),
            ("x.json", "{\"bomFormat\": \"CycloneDX\"", Some(FileKind::CycloneDx)),
            ("x.json", "{\"spdxVersion\": \"SPDX-2.3\"", Some(FileKind::Spdx)),
            ("x.json", "{}", None),
            ("gradle/dependency-locks/compileClasspath.lockfile", "", Some(FileKind::GradleLockfile)),
            ("sub\\go.sum", "", Some(FileKind::GoSum)),
        ] {
            assert_eq!(detect(path, head.as_bytes()), kind, "{path}");
        }
    }

    #[test]
    fn the_two_yarn_formats_are_told_apart() {
        assert_eq!(reader_for("yarn.lock", b"# yarn lockfile v1\n\n").unwrap().id, "yarn-lock-v1");
        assert_eq!(reader_for("yarn.lock", b"# generated\n\n__metadata:\n  version: 6\n").unwrap().id, "yarn-berry");
        assert_eq!(reader_for("yarn.lock", b"").unwrap().id, "yarn-lock-v1");
    }
}
