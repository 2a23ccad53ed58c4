//! XML of Maven (settings, POMs, repository metadata) as a small tree.
//!
//! Attacks met here: entity bombs and external entities (a document type declares nothing here, and only the five
//! predefined entities and character references are replaced), deep nesting, endless elements.

use quick_xml::Reader;
use quick_xml::events::Event;

/// Elements inside elements.
const MAX_DEPTH: usize = 64;
/// Elements of one document.
const MAX_ELEMENTS: usize = 500_000;

/// One element. Attributes are left out: Maven's documents carry nothing in them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Name without a namespace prefix.
    pub(crate) name: String,
    /// Text directly inside, trimmed.
    pub(crate) text: String,
    /// Elements directly inside.
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// The first child of this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The children of this name.
    pub(crate) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The element at a path of names below this one.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The text at a path, when it is not empty.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|element| element.text.as_str()).filter(|text| !text.is_empty())
    }
}

/// Reads a document. The error gives place and fault.
pub(crate) fn parse(bytes: &[u8]) -> Result<Element, (String, String)> {
    let text = decode(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut count = 0_usize;
    let line = |position: u64| {
        let end = usize::try_from(position).unwrap_or(usize::MAX).min(text.len());
        let lines = text.as_bytes().get(..end).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
        format!("line {}", lines.saturating_add(1))
    };
    loop {
        let event =
            reader.read_event().map_err(|error| (line(reader.error_position()), bifocal_core::one_line(&error.to_string(), 200)))?;
        let fault = |what: &str| (line(reader.buffer_position()), what.to_owned());
        match event {
            Event::Start(start) => {
                count = count.saturating_add(1);
                if open.len() >= MAX_DEPTH || count > MAX_ELEMENTS {
                    return Err(fault("it has too many elements, or elements nested too deeply"));
                }
                if root.is_some() {
                    return Err(fault("it has a second root element"));
                }
                open.push(Element { name: start.local_name().as_ref().to_owned(), ..Element::default() });
            }
            Event::Empty(start) => {
                count = count.saturating_add(1);
                let element = Element { name: start.local_name().as_ref().to_owned(), ..Element::default() };
                if count > MAX_ELEMENTS || root.is_some() {
                    return Err(fault("it has too many elements"));
                }
                close(&mut open, &mut root, element);
            }
            Event::End(_) => {
                let Some(mut element) = open.pop() else { return Err(fault("an element ends that did not begin")) };
                let trimmed = element.text.trim();
                if trimmed.len() != element.text.len() {
                    element.text = trimmed.to_owned();
                }
                close(&mut open, &mut root, element);
            }
            Event::Text(text) => append(&mut open, &text.xml10_content()),
            Event::CData(text) => append(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                let replaced = match reference.resolve_char_ref() {
                    Ok(Some(c)) => c.to_string(),
                    Ok(None) => quick_xml::escape::resolve_predefined_entity(&reference.xml10_content()).unwrap_or_default().to_owned(),
                    Err(_) => return Err(fault("a character reference names no character")),
                };
                append(&mut open, &replaced);
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if !open.is_empty() {
        return Err((line(u64::MAX), "it ends inside an element".to_owned()));
    }
    root.ok_or_else(|| ("line 1".to_owned(), "it has no root element".to_owned()))
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn close(open: &mut [Element], root: &mut Option<Element>, element: Element) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *root = Some(element),
    }
}

/// UTF-8, else as Latin-1: old POMs are of both, and what is read here is ASCII.
fn decode(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_elements_and_references_are_read() {
        let root = parse(b"<?xml version='1.0'?>\n<p xmlns:x='u'><!-- c --><x:a> one &amp; &#116;wo </x:a><a><![CDATA[<3>]]></a><b/></p>")
            .unwrap();
        assert_eq!(root.all("a").map(|e| e.text.as_str()).collect::<Vec<_>>(), ["one & two", "<3>"]);
        assert_eq!(root.text_at(&["b"]), None);
        assert!(root.child("b").is_some());
        assert_eq!(parse(b"<p><a>caf\xe9</a></p>").unwrap().text_at(&["a"]), Some("caf\u{e9}"));
    }

    #[test]
    fn entity_bombs_expand_to_nothing() {
        let text = b"<!DOCTYPE p [<!ENTITY a 'xxxxxxxx'><!ENTITY b '&a;&a;&a;'>]><p>[&b;]</p>";
        assert_eq!(parse(text).unwrap().text, "[]");
    }

    #[test]
    fn broken_and_deep_documents_are_refused_with_their_line() {
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        for text in ["", "<a>", "<a></b>", "</a>", "<a/><b/>", "<a>&#xd800;</a>", &deep] {
            assert!(parse(text.as_bytes()).is_err(), "{text:.40}");
        }
        assert_eq!(parse(b"<a>\n<b>\n</a>").unwrap_err().0, "line 3");
    }
}
