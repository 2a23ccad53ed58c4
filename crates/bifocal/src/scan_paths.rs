//! What a path that `scan` is given stands for: a file, a source tree, the archives of a folder.
//!
//! An archive in a folder may be anything: what a build left in `dist/`, a test's fixture, a payload that the code beside it
//! unpacks. Nobody who names the folder means to leave it out, so each is scanned by itself, in subfolders too. The folder
//! is also scanned as one source tree, archives and all, when it holds anything that is neither an archive nor what lies
//! beside archives (checksums, signatures, a README, a `.gitignore`).

use bifocal_core::ArchiveLimits;
use std::path::{Path, PathBuf};

/// Endings of packed code.
const ARCHIVES: [&str; 12] =
    [".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tar", ".zip", ".whl", ".egg", ".jar", ".war", ".crate"];
/// Endings of what is made about an archive and holds no code.
const ABOUT: [&str; 17] = [
    ".md",
    ".rst",
    ".txt",
    ".asc",
    ".sig",
    ".minisig",
    ".sigstore",
    ".sigstore.json",
    ".attestation",
    ".intoto.jsonl",
    ".md5",
    ".sha1",
    ".sha256",
    ".sha512",
    ".spdx.json",
    ".cdx.json",
    ".blake3",
];
/// Files beside archives that hold no code.
const BESIDE: [&str; 8] = [".gitignore", ".gitattributes", ".gitkeep", ".ds_store", "sha1sums", "sha256sums", "sha512sums", "license"];

/// The paths to scan for one that a person named, in order: the archives of a folder by path, then the folder itself where
/// it holds more.
pub(crate) fn what_to_scan(path: PathBuf) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path];
    }
    // A folder that cannot be walked is an error of its own when it is read.
    let Some((mut archives, more)) = walk(&path) else { return vec![path] };
    archives.sort();
    if more || archives.is_empty() {
        archives.push(path);
    }
    archives
}

/// The archives below a folder, and whether it holds anything else to look at. Links are not followed; `.git` is left out.
fn walk(root: &Path) -> Option<(Vec<PathBuf>, bool)> {
    let most = ArchiveLimits::default().entries as usize;
    let (mut archives, mut more, mut seen) = (Vec::new(), false, 0);
    let mut pending = vec![root.to_path_buf()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).ok()? {
            let entry = entry.ok()?;
            let kind = entry.file_type().ok()?;
            let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
            let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
            if kind.is_dir() {
                if entry.file_name() != ".git" {
                    pending.push(entry.path());
                }
            } else if kind.is_file() && ends(&ARCHIVES) {
                archives.push(entry.path());
            } else if !ends(&ABOUT) && !BESIDE.contains(&name.as_str()) {
                more = true;
            }
            seen += 1;
            if seen > most {
                return None;
            }
        }
    }
    Some((archives, more))
}
