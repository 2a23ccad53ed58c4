//! How a client chooses among the releases and the files of a package, where a checked file says it.
//!
//! In: options of requirements files and keys of project files. Out: what narrows the releases that are seen, and which
//! packages are taken as source. Looking at a wheel where the client builds the source distribution would be looking at
//! another file than the one that runs.

use crate::{Ecosystem, PackageName};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a file says of how its client chooses among the releases and the files of packages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choosing {
    /// Only what was uploaded up to this time is seen (uv's `exclude-newer`, pip's `--uploaded-prior-to`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Timestamp>,
    /// Packages that are built from their source distributions (`--no-binary`), by name, or `:all:`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub from_source: BTreeSet<String>,
}

impl Choosing {
    /// Every package.
    pub const ALL: &str = ":all:";

    /// Only what was uploaded before a time is seen: a timestamp, or a date, which is counted in UTC (`through`: its day is
    /// seen too, as uv has it). `None` where it is neither, a length of time among others.
    pub fn uploaded_before(text: &str, through: bool) -> Option<Timestamp> {
        let text = text.trim();
        let first_unseen = match text.parse::<Timestamp>() {
            Ok(at) => at,
            Err(_) => {
                let date: Date = text.parse().ok().filter(|_| text.len() == "2020-01-01".len())?;
                let date = if through { date.tomorrow().ok()? } else { date };
                date.to_zoned(TimeZone::UTC).ok()?.timestamp()
            }
        };
        first_unseen.checked_sub(SignedDuration::from_nanos(1)).ok()
    }

    /// Whether the file says nothing of it.
    pub fn is_usual(&self) -> bool {
        *self == Choosing::default()
    }

    /// Whether a package is built from its source distribution.
    pub fn is_from_source(&self, package: &PackageName) -> bool {
        package.ecosystem() == Ecosystem::Pypi && [Self::ALL, package.as_str()].iter().any(|name| self.from_source.contains(*name))
    }

    /// Takes up one `--no-binary`: names separated by commas, `:all:`, or `:none:`, which takes back what was before.
    pub fn add_from_source(&mut self, value: &str) {
        for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                ":none:" => self.from_source.clear(),
                Self::ALL => drop(self.from_source.insert(Self::ALL.to_owned())),
                name => {
                    if let Ok(package) = PackageName::new(Ecosystem::Pypi, name) {
                        self.from_source.insert(package.as_str().to_owned());
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_clients_read_them() {
        let before = |text: &str, through: bool| Choosing::uploaded_before(text, through).map(|at| at.to_string());
        assert_eq!(before("2020-01-02T00:00:00Z", true).as_deref(), Some("2020-01-01T23:59:59.999999999Z"));
        assert_eq!(before("2020-01-02T02:00:00+02:00", false).as_deref(), Some("2020-01-01T23:59:59.999999999Z"));
        assert_eq!(before("2020-01-02", false).as_deref(), Some("2020-01-01T23:59:59.999999999Z"));
        assert_eq!(before("2020-01-02", true).as_deref(), Some("2020-01-02T23:59:59.999999999Z"));
        for other in ["", "7 days", "P7D", "yesterday", "2020-13-01"] {
            assert_eq!(before(other, true), None, "{other}");
        }
    }

    #[test]
    fn no_binary_adds_up_until_it_is_taken_back() {
        let package = |name: &str| PackageName::new(Ecosystem::Pypi, name).unwrap();
        let mut choosing = Choosing::default();
        choosing.add_from_source("Some.Name, other");
        assert!(choosing.is_from_source(&package("some-name")) && choosing.is_from_source(&package("other")));
        assert!(!choosing.is_from_source(&package("third")));
        choosing.add_from_source(":all:");
        assert!(choosing.is_from_source(&package("third")));
        assert!(!choosing.is_from_source(&PackageName::new(Ecosystem::Npm, "third").unwrap()));
        choosing.add_from_source(":none:");
        assert!(choosing.is_usual());
    }
}
