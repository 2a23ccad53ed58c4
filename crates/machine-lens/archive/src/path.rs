//! Paths inside archives: hostile text that must stay below one root on every operating system.
//!
//! The attacks: `../` and absolute paths ("zip slip", CVE-2018-1000544 and many more), Windows drives, shares and
//! backslashes that are harmless on Unix only, NUL and control characters where readers cut names differently, and
//! lengths that exhaust whoever joins them.

use crate::error::shown;
use crate::{ArchiveError, Note};
use bifocal_core::ArchiveLimits;

/// A path that stays below the archive's root: `/`-separated, without `.`, `..` and empty parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SafePath {
    /// Empty for the root itself.
    pub(crate) path: String,
    /// It ended in a separator.
    pub(crate) is_folder: bool,
    pub(crate) notes: Vec<Note>,
}

/// Decodes a name losslessly: each byte that is not part of UTF-8 becomes U+FFFD and two hex digits.
pub(crate) fn decode(raw: &[u8]) -> (String, bool) {
    match std::str::from_utf8(raw) {
        Ok(text) => (text.to_owned(), true),
        Err(_) => {
            let mut out = String::with_capacity(raw.len() + 16);
            for chunk in raw.utf8_chunks() {
                out.push_str(chunk.valid());
                for byte in chunk.invalid() {
                    out.push('\u{fffd}');
                    out.push_str(&format!("{byte:02x}"));
                }
            }
            (out, false)
        }
    }
}

/// Checks the bytes of a name and brings it into its one form.
pub(crate) fn safe_path(raw: &[u8], limits: &ArchiveLimits) -> Result<SafePath, ArchiveError> {
    if raw.is_empty() {
        return Err(ArchiveError::EmptyPath);
    }
    if raw.len() as u64 > u64::from(limits.path_bytes) {
        let (start, _) = decode(raw.get(..100).unwrap_or(raw));
        return Err(ArchiveError::PathTooLong { path: shown(&start), limit: limits.path_bytes });
    }
    let (text, is_utf8) = decode(raw);
    if text.contains('\0') {
        return Err(ArchiveError::NulInPath { path: shown(&text) });
    }
    let has_backslash = text.contains('\\');
    let text = if has_backslash { text.replace('\\', "/") } else { text };
    if is_absolute(&text) {
        return Err(ArchiveError::AbsolutePath { path: shown(&text) });
    }
    let mut parts: Vec<&str> = Vec::new();
    let mut portable = true;
    for part in text.split('/') {
        if part.is_empty() || part == "." {
            continue;
        }
        // Windows drops trailing blanks, so `.. ` climbs there.
        if part.trim_end_matches(' ') == ".." {
            return Err(ArchiveError::PathTraversal { path: shown(&text) });
        }
        // The custom icon of a folder on macOS has this name and comes along in benign packages.
        if part != "Icon\r" && part.chars().any(char::is_control) {
            return Err(ArchiveError::ControlInPath { path: shown(&text) });
        }
        portable = portable && is_portable(part);
        parts.push(part);
    }
    let is_folder = text.ends_with('/') || parts.is_empty();
    let folders = if is_folder { parts.len() } else { parts.len().saturating_sub(1) };
    if folders as u64 > u64::from(limits.path_depth) {
        return Err(ArchiveError::PathTooDeep { path: shown(&text), limit: limits.path_depth });
    }
    let path = parts.join("/");
    let mut notes = Vec::new();
    if has_backslash {
        notes.push(Note::Backslash { path: path.clone() });
    }
    if !is_utf8 {
        notes.push(Note::NameNotUtf8 { path: path.clone() });
    }
    if !path.is_ascii() && bifocal_core::printable(&path) != path {
        notes.push(Note::HiddenCharacters { path: path.clone() });
    }
    if !portable {
        notes.push(Note::NotPortable { path: path.clone() });
    }
    Ok(SafePath { path, is_folder, notes })
}

/// From the root, from a drive (`c:`) or from a share; backslashes are already slashes.
pub(crate) fn is_absolute(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first() == Some(&b'/') || (bytes.get(1) == Some(&b':') && bytes.first().is_some_and(u8::is_ascii_alphabetic))
}

/// Whether every common file system can hold a part of a path under this very name.
fn is_portable(part: &str) -> bool {
    const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];
    let stem = part.split('.').next().unwrap_or(part).trim_end();
    let numbered = stem.len() == 4
        && stem.get(..3).is_some_and(|port| port.eq_ignore_ascii_case("com") || port.eq_ignore_ascii_case("lpt"))
        && stem.as_bytes().get(3).is_some_and(u8::is_ascii_digit);
    !part.ends_with(['.', ' '])
        && !part.contains(['<', '>', ':', '"', '|', '?', '*'])
        && !numbered
        && !RESERVED.iter().any(|name| stem.eq_ignore_ascii_case(name))
        && part != "Icon\r"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(raw: &[u8]) -> Result<SafePath, ArchiveError> {
        safe_path(raw, &ArchiveLimits::default())
    }

    #[test]
    fn dots_and_doubled_slashes_vanish_and_folders_are_told_by_their_slash() {
        let safe = path(b"./a//b/./c").unwrap();
        assert_eq!((safe.path.as_str(), safe.is_folder), ("a/b/c", false));
        assert!(path(b"a/").unwrap().is_folder);
        assert_eq!(path(b"./").unwrap().path, "");
    }

    #[test]
    fn every_spelling_of_climbing_is_refused() {
        for raw in [&b"../a"[..], b"a/../../b", b"a/..", b"..\\a", b"a\\..\\b", b".. /a", b"a/.. /b"] {
            assert_eq!(path(raw).unwrap_err().id(), "path-traversal", "{raw:?}");
        }
    }

    #[test]
    fn every_spelling_of_an_absolute_path_is_refused() {
        for raw in [&b"/etc/passwd"[..], b"\\windows", b"C:\\x", b"c:x", b"\\\\server\\share", b"//server/share", b"\\\\?\\C:\\x"] {
            assert_eq!(path(raw).unwrap_err().id(), "absolute-path", "{raw:?}");
        }
    }

    #[test]
    fn undecodable_names_stay_distinct() {
        let (one, two) = (path(b"a\xe9").unwrap(), path(b"a\xe8").unwrap());
        assert_ne!(one.path, two.path);
        assert_eq!(one.notes, [Note::NameNotUtf8 { path: "a\u{fffd}e9".to_owned() }]);
    }

    #[test]
    fn odd_names_are_noted_and_kept() {
        assert_eq!(path(b"a\\b.py").unwrap().path, "a/b.py");
        assert_eq!(path(b"pkg/aux.c").unwrap().notes, [Note::NotPortable { path: "pkg/aux.c".to_owned() }]);
        assert_eq!(path(b"pkg/com1.txt").unwrap().notes.len(), 1);
        assert_eq!(path(b"pkg/Icon\r").unwrap().path, "pkg/Icon\r");
        assert_eq!(path("a\u{202e}b".as_bytes()).unwrap().notes.len(), 1);
        assert!(path("pkg/日本語.txt".as_bytes()).unwrap().notes.is_empty());
    }

    #[test]
    fn control_nul_length_and_depth_are_refused() {
        assert_eq!(path(b"a\nb").unwrap_err().id(), "control-in-path");
        assert_eq!(path(b"a\0b").unwrap_err().id(), "nul-in-path");
        assert_eq!(path(&[b'a'; 1025]).unwrap_err().id(), "path-too-long");
        assert_eq!(path("a/".repeat(65).as_bytes()).unwrap_err().id(), "path-too-deep");
        assert_eq!(path(b"").unwrap_err().id(), "empty-path");
    }
}
