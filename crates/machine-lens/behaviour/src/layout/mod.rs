//! What the files of an artifact are for: which of them run by themselves, and when.
//!
//! In: paths and bytes, as unpacked. Out: roots (a file and its trigger), commands of manifests, what the manifest
//! claims, and which specifier means which file. One file an ecosystem.

mod beside;
mod cargo;
mod declared;
pub(crate) mod encoding;
pub(crate) mod golang;
mod gyp;
pub(crate) mod inner;
pub(crate) mod json;
mod maven;
mod npm;
mod pypi;
pub(crate) mod resolve;
pub(crate) mod strip;

use crate::facts::{Dependency, Language, Trigger};
use bifocal_core::{Ecosystem, ManifestClaims};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The files of an artifact by path; the last of two with one path counts, as it does for installers.
pub(crate) type Files<'a> = BTreeMap<&'a str, &'a [u8]>;

/// A file that runs by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    pub(crate) path: String,
    pub(crate) trigger: Trigger,
    /// Started as a program: its `__main__` guard is true.
    pub(crate) as_main: bool,
}

/// A command that a manifest runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestCommand {
    /// The manifest.
    pub(crate) path: String,
    pub(crate) line: u32,
    pub(crate) command: String,
    pub(crate) trigger: Trigger,
}

/// Everything that the layout says.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    pub(crate) claims: ManifestClaims,
    pub(crate) own_places: Vec<String>,
    /// What it wants installed with it.
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) roots: Vec<Root>,
    pub(crate) commands: Vec<ManifestCommand>,
    /// Functions of a file that run by the given trigger, by name (`get_requires_for_build_wheel`).
    pub(crate) hooks: Vec<(String, Vec<String>, Trigger)>,
    /// Top-level module names of the package itself (Python), class names (JVM).
    pub(crate) own_modules: BTreeSet<String>,
    /// Files of a source distribution that installing it leaves behind.
    pub(crate) beside: BTreeSet<String>,
    /// Words that `setup.cfg` puts behind the name of a command that installers call.
    pub(crate) aliased: Vec<String>,
    /// The folder that holds the package, with its slash, or nothing.
    pub(crate) base: String,
    /// Manifests that are there and could not be read: what they run is not known.
    pub(crate) unread: Vec<String>,
    /// Packages in a `node_modules` of the artifact: folder with its slash, and the file that requiring it runs.
    pub(crate) bundled: BTreeMap<String, String>,
}

impl Layout {
    fn root(&mut self, path: &str, trigger: Trigger, as_main: bool) {
        self.roots.push(Root { path: path.to_owned(), trigger, as_main });
    }

    /// Notes an address that the manifest calls the project's own.
    fn own(&mut self, url: &str) {
        if let Some(place) = own_place(url)
            && self.own_places.len() < 16
            && !self.own_places.contains(&place)
        {
            self.own_places.push(place);
        }
    }
}

/// Reads the layout.
pub(crate) fn read(ecosystem: Option<Ecosystem>, filename: &str, files: &Files<'_>) -> Layout {
    let mut layout = Layout { base: base_of(files), ..Layout::default() };
    match ecosystem {
        Some(Ecosystem::Npm) => npm::read(&mut layout, files),
        Some(Ecosystem::Pypi) => pypi::read(&mut layout, filename, files),
        Some(Ecosystem::Cargo) => cargo::read(&mut layout, files),
        Some(Ecosystem::Golang) => golang::read(&mut layout, files),
        Some(Ecosystem::Maven) => maven::read(&mut layout, files),
        None => {}
    }
    layout
}

/// The ecosystem that a set of files looks like, when nobody says.
pub(crate) fn guess(filename: &str, files: &Files<'_>) -> Option<Ecosystem> {
    let name = filename.to_ascii_lowercase();
    if name.ends_with(".whl") || name.ends_with(".egg") {
        return Some(Ecosystem::Pypi);
    }
    if name.ends_with(".crate") {
        return Some(Ecosystem::Cargo);
    }
    if [".jar", ".war", ".aar"].iter().any(|ending| name.ends_with(ending)) {
        return Some(Ecosystem::Maven);
    }
    let base = base_of(files);
    let has = |file: &str| files.contains_key(format!("{base}{file}").as_str());
    if has("package.json") {
        return Some(Ecosystem::Npm);
    }
    if has("PKG-INFO") || has("setup.py") || has("pyproject.toml") || files.keys().any(|path| path.ends_with(".dist-info/METADATA")) {
        return Some(Ecosystem::Pypi);
    }
    if has("Cargo.toml") {
        return Some(Ecosystem::Cargo);
    }
    if has("go.mod") || files.keys().next().is_some_and(|path| path.contains('@') && path.contains("/")) {
        return Some(Ecosystem::Golang);
    }
    if files.keys().any(|path| path.ends_with(".class")) {
        return Some(Ecosystem::Maven);
    }
    None
}

/// The one folder that all files stand in, with its slash; empty where there is none.
pub(crate) fn base_of(files: &Files<'_>) -> String {
    let Some(first) = files.keys().find(|path| path.contains('/')) else { return String::new() };
    let Some((folder, _)) = first.split_once('/') else { return String::new() };
    const MANIFESTS: [&str; 6] = ["package.json", "setup.py", "pyproject.toml", "Cargo.toml", "PKG-INFO", "go.mod"];
    if MANIFESTS.iter().any(|file| files.contains_key(file)) {
        return String::new();
    }
    let base = format!("{folder}/");
    let mut inside = files.keys().filter(|path| path.starts_with(&base)).count();
    // A stray file beside the folder (`pax_global_header`, `package.json` twice) changes nothing.
    inside += files.keys().filter(|path| !path.contains('/')).count().min(2);
    let is_package = MANIFESTS.iter().any(|file| files.contains_key(format!("{base}{file}").as_str()));
    if inside >= files.len() && (is_package || !files.contains_key(format!("{base}__init__.py").as_str())) {
        return base;
    }
    if base == "package/" && is_package { base } else { String::new() }
}

/// The language of a file by its name, and by its first line where it has no ending.
pub(crate) fn language(path: &str, bytes: &[u8]) -> Option<Language> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    if name.ends_with(".d.ts") || name.ends_with(".d.mts") || name.ends_with(".d.cts") {
        return None;
    }
    if let Some((_, ending)) = name.rsplit_once('.') {
        match ending {
            "js" | "cjs" | "mjs" | "jsx" | "ts" | "tsx" | "mts" | "cts" => return Some(Language::JavaScript),
            "py" | "pyw" | "py3" | "pth" | "pyc" | "pyo" => return Some(Language::Python),
            "rs" => return Some(Language::Rust),
            "go" => return Some(Language::Go),
            "class" => return Some(Language::Jvm),
            "sh" | "bash" | "zsh" | "bat" | "cmd" | "ps1" => return Some(Language::Shell),
            _ => {}
        }
    }
    if !bytes.starts_with(b"#!") {
        return None;
    }
    let line = &bytes[..bytes.len().min(120)];
    let line = String::from_utf8_lossy(line.split(|byte| *byte == b'\n').next().unwrap_or(line)).into_owned();
    if line.contains("python") {
        Some(Language::Python)
    } else if line.contains("node") || line.contains("bun") || line.contains("deno") {
        Some(Language::JavaScript)
    } else if line.contains("sh") {
        Some(Language::Shell)
    } else {
        None
    }
}

/// Whether a path names compiled Python.
pub(crate) fn is_bytecode(path: &str) -> bool {
    path.ends_with(".pyc") || path.ends_with(".pyo")
}

/// The language of text that is written to a path.
pub(crate) fn script_language(path: &str) -> Option<Language> {
    let path = path.split_whitespace().next_back().unwrap_or(path).trim_matches(['"', '\'']).to_ascii_lowercase();
    let (_, ending) = path.rsplit_once('.')?;
    match ending {
        "py" | "pyw" => Some(Language::Python),
        "js" | "cjs" | "mjs" => Some(Language::JavaScript),
        "sh" | "bat" | "cmd" | "ps1" | "bash" | "command" => Some(Language::Shell),
        _ if is_markup(&path) => Some(Language::JavaScript),
        _ => None,
    }
}

/// Whether a path names markup that is opened as a program or in a browser.
pub(crate) fn is_markup(path: &str) -> bool {
    [".hta", ".html", ".htm", ".svg"].iter().any(|ending| path.trim_end_matches(['"', '\'']).to_ascii_lowercase().ends_with(ending))
}

/// Whether bytes start as a program of some system does.
pub(crate) fn is_executable(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
        || (bytes.starts_with(b"MZ") && bytes.len() > 256 && bytes[..64].contains(&0))
        || bytes.starts_with(&[0xfe, 0xed, 0xfa, 0xce])
        || bytes.starts_with(&[0xfe, 0xed, 0xfa, 0xcf])
        || bytes.starts_with(&[0xcf, 0xfa, 0xed, 0xfe])
        || bytes.starts_with(&[0xce, 0xfa, 0xed, 0xfe])
}

/// Whether a file is a program or library in machine code, which nothing here reads beyond its first bytes.
///
/// Stricter than [`is_executable`], because the rest of such a file is not kept: text that only begins like a program
/// is not taken for one.
pub(crate) fn is_machine_code(path: &str, head: &[u8]) -> bool {
    let elf = || matches!(head.get(..7), Some([0x7f, b'E', b'L', b'F', 1 | 2, 1 | 2, 1]));
    let mach = || {
        matches!(head.get(..4), Some([0xcf | 0xce, 0xfa, 0xed, 0xfe])) && matches!(head.get(5..8), Some([0, 0, 0 | 1]))
            || matches!(head.get(..8), Some([0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 1..=16]))
    };
    let pe = || {
        let at = head.get(0x3c..0x40).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes);
        head.starts_with(b"MZ") && at.and_then(|at| head.get(at as usize..)).is_some_and(|at| at.starts_with(b"PE\0\0"))
    };
    let wasm = || head.starts_with(b"\0asm\x01\0\0\0");
    language(path, head).is_none() && (elf() || mach() || pe() || wasm())
}

/// Tests, documentation, examples: not what users run.
pub(crate) fn is_test_path(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let mut parts = lower.split('/').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            let stem = part.split('.').next().unwrap_or(part);
            return part.contains(".test.")
                || part.contains(".spec.")
                || stem.starts_with("test_")
                || stem.ends_with("_test")
                || part == "conftest.py"
                || part.contains(".stories.");
        }
        if matches!(
            part,
            "test"
                | "tests"
                | "__tests__"
                | "testing"
                | "spec"
                | "specs"
                | "doc"
                | "docs"
                | "example"
                | "examples"
                | "fixtures"
                | "benchmark"
                | "benchmarks"
                | "bench"
                | "benches"
                | "demo"
                | "demos"
                | "testdata"
                | "e2e"
                | "samples"
                | "__mocks__"
        ) {
            return true;
        }
    }
    false
}

/// The text of a source file, whatever encoding it says it has.
pub(crate) fn source_text(bytes: &[u8]) -> Cow<'_, str> {
    if let Some(rest) = bytes.strip_prefix(&[0xff, 0xfe]) {
        let units: Vec<u16> = rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        return String::from_utf16_lossy(&units).into();
    }
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    String::from_utf8_lossy(bytes)
}

/// The line of the first occurrence of `needle`, from 1; 0 when it does not occur.
pub(crate) fn line_of(text: &str, needle: &str) -> u32 {
    text.find(needle).map_or(0, |at| text[..at].bytes().filter(|byte| *byte == b'\n').count() as u32 + 1)
}

/// `github.com/owner/name` or a host, from any of the forms in which manifests write addresses.
fn own_place(url: &str) -> Option<String> {
    let url = url.trim().trim_start_matches("git+");
    if let Some(rest) = url.strip_prefix("github:") {
        return Some(format!("github.com/{rest}"));
    }
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest.to_owned(),
        None => match url.strip_prefix("git@") {
            Some(rest) => rest.replacen(':', "/", 1),
            None if url.matches('/').count() == 1 && !url.contains([' ', '.']) => format!("github.com/{url}"),
            None => return None,
        },
    };
    let rest = rest.rsplit_once('@').filter(|(user, _)| !user.contains('/')).map_or(rest.as_str(), |(_, rest)| rest);
    let mut parts = rest.split(['/', '#', '?']).filter(|part| !part.is_empty());
    let host = parts.next()?.split(':').next()?.trim_start_matches("www.").to_ascii_lowercase();
    if !host.contains('.') || host.len() > 253 {
        return None;
    }
    let shared = matches!(
        host.as_str(),
        "github.com"
            | "gitlab.com"
            | "bitbucket.org"
            | "codeberg.org"
            | "gitee.com"
            | "sourceforge.net"
            | "medium.com"
            | "twitter.com"
            | "readthedocs.io"
            | "google.com"
            | "discord.gg"
            | "discord.com"
            | "t.me"
    );
    if shared {
        let (owner, name) = (parts.next()?, parts.next()?);
        return Some(format!("{host}/{owner}/{}", name.trim_end_matches(".git")).to_ascii_lowercase());
    }
    Some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_places_come_from_every_spelling() {
        for url in [
            "git+https://github.com/Owner/name.git",
            "github:owner/name",
            "git@github.com:owner/name.git",
            "owner/name",
            "https://github.com/owner/name/issues",
            "ssh://git@github.com/owner/name.git",
        ] {
            assert_eq!(own_place(url).as_deref(), Some("github.com/owner/name"), "{url}");
        }
        assert_eq!(own_place("https://www.example.com/docs").as_deref(), Some("example.com"));
        assert_eq!(own_place("https://github.com"), None);
        assert_eq!(own_place("no address"), None);
    }

    #[test]
    fn the_base_folder_is_found_and_a_package_folder_is_none() {
        let files = |paths: &[&'static str]| paths.iter().map(|path| (*path, &b""[..])).collect::<Files<'static>>();
        assert_eq!(base_of(&files(&["package/index.js", "package/package.json"])), "package/");
        assert_eq!(base_of(&files(&["x-1/setup.py", "x-1/x/__init__.py", "pax_global_header"])), "x-1/");
        assert_eq!(base_of(&files(&["x/__init__.py", "x-1.dist-info/METADATA"])), "");
    }

    #[test]
    fn machine_code_is_told_from_what_only_begins_like_it() {
        let mut pe = b"MZ".to_vec();
        pe.resize(0x80, 0);
        pe[0x3c] = 0x40;
        pe[0x40..0x44].copy_from_slice(b"PE\0\0");
        assert!(is_machine_code("a/x.dll", &pe));
        assert!(is_machine_code("a/x.node", b"\x7fELF\x02\x01\x01\0\0\0"));
        assert!(is_machine_code("a/x.dylib", &[0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1]));
        assert!(is_machine_code("a/x.wasm", b"\0asm\x01\0\0\0"));
        for text in [&b"MZ = 1; import os"[..], b"\x7fELF in text", b"PK\x03\x04", b""] {
            assert!(!is_machine_code("a/x.bin", text));
        }
        assert!(!is_machine_code("a/x.py", &pe));
        assert!(!is_machine_code("a/X.class", &[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2]));
    }

    #[test]
    fn test_paths_are_told_from_real_ones() {
        for path in ["package/test/a.js", "x/tests/__init__.py", "src/a.test.ts", "x/test_a.py"] {
            assert!(is_test_path(path), "{path}");
        }
        for path in ["package/index.js", "x/latest/a.py", "package/lib/attest.js", "x/contest.py"] {
            assert!(!is_test_path(path), "{path}");
        }
    }
}
