//! What is wrong with a policy file, where, and what to do.

use bifocal_core::{one_line, printable};
use std::fmt;

/// Whether a problem stops the policy from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The policy cannot be used.
    Error,
    /// The policy works, and probably not as meant.
    Warning,
}

/// One mistake in a policy file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// How bad it is.
    pub level: Level,
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        write!(f, "{}:{}:{}: {level}: {}", printable(&self.file), self.line, self.column, self.message)?;
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

/// Every mistake of a policy file, in the file's order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy has {} problem{}:\n{}", .0.len(), if .0.len() == 1 { "" } else { "s" }, lines(.0))]
pub struct PolicyError(pub Vec<Problem>);

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Collects problems of one file by byte offset.
#[derive(Debug)]
pub(crate) struct Problems<'t> {
    file: &'t str,
    text: &'t str,
    found: Vec<Problem>,
}

/// More problems than this say nothing more.
const MAX_PROBLEMS: usize = 100;

impl<'t> Problems<'t> {
    pub(crate) fn new(file: &'t str, text: &'t str) -> Self {
        Problems { file, text, found: Vec::new() }
    }

    pub(crate) fn error(&mut self, offset: usize, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Error, offset, message.into(), hint.into());
    }

    pub(crate) fn warning(&mut self, offset: usize, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Warning, offset, message.into(), hint.into());
    }

    fn add(&mut self, level: Level, offset: usize, message: String, hint: String) {
        if self.found.len() >= MAX_PROBLEMS {
            return;
        }
        let (line, column) = self.position(offset);
        self.found.push(Problem { level, file: self.file.to_owned(), line, column, message, hint });
    }

    fn position(&self, offset: usize) -> (u32, u32) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }

    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| (problem.line, problem.column));
        self.found
    }
}

/// A name as it may be shown in a message.
pub(crate) fn shown(name: &str) -> String {
    one_line(name, 80)
}

/// `did you mean `x`?` when a known name is near, else the known names when they are few.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let short: String = name.chars().take(80).collect();
    let best = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&short, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(2))
        .min();
    match best {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None if !known.is_empty() && known.len() <= 12 => format!("known are {}", known.join(", ")),
        None => String::new(),
    }
}
