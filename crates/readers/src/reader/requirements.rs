//! `requirements.txt` and constraints, as pip reads them
//! (<https://pip.pypa.io/en/stable/reference/requirements-file-format/>).
//!
//! Lines are joined at `\`, then comments are cut, then `${NAME}` is filled in. `-r` files are read in their place, `-c`
//! files narrow what is asked for elsewhere. Files included are bounded in number and depth and never leave the root.

use crate::address;
use crate::context::{FileError, ReadContext, beside};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::python::requirement::{self, Requirement};
use crate::source::Source;
use bifocal_core::{DeclaredArtifact, Dependency, FileKind, Inventory, PackageName, Requested};
use std::collections::BTreeMap;

/// Files that may include each other in a row, and files in all.
const MAX_INCLUDE_DEPTH: usize = 16;
const MAX_INCLUDES: usize = 200;

/// pip's options without a value, and those with one, that change nothing in what is asked for.
const FLAGS: [&str; 5] = ["--no-index", "--prefer-binary", "--require-hashes", "--pre", "--no-deps"];
const WITH_VALUE: [&str; 7] =
    ["--no-binary", "--only-binary", "--trusted-host", "--use-feature", "--python-version", "--platform", "--uploaded-prior-to"];

/// A requirement found, kept until the constraints are all known.
struct Found {
    name: String,
    specifier: String,
    dependency: Dependency,
}

struct Reading<'a, 'c, 'x> {
    list: Listing<'a>,
    ctx: &'c ReadContext<'x>,
    found: Vec<Found>,
    constraints: BTreeMap<String, Constraint>,
    index_host: Option<String>,
    more_indexes: bool,
    includes: usize,
    included_bytes: u64,
}

/// What constraints files say of one package.
#[derive(Default)]
struct Constraint {
    specifiers: Vec<String>,
    hashes: Vec<DeclaredArtifact>,
    direct: Option<(Requested, Vec<DeclaredArtifact>)>,
    used: bool,
}

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let mut reading = Reading {
        list: Listing::new(*source, FileKind::Requirements, ctx.limits),
        ctx,
        found: Vec::new(),
        constraints: BTreeMap::new(),
        index_host: None,
        more_indexes: false,
        includes: 0,
        included_bytes: 0,
    };
    let text = source.text_of_any_encoding()?;
    reading.file(source, &text, false, &mut vec![source.path.to_owned()])?;
    reading.settle()?;
    Ok(reading.list.finish())
}

impl Reading<'_, '_, '_> {
    fn file(&mut self, source: &Source<'_>, text: &str, constraint: bool, open: &mut Vec<String>) -> Result<(), ReadError> {
        for (line, text) in logical_lines(text) {
            let text = self.fill_in(&text);
            let text = text.trim();
            if !text.is_empty() {
                self.line(source, line, text, constraint, open)?;
            }
        }
        Ok(())
    }

    /// `${NAME}` with upper-case letters, digits and `_`, as pip does; unknown names stay.
    fn fill_in(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            out.push_str(&rest[..at]);
            let behind = &rest[at + 2..];
            let name = behind.split('}').next().unwrap_or_default();
            let plain = !name.is_empty()
                && name.len() < behind.len()
                && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            match self.ctx.variables.get(name).filter(|_| plain) {
                Some(value) => {
                    out.push_str(value);
                    rest = &behind[name.len() + 1..];
                }
                None => {
                    out.push_str("${");
                    rest = behind;
                }
            }
        }
        out.push_str(rest);
        out
    }

    fn line(&mut self, source: &Source<'_>, line: u32, text: &str, constraint: bool, open: &mut Vec<String>) -> Result<(), ReadError> {
        if !text.starts_with('-') {
            let (body, options) = split_options(text);
            let hashes = self.options(source, line, options)?;
            return self.requirement(source, line, body, hashes, constraint);
        }
        let (name, value) = option(text);
        match (name, value) {
            ("-r" | "--requirement" | "--requirements", Some(path)) => self.include(source, line, path, constraint, open),
            ("-c" | "--constraint" | "--constraints", Some(path)) => self.include(source, line, path, true, open),
            ("-e" | "--editable", Some(value)) => {
                let (body, options) = split_options(value);
                let hashes = self.options(source, line, options)?;
                self.requirement(source, line, body, hashes, constraint)
            }
            ("-i" | "--index-url" | "--pypi-url", Some(url)) => {
                self.index_host = address::host(url);
                Ok(())
            }
            ("--extra-index-url", Some(_)) => {
                self.more_indexes = true;
                self.list.note_at(&source.place(line), "another index is named: any index may give any package");
                Ok(())
            }
            ("-f" | "--find-links", Some(_)) => {
                self.more_indexes = true;
                self.list.note_at(&source.place(line), "--find-links may give packages that no index has");
                Ok(())
            }
            (name, None) if FLAGS.contains(&name) => Ok(()),
            (name, Some(_)) if WITH_VALUE.contains(&name) => Ok(()),
            _ => Err(source
                .error(line, Problem::Requirement { expected: "an option that pip allows in requirements files", found: shown(text) })),
        }
    }

    /// Options behind a requirement: `--hash=…` and build settings.
    fn options(&self, source: &Source<'_>, line: u32, text: &str) -> Result<Vec<DeclaredArtifact>, ReadError> {
        let mut hashes = Vec::new();
        let mut words = text.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            if !matches!(
                name,
                "--hash" | "--config-settings" | "--config-setting" | "-C" | "--global-option" | "--install-option" | "--no-deps"
            ) {
                return Err(source
                    .error(line, Problem::Requirement { expected: "an option that pip allows behind a requirement", found: shown(word) }));
            }
            let value = match value {
                Some(value) => value,
                None if name == "--no-deps" => continue,
                None => words.next().ok_or_else(|| source.syntax(line, &format!("a value for `{name}`"), "the end of the line"))?,
            };
            if name == "--hash" {
                let digest =
                    value.trim_matches(['"', '\'']).parse().map_err(|problem: bifocal_core::DigestError| source.error(line, problem))?;
                hashes.push(DeclaredArtifact { filename: String::new(), digests: vec![digest] });
            } else if value.starts_with(['"', '\'']) && !value[1..].ends_with(['"', '\'']) {
                // A quoted value with blanks in it.
                for word in words.by_ref() {
                    if word.ends_with(['"', '\'']) {
                        break;
                    }
                }
            }
        }
        Ok(hashes)
    }

    fn include(
        &mut self,
        source: &Source<'_>,
        line: u32,
        written: &str,
        constraint: bool,
        open: &mut Vec<String>,
    ) -> Result<(), ReadError> {
        let written = written.trim().trim_matches(['"', '\'']);
        let shown_path = || shown(written);
        if written.contains("://") && !written.starts_with("file://") {
            let url = address::clean(written).unwrap_or_else(shown_path);
            return Err(source.error(line, Problem::RemoteInclude { url }));
        }
        let written = written.strip_prefix("file://").unwrap_or(written);
        let Some(path) = beside(source.path, written) else {
            return Err(source.error(line, Problem::OutsideRoot { path: shown_path() }));
        };
        if open.contains(&path) {
            return Err(source.error(line, Problem::IncludeCycle { path: shown_path() }));
        }
        self.includes += 1;
        if open.len() >= MAX_INCLUDE_DEPTH || self.includes > MAX_INCLUDES {
            return Err(source.error(line, Problem::TooMany { what: "included files", limit: MAX_INCLUDES }));
        }
        let bytes = self.ctx.files.file(&path, self.ctx.limits.file_bytes).map_err(|error| {
            source.error(
                line,
                match error {
                    FileError::NotFound => Problem::Include { path: shown_path(), why: "there is no such file".to_owned() },
                    FileError::Outside => Problem::OutsideRoot { path: shown_path() },
                    FileError::TooLarge { bytes } => Problem::TooLarge { bytes, limit: self.ctx.limits.file_bytes },
                    FileError::Io(why) => Problem::Include { path: shown_path(), why: shown(&why) },
                },
            )
        })?;
        self.included_bytes = self.included_bytes.saturating_add(bytes.len() as u64);
        if self.included_bytes > self.ctx.limits.file_bytes {
            return Err(source.error(line, Problem::TooLarge { bytes: self.included_bytes, limit: self.ctx.limits.file_bytes }));
        }
        let included = Source { path: &path, bytes: &bytes };
        let text = included.text_of_any_encoding()?;
        open.push(path.clone());
        self.file(&included, &text, constraint, open)?;
        open.pop();
        Ok(())
    }

    fn requirement(
        &mut self,
        source: &Source<'_>,
        line: u32,
        text: &str,
        hashes: Vec<DeclaredArtifact>,
        constraint: bool,
    ) -> Result<(), ReadError> {
        // Errors and places name the file that the line is in.
        let list = Listing::new(*source, FileKind::Requirements, self.ctx.limits);
        let text = unquoted(text.trim());
        let (name, specifier, (requested, mut artifacts)) = match bare(text) {
            Some(location) => {
                let (location, marker) = match location.split_once(" ;") {
                    Some((location, marker)) => (location.trim(), Some(marker.trim())),
                    None => (location, None),
                };
                let name = bare_name(location);
                if !self.applies(source, &name, marker, line)? {
                    return Ok(());
                }
                let direct = requirement::direct(&list, &name, location, line)?;
                (name, String::new(), direct)
            }
            None => {
                let Requirement { name, specifier, address, marker, .. } =
                    requirement::parse(text).map_err(|problem| source.error(line, problem))?;
                if !self.applies(source, name, marker, line)? {
                    return Ok(());
                }
                let package = list.package(bifocal_core::Ecosystem::Pypi, name, line)?;
                let requested = match address {
                    Some(address) => requirement::direct(&list, name, address, line)?,
                    None => (requirement::from_index(&list, name, &specifier, line)?, Vec::new()),
                };
                (package.as_str().to_owned(), specifier, requested)
            }
        };
        artifacts.extend(hashes);
        if constraint {
            let entry = self.constraints.entry(name).or_default();
            match requested {
                Requested::Exact { .. } | Requested::Range { .. } => {
                    entry.specifiers.extend((!specifier.is_empty()).then_some(specifier));
                    entry.hashes.extend(artifacts);
                }
                direct => entry.direct = Some((direct, artifacts)),
            }
            return Ok(());
        }
        if self.found.len() >= self.ctx.limits.dependencies {
            return Err(source.error(line, Problem::TooMany { what: "dependencies", limit: self.ctx.limits.dependencies }));
        }
        let dependency = Dependency { requested, artifacts, place: source.place(line), optional: false, registry_host: None };
        self.found.push(Found { name, specifier, dependency });
        Ok(())
    }

    fn applies(&mut self, source: &Source<'_>, name: &str, marker: Option<&str>, line: u32) -> Result<bool, ReadError> {
        let Some(marker) = marker else { return Ok(true) };
        let holds = crate::python::marker::holds(marker, self.ctx.python.as_ref(), &[]).map_err(|problem| source.error(line, problem))?;
        if !holds {
            self.list.note_at(&source.place(line), &format!("`{}` does not apply here: {}", shown(name), shown(marker)));
        }
        Ok(holds)
    }

    /// Applies constraints and the index to what was found.
    fn settle(&mut self) -> Result<(), ReadError> {
        let host = self.index_host.clone().filter(|_| !self.more_indexes);
        for mut found in std::mem::take(&mut self.found) {
            let from_index = matches!(found.dependency.requested, Requested::Exact { .. } | Requested::Range { .. });
            if from_index && let Some(constraint) = self.constraints.get_mut(&found.name) {
                constraint.used = true;
                if let Some((requested, artifacts)) = &constraint.direct {
                    (found.dependency.requested, found.dependency.artifacts) = (requested.clone(), artifacts.clone());
                } else {
                    let mut clauses: Vec<&str> = found.specifier.split(',').filter(|clause| !clause.is_empty()).collect();
                    for specifier in &constraint.specifiers {
                        for clause in specifier.split(',') {
                            if !clauses.contains(&clause) {
                                clauses.push(clause);
                            }
                        }
                    }
                    let place = found.dependency.place.clone();
                    let source = Source { path: &place.path, bytes: &[] };
                    let list = Listing::new(source, FileKind::Requirements, self.ctx.limits);
                    found.dependency.requested = requirement::from_index(&list, &found.name, &clauses.join(","), place.line)?;
                    found.dependency.artifacts.extend(constraint.hashes.iter().cloned());
                }
            }
            if matches!(found.dependency.requested, Requested::Exact { .. } | Requested::Range { .. }) {
                found.dependency.registry_host = host.clone();
            }
            self.list.push(found.dependency)?;
        }
        let unused = self.constraints.values().filter(|constraint| !constraint.used).count();
        if unused > 0 {
            self.list.note(0, &format!("{unused} constraints are about packages that are not asked for here"));
        }
        Ok(())
    }
}

/// A text without the quotes around all of it.
fn unquoted(text: &str) -> &str {
    let inner =
        ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote).filter(|inner| !inner.contains(*quote)));
    inner.unwrap_or(text)
}

/// Lines joined at `\`, with comments cut, and the number of their first line.
fn logical_lines(text: &str) -> Vec<(u32, String)> {
    let mut lines = Vec::new();
    let mut joined: Option<(u32, String)> = None;
    for (number, raw) in (1u32..).zip(text.lines()) {
        let raw = raw.trim_end_matches('\r');
        let comment = raw.trim_start().starts_with('#');
        if let (false, Some(body)) = (comment, raw.strip_suffix('\\')) {
            match &mut joined {
                Some((_, text)) => text.push_str(body),
                None => joined = Some((number, body.to_owned())),
            }
            continue;
        }
        // A comment ends a joined line.
        let rest = if comment { "" } else { raw };
        let (number, text) = match joined.take() {
            Some((number, mut text)) => {
                text.push_str(rest);
                (number, text)
            }
            None => (number, rest.to_owned()),
        };
        lines.push((number, text));
    }
    lines.extend(joined);
    for (_, text) in &mut lines {
        cut_comment(text);
    }
    lines
}

/// Cuts at a `#` that begins the line or follows white space.
fn cut_comment(text: &mut String) {
    let mut blank_before = true;
    for (at, c) in text.char_indices() {
        if c == '#' && blank_before {
            text.truncate(at);
            return;
        }
        blank_before = c.is_whitespace();
    }
}

/// A requirement and the options behind it.
fn split_options(text: &str) -> (&str, &str) {
    let at = text.match_indices(" -").map(|(at, _)| at).find(|at| {
        let option = &text[at + 1..];
        option.starts_with("--") || option.starts_with("-C ")
    });
    match at {
        Some(at) => (&text[..at], text[at..].trim()),
        None => (text, ""),
    }
}

/// An option's name and value: `--name=value`, `--name value`, `-rvalue`.
fn option(text: &str) -> (&str, Option<&str>) {
    if text.starts_with("--") {
        let end = text.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(text.len());
        let value = text.get(end + 1..).map(str::trim).filter(|value| !value.is_empty());
        return (&text[..end], value);
    }
    let end = text.char_indices().nth(2).map_or(text.len(), |(at, _)| at);
    let value = text[end..].trim().trim_start_matches('=');
    (&text[..end], (!value.is_empty()).then_some(value))
}

/// The text itself where it is an address or a path without a name before it.
fn bare(text: &str) -> Option<&str> {
    let first = text.split([' ', ';']).next().unwrap_or(text);
    let scheme = first.split_once("://").map(|(scheme, _)| scheme);
    let has_scheme =
        scheme.is_some_and(|scheme| !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)));
    let file = without_extras(first);
    let archive = [".whl", ".tar.gz", ".tar.bz2", ".zip", ".tgz", ".tar.xz"].iter().any(|end| file.to_ascii_lowercase().ends_with(end));
    let path = first.starts_with('.')
        || first.starts_with('/')
        || first.starts_with("file:")
        || (first.contains('/') && !first.contains('@'))
        || first.contains('\\');
    (has_scheme || archive || path).then_some(text)
}

fn without_extras(text: &str) -> &str {
    text.split('[').next().unwrap_or(text)
}

/// The name that a bare address or file carries: `#egg=name`, or the first part of a wheel's file name.
fn bare_name(location: &str) -> String {
    let egg = address::fragment(location).and_then(|fragment| fragment.split('&').find_map(|pair| pair.strip_prefix("egg=")));
    if let Some(egg) = egg {
        let name = without_extras(egg).split(['=', '>', '<']).next().unwrap_or(egg);
        return PackageName::new(bifocal_core::Ecosystem::Pypi, name)
            .map(|package| package.as_str().to_owned())
            .unwrap_or_else(|_| shown(name));
    }
    let file = requirement::without_fragment(location).rsplit(['/', '\\']).next().unwrap_or_default();
    match file.strip_suffix(".whl").and_then(|stem| stem.split('-').next()) {
        Some(name) => PackageName::new(bifocal_core::Ecosystem::Pypi, name).map(|package| package.as_str().to_owned()).unwrap_or_default(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_before_comments_are_cut() {
        let text = "a==1 \\\n  --hash=x \\\n# note\nb#c # d\n#e \\\nf\\";
        let lines: Vec<(u32, String)> =
            logical_lines(text).into_iter().map(|(n, t)| (n, t.trim().to_owned())).filter(|(_, t)| !t.is_empty()).collect();
        assert_eq!(lines, [(1, "a==1   --hash=x".to_owned()), (4, "b#c".to_owned()), (6, "f".to_owned())]);
    }

    #[test]
    fn options_are_split_in_every_spelling() {
        for (text, split) in [
            ("-r x.txt", ("-r", Some("x.txt"))),
            ("-rx.txt", ("-r", Some("x.txt"))),
            ("--requirement=x", ("--requirement", Some("x"))),
            ("--pre", ("--pre", None)),
            ("-é", ("-é", None)),
        ] {
            assert_eq!(option(text), split);
        }
    }
}
