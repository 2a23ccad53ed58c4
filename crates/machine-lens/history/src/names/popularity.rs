//! Lists of package names, most popular first.

use bifocal_core::{Ecosystem, PackageName, Sha256};
use serde_json::Value;
use std::collections::HashMap;

/// Bytes of a list that are read.
const MAX_BYTES: usize = 64 << 20;
/// Names of a list that are kept.
const MAX_NAMES: usize = 1_000_000;

/// Package names of one ecosystem by rank.
#[derive(Debug, Clone)]
pub struct Popularity {
    ecosystem: Ecosystem,
    names: Vec<String>,
    ranks: HashMap<String, u32>,
    digest: Sha256,
}

/// Why a text is not a popularity list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PopularityError {
    /// More bytes than a list may have.
    #[error("the popularity list has {0} bytes, at most {MAX_BYTES} are read")]
    TooLarge(usize),
    /// It begins like JSON and is none.
    #[error("the popularity list is not JSON: {0}")]
    Json(String),
    /// JSON without an array of names.
    #[error("the popularity list is JSON without an array of names or of objects with `name`, `project` or `package`")]
    NoArray,
    /// No line is a package name.
    #[error("no line of the popularity list is a {0} package name; give one name a line, most popular first")]
    NoNames(Ecosystem),
}

impl Popularity {
    /// Reads a list: one name a line (`#` begins a comment), CSV `rank,name` with or without a header, or JSON (an array
    /// of names or of objects, alone or under `rows`, `packages` or `names`). Lines that are no names are passed over, as
    /// are repetitions.
    pub fn parse(ecosystem: Ecosystem, text: &str) -> Result<Self, PopularityError> {
        if text.len() > MAX_BYTES {
            return Err(PopularityError::TooLarge(text.len()));
        }
        let trimmed = text.trim_start_matches('\u{feff}').trim_start();
        let mut list = Popularity { ecosystem, names: Vec::new(), ranks: HashMap::new(), digest: Sha256::of(b"") };
        if trimmed.starts_with(['[', '{']) {
            let value: Value = serde_json::from_str(trimmed).map_err(|e| PopularityError::Json(e.to_string()))?;
            for item in array(&value).ok_or(PopularityError::NoArray)? {
                let name = item.as_str().or_else(|| ["name", "project", "package"].iter().find_map(|key| item.get(key)?.as_str()));
                list.push(name.unwrap_or_default());
            }
        } else {
            for line in trimmed.lines() {
                list.push(name_in(line));
            }
        }
        if list.names.is_empty() {
            return Err(PopularityError::NoNames(ecosystem));
        }
        list.digest = Sha256::of(list.names.join("\n").as_bytes());
        Ok(list)
    }

    fn push(&mut self, name: &str) {
        if self.names.len() >= MAX_NAMES {
            return;
        }
        let Ok(package) = PackageName::new(self.ecosystem, name.trim()) else { return };
        let rank = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        if let std::collections::hash_map::Entry::Vacant(slot) = self.ranks.entry(package.as_str().to_owned()) {
            slot.insert(rank);
            self.names.push(package.as_str().to_owned());
        }
    }

    /// The ecosystem.
    pub fn ecosystem(&self) -> Ecosystem {
        self.ecosystem
    }

    /// The place of a name, 0 for the most popular; `None` when it is not listed. The name is taken as the ecosystem
    /// normalises it.
    pub fn rank(&self, name: &str) -> Option<usize> {
        self.ranks.get(name).map(|rank| *rank as usize)
    }

    /// The names, most popular first.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none; a list that was read has at least one.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// SHA-256 over the names in order, one a line.
    pub fn digest(&self) -> Sha256 {
        self.digest
    }
}

fn array(value: &Value) -> Option<&Vec<Value>> {
    value.as_array().or_else(|| ["rows", "packages", "names"].iter().find_map(|key| value.get(key)?.as_array()))
}

/// The name in a line: behind the rank in CSV, without quotes.
fn name_in(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with('#') {
        return "";
    }
    let cell = match line.split_once(',') {
        Some((rank, rest)) if rank.trim().trim_matches('"').bytes().all(|b| b.is_ascii_digit()) => rest.split(',').next().unwrap_or(rest),
        // A header, or a name with figures behind it.
        Some((first, _)) if first.trim().eq_ignore_ascii_case("rank") => "",
        Some((first, _)) => first,
        None => line,
    };
    cell.trim().trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_gives_the_same_list() {
        let expected = ["a-b", "c"];
        for text in [
            "A_B\nc\n",
            "\u{feff}# list\na.b\n\nc\nc\n",
            "rank,name\n1,a-b\n2,c\n",
            "1,\"a-b\",500\r\n2,\"c\",400\r\n",
            "[\"a-b\",\"c\",7]",
            "{\"rows\":[{\"project\":\"a-b\",\"download_count\":5},{\"project\":\"c\"}]}",
            "[{\"name\":\"a-b\"},{\"name\":\"c\"}]",
        ] {
            let list = Popularity::parse(Ecosystem::Pypi, text).unwrap();
            assert_eq!(list.names(), expected, "{text:?}");
            assert_eq!((list.rank("c"), list.rank("d")), (Some(1), None));
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let parse = |text: &str| Popularity::parse(Ecosystem::Npm, text).err();
        assert_eq!(parse(""), Some(PopularityError::NoNames(Ecosystem::Npm)));
        assert_eq!(parse("../../x\n\u{1b}[2J\n"), Some(PopularityError::NoNames(Ecosystem::Npm)));
        assert_eq!(parse("{\"a\":1}"), Some(PopularityError::NoArray));
        assert!(matches!(parse("[\"a\""), Some(PopularityError::Json(_))));
        assert!(matches!(parse(&"[".repeat(100_000)), Some(PopularityError::Json(_))));
    }
}
