//! `scan`: the behaviour lens on files and folders of this machine, through the same child processes as `check`.

use crate::analysis::{Analysed, Analyser};
use crate::report::ScanLine;
use bifocal_core::{ArchiveLimits, Lens, Sha256, printable};
use bifocal_policy::Policy;
use bytes::Bytes;
use std::io::Read as _;
use std::path::Path;

/// Scans paths one at a time; callers run several side by side.
pub struct Scanner {
    analyser: Analyser,
    policy: Policy,
}

impl Scanner {
    /// A scanner that judges by the behaviour rules of `policy`.
    pub fn new(analyser: Analyser, policy: Policy) -> Self {
        Scanner { analyser, policy }
    }

    /// Looks at one archive or folder. What cannot be read is a line with an error.
    pub async fn scan(&self, path: &Path) -> ScanLine {
        let shown = path.to_string_lossy().into_owned();
        let owned = path.to_path_buf();
        let read = tokio::task::spawn_blocking(move || read(&owned)).await;
        let input = match read {
            Ok(Ok(input)) => input,
            Ok(Err(why)) => return ScanLine::unreadable(&shown, why),
            Err(error) => return ScanLine::unreadable(&shown, format!("reading broke off: {error}")),
        };
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (bytes, digest) = match input {
            Input::File(bytes) => {
                let digest = Sha256::of(&bytes);
                (bytes, Some(digest))
            }
            Input::Folder(packed) => (packed, None),
        };
        let sha256 = digest.unwrap_or_else(|| Sha256::of(&bytes));
        let Analysed { mut facts, cpu, .. } = self.analyser.analyse(None, &name, sha256, bytes).await;
        let judgement = self.policy.evaluate_signals(Lens::Behaviour, &facts.signals, jiff::Timestamp::UNIX_EPOCH);
        facts.signals.sort_by(|a, b| (&a.id, &a.fingerprint).cmp(&(&b.id, &b.fingerprint)));
        ScanLine::of(&shown, digest, facts, judgement.verdict, cpu)
    }
}

pub(crate) enum Input {
    File(Bytes),
    /// A folder as an uncompressed tar, so that the child needs no access to files.
    Folder(Bytes),
}

impl Input {
    /// The bytes that the analyser gets.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Input::File(bytes) | Input::Folder(bytes) => bytes,
        }
    }
}

/// Reads a file, or packs a folder.
pub(crate) fn read(path: &Path) -> Result<Input, String> {
    let limits = ArchiveLimits::default();
    let meta = std::fs::metadata(path).map_err(|error| format!("cannot read it: {error}"))?;
    if meta.is_dir() {
        return pack(path, &limits).map(Input::Folder);
    }
    if !meta.is_file() {
        return Err("it is neither a file nor a folder".to_owned());
    }
    read_bounded(path, limits.archive_bytes).map(|bytes| Input::File(bytes.into()))
}

fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let file = std::fs::File::open(path).map_err(|error| format!("cannot read it: {error}"))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot read it: {error}"))?;
    if bytes.len() as u64 > limit { Err(format!("it has more than {limit} bytes")) } else { Ok(bytes) }
}

/// Packs the regular files below a folder, in order of path. Links are not followed; `.git` is left out.
fn pack(root: &Path, limits: &ArchiveLimits) -> Result<Bytes, String> {
    let mut files = Vec::new();
    let mut pending = vec![root.to_path_buf()];
    while let Some(folder) = pending.pop() {
        let entries =
            std::fs::read_dir(&folder).map_err(|error| format!("cannot read {}: {error}", printable(&folder.to_string_lossy())))?;
        for entry in entries {
            let entry = entry.map_err(|error| format!("cannot read {}: {error}", printable(&folder.to_string_lossy())))?;
            let kind = entry.file_type().map_err(|error| error.to_string())?;
            if kind.is_dir() && entry.file_name() != ".git" {
                pending.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
            if files.len() + pending.len() > limits.entries as usize {
                return Err(format!("it has more than {} files", limits.entries));
            }
        }
    }
    if files.is_empty() {
        return Err("the folder holds no file".to_owned());
    }
    files.sort();
    let mut total = 0u64;
    let mut out = tar::Builder::new(Vec::new());
    for path in files {
        let bytes = read_bounded(&path, limits.entry_bytes)?;
        total += bytes.len() as u64;
        if total > limits.archive_bytes {
            return Err(format!("its files have more than {} bytes", limits.archive_bytes));
        }
        let inside = path.strip_prefix(root).unwrap_or(&path);
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        out.append_data(&mut header, inside, bytes.as_slice())
            .map_err(|error| format!("cannot take {}: {error}", printable(&inside.to_string_lossy())))?;
    }
    out.into_inner().map(Bytes::from).map_err(|error| error.to_string())
}
