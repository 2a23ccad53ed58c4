//! `requirements.txt` and constraints, as pip reads them
//! (<https://pip.pypa.io/en/stable/reference/requirements-file-format/>).
//!
//! Lines are joined at `\`, then comments are cut, then `${NAME}` is filled in. `-r` files are read in their place, `-c`
//! files narrow what is asked for elsewhere. Files included are bounded in number and depth and never leave the root.

use crate::address;
use crate::context::{FileError, ReadContext, beside};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::python::lines::{logical_lines, option, shell_words, split_options, unquoted};
use crate::python::requirement::{self, Requirement};
use crate::source::Source;
use bifocal_core::{Ask, DeclaredArtifact, Dependency, FileKind, Inventory, Origin, PackageName, Requested, counted};
use std::collections::BTreeMap;

/// Files that may include each other in a row, and files in all.
const MAX_INCLUDE_DEPTH: usize = 16;
const MAX_INCLUDES: usize = 200;

/// Indexes that the files may name.
const MAX_INDEXES: usize = 32;

/// pip's options without a value, and those with one, that change nothing in what is asked for.
const FLAGS: [&str; 3] = ["--no-index", "--require-hashes", "--no-deps"];
const WITH_VALUE: [&str; 2] = ["--trusted-host", "--use-feature"];
/// Those that have pip take other releases or files, and that are not followed.
const OTHER_FLAGS: [&str; 2] = ["--prefer-binary", "--pre"];
const OTHER_WITH_VALUE: [&str; 5] = ["--only-binary", "--python-version", "--platform", "--implementation", "--abi"];

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
    /// `--index-url`: the last one counts.
    index: Option<Origin>,
    /// `--extra-index-url` and `--find-links`, which may give any package.
    more_indexes: Vec<Origin>,
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
        index: None,
        more_indexes: Vec::new(),
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
        let (body, options) = split_options(text);
        let words = shell_words(options).ok_or_else(|| source.syntax(line, "the closing quote of a value", options))?;
        if !body.is_empty() {
            let hashes = behind_requirement(source, line, &words)?;
            return self.requirement(source, line, body, hashes, constraint);
        }
        let unknown = || {
            let problem = Problem::Requirement { expected: "an option that pip allows in requirements files", found: shown(text) };
            source.error(line, problem)
        };
        // pip takes several options on one line.
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (name, attached) = option(word).ok_or_else(unknown)?;
            if FLAGS.contains(&name) && attached.is_none() {
                continue;
            }
            if OTHER_FLAGS.contains(&name) && attached.is_none() {
                self.not_followed(name);
                continue;
            }
            let value = attached.or_else(|| words.next().map(String::as_str)).ok_or_else(unknown)?;
            match name {
                "-r" | "--requirement" | "--requirements" => self.include(source, line, value, constraint, open)?,
                "-c" | "--constraint" | "--constraints" => self.include(source, line, value, true, open)?,
                "-e" | "--editable" => {
                    let rest: Vec<String> = words.by_ref().cloned().collect();
                    let hashes = behind_requirement(source, line, &rest)?;
                    self.requirement(source, line, value, hashes, constraint)?;
                }
                "-i" | "--index-url" | "--pypi-url" => self.index = Some(address::origin(value)),
                "--extra-index-url" | "-f" | "--find-links" => self.more_index(source, line, name, value)?,
                "--no-binary" => self.list.choosing().add_from_source(value),
                "--uploaded-prior-to" => self.list.uploaded_before(value, false),
                name if WITH_VALUE.contains(&name) => {}
                name if OTHER_WITH_VALUE.contains(&name) => self.not_followed(name),
                _ => return Err(unknown()),
            }
        }
        Ok(())
    }

    fn not_followed(&mut self, name: &str) {
        self.list.other(
            &format!("option `{name}`, by which pip may take other releases or files"),
            &format!("options `{name}`, by which pip may take other releases or files"),
        );
    }

    fn more_index(&mut self, source: &Source<'_>, line: u32, name: &str, written: &str) -> Result<(), ReadError> {
        if self.more_indexes.len() >= MAX_INDEXES {
            return Err(source.error(line, Problem::TooMany { what: "indexes", limit: MAX_INDEXES }));
        }
        self.more_indexes.push(address::origin(written));
        let text = match name {
            "--extra-index-url" => "another index is named: any index may give any package",
            _ => "--find-links may give packages that no index has",
        };
        self.list.note_at(&source.place(line), text);
        Ok(())
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
        let mut ask = Ask::default();
        let (name, specifier, marker, (requested, mut artifacts)) = match bare(text) {
            Some(location) => {
                let (location, marker) = match location.split_once(" ;") {
                    Some((location, marker)) => (location.trim(), Some(marker.trim())),
                    None => (location, None),
                };
                let name = bare_name(location);
                let direct = requirement::direct(&list, &name, location, line)?;
                (name, String::new(), marker, direct)
            }
            None => {
                let Requirement { name, specifier, address, marker, extras } =
                    requirement::parse(text).map_err(|problem| source.error(line, problem))?;
                let package = list.package(bifocal_core::Ecosystem::Pypi, name, line)?;
                ask.extras = extras.into_iter().map(shown).collect();
                let requested = match address {
                    Some(address) => requirement::direct(&list, name, address, line)?,
                    None => (requirement::from_index(&list, name, &specifier, line)?, Vec::new()),
                };
                (package.as_str().to_owned(), specifier, marker, requested)
            }
        };
        // A constraint counts only where it applies.
        let left_out = match constraint {
            true => requirement::not_here(source, self.ctx, &name, marker, line)?,
            false => requirement::left_out(source, self.ctx, &requested, &name, marker, line)?,
        };
        if let Some(note) = left_out {
            self.list.note_at(&source.place(line), &note);
            return Ok(());
        }
        artifacts.extend(hashes);
        if constraint {
            let entry = self.constraints.entry(name).or_default();
            match requested {
                requested @ (Requested::Exact { .. } | Requested::Range { .. }) => {
                    entry.specifiers.extend((!specifier.is_empty()).then_some(specifier));
                    entry.hashes.extend(artifacts.iter().cloned());
                    let place = source.place(line);
                    self.list.constrain(Dependency { requested, artifacts, place, optional: true, origins: Vec::new(), ask });
                }
                direct => entry.direct = Some((direct, artifacts)),
            }
            return Ok(());
        }
        if self.found.len() >= self.ctx.limits.dependencies {
            return Err(source.error(line, Problem::TooMany { what: "dependencies", limit: self.ctx.limits.dependencies }));
        }
        let dependency = Dependency { requested, artifacts, place: source.place(line), optional: false, origins: Vec::new(), ask };
        self.found.push(Found { name, specifier, dependency });
        Ok(())
    }

    /// Applies constraints and the index to what was found.
    fn settle(&mut self) -> Result<(), ReadError> {
        let origins: Vec<Origin> = self.index.take().into_iter().chain(std::mem::take(&mut self.more_indexes)).collect();
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
                found.dependency.origins.clone_from(&origins);
            }
            self.list.push(found.dependency)?;
        }
        let unused = self.constraints.values().filter(|constraint| !constraint.used).count();
        if unused > 0 {
            self.list.note(
                0,
                &format!("{} about packages that are not asked for here", counted(unused as u64, "constraint is", "constraints are")),
            );
        }
        Ok(())
    }
}

/// Options behind a requirement: the digests among them.
fn behind_requirement(source: &Source<'_>, line: u32, words: &[String]) -> Result<Vec<DeclaredArtifact>, ReadError> {
    let mut hashes = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, attached) = option(word).unwrap_or((word, None));
        if !matches!(
            name,
            "--hash" | "--config-settings" | "--config-setting" | "-C" | "--global-option" | "--install-option" | "--no-deps"
        ) {
            let problem = Problem::Requirement { expected: "an option that pip allows behind a requirement", found: shown(word) };
            return Err(source.error(line, problem));
        }
        if name == "--no-deps" {
            continue;
        }
        let value = attached.or_else(|| words.next().map(String::as_str));
        let value = value.ok_or_else(|| source.syntax(line, &format!("a value for `{name}`"), "the end of the line"))?;
        if name == "--hash" {
            let digest = value.parse().map_err(|problem: bifocal_core::DigestError| source.error(line, problem))?;
            hashes.push(DeclaredArtifact { filename: String::new(), digests: vec![digest] });
        }
    }
    Ok(hashes)
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
