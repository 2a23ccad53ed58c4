//! The syntax of npmrc files: `key = value` lines as npm's `ini` reads them, and `${VARIABLE}` in values.

use std::collections::BTreeMap;

/// The keys of one npmrc; sections and lists (`key[]`) are passed over, since no key used here is one.
pub fn parse(text: &str) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let mut in_section = false;
    // npm's `ini` ends a line at either of the two.
    for line in text.split(['\r', '\n']) {
        let line = line.trim().trim_start_matches('\u{feff}');
        if line.is_empty() || line.starts_with([';', '#']) {
            continue;
        }
        if line.starts_with('[') && line.ends_with(']') {
            in_section = true;
            continue;
        }
        if in_section {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, "true"));
        let key = unquote(key.trim());
        if !key.ends_with("[]") {
            out.insert(key, unquote(value.trim()));
        }
    }
    out
}

/// Takes quotes off, or a trailing comment; `\;` and `\#` stand for themselves.
fn unquote(text: &str) -> String {
    if text.len() >= 2 && ((text.starts_with('"') && text.ends_with('"')) || (text.starts_with('\'') && text.ends_with('\''))) {
        return text[1..text.len() - 1].to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut escaped = false;
    for c in text.chars() {
        match (escaped, c) {
            (true, ';' | '#' | '\\') => out.push(c),
            (true, _) => out.extend(['\\', c]),
            (false, ';' | '#') => return out.trim().to_owned(),
            (false, '\\') => {}
            (false, _) => out.push(c),
        }
        escaped = !escaped && c == '\\';
    }
    if escaped {
        out.push('\\');
    }
    out.trim().to_owned()
}

/// Replaces `${NAME}` by the variable and `${NAME?}` by it or nothing. `None` when a variable is not set: npm would
/// send the placeholder itself.
pub fn expand(value: &str, vars: &BTreeMap<String, String>) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        match (vars.get(name.trim_end_matches('?')), name.ends_with('?')) {
            (Some(found), _) => out.push_str(found),
            (None, true) => {}
            (None, false) => return None,
        }
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_npm_reads_them() {
        let read = parse(
            "; c\n# c\nregistry = \"https://registry.example/\" \n//h.example/:_authToken=a\\;b ; c\nflag\nlist[]=x\n[section]\nregistry=no\n",
        );
        assert_eq!(read["registry"], "https://registry.example/");
        assert_eq!(read["//h.example/:_authToken"], "a;b");
        assert_eq!(read["flag"], "true");
        assert_eq!(read.len(), 3);
    }

    #[test]
    fn a_comment_ends_where_npm_ends_it() {
        assert_eq!(parse("# harmless\rregistry=https://registry.example/")["registry"], "https://registry.example/");
    }

    #[test]
    fn variables_are_expanded_or_the_value_is_dropped() {
        let vars = [("A".to_owned(), "1".to_owned())].into();
        assert_eq!(expand("x${A}y${B?}z", &vars).as_deref(), Some("x1yz"));
        assert_eq!(expand("${B}", &vars), None);
        assert_eq!(expand("${A", &vars).as_deref(), Some("${A"));
    }
}
