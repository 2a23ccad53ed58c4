//! Strict JSON (RFC 8259) to [`Node`]s with lines. Depth is bounded; strings are borrowed where they hold no escapes.

use super::{DuplicateKeys, Entry, Node, Table, Value, settle_duplicates};
use crate::error::{Problem, ReadError};
use crate::source::Source;
use std::borrow::Cow;

/// Parses one JSON document.
pub(crate) fn parse<'a>(source: &Source<'a>, depth: usize, duplicates: DuplicateKeys) -> Result<Node<'a>, ReadError> {
    let text = source.utf8()?;
    let mut parser = Parser { source: *source, text, at: 0, line: 1, depth, limit: depth, duplicates };
    parser.blank();
    let node = parser.value()?;
    parser.blank();
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.wrong("the end of the file")),
    }
}

struct Parser<'a> {
    source: Source<'a>,
    text: &'a str,
    at: usize,
    line: u32,
    depth: usize,
    limit: usize,
    duplicates: DuplicateKeys,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => self.line = self.line.saturating_add(1),
                b' ' | b'\t' | b'\r' => {}
                _ => break,
            }
            self.at += 1;
        }
    }

    fn wrong(&self, expected: &str) -> ReadError {
        let found = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => "the end of the file".to_owned(),
            Some(c) if c.is_control() => format!("`{}`", c.escape_debug()),
            Some(c) => format!("`{c}`"),
        };
        self.source.syntax(self.line, expected, &found)
    }

    fn value(&mut self) -> Result<Node<'a>, ReadError> {
        let line = self.line;
        let value = match self.peek() {
            Some(b'{') => {
                self.enter()?;
                let table = self.table()?;
                self.depth += 1;
                Value::Table(table)
            }
            Some(b'[') => {
                self.enter()?;
                let list = self.list()?;
                self.depth += 1;
                Value::List(list)
            }
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.wrong("a JSON value")),
        };
        Ok(Node { line, value })
    }

    fn enter(&mut self) -> Result<(), ReadError> {
        self.at += 1;
        self.depth = self.depth.checked_sub(1).ok_or_else(|| self.source.error(self.line, Problem::TooDeep { limit: self.limit }))?;
        Ok(())
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, ReadError> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.wrong("a JSON value"))
        }
    }

    fn table(&mut self) -> Result<Table<'a>, ReadError> {
        let mut table = Table::default();
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(table);
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a key in double quotes"));
            }
            let line = self.line;
            let key = self.string()?;
            self.blank();
            if self.peek() != Some(b':') {
                return Err(self.wrong("`:` after a key"));
            }
            self.at += 1;
            self.blank();
            let node = self.value()?;
            table.entries.push(Entry { line, key, node });
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.wrong("`,` or `}`")),
            }
            self.blank();
        }
        self.at += 1;
        settle_duplicates(&self.source, &mut table, self.duplicates)?;
        Ok(table)
    }

    fn list(&mut self) -> Result<Vec<Node<'a>>, ReadError> {
        let mut list = Vec::new();
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(list);
        }
        loop {
            list.push(self.value()?);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.wrong("`,` or `]`")),
            }
            self.blank();
        }
        self.at += 1;
        Ok(list)
    }

    fn number(&mut self) -> Result<Cow<'a, str>, ReadError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let text = &self.text[start..self.at];
        let digits = text.strip_prefix('-').unwrap_or(text);
        let leading_zero = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
        if leading_zero || text.parse::<f64>().is_err() || text.ends_with('.') || text.starts_with('+') {
            return Err(self.source.syntax(self.line, "a JSON number", text));
        }
        Ok(Cow::Borrowed(text))
    }

    /// A string; `self.at` is at its opening quote.
    fn string(&mut self) -> Result<Cow<'a, str>, ReadError> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let text = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Cow::Borrowed(text));
                }
                Some(b'\\') => return self.escaped(start),
                Some(byte) if byte >= 0x20 => self.at += 1,
                Some(_) => return Err(self.wrong("a string without raw control characters")),
                None => return Err(self.wrong("the closing `\"` of a string")),
            }
        }
    }

    fn escaped(&mut self, start: usize) -> Result<Cow<'a, str>, ReadError> {
        let mut out = self.text[start..self.at].to_owned();
        let mut run = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    out.push_str(&self.text[run..self.at]);
                    self.at += 1;
                    return Ok(Cow::Owned(out));
                }
                Some(b'\\') => {
                    out.push_str(&self.text[run..self.at]);
                    self.at += 1;
                    out.push(self.escape()?);
                    run = self.at;
                }
                Some(byte) if byte >= 0x20 => self.at += 1,
                Some(_) => return Err(self.wrong("a string without raw control characters")),
                None => return Err(self.wrong("the closing `\"` of a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ReadError> {
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.wrong("a JSON escape")),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, ReadError> {
        let high = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&high) {
            // A lone low surrogate is no character; JavaScript keeps it, and it can be part of no name.
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        self.at += 2;
        let low = self.four_digits()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        let joined = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Result<u32, ReadError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let Some(digits) = digits else { return Err(self.wrong("four hex digits")) };
        let value = digits.iter().fold(0, |value, &digit| value * 16 + char::from(digit).to_digit(16).unwrap_or(0));
        self.at += 4;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node<'_>, String> {
        parse(&Source { path: "x", bytes: text.as_bytes() }, 4, DuplicateKeys::Refuse).map_err(|error| error.to_string())
    }

    #[test]
    fn values_carry_their_lines() {
        let node = read("{\n \"a\": [1,\n  \"b\\u00e9\\n\"],\n \"c\": {}}").unwrap();
        let table = node.as_table().unwrap();
        assert_eq!(table.entries[0].line, 2);
        let Value::List(list) = &table.get("a").unwrap().value else { panic!() };
        assert_eq!((list[1].line, list[1].as_text()), (3, Some("bé\n")));
        assert_eq!(table.entries[1].line, 4);
    }

    #[test]
    fn every_breach_of_the_grammar_is_named_with_its_line() {
        for (text, error) in [
            ("", "x:1: expected a JSON value, found the end of the file"),
            ("{\n'a': 1}", "x:2: expected a key in double quotes, found `'`"),
            ("{\"a\" 1}", "x:1: expected `:` after a key, found `1`"),
            ("[1,\n]", "x:2: expected a JSON value, found `]`"),
            ("[1 2]", "x:1: expected `,` or `]`, found `2`"),
            ("{\"a\":1 \"b\"}", "x:1: expected `,` or `}`, found `\"`"),
            ("\"a\nb\"", "x:1: expected a string without raw control characters, found `\\n`"),
            ("\"a", "x:1: expected the closing `\"` of a string, found the end of the file"),
            ("\"\\x\"", "x:1: expected a JSON escape, found `x`"),
            ("\"\\u12g4\"", "x:1: expected four hex digits, found `1`"),
            ("01", "x:1: expected a JSON number, found 01"),
            ("1.", "x:1: expected a JSON number, found 1."),
            ("tru", "x:1: expected a JSON value, found `t`"),
            ("{} x", "x:1: expected the end of the file, found `x`"),
            ("{\"a\":1,\n\"a\":2}", "x:2: key `a` is there twice"),
            ("[[[[[1]]]]]", "x:1: nesting is deeper than the limit of 4"),
            ("\"é\\u12", "x:1: expected four hex digits, found `1`"),
        ] {
            assert_eq!(read(text).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn surrogates_are_joined_or_replaced() {
        assert_eq!(read("\"\\ud83d\\ude00 \\ud83dx \\ud83d\\u0041\"").unwrap().as_text(), Some("😀 \u{fffd}x \u{fffd}"));
    }

    #[test]
    fn a_hand_written_manifest_may_repeat_a_key() {
        let source = Source { path: "x", bytes: b"{\"a\":1,\"b\":2,\"a\":3}" };
        let node = parse(&source, 4, DuplicateKeys::LastWins).unwrap();
        let keys: Vec<_> = node.as_table().unwrap().entries.iter().map(|e| (e.key.as_ref(), e.node.scalar(&source, "").unwrap())).collect();
        assert_eq!(keys, [("b", "2"), ("a", "3")]);
    }
}
