//! Reads the TOML of a policy with the place of everything in it. Unknown keys are mistakes that name the nearest key.

use crate::problem::{Problems, nearest, shown};
use jiff::Timestamp;
use std::ops::Range;
use toml_edit::{Item, TableLike};

/// A value and the byte offset at which it stands.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

/// Reads the keys of one table.
pub(crate) struct Keys<'d, 'p, 't> {
    table: &'d dyn TableLike,
    at: usize,
    what: &'static str,
    problems: &'p mut Problems<'t>,
}

impl<'d, 'p, 't> Keys<'d, 'p, 't> {
    /// Starts on a table; keys outside `allowed` are reported.
    pub(crate) fn new(
        table: &'d dyn TableLike,
        at: usize,
        what: &'static str,
        allowed: &'static [&'static str],
        problems: &'p mut Problems<'t>,
    ) -> Self {
        for (name, _) in table.iter() {
            if !allowed.contains(&name) {
                let offset = key_offset(table, name).unwrap_or(at);
                problems.error(offset, format!("unknown key `{}` in {what}", shown(name)), nearest(name, allowed.iter().copied()));
            }
        }
        Keys { table, at, what, problems }
    }

    fn wrong_type(&mut self, key: &str, item: &Item, expected: &str) {
        let offset = item.span().map(|span| span.start).or_else(|| key_offset(self.table, key)).unwrap_or(self.at);
        self.problems.error(offset, format!("`{key}` of {} is a {}, not {expected}", self.what, item.type_name()), "");
    }

    /// Reports that a required key is missing.
    pub(crate) fn missing(&mut self, key: &str, why: &str) {
        self.problems.error(self.at, format!("{} has no `{key}`", self.what), why);
    }

    /// A text of at most `max` bytes.
    pub(crate) fn text(&mut self, key: &str, max: usize) -> Option<Located<String>> {
        let item = self.table.get(key)?;
        let Some(text) = item.as_str() else {
            self.wrong_type(key, item, "a string");
            return None;
        };
        let span = item.span().unwrap_or(self.at..self.at);
        if text.len() > max {
            self.problems.error(span.start, format!("`{key}` of {} has {} bytes, more than {max}", self.what, text.len()), "");
            return None;
        }
        Some(Located { value: text.to_owned(), span })
    }

    /// A text that must be there.
    pub(crate) fn required_text(&mut self, key: &str, max: usize, why: &str) -> Option<Located<String>> {
        if self.table.get(key).is_none() {
            self.missing(key, why);
            return None;
        }
        let found = self.text(key, max)?;
        if found.value.trim().is_empty() {
            self.problems.error(found.span.start, format!("`{key}` of {} is empty", self.what), why);
            return None;
        }
        Some(found)
    }

    /// A bool.
    pub(crate) fn flag(&mut self, key: &str) -> Option<bool> {
        let item = self.table.get(key)?;
        if item.as_bool().is_none() {
            self.wrong_type(key, item, "true or false");
        }
        item.as_bool()
    }

    /// A whole number from 1 to `max`.
    pub(crate) fn number(&mut self, key: &str, max: i64) -> Option<i64> {
        let item = self.table.get(key)?;
        match item.as_integer() {
            Some(value) if (1..=max).contains(&value) => Some(value),
            Some(_) => {
                let offset = item.span().map_or(self.at, |span| span.start);
                self.problems.error(offset, format!("`{key}` of {} is not from 1 to {max}", self.what), "");
                None
            }
            None => {
                self.wrong_type(key, item, "a whole number");
                None
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, key: &str) -> Option<Vec<Located<String>>> {
        let item = self.table.get(key)?;
        let Some(array) = item.as_array() else {
            self.wrong_type(key, item, "a list of strings");
            return None;
        };
        let mut out = Vec::new();
        for value in array.iter().take(1000) {
            let span = value.span().unwrap_or(self.at..self.at);
            match value.as_str() {
                Some(text) if text.len() <= 2048 => out.push(Located { value: text.to_owned(), span }),
                _ => self.problems.error(span.start, format!("`{key}` of {} holds something other than a short string", self.what), ""),
            }
        }
        Some(out)
    }

    /// A point in time: RFC 3339, as a TOML date-time or as a string; a date alone means the end of that day in UTC.
    pub(crate) fn time(&mut self, key: &str, why: &str) -> Option<Located<Timestamp>> {
        let Some(item) = self.table.get(key) else {
            self.missing(key, why);
            return None;
        };
        let span = item.span().unwrap_or(self.at..self.at);
        let text = item.as_datetime().map(ToString::to_string).or_else(|| item.as_str().map(str::to_owned)).unwrap_or_default();
        let time = text.parse::<Timestamp>().ok().or_else(|| {
            let date: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
            Some(date.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        });
        if time.is_none() {
            let message = format!("`{key}` of {} is not a time", self.what);
            self.problems.error(span.start, message, "as in 2026-12-31 or 2026-12-31T12:00:00Z");
        }
        time.map(|value| Located { value, span })
    }

    /// The tables of an array of tables, with their offsets.
    pub(crate) fn tables(&mut self, key: &str) -> Vec<(&'d dyn TableLike, usize)> {
        let Some(item) = self.table.get(key) else { return Vec::new() };
        if let Some(tables) = item.as_array_of_tables() {
            return tables.iter().map(|table| (table as &dyn TableLike, table.span().map_or(self.at, |span| span.start))).collect();
        }
        if let Some(array) = item.as_array()
            && array.iter().all(toml_edit::Value::is_inline_table)
        {
            return array
                .iter()
                .filter_map(|value| {
                    let table = value.as_inline_table()?;
                    Some((table as &dyn TableLike, value.span().map_or(self.at, |span| span.start)))
                })
                .collect();
        }
        let expected = format!("tables; write [[{key}]]");
        self.wrong_type(key, item, &expected);
        Vec::new()
    }

    /// A table.
    pub(crate) fn table(&mut self, key: &str) -> Option<(&'d dyn TableLike, usize)> {
        let item = self.table.get(key)?;
        match item.as_table_like() {
            Some(table) => Some((table, item.span().map_or(self.at, |span| span.start))),
            None => {
                self.wrong_type(key, item, "a table");
                None
            }
        }
    }

    pub(crate) fn problems(&mut self) -> &mut Problems<'t> {
        self.problems
    }
}

fn key_offset(table: &dyn TableLike, name: &str) -> Option<usize> {
    table.get_key_value(name).and_then(|(key, _)| key.span()).map(|span| span.start)
}

/// The offset in the file of byte `inside` of a string value's content, through quotes and escapes.
pub(crate) fn inside_string(text: &str, span: &Range<usize>, inside: usize) -> usize {
    let Some(raw) = text.get(span.clone()) else { return span.start };
    let open = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|open| raw.starts_with(open)).unwrap_or("");
    let mut at = open.len();
    if open.len() == 3 {
        at += if raw[at..].starts_with("\r\n") { 2 } else { usize::from(raw[at..].starts_with('\n')) };
    }
    if open.starts_with('\'') {
        return span.start + (at + inside).min(raw.len());
    }
    let mut seen = 0;
    while seen < inside {
        let Some(c) = raw[at..].chars().next() else { break };
        if c != '\\' {
            at += c.len_utf8();
            seen += c.len_utf8();
            continue;
        }
        let escape = raw[at + 1..].chars().next().unwrap_or(' ');
        let digits = match escape {
            'u' => 4,
            'U' => 8,
            'x' => 2,
            _ => 0,
        };
        if escape.is_whitespace() {
            let blank: usize = raw[at + 1..].chars().take_while(|c| c.is_whitespace()).map(char::len_utf8).sum();
            at += 1 + blank;
            continue;
        }
        at = (at + 1 + escape.len_utf8() + digits).min(raw.len());
        while !raw.is_char_boundary(at) {
            at -= 1;
        }
        seen += 1;
    }
    span.start + at
}

#[cfg(test)]
mod tests {
    use super::inside_string;

    #[test]
    fn places_in_strings_are_places_in_the_file() {
        let text = "when = \"a\\\"b == c\"";
        let span = 7..text.len();
        assert_eq!(&text[inside_string(text, &span, 7)..], "c\"");
        let text = "when = '''\n x == y'''";
        assert_eq!(&text[inside_string(text, &(7..text.len()), 1)..], "x == y'''");
        let text = "when = \"\"\"\na \\\n   && b\"\"\"";
        assert_eq!(&text[inside_string(text, &(7..text.len()), 5)..], "b\"\"\"");
        assert_eq!(inside_string("\"a\"", &(0..3), 99), 3);
    }
}
