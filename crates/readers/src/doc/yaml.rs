//! YAML to [`Node`]s with lines. Anchors and aliases are refused: no lockfile has them, and ten nested ones can stand
//! for a billion values. Tags are ignored; plain scalars are kept as written.

use super::{DuplicateKeys, Entry, Node, Table, Value, settle_duplicates};
use crate::error::{Problem, ReadError};
use crate::source::Source;
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::borrow::Cow;

enum Open<'a> {
    List(u32, Vec<Node<'a>>),
    Table(u32, Table<'a>, Option<(u32, Cow<'a, str>)>),
}

/// Parses every document of a YAML stream.
pub(crate) fn parse<'a>(source: &Source<'a>, depth: usize) -> Result<Vec<Node<'a>>, ReadError> {
    let text = source.utf8()?;
    let mut open: Vec<Open<'a>> = Vec::new();
    let mut documents = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
            if error.info().contains("recursion limit") {
                return source.error(line, Problem::TooDeep { limit: 255 });
            }
            source.syntax(line, "YAML", error.info())
        })?;
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        let done = match event {
            Event::Alias(_) => return Err(source.error(line, Problem::YamlAlias)),
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) if anchor != 0 => {
                return Err(source.error(line, Problem::YamlAlias));
            }
            Event::Scalar(text, style, _, _) => Node { line, value: scalar(text, style) },
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() >= depth {
                    return Err(source.error(line, Problem::TooDeep { limit: depth }));
                }
                open.push(match event {
                    Event::SequenceStart(..) => Open::List(line, Vec::new()),
                    _ => Open::Table(line, Table::default(), None),
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(line, list)) => Node { line, value: Value::List(list) },
                Some(Open::Table(line, mut table, _)) => {
                    settle_duplicates(source, &mut table, DuplicateKeys::Refuse)?;
                    Node { line, value: Value::Table(table) }
                }
                None => return Err(source.syntax(line, "YAML", "the end of a collection that never began")),
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => continue,
        };
        match open.last_mut() {
            None => documents.push(done),
            Some(Open::List(_, list)) => list.push(done),
            Some(Open::Table(_, table, key)) => match key.take() {
                Some((line, key)) => table.entries.push(Entry { line, key, node: done }),
                None => {
                    let text = match done.value {
                        Value::Text(text) | Value::Number(text) => text,
                        Value::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
                        Value::Null => Cow::Borrowed("null"),
                        Value::List(_) | Value::Table(_) => return Err(source.syntax(done.line, "a plain YAML key", done.type_name())),
                    };
                    // Some parsers lay what is behind it over the table that it is in.
                    if text == "<<" {
                        return Err(source.syntax(done.line, "plain YAML", "a merge key, which no lockfile needs"));
                    }
                    *key = Some((done.line, text));
                }
            },
        }
    }
    Ok(documents)
}

impl Node<'_> {
    /// Whether a YAML document holds nothing.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }
}

fn scalar<'a>(text: Cow<'a, str>, style: ScalarStyle) -> Value<'a> {
    if style != ScalarStyle::Plain {
        return Value::Text(text);
    }
    match text.as_ref() {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        // Versions and commits look like numbers (`1.10`, `7e10`): every other scalar is text.
        _ => Value::Text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Node<'_>>, String> {
        parse(&Source { path: "x", bytes: text.as_bytes() }, 64).map_err(|error| error.to_string())
    }

    #[test]
    fn blocks_flows_and_documents_are_read_with_lines() {
        let documents = read("---\na: 1\n---\nb:\n  'c d': {e: [f, \"g\"]}\n  h: 1.10\n").unwrap();
        assert_eq!(documents.len(), 2);
        let b = documents[1].as_table().unwrap().get("b").unwrap().as_table().unwrap();
        assert_eq!((b.entries[0].line, b.entries[0].key.as_ref(), b.entries[1].line), (5, "c d", 6));
        assert!(matches!(&b.entries[1].node.value, Value::Text(text) if text == "1.10"));
    }

    #[test]
    fn a_billion_laughs_end_at_the_first_anchor() {
        assert_eq!(
            read("a: &a [x, x]\nb: [*a, *a]\n").unwrap_err(),
            "x:1: expected plain YAML, found an anchor or alias, which no lockfile needs"
        );
    }

    #[test]
    fn deep_and_broken_streams_are_refused_with_a_line() {
        assert!(read(&"[".repeat(100_000)).unwrap_err().contains("nesting is deeper"));
        assert!(read(&"- ".repeat(100_000)).unwrap_err().contains("nesting is deeper"));
        assert!(read("a: b\n  c: d\n").unwrap_err().starts_with("x:2: expected YAML, found"));
        assert!(read("a: 1\na: 2\n").unwrap_err().contains("x:2: key `a` is there twice"));
        assert!(read("a:\n  <<: {b: c}\n").unwrap_err().contains("x:2: expected plain YAML, found a merge key"));
        assert!(read("? [a]\n: b\n").unwrap_err().contains("expected a plain YAML key"));
    }
}
