//! The HTML form of an index page (PEP 503): anchors, and what their attributes and fragments say.
//!
//! Read as pip reads it in effect, without building a document: only `<a …>` and `<base …>` matter. One pass, no
//! recursion.

use std::collections::BTreeMap;

/// One `<a>`: its attributes by lower-case name, values unescaped, and its text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) text: String,
}

/// A page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) base: Option<String>,
    pub(super) anchors: Vec<Anchor>,
    /// `<meta name=… content=…>` by name; `pypi:tracks` may come more than once.
    pub(super) meta: Vec<(String, String)>,
}

/// Reads a page.
pub(super) fn parse(text: &str) -> Page {
    let mut page = Page::default();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let name_end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let name = rest[..name_end].to_ascii_lowercase();
        if !matches!(name.as_str(), "a" | "base" | "meta") {
            continue;
        }
        let (attributes, after) = attributes(&rest[name_end..]);
        rest = after;
        match name.as_str() {
            "a" => {
                let text = rest.split('<').next().unwrap_or_default();
                page.anchors.push(Anchor { attributes, text: unescape(text.trim()) });
            }
            "base" => page.base = page.base.or_else(|| attributes.get("href").cloned()),
            _ => {
                if let (Some(name), Some(content)) = (attributes.get("name"), attributes.get("content")) {
                    page.meta.push((name.clone(), content.clone()));
                }
            }
        }
    }
    page
}

/// The attributes of a tag and what follows its `>`.
fn attributes(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut out = BTreeMap::new();
    let mut rest = text.trim_start();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (out, after);
        }
        if rest.is_empty() {
            return (out, rest);
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(rest.len());
        if end == 0 {
            // A stray `=`: one character further, so that this ends.
            rest = rest.strip_prefix('=').unwrap_or_default();
            continue;
        }
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (raw, next) = match quote {
                Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                None => after.split_at(after.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(after.len())),
            };
            value = unescape(raw);
            rest = next;
        }
        out.entry(name).or_insert(value);
    }
}

/// Undoes the character references that index pages use.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.char_indices().take(12).find(|(_, c)| *c == ';').map(|(end, _)| end);
        let found = end.and_then(|end| {
            let name = &rest[1..end];
            let c = match name {
                "lt" => Some('<'),
                "gt" => Some('>'),
                "amp" => Some('&'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                _ => {
                    let code = name.strip_prefix('#')?;
                    let number = code.strip_prefix(['x', 'X']).map_or_else(|| code.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
                    char::from_u32(number?)
                }
            }?;
            Some((c, end))
        });
        match found {
            Some((c, end)) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_read_with_their_attributes() {
        let page = parse(
            "<!DOCTYPE html><html><head><meta name=\"pypi:repository-version\" content=\"1.1\"><base href='https://files.example/'></head><body>\
             <!-- <a href=\"no\">no</a> --><A HREF=\"x-1.0.tar.gz#sha256=ab\" data-requires-python=\"&gt;=3.6,&#60;4\" data-yanked>x-1.0.tar.gz</A><br/><a href=plain>p</a>",
        );
        assert_eq!(page.base.as_deref(), Some("https://files.example/"));
        assert_eq!(page.meta, [("pypi:repository-version".to_owned(), "1.1".to_owned())]);
        assert_eq!(page.anchors.len(), 2);
        assert_eq!(page.anchors[0].attributes["data-requires-python"], ">=3.6,<4");
        assert_eq!(page.anchors[0].attributes["data-yanked"], "");
        assert_eq!(page.anchors[0].text, "x-1.0.tar.gz");
        assert_eq!(page.anchors[1].attributes["href"], "plain");
    }

    #[test]
    fn broken_pages_end() {
        for text in ["<a", "<a =", "<a ==>", "<a href=\"", "<a href='x", "<", "<a &#xffffffff;>&#x110000;&", "<!--", "<a href=é>é"] {
            parse(text);
        }
        assert_eq!(parse("<a title=\"a>b\" href=c>d</a>").anchors[0].attributes["href"], "c");
    }
}
