//! Go's `h1:` digest of a module zip, as `go.sum` has it: SHA-256 over one line for each file, sorted by name
//! (`golang.org/x/mod/sumdb/dirhash`, `Hash1`).

use crate::{Entry, EntryKind};
use bifocal_core::{Algorithm, Digest, Sha256};

/// The digest over `(name, content)` pairs; names as in the zip (`module@version/file`).
pub fn go_h1_of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Option<Digest> {
    let mut lines: Vec<(&str, String)> = files.into_iter().map(|(name, content)| (name, Sha256::of(content).hex())).collect();
    lines.sort_unstable();
    let mut text = String::new();
    for (name, hex) in &lines {
        text.push_str(hex);
        text.push_str("  ");
        text.push_str(name);
        text.push('\n');
    }
    Digest::new(Algorithm::GoH1, Sha256::of(text.as_bytes()).as_bytes())
}

/// The digest over the entries of an unpacked module zip. Folders count under their name with a slash, as Go has it.
pub fn go_h1(entries: &[Entry]) -> Option<Digest> {
    let folders: Vec<String> =
        entries.iter().filter(|entry| entry.kind == EntryKind::Folder).map(|entry| format!("{}/", entry.path)).collect();
    let files = entries.iter().filter(|entry| entry.kind != EntryKind::Folder).map(|entry| (entry.path.as_str(), entry.data.as_slice()));
    go_h1_of(files.chain(folders.iter().map(|folder| (folder.as_str(), &[][..]))))
}

/// The digest of a lone `go.mod`, as the `/go.mod h1:` lines of `go.sum` have it.
pub fn go_mod_h1(content: &[u8]) -> Option<Digest> {
    go_h1_of([("go.mod", content)])
}
