//! The lines of a requirements file as pip sees them: where one ends, what belongs together, and its options.
//!
//! The attack: a line that an editor and a careless reader show as one comment and that Python splits in two.

/// Lines joined at `\`, with comments cut, and the number of their first line as editors count.
pub(crate) fn logical_lines(text: &str) -> Vec<(u32, String)> {
    let mut lines = Vec::new();
    let mut joined: Option<(u32, String)> = None;
    for (number, raw) in physical_lines(text) {
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

/// Lines at every boundary that Python's `str.splitlines` knows, each with its number by `\n` alone.
fn physical_lines(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let boundary = |c: char| matches!(c, '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    (1u32..).zip(text.split('\n')).flat_map(move |(number, line)| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.split(boundary).map(move |part| (number, part))
    })
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

/// A requirement and the options behind it: these begin at the first word with a `-`, as pip splits them.
pub(crate) fn split_options(text: &str) -> (&str, &str) {
    if text.starts_with('-') {
        return ("", text);
    }
    match text.find(" -") {
        Some(at) => (&text[..at], text[at..].trim()),
        None => (text, ""),
    }
}

/// The words of an options text, as a POSIX shell splits them; `None` when a quote is not closed.
pub(crate) fn shell_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().push(chars.next()?),
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '\\') => {
                let next = chars.next()?;
                if !matches!(next, '"' | '\\') {
                    word.get_or_insert_default().push('\\');
                }
                word.get_or_insert_default().push(next);
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// An option's name and the value attached to it: `--name=value`, `-rvalue`. `None` for a word that is no option.
pub(crate) fn option(word: &str) -> Option<(&str, Option<&str>)> {
    if word.starts_with("--") {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        return Some((name, value));
    }
    if !word.starts_with('-') {
        return None;
    }
    let end = word.char_indices().nth(2).map_or(word.len(), |(at, _)| at);
    let value = word[end..].trim_start_matches('=');
    Some((&word[..end], (!value.is_empty()).then_some(value)))
}

/// A text without the quotes around all of it.
pub(crate) fn unquoted(text: &str) -> &str {
    let inner =
        ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote).filter(|inner| !inner.contains(*quote)));
    inner.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(u32, String)> {
        logical_lines(text).into_iter().map(|(n, t)| (n, t.trim().to_owned())).filter(|(_, t)| !t.is_empty()).collect()
    }

    #[test]
    fn lines_are_joined_before_comments_are_cut() {
        let text = "a==1 \\\n  --hash=x \\\n# note\nb#c # d\n#e \\\nf\\";
        assert_eq!(lines(text), [(1, "a==1   --hash=x".to_owned()), (4, "b#c".to_owned()), (6, "f".to_owned())]);
    }

    #[test]
    fn a_comment_ends_where_python_ends_the_line() {
        for end in ["\r", "\u{b}", "\u{c}", "\u{1c}", "\u{1d}", "\u{1e}", "\u{85}", "\u{2028}", "\u{2029}"] {
            assert_eq!(
                lines(&format!("\n# harmless{end}hidden==1\r\nb\r\n")),
                [(2, "hidden==1".to_owned()), (3, "b".to_owned())],
                "{end:?}"
            );
        }
    }

    #[test]
    fn options_are_split_in_every_spelling() {
        for (text, split) in [
            ("-rx.txt", Some(("-r", Some("x.txt")))),
            ("-r", Some(("-r", None))),
            ("--requirement=x", Some(("--requirement", Some("x")))),
            ("--pre", Some(("--pre", None))),
            ("-é", Some(("-é", None))),
            ("x", None),
        ] {
            assert_eq!(option(text), split);
        }
        assert_eq!(split_options("a==1 -i x"), ("a==1", "-i x"));
        assert_eq!(shell_words(r#"-r 'a b' "c\"d" e\ f"#).unwrap(), ["-r", "a b", "c\"d", "e f"]);
        assert_eq!(shell_words("'a"), None);
        assert_eq!(shell_words("a\\"), None);
    }
}
