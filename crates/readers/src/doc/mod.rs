//! One tree for JSON, TOML and YAML, each value with its line: readers are written once over it.
//!
//! Depth is bounded while parsing, so that walking and dropping a tree cannot overflow the stack.

pub(crate) mod json;
pub(crate) mod toml;
pub(crate) mod xml;
pub(crate) mod yaml;

use crate::error::{Problem, ReadError, shown};
use crate::source::Source;
use std::borrow::Cow;

/// A value and the line where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    pub(crate) line: u32,
    pub(crate) value: Value<'a>,
}

/// What a document can hold.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// As written.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Table(Table<'a>),
}

/// Keys and values in the file's order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table<'a> {
    pub(crate) entries: Vec<Entry<'a>>,
}

/// One key of a table.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    /// Line of the key.
    pub(crate) line: u32,
    pub(crate) key: Cow<'a, str>,
    pub(crate) node: Node<'a>,
}

impl<'a> Node<'a> {
    pub(crate) fn type_name(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    fn wrong_type(&self, source: &Source<'_>, what: &str, expected: &'static str) -> ReadError {
        source.error(self.line, Problem::WrongType { what: shown(what), expected, found: self.type_name() })
    }

    pub(crate) fn as_table(&self) -> Option<&Table<'a>> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_true(&self) -> bool {
        matches!(self.value, Value::Bool(true))
    }

    pub(crate) fn table(&self, source: &Source<'_>, what: &str) -> Result<&Table<'a>, ReadError> {
        self.as_table().ok_or_else(|| self.wrong_type(source, what, "a table"))
    }

    pub(crate) fn list(&self, source: &Source<'_>, what: &str) -> Result<&[Node<'a>], ReadError> {
        match &self.value {
            Value::List(list) => Ok(list),
            _ => Err(self.wrong_type(source, what, "a list")),
        }
    }

    pub(crate) fn text(&self, source: &Source<'_>, what: &str) -> Result<&str, ReadError> {
        self.as_text().ok_or_else(|| self.wrong_type(source, what, "a string"))
    }

    /// A text, or a number as it is written (YAML versions such as `1.0` and `9`).
    pub(crate) fn scalar(&self, source: &Source<'_>, what: &str) -> Result<&str, ReadError> {
        match &self.value {
            Value::Text(text) | Value::Number(text) => Ok(text),
            _ => Err(self.wrong_type(source, what, "a string or number")),
        }
    }
}

impl<'a> Table<'a> {
    /// The value of a key. Linear: not for tables whose size an attacker sets and that are asked often.
    pub(crate) fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// Whether the key is there and true.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.get(key).is_some_and(Node::is_true)
    }

    /// The text of a key; `None` when it is absent or null; an error when it is of another type.
    pub(crate) fn text(&self, source: &Source<'_>, key: &str) -> Result<Option<&str>, ReadError> {
        match self.get(key) {
            None | Some(Node { value: Value::Null, .. }) => Ok(None),
            Some(node) => node.text(source, key).map(Some),
        }
    }

    /// The text of a key that must be there.
    pub(crate) fn required_text(&self, source: &Source<'_>, line: u32, field: &'static str, inside: &str) -> Result<&str, ReadError> {
        self.text(source, field)?.ok_or_else(|| source.error(line, Problem::Missing { field, inside: shown(inside) }))
    }

    /// The entries of a table under a key; none when it is absent or null.
    pub(crate) fn entries_of(&self, source: &Source<'_>, key: &str) -> Result<&[Entry<'a>], ReadError> {
        match self.get(key) {
            None | Some(Node { value: Value::Null, .. }) => Ok(&[]),
            Some(node) => Ok(&node.table(source, key)?.entries),
        }
    }

    /// The items of a list under a key; none when it is absent or null.
    pub(crate) fn list_of(&self, source: &Source<'_>, key: &str) -> Result<&[Node<'a>], ReadError> {
        match self.get(key) {
            None | Some(Node { value: Value::Null, .. }) => Ok(&[]),
            Some(node) => node.list(source, key),
        }
    }
}

/// What a parser does with a key that is there twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DuplicateKeys {
    /// Refuse: two readers of a lockfile must not see two different files.
    Refuse,
    /// The last one counts, as for the client that reads hand-written manifests.
    LastWins,
}

/// Enforces `rule` on a finished table.
pub(crate) fn settle_duplicates(source: &Source<'_>, table: &mut Table<'_>, rule: DuplicateKeys) -> Result<(), ReadError> {
    use std::collections::HashMap;
    let mut duplicate = None;
    if table.entries.len() <= 8 {
        for (at, entry) in table.entries.iter().enumerate() {
            if table.entries[..at].iter().any(|earlier| earlier.key == entry.key) {
                duplicate = Some(at);
                break;
            }
        }
    } else {
        let mut seen: HashMap<&str, ()> = HashMap::with_capacity(table.entries.len());
        duplicate = table.entries.iter().position(|entry| seen.insert(&entry.key, ()).is_some());
    }
    match (duplicate, rule) {
        (None, _) => Ok(()),
        (Some(at), DuplicateKeys::Refuse) => {
            let entry = &table.entries[at];
            Err(source.error(entry.line, Problem::DuplicateKey { key: shown(&entry.key) }))
        }
        (Some(_), DuplicateKeys::LastWins) => {
            let mut last: HashMap<String, usize> = HashMap::new();
            for (at, entry) in table.entries.iter().enumerate() {
                last.insert(entry.key.clone().into_owned(), at);
            }
            let mut at = 0;
            table.entries.retain(|entry| {
                at += 1;
                last.get(entry.key.as_ref()) == Some(&(at - 1))
            });
            Ok(())
        }
    }
}
