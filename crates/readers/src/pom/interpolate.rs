//! `${name}` in POM values: filled in recursively, each property once, with circles and growth refused.
//!
//! The attack: ten properties that each name the one before ten times stand for ten billion characters.

use crate::error::{Problem, shown};
use std::cell::RefCell;
use std::collections::HashMap;

/// Bytes that a value may grow to.
const MAX_VALUE: usize = 16 * 1024;

/// Properties in a row.
const MAX_DEPTH: usize = 64;

/// The properties of one effective model.
pub(crate) struct Properties {
    raw: HashMap<String, String>,
    done: RefCell<HashMap<String, String>>,
}

impl Properties {
    pub(crate) fn new(raw: HashMap<String, String>) -> Self {
        Properties { raw, done: RefCell::new(HashMap::new()) }
    }

    /// `text` with every known property filled in; unknown ones stay as written.
    pub(crate) fn fill(&self, text: &str) -> Result<String, Problem> {
        if !text.contains("${") {
            return Ok(text.to_owned());
        }
        self.fill_within(text, &mut Vec::new())
    }

    fn fill_within(&self, text: &str, open: &mut Vec<String>) -> Result<String, Problem> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            out.push_str(&rest[..at]);
            let behind = &rest[at + 2..];
            let Some(end) = behind.find('}') else {
                rest = &rest[at..];
                break;
            };
            let name = &behind[..end];
            match self.value(name, open)? {
                Some(value) => out.push_str(&value),
                None => {
                    out.push_str("${");
                    out.push_str(name);
                    out.push('}');
                }
            }
            rest = &behind[end + 1..];
            if out.len() > MAX_VALUE {
                return Err(Problem::PropertyTooLong { name: shown(name), limit: MAX_VALUE });
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&self, name: &str, open: &mut Vec<String>) -> Result<Option<String>, Problem> {
        if let Some(done) = self.done.borrow().get(name) {
            return Ok(Some(done.clone()));
        }
        let Some(raw) = self.raw.get(name) else { return Ok(None) };
        if open.len() >= MAX_DEPTH || open.iter().any(|other| other == name) {
            return Err(Problem::PropertyCycle { name: shown(name) });
        }
        open.push(name.to_owned());
        let value = self.fill_within(raw, open)?;
        open.pop();
        self.done.borrow_mut().insert(name.to_owned(), value.clone());
        Ok(Some(value))
    }
}

/// The first property that a text still names.
pub(crate) fn open_property(text: &str) -> Option<&str> {
    let behind = &text[text.find("${")? + 2..];
    Some(&behind[..behind.find('}')?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: &[(&str, &str)]) -> Properties {
        Properties::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn values_are_filled_in_recursively_and_unknown_names_stay() {
        let some = properties(&[("a", "${b}.1"), ("b", "2")]);
        assert_eq!(some.fill("v${a}-${c}${").unwrap(), "v2.1-${c}${");
        assert_eq!(open_property("v${c}"), Some("c"));
        assert_eq!(open_property("v${c"), None);
    }

    #[test]
    fn circles_and_growth_are_refused() {
        assert_eq!(properties(&[("a", "${b}"), ("b", "${a}")]).fill("${a}").unwrap_err(), Problem::PropertyCycle { name: "a".to_owned() });
        assert_eq!(properties(&[("a", "x${a}")]).fill("${a}").unwrap_err(), Problem::PropertyCycle { name: "a".to_owned() });
        let pairs: Vec<(String, String)> =
            (0..40).map(|n| (format!("p{n}"), format!("${{p{}}}", n + 1).repeat(10))).chain([("p40".to_owned(), "x".to_owned())]).collect();
        let bomb = Properties::new(pairs.into_iter().collect());
        assert!(matches!(bomb.fill("${p0}"), Err(Problem::PropertyTooLong { .. })));
        let row: HashMap<String, String> = (0..1000).map(|n| (format!("p{n}"), format!("${{p{}}}", n + 1))).collect();
        assert!(matches!(Properties::new(row).fill("${p0}"), Err(Problem::PropertyCycle { .. })));
    }
}
