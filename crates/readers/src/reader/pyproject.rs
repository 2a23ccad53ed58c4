//! `pyproject.toml`: what a project asks for. Used where there is no lockfile.
//!
//! Read are `[project]` (PEP 621), `[dependency-groups]` (PEP 735), `[build-system]` (PEP 518) and the tables of
//! poetry, pdm and uv. Poetry's `^` and `~` are written out in PEP 440.

use crate::context::ReadContext;
use crate::doc::{Entry, Node, Table, Value, toml};
use crate::error::{Problem, ReadError, shown};
use crate::listing::Listing;
use crate::python::requirement;
use crate::source::Source;
use bifocal_core::{Ask, Choosing, Ecosystem, FileKind, Inventory, PackageName, Requested, Role};
use std::collections::{BTreeMap, BTreeSet};

/// Tables that a project file may have.
const TABLES: [&str; 4] = ["project", "build-system", "dependency-groups", "tool"];

/// Which part of the file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'g> {
    All,
    /// What is needed to build the project.
    Build,
    /// What a lockfile of that kind has, of these groups and extras where it has not all of them.
    Locked(FileKind, Option<&'g BTreeSet<String>>),
}

impl Part<'_> {
    fn has(self, kind: FileKind) -> bool {
        self == Part::All || matches!(self, Part::Locked(of, _) if of == kind)
    }

    /// Whether a group or an extra is read.
    fn has_group(self, name: &str) -> bool {
        !matches!(self, Part::Locked(_, Some(groups)) if !groups.contains(&folded(name)))
    }
}

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    part(source, ctx, Part::All)
}

/// What is needed to build the project, which no lockfile has.
pub(crate) fn build(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    part(source, ctx, Part::Build)
}

/// What a lockfile of that kind has to have; `groups` are those that it was made for, where it says so.
pub(crate) fn asked(
    source: &Source<'_>,
    lock: FileKind,
    groups: Option<&BTreeSet<String>>,
    ctx: &ReadContext<'_>,
) -> Result<Inventory, ReadError> {
    let groups = groups.map(|groups| groups.iter().map(|group| folded(group)).collect());
    part(source, ctx, Part::Locked(lock, groups.as_ref()))
}

fn part(source: &Source<'_>, ctx: &ReadContext<'_>, part: Part<'_>) -> Result<Inventory, ReadError> {
    let root = toml::parse(source, ctx.limits.depth)?;
    let table = root.table(source, "the project file")?;
    if let Some(entry) = table.entries.iter().find(|entry| !TABLES.contains(&entry.key.as_ref())) {
        return Err(source.syntax(entry.line, "a table project, build-system, dependency-groups or tool", &format!("`{}`", entry.key)));
    }
    let locked = matches!(part, Part::Locked(..));
    let mut reading = Reading { list: Listing::new(*source, FileKind::Pyproject, ctx.limits), ctx, locked, elsewhere: BTreeMap::new() };
    let tool = match table.get("tool") {
        Some(tool) => Some(tool.table(source, "tool")?),
        None => None,
    };
    let of_tool = |name: &str| tool.and_then(|tool| tool.get(name)).map(|node| node.table(source, name)).transpose();
    let (uv, poetry, pdm) = (of_tool("uv")?, of_tool("poetry")?, of_tool("pdm")?);
    if let Some(uv) = uv {
        for entry in uv.entries_of(source, "sources")? {
            if let Ok(package) = PackageName::new(Ecosystem::Pypi, &entry.key) {
                reading.elsewhere.insert(package.as_str().to_owned(), entry);
            }
        }
    }
    if let Some(build) = table.get("build-system").filter(|_| matches!(part, Part::All | Part::Build)) {
        reading.strings(build.table(source, "build-system")?.list_of(source, "requires")?, Role::Build)?;
    }
    if let Some(project) = table.get("project").filter(|_| part != Part::Build) {
        let project = project.table(source, "project")?;
        reading.strings(project.list_of(source, "dependencies")?, Role::Normal)?;
        let dynamic = project.list_of(source, "dynamic")?;
        for _ in dynamic.iter().filter(|node| part == Part::All && matches!(node.as_text(), Some("dependencies" | "optional-dependencies")))
        {
            reading.list.other(
                "list of dependencies that `dynamic` leaves to the build",
                "lists of dependencies that `dynamic` leaves to the build",
            );
        }
        for extra in project.entries_of(source, "optional-dependencies")?.iter().filter(|extra| part.has_group(&extra.key)) {
            reading.strings(extra.node.list(source, &extra.key)?, Role::Optional)?;
        }
    }
    if let Some(groups) = table.get("dependency-groups").filter(|_| part.has(FileKind::UvLock) || part.has(FileKind::PdmLock)) {
        let groups = groups.table(source, "dependency-groups")?;
        let names: BTreeSet<String> = groups.entries.iter().map(|entry| folded(&entry.key)).collect();
        let included = included(groups, part);
        for group in groups.entries.iter().filter(|group| included.contains(&folded(&group.key))) {
            reading.group(&names, group)?;
        }
    }
    if let Some(uv) = uv.filter(|_| part.has(FileKind::UvLock)) {
        reading.strings(uv.list_of(source, "dev-dependencies")?, Role::Development)?;
    }
    if let Some(uv) = uv.filter(|_| part == Part::All) {
        reading.strings(uv.list_of(source, "override-dependencies")?, Role::Override)?;
        for node in uv.list_of(source, "constraint-dependencies")? {
            reading.constraint(node)?;
        }
        reading.choosing(uv)?;
    }
    if let Some(pdm) = pdm.filter(|_| part.has(FileKind::PdmLock)) {
        for group in pdm.entries_of(source, "dev-dependencies")?.iter().filter(|group| part.has_group(&group.key)) {
            reading.strings(group.node.list(source, &group.key)?, Role::Development)?;
        }
    }
    if let Some(poetry) = poetry.filter(|_| part.has(FileKind::PoetryLock)) {
        reading.poetry(poetry.entries_of(source, "dependencies")?, false)?;
        reading.poetry(poetry.entries_of(source, "dev-dependencies")?, true)?;
        for group in poetry.entries_of(source, "group")? {
            reading.poetry(group.node.table(source, &group.key)?.entries_of(source, "dependencies")?, true)?;
        }
    }
    let mut inventory = reading.list.finish();
    if let (Some(uv), Part::Locked(FileKind::UvLock, _)) = (uv, part) {
        // An override takes the place of what is asked for.
        let overridden: BTreeSet<String> = uv
            .list_of(source, "override-dependencies")?
            .iter()
            .filter_map(|node| requirement::parse(node.as_text()?).ok())
            .map(|found| crate::unlocked::folded(found.name))
            .collect();
        inventory.dependencies.retain(|dependency| match &dependency.requested {
            Requested::Exact { release } => !overridden.contains(release.package.as_str()),
            Requested::Range { package, .. } => !overridden.contains(package.as_str()),
            _ => true,
        });
    }
    Ok(inventory)
}

/// The groups of `[dependency-groups]` that are read, with those that they include.
fn included(groups: &Table<'_>, part: Part<'_>) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut queue: Vec<String> = groups.entries.iter().filter(|group| part.has_group(&group.key)).map(|group| folded(&group.key)).collect();
    while let Some(name) = queue.pop() {
        let group = groups.entries.iter().find(|group| folded(&group.key) == name);
        if let Some(Value::List(items)) = group.map(|group| &group.node.value).filter(|_| found.insert(name)) {
            let tables = items.iter().filter_map(Node::as_table);
            queue.extend(tables.filter_map(|table| table.get("include-group")?.as_text()).map(folded));
        }
    }
    found
}

struct Reading<'a, 'c, 'x> {
    list: Listing<'a>,
    ctx: &'c ReadContext<'x>,
    /// Whether it is read to be compared with a lockfile.
    locked: bool,
    /// `[tool.uv.sources]`: packages that do not come from the index.
    elsewhere: BTreeMap<String, &'c Entry<'a>>,
}

impl Reading<'_, '_, '_> {
    fn strings(&mut self, nodes: &[Node<'_>], role: Role) -> Result<(), ReadError> {
        for node in nodes {
            self.string(node, role)?;
        }
        Ok(())
    }

    fn string(&mut self, node: &Node<'_>, role: Role) -> Result<(), ReadError> {
        let source = self.list.source;
        let text = node.text(&source, "a requirement")?;
        // A lockfile leaves out what no machine that it is for would take.
        if self.locked {
            let read = requirement::parse(text).map_err(|problem| source.error(node.line, problem))?;
            if requirement::not_here(&source, self.ctx, read.name, read.marker, node.line)?.is_some() {
                return Ok(());
            }
        }
        if !text.contains('@') {
            let name = requirement::parse(text).map_err(|problem| source.error(node.line, problem))?.name;
            let package = self.list.package(Ecosystem::Pypi, name, node.line)?;
            if let Some(origin) = self.elsewhere.get(package.as_str()).map(|entry| &entry.node) {
                let tables: Vec<&Table<'_>> = match &origin.value {
                    Value::Table(table) => vec![table],
                    Value::List(list) => list.iter().filter_map(Node::as_table).collect(),
                    _ => Vec::new(),
                };
                let mut moved = false;
                for table in tables {
                    moved |= self.add_elsewhere(name, table, node.line, matches!(role, Role::Optional | Role::Development))?;
                }
                if moved {
                    return Ok(());
                }
            }
        }
        requirement::add(&mut self.list, self.ctx, text, node.line, role)
    }

    /// uv's `exclude-newer` and `no-binary`.
    fn choosing(&mut self, uv: &Table<'_>) -> Result<(), ReadError> {
        let source = self.list.source;
        if let Some(text) = uv.text(&source, "exclude-newer")? {
            self.list.uploaded_before(text, true);
        }
        if uv.flag("no-binary") {
            self.list.choosing().add_from_source(Choosing::ALL);
        }
        for node in uv.list_of(&source, "no-binary-package")? {
            self.list.choosing().add_from_source(node.text(&source, "a package")?);
        }
        if uv.get("exclude-newer-package").is_some() {
            self.list.other("table `exclude-newer-package` of uv", "tables `exclude-newer-package` of uv");
        }
        Ok(())
    }

    /// One of uv's `constraint-dependencies`.
    fn constraint(&mut self, node: &Node<'_>) -> Result<(), ReadError> {
        let source = self.list.source;
        let mut apart = Listing::new(source, FileKind::Pyproject, self.ctx.limits);
        requirement::add(&mut apart, self.ctx, node.text(&source, "a constraint")?, node.line, Role::Normal)?;
        for dependency in apart.finish().dependencies {
            self.list.constrain(dependency);
        }
        Ok(())
    }

    /// A git, url or path source; `false` when the table names none.
    fn add_elsewhere(&mut self, name: &str, table: &Table<'_>, line: u32, optional: bool) -> Result<bool, ReadError> {
        let source = self.list.source;
        let requested = if let Some(git) = table.text(&source, "git")? {
            let mut revision = None;
            for key in ["rev", "tag", "branch"] {
                revision = revision.or(table.text(&source, key)?);
            }
            self.list.git(name, git, Some(revision.unwrap_or("")), line)?
        } else if let Some(url) = table.text(&source, "url")? {
            self.list.url(name, url, line)?
        } else if let Some(path) = table.text(&source, "path")?.or(table.text(&source, "file")?) {
            self.list.path(name, path)
        } else if table.flag("workspace") {
            self.list.path(name, "")
        } else {
            return Ok(false);
        };
        self.list.add(line, requested, Vec::new(), optional, Vec::new())?;
        Ok(true)
    }

    /// A PEP 735 group: requirements and `{ include-group = "…" }`. What is included is listed by its own group.
    fn group(&mut self, names: &BTreeSet<String>, group: &Entry<'_>) -> Result<(), ReadError> {
        let source = self.list.source;
        for node in group.node.list(&source, &group.key)? {
            match node.as_table() {
                None => self.string(node, Role::Development)?,
                Some(table) => {
                    let included = table.required_text(&source, node.line, "include-group", &group.key)?;
                    if !names.contains(&folded(included)) {
                        let problem =
                            Problem::Undefined { what: format!("group `{}`", shown(included)), inside: "[dependency-groups]".to_owned() };
                        return Err(source.error(node.line, problem));
                    }
                }
            }
        }
        Ok(())
    }

    fn poetry(&mut self, entries: &[Entry<'_>], dev: bool) -> Result<(), ReadError> {
        for entry in entries {
            if entry.key == "python" {
                continue;
            }
            match &entry.node.value {
                Value::List(choices) => {
                    for choice in choices {
                        self.poetry_one(&entry.key, choice, choice.line, dev)?;
                    }
                }
                _ => self.poetry_one(&entry.key, &entry.node, entry.line, dev)?,
            }
        }
        Ok(())
    }

    fn poetry_one(&mut self, name: &str, node: &Node<'_>, line: u32, dev: bool) -> Result<(), ReadError> {
        let source = self.list.source;
        let (constraint, marker, optional, extras) = match node.as_text() {
            Some(text) => (text, None, dev, Vec::new()),
            None => {
                let table = node.table(&source, name)?;
                let optional = dev || table.flag("optional");
                if self.add_elsewhere(name, table, line, optional)? {
                    return Ok(());
                }
                let extras = table.list_of(&source, "extras")?.iter().filter_map(|node| node.as_text()).map(shown).collect();
                (table.text(&source, "version")?.unwrap_or("*"), table.text(&source, "markers")?, optional, extras)
            }
        };
        let specifier = poetry_constraint(constraint).map_err(|problem| source.error(line, problem))?;
        let requested = requirement::from_index(&self.list, name, &specifier, line)?;
        if let Some(note) = requirement::left_out(&source, self.ctx, &requested, name, marker, line)? {
            self.list.note(line, &note);
            return Ok(());
        }
        let role = match (dev, optional) {
            (true, _) => Role::Development,
            (_, true) => Role::Optional,
            _ => Role::Normal,
        };
        self.list.add_asked(line, requested, optional, Vec::new(), Ask { role, extras, ..Ask::default() })
    }
}

fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

/// Alternatives of one constraint.
const MAX_ALTERNATIVES: usize = 64;

/// Poetry's version constraint in PEP 440, alternatives joined by `||`.
fn poetry_constraint(text: &str) -> Result<String, Problem> {
    let parts: Vec<&str> = text.split('|').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() > MAX_ALTERNATIVES {
        return Err(Problem::TooMany { what: "alternatives of a constraint", limit: MAX_ALTERNATIVES });
    }
    let alternatives: Vec<String> = parts.into_iter().map(poetry_alternative).collect::<Result<_, _>>()?;
    // One that takes any version takes all.
    Ok(if alternatives.iter().any(String::is_empty) { String::new() } else { alternatives.join(" || ") })
}

fn poetry_alternative(text: &str) -> Result<String, Problem> {
    let mut clauses = Vec::new();
    // `>=1 <2` and `>=1,<2` are the same to poetry.
    let spaced = text.replace(',', " ");
    let mut words = spaced.split_whitespace();
    while let Some(word) = words.next() {
        let clause = if word.bytes().all(|b| b"<>=!~^".contains(&b)) {
            format!("{word}{}", words.next().unwrap_or_default())
        } else {
            word.to_owned()
        };
        clauses.extend(poetry_clause(&clause)?);
    }
    requirement::specifiers(&clauses.join(","))
}

fn poetry_clause(clause: &str) -> Result<Vec<String>, Problem> {
    if clause == "*" {
        return Ok(Vec::new());
    }
    if let Some(version) = clause.strip_prefix('^') {
        let parts = release(version, clause)?;
        // The leftmost part that is not zero may not change; of `^0.0` the last given.
        let keep = parts.iter().position(|part| *part != 0).unwrap_or(parts.len() - 1);
        return Ok(vec![format!(">={version}"), below(&parts[..=keep])]);
    }
    if let Some(version) = clause.strip_prefix('~').filter(|rest| !rest.starts_with('=')) {
        let parts = release(version, clause)?;
        return Ok(vec![format!(">={version}"), below(&parts[..parts.len().min(2)])]);
    }
    if clause.starts_with(['<', '>', '=', '!', '~']) {
        // Poetry takes a single `=`.
        let single = clause.starts_with('=') && !clause.starts_with("==");
        return Ok(vec![if single { format!("={clause}") } else { clause.to_owned() }]);
    }
    Ok(vec![format!("=={clause}")])
}

fn release(version: &str, clause: &str) -> Result<Vec<u64>, Problem> {
    let wrong = || Problem::Requirement { expected: "a version constraint of poetry", found: shown(clause) };
    let digits = version.split(|c: char| !(c.is_ascii_digit() || c == '.')).next().unwrap_or_default();
    let parts: Option<Vec<u64>> = digits.split('.').filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect();
    parts.filter(|parts| !parts.is_empty() && parts.len() <= 16).ok_or_else(wrong)
}

fn below(kept: &[u64]) -> String {
    let mut parts: Vec<u64> = kept.to_vec();
    if let Some(last) = parts.last_mut() {
        *last = last.saturating_add(1);
    }
    let parts: Vec<String> = parts.iter().map(u64::to_string).collect();
    format!("<{}", parts.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poetry_constraints_are_written_out() {
        for (poetry, pep440) in [
            ("^1.2.3", ">=1.2.3,<2"),
            ("^0.2.3", ">=0.2.3,<0.3"),
            ("^0.0.3", ">=0.0.3,<0.0.4"),
            ("^0.0", ">=0.0,<0.1"),
            ("^1", ">=1,<2"),
            ("~1.2.3", ">=1.2.3,<1.3"),
            ("~1", ">=1,<2"),
            ("~=1.2", "~=1.2"),
            ("1.2.3", "==1.2.3"),
            ("1.2.*", "==1.2.*"),
            ("*", ""),
            (">= 1.0 <2", ">=1.0,<2"),
            ("=1.0", "==1.0"),
        ] {
            assert_eq!(poetry_constraint(poetry).unwrap(), pep440, "{poetry}");
        }
        assert_eq!(poetry_constraint("^1 || ^2,<2.5").unwrap(), ">=1,<2 || >=2,<3,<2.5");
        assert_eq!(poetry_constraint("1.0 | 2.0").unwrap(), "==1.0 || ==2.0");
        assert_eq!(poetry_constraint("^1 || *").unwrap(), "");
        assert!(poetry_constraint("^x").is_err());
        assert!(poetry_constraint("banana").is_err());
    }
}
