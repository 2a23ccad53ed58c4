//! XML to elements with lines. A document type declaration is refused before anything is expanded, so that no entity
//! but the five of XML itself and HTML's Latin letters exists (CWE-776, CWE-611); attributes are not kept, since no reader needs one.

use crate::error::{Problem, ReadError, shown};
use crate::source::{LineIndex, Source};
use quick_xml::Reader;
use quick_xml::events::Event;

/// An element: its local name, its own text, its children.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    pub(crate) line: u32,
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// The first child of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The trimmed text of the first child of that name, where it is not empty.
    pub(crate) fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }

    /// The children of the first child of that name.
    pub(crate) fn items(&self, name: &str) -> &[Element] {
        self.child(name).map_or(&[], |child| &child.children)
    }
}

/// Parses one XML document and gives its root element. `elements` bounds their number.
pub(crate) fn parse(source: &Source<'_>, depth: usize, elements: usize) -> Result<Element, ReadError> {
    let text = source.utf8()?;
    let lines = LineIndex::new(text);
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut count = 0usize;
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let line = lines.line(at);
        let event = reader.read_event().map_err(|error| {
            let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
            source.syntax(lines.line(at), "well-formed XML", &error.to_string())
        })?;
        match event {
            Event::DocType(_) => return Err(source.error(line, Problem::XmlDoctype)),
            Event::Start(start) => {
                if root.is_some() {
                    return Err(source.syntax(line, "one root element", "a second one"));
                }
                count += 1;
                if count > elements {
                    return Err(source.error(line, Problem::TooMany { what: "elements", limit: elements }));
                }
                if open.len() >= depth {
                    return Err(source.error(line, Problem::TooDeep { limit: depth }));
                }
                open.push(Element { line, name: start.local_name().into_inner().to_owned(), text: String::new(), children: Vec::new() });
            }
            Event::End(_) => {
                let Some(done) = open.pop() else { return Err(source.syntax(line, "an opening tag", "a closing one")) };
                match open.last_mut() {
                    Some(parent) => parent.children.push(done),
                    None => root = Some(done),
                }
            }
            Event::Text(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text.into_inner());
                } else if !text.into_inner().trim().is_empty() {
                    return Err(source.syntax(line, "an XML element", "text outside the root element"));
                }
            }
            Event::CData(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text.into_inner());
                }
            }
            Event::GeneralRef(reference) => {
                let name = reference.into_inner();
                let Some(c) = resolve(&name) else { return Err(source.error(line, Problem::XmlEntity { name: shown(&name) })) };
                if let Some(element) = open.last_mut() {
                    element.text.push(c);
                }
            }
            Event::Eof => break,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    if let Some(unclosed) = open.last() {
        return Err(source.syntax(unclosed.line, &format!("a closing tag for `{}`", shown(&unclosed.name)), "the end of the file"));
    }
    root.ok_or_else(|| source.syntax(1, "an XML element", "an empty document"))
}

/// HTML's names for the characters from U+00A0 to U+00FF, which Maven takes and old POMs use in people's names.
#[rustfmt::skip]
const LATIN: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf", "laquo", "not", "shy", "reg", "macr",
    "deg", "plusmn", "sup2", "sup3", "acute", "micro", "para", "middot", "cedil", "sup1", "ordm", "raquo", "frac14", "frac12", "frac34", "iquest",
    "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute", "Icirc", "Iuml",
    "ETH", "Ntilde", "Ograve", "Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN", "szlig",
    "agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc", "iuml",
    "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave", "uacute", "ucirc", "uuml", "yacute", "thorn", "yuml",
];

fn resolve(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => {
            if let Some(at) = LATIN.iter().position(|known| *known == name) {
                return char::from_u32(160 + u32::try_from(at).ok()?);
            }
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Element, String> {
        parse(&Source { path: "x", bytes: text.as_bytes() }, 16, 100).map_err(|error| error.to_string())
    }

    #[test]
    fn elements_carry_text_and_lines() {
        let root = read("<?xml version='1.0'?>\n<p:a xmlns:p='u'>\n <b>x&amp;<![CDATA[<y>]]>&#65;</b>\n <c/>\n</p:a>").unwrap();
        assert_eq!((root.name.as_str(), root.line), ("a", 2));
        assert_eq!((root.child_text("b"), root.child("b").unwrap().line), (Some("x&<y>A"), 3));
        assert_eq!(root.child("c").unwrap().line, 4);
    }

    #[test]
    fn entities_and_broken_documents_are_refused() {
        for (text, error) in [
            ("<!DOCTYPE a [<!ENTITY b 'c'>]>\n<a>&b;</a>", "x:1: expected plain XML, found a document type declaration, which is refused"),
            ("<a>\n&b;</a>", "x:2: expected one of the five XML entities or a character reference, found `&b;`"),
            ("<a>\n<b>", "x:2: expected a closing tag for `b`, found the end of the file"),
            ("", "x:1: expected an XML element, found an empty document"),
            ("<a/><b/>", "x:1: expected one root element, found a second one"),
            ("hello", "x:1: expected an XML element, found text outside the root element"),
        ] {
            assert_eq!(read(text).unwrap_err(), error, "{text:?}");
        }
        assert!(read("<a>\n</b>").unwrap_err().starts_with("x:2: expected well-formed XML, found"));
        assert_eq!(read(&"<a>".repeat(50)).unwrap_err(), "x:1: nesting is deeper than the limit of 16");
        assert_eq!(read(&format!("<a>{}</a>", "<b/>".repeat(200))).unwrap_err(), "x:1: more than 100 elements");
    }
}
