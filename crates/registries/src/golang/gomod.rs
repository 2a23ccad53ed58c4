//! What a newer `go.mod` says of older versions: `retract` and `// Deprecated:`
//! (<https://go.dev/ref/mod#go-mod-file-retract>).

use bifocal_core::{Ecosystem, one_line};
use bifocal_versions::ParsedVersion;
use std::cmp::Ordering;

/// Retractions read of one file.
const MAX_RETRACTIONS: usize = 10_000;

/// The parts that speak of releases.
#[derive(Debug, Default)]
pub(super) struct Notices {
    retractions: Vec<Retraction>,
    /// The text behind `// Deprecated:`.
    pub(super) deprecated: Option<String>,
}

#[derive(Debug)]
struct Retraction {
    low: ParsedVersion,
    high: ParsedVersion,
    reason: String,
}

impl Notices {
    /// Reads a `go.mod`; lines that are none of these are passed over.
    pub(super) fn read(text: &str) -> Notices {
        let mut out = Notices::default();
        let mut in_block = false;
        let mut comments: Vec<&str> = Vec::new();
        for line in text.lines() {
            let (code, comment) = line.split_once("//").map_or((line, None), |(code, comment)| (code, Some(comment.trim())));
            let code = code.trim();
            if code.is_empty() {
                match comment {
                    Some(comment) => comments.push(comment),
                    // A blank line parts a comment from what follows.
                    None => comments.clear(),
                }
                continue;
            }
            let words = comments.iter().copied().chain(comment);
            if in_block {
                if code == ")" {
                    in_block = false;
                } else {
                    out.retract(code, words);
                }
            } else if let Some(rest) = directive(code, "retract") {
                if rest == "(" {
                    in_block = true;
                } else {
                    out.retract(rest, words);
                }
            } else if directive(code, "module").is_some() {
                let text = words.collect::<Vec<_>>().join("\n");
                if let Some((_, after)) = text.split_once("Deprecated:") {
                    out.deprecated = Some(one_line(after, 500));
                }
            }
            comments.clear();
        }
        out
    }

    fn retract<'t>(&mut self, code: &str, words: impl Iterator<Item = &'t str>) {
        let (low, high) = match code.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).and_then(|rest| rest.split_once(',')) {
            Some((low, high)) => (low.trim(), high.trim()),
            None => (code, code),
        };
        let version = |text: &str| ParsedVersion::parse(Ecosystem::Golang, text.trim_matches(['"', '`']));
        if let (Some(low), Some(high)) = (version(low), version(high))
            && self.retractions.len() < MAX_RETRACTIONS
        {
            let reason = one_line(&words.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" "), 500);
            self.retractions.push(Retraction { low, high, reason });
        }
    }

    /// Why a version is retracted (the reason may be empty); `None` when it is not.
    pub(super) fn retracted(&self, version: &str) -> Option<&str> {
        let version = ParsedVersion::parse(Ecosystem::Golang, version)?;
        let holds = |one: &&Retraction| version.order(&one.low) != Ordering::Less && version.order(&one.high) != Ordering::Greater;
        self.retractions.iter().find(holds).map(|one| one.reason.as_str())
    }
}

fn directive<'l>(code: &'l str, name: &str) -> Option<&'l str> {
    let rest = code.strip_prefix(name)?;
    rest.starts_with(|c: char| c.is_whitespace() || c == '(' || c == '[').then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retractions_and_deprecation_are_read() {
        let text = "// Deprecated: use example.com/v2 instead.\nmodule example.com\n\ngo 1.21\n\nretract v1.0.1 // broke the build\n\n// Published by\n// accident.\nretract [v1.2.0, v1.2.9]\nretract (\n\tv1.5.0\n\t[v1.6.0, v1.6.1] // twice\n)\nretractor v1.9.0\n";
        let notices = Notices::read(text);
        assert_eq!(notices.deprecated.as_deref(), Some("use example.com/v2 instead."));
        for (version, reason) in [
            ("v1.0.0", None),
            ("v1.0.1", Some("broke the build")),
            ("v1.2.5", Some("Published by accident.")),
            ("v1.3.0", None),
            ("v1.5.0", Some("")),
            ("v1.6.1", Some("twice")),
            ("v1.9.0", None),
        ] {
            assert_eq!(notices.retracted(version), reason, "{version}");
        }
    }

    #[test]
    fn hostile_files_are_read_without_harm() {
        for text in ["retract", "retract (", "retract [", "retract [v1", "retract [v1.0.0,]", "module", "//", "retract \u{e9}"] {
            assert!(Notices::read(text).retracted("v1.0.0").is_none(), "{text:?}");
        }
    }
}
