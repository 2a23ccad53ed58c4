//! `.mvn/maven.config`: the arguments that a project gives to every `mvn` run in it.
//!
//! In: the words of the nearest such file. Out: settings files, properties (`-Drevision=1.2`) and profiles (`-P`).
//! The rules are those of Maven's launcher: words apart by white space, `-D name=value` and `-Dname=value` alike, a property
//! without a value is `true`; a line that starts with `#` is a comment (Configuring Maven, `.mvn/maven.config`).

use super::upward;
use crate::context::ReadContext;
use crate::error::{Problem, ReadError};
use crate::source::Source;
use std::collections::BTreeMap;

/// Words of one file.
const MAX_WORDS: usize = 10_000;

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct MavenConfig {
    /// The file; what it says is relative to the folder above it.
    pub(crate) path: String,
    /// Settings files as written.
    pub(crate) settings: Vec<String>,
    /// User properties: the last of a name counts.
    pub(crate) properties: BTreeMap<String, String>,
    /// Profiles as written (`a,!b`).
    pub(crate) profiles: Vec<String>,
}

/// The configuration of the nearest `.mvn`; nothing where there is none.
pub(crate) fn read(from: &str, ctx: &ReadContext<'_>) -> Result<Option<MavenConfig>, ReadError> {
    let Some((path, bytes)) = upward(from, &[".mvn/maven.config"], ctx)?.into_iter().next() else { return Ok(None) };
    let source = Source { path: &path, bytes: &bytes };
    let text = source.utf8()?;
    let words: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).take(MAX_WORDS + 1).collect();
    if words.len() > MAX_WORDS {
        return Err(source.error(0, Problem::TooMany { what: "arguments", limit: MAX_WORDS }));
    }
    let config = arguments(&words);
    Ok(Some(MavenConfig { path, ..config }))
}

fn arguments(words: &[&str]) -> MavenConfig {
    let mut config = MavenConfig::default();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let Some((option, attached)) = option(word) else { continue };
        let Some(value) = attached.filter(|value| !value.is_empty()).or_else(|| words.next()) else { continue };
        match option {
            Known::Settings => config.settings.push(value.to_owned()),
            Known::Profiles => config.profiles.push(value.to_owned()),
            Known::Define => {
                let (name, value) = value.split_once('=').unwrap_or((value, "true"));
                config.properties.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    config
}

enum Known {
    Settings,
    Define,
    Profiles,
}

/// An option that counts here, and the value that is attached to it.
fn option(word: &str) -> Option<(Known, Option<&str>)> {
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
        return match name {
            "settings" | "global-settings" => Some((Known::Settings, value)),
            "define" => Some((Known::Define, value)),
            "activate-profiles" => Some((Known::Profiles, value)),
            _ => None,
        };
    }
    if let Some(rest) = word.strip_prefix("-D") {
        return Some((Known::Define, Some(rest)));
    }
    if let Some(rest) = word.strip_prefix("-P") {
        return Some((Known::Profiles, Some(rest)));
    }
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    matches!(name, "-s" | "-gs").then_some((Known::Settings, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_as_maven_does() {
        let words = [
            "-B",
            "-Drevision=1.2",
            "-D",
            "sha=-a=b",
            "-Dquick",
            "--define=x=",
            "-Pone,!two",
            "-s",
            "a.xml",
            "--settings=b.xml",
            "-Drevision=1.3",
            "-D",
        ];
        let config = arguments(&words);
        let properties: Vec<(&str, &str)> = config.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(properties, [("quick", "true"), ("revision", "1.3"), ("sha", "-a=b"), ("x", "")]);
        assert_eq!(config.profiles, ["one,!two"]);
        assert_eq!(config.settings, ["a.xml", "b.xml"]);
    }
}
