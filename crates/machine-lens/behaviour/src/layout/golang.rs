//! Go module zips: every package's variables and `init` functions run in whatever program imports it.

use super::{Files, Layout};
use crate::facts::Trigger;
use std::collections::BTreeSet;

pub(super) fn read(layout: &mut Layout, files: &Files<'_>) {
    // `module@version/file`, where the module path has slashes of its own.
    if let Some(first) = files.keys().find(|path| path.contains('@')) {
        let at = first.find('@').unwrap_or(0);
        if let Some(slash) = first[at..].find('/') {
            layout.base = first[..at + slash + 1].to_owned();
            layout.claims.name = Some(unescape(&first[..at]));
            layout.claims.version = Some(first[at + 1..at + slash].to_owned());
        }
    }
    let manifest = files.get(format!("{}go.mod", layout.base).as_str()).map(|bytes| super::source_text(bytes));
    if let Some(module) = manifest.as_deref().and_then(|text| text.lines().find_map(|line| line.trim().strip_prefix("module "))) {
        let module = module.split("//").next().unwrap_or(module).trim().trim_matches('"');
        layout.claims.name = Some(module.to_owned());
        layout.own(&format!("https://{module}"));
        if module.starts_with("github.com/") || module.starts_with("gitlab.com/") {
            layout.claims.repository = Some(format!("https://{}", module.split('/').take(3).collect::<Vec<_>>().join("/")));
        }
    }
    for (path, bytes) in files {
        if !path.ends_with(".go")
            || path.ends_with("_test.go")
            || super::is_test_path(path.strip_prefix(layout.base.as_str()).unwrap_or(path))
        {
            continue;
        }
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(8 << 10)]).into_owned();
        let is_program = head.lines().any(|line| line.trim_start().starts_with("package main")) || head.contains("//go:build ignore");
        generate(layout, path, bytes);
        layout.root(path, if is_program { Trigger::Command } else { Trigger::Import }, is_program);
    }
}

/// `//go:generate` lines: commands that a developer's `go generate` runs.
fn generate(layout: &mut Layout, path: &str, bytes: &[u8]) {
    const MARK: &[u8] = b"//go:generate ";
    for at in memchr::memmem::find_iter(bytes, MARK).take(32) {
        if at > 0 && bytes[at - 1] != b'\n' {
            continue;
        }
        let rest = &bytes[at + MARK.len()..];
        let command = String::from_utf8_lossy(&rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())]).trim().to_owned();
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
        if layout.commands.len() < 256 {
            layout.commands.push(super::ManifestCommand { path: path.to_owned(), line, command, trigger: Trigger::Command });
        }
    }
}

/// Module zips write capitals as `!x`.
fn unescape(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('!', Some(next)) if next.is_ascii_lowercase() => {
                out.push(next.to_ascii_uppercase());
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// The folders in which a Go file may import something that acts. Code elsewhere only computes: a Go file sees what its
/// own file imports and what its folder declares. Any quoted text counts, wherever it stands: imports can hide behind
/// comments.
pub(crate) fn acting_folders<'a>(files: &Files<'a>) -> BTreeSet<&'a str> {
    const LONGEST: usize = 80;
    let table = crate::api::table(crate::facts::Language::Go);
    let acts = |bytes: &[u8]| {
        let mut last = 0;
        memchr::memchr2_iter(b'"', b'`', bytes).any(|at| {
            let quoted = &bytes[last..at];
            last = at + 1;
            quoted.len() <= LONGEST && std::str::from_utf8(quoted).is_ok_and(|module| table.acts(module) || imports_action(module))
        })
    };
    let mut folders = BTreeSet::new();
    for (&path, &bytes) in files {
        if path.ends_with(".go") && !path.ends_with("_test.go") && !folders.contains(folder_of(path)) && acts(bytes) {
            folders.insert(folder_of(path));
        }
    }
    folders
}

pub(crate) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether text of a Go file holds imports that make it worth reading by itself.
pub(crate) fn imports_action(text: &str) -> bool {
    ["\"os/exec\"", "\"net/http\"", "\"net\"", "\"syscall\"", "\"plugin\"", "\"os\"", "golang.org/x/sys", "clipboard"]
        .iter()
        .any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_folders_act_by_any_import_wherever_it_hides() {
        let sources = [
            ("m/plain/a.go", "package plain\nimport \"strings\"\nvar x = strings.Repeat(\"os/execs\", 2)\n"),
            ("m/exec/a.go", "package exec\nimport \"os/exec\"\n"),
            ("m/raw/a.go", "package raw\nimport `net/http`\n"),
            ("m/hidden/a.go", "package hidden\n/*\nvar x\n*/\nimport (\n\t_ \"strings\"\n\t\"os\"\n)\n"),
            ("m/tested/a_test.go", "package tested\nimport \"os/exec\"\n"),
        ];
        let files: Files<'_> = sources.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
        assert_eq!(acting_folders(&files).into_iter().collect::<Vec<_>>(), ["m/exec", "m/hidden", "m/raw"]);
    }
}
