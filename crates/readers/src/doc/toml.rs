//! TOML to [`Node`]s with lines, over the `toml` crate's span-keeping tree (which bounds its own recursion).

use super::{Entry, Node, Table, Value};
use crate::error::{Problem, ReadError};
use crate::source::{LineIndex, Source};
use std::borrow::Cow;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Parses one TOML document.
pub(crate) fn parse<'a>(source: &Source<'a>, depth: usize) -> Result<Node<'a>, ReadError> {
    let text = source.utf8()?;
    let lines = LineIndex::new(text);
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(0, |span| lines.line(span.start));
        if error.message().contains("recurs") {
            return source.error(line, Problem::TooDeep { limit: 80 });
        }
        if error.message().contains("duplicate key") {
            let key = error.span().and_then(|span| text.get(span)).unwrap_or_default();
            return source.error(line, Problem::DuplicateKey { key: crate::error::shown(key) });
        }
        source.syntax(line, "TOML", error.message())
    })?;
    let convert = Convert { source: *source, lines, limit: depth };
    Ok(Node { line: 1, value: Value::Table(convert.table(table.into_inner(), depth)?) })
}

struct Convert<'a> {
    source: Source<'a>,
    lines: LineIndex,
    limit: usize,
}

impl<'a> Convert<'a> {
    fn table(&self, table: DeTable<'a>, depth: usize) -> Result<Table<'a>, ReadError> {
        let mut out: Vec<(usize, Entry<'a>)> = Vec::with_capacity(table.len());
        for (key, value) in table {
            let at = key.span().start;
            let line = self.lines.line(at);
            let mut node = self.node(value, depth)?;
            // The span of a table with a header may begin before it.
            node.line = node.line.max(line);
            out.push((at, Entry { line, key: key.into_inner(), node }));
        }
        // The map is sorted by key; readers report in the file's order.
        out.sort_by_key(|(at, _)| *at);
        Ok(Table { entries: out.into_iter().map(|(_, entry)| entry).collect() })
    }

    fn node(&self, value: Spanned<DeValue<'a>>, depth: usize) -> Result<Node<'a>, ReadError> {
        let line = self.lines.line(value.span().start);
        let depth = depth.checked_sub(1).ok_or_else(|| self.source.error(line, Problem::TooDeep { limit: self.limit }))?;
        let value = match value.into_inner() {
            DeValue::String(text) => Value::Text(text),
            DeValue::Integer(number) => Value::Number(Cow::Owned(number.to_string())),
            DeValue::Float(number) => Value::Number(Cow::Owned(number.to_string())),
            DeValue::Boolean(value) => Value::Bool(value),
            DeValue::Datetime(date) => Value::Text(Cow::Owned(date.to_string())),
            DeValue::Array(array) => {
                let mut list = Vec::with_capacity(array.len());
                for item in array {
                    list.push(self.node(item, depth)?);
                }
                Value::List(list)
            }
            DeValue::Table(table) => Value::Table(self.table(table, depth)?),
        };
        Ok(Node { line, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_keep_the_order_and_lines_of_the_file() {
        let source = Source { path: "x", bytes: b"[[package]]\nname = \"z\"\n\n[[package]]\nname = \"a\"\nfiles = [\n {file=\"f\"},\n]\n" };
        let node = parse(&source, 9).unwrap();
        let packages = node.as_table().unwrap().list_of(&source, "package").unwrap();
        assert_eq!(
            packages.iter().map(|p| (p.line, p.as_table().unwrap().text(&source, "name").unwrap())).collect::<Vec<_>>(),
            [(1, Some("z")), (4, Some("a"))]
        );
        assert_eq!(packages[1].as_table().unwrap().list_of(&source, "files").unwrap()[0].line, 7);
    }

    #[test]
    fn deep_and_broken_documents_are_refused() {
        let deep = format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000));
        let source = Source { path: "x", bytes: deep.as_bytes() };
        assert_eq!(parse(&source, 256).unwrap_err().problem, Problem::TooDeep { limit: 80 });
        let source = Source { path: "x", bytes: b"a = 1\nb = \n" };
        assert_eq!(parse(&source, 256).unwrap_err().place.line, 2);
        let source = Source { path: "x", bytes: b"a = 1\na = 2\n" };
        assert_eq!(parse(&source, 256).unwrap_err().to_string(), "x:2: key `a` is there twice");
    }
}
