//! Messages of rules, with `{field}` replaced by what is known of the release. `{{` and `}}` stand for braces.

use crate::facts::Facts;
use crate::problem::{nearest, shown};
use crate::schema::PLACEHOLDERS;
use bifocal_core::{Signal, one_line};

/// Characters of one interpolated value, of one signal in a list, and of a whole message.
const MAX_VALUE: usize = 300;
const MAX_LISTED: usize = 100;
const MAX_MESSAGE: usize = 1200;
/// Characters of the message of a lone signal. A signal is shown whole, unless it is hostile in its length.
const MAX_SIGNAL: usize = 1000;
/// Signals that a list shows.
const LISTED: usize = 3;

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
enum Piece {
    Text(String),
    Value(&'static str),
}

impl Template {
    /// Reads a message; a mistake is its byte offset, text and hint.
    pub(crate) fn parse(text: &str) -> Result<Template, (usize, String, String)> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let offset = text.len() - rest.len() + at;
            plain.push_str(&rest[..at]);
            let brace = &rest[at..at + 1];
            let after = &rest[at + 1..];
            if let Some(after) = after.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let Some(end) = after.find('}').filter(|_| brace == "{") else {
                return Err((offset, format!("a lone `{brace}` in the message"), format!("write `{brace}{brace}` for a brace")));
            };
            let name = &after[..end];
            let Some((known, _)) = PLACEHOLDERS.iter().find(|(known, _)| *known == name) else {
                let hint = nearest(name, PLACEHOLDERS.iter().map(|(known, _)| *known));
                return Err((offset, format!("unknown placeholder `{{{}}}`", shown(name)), hint));
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Value(known));
            rest = &after[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Template { pieces })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The message for one release: one line, without control characters.
    pub(crate) fn fill(&self, facts: &Facts<'_>, signals: &[&Signal]) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value(name @ ("signal" | "signals")) => out.push_str(&value(name, facts, signals)),
                Piece::Value(name) => out.push_str(&one_line(&value(name, facts, signals), MAX_VALUE)),
            }
        }
        one_line(&out, MAX_MESSAGE)
    }
}

fn value(name: &str, facts: &Facts<'_>, signals: &[&Signal]) -> String {
    let record = facts.record;
    let or = |text: Option<String>, otherwise: &str| text.filter(|text| !text.is_empty()).unwrap_or_else(|| otherwise.to_owned());
    match name {
        "purl" => facts.purl.clone(),
        "ecosystem" => or(record.map(|record| record.release.ecosystem().to_string()), "unknown"),
        "name" => or(record.map(|record| record.release.package.as_str().to_owned()), "this package"),
        "version" => or(record.map(|record| record.release.version.clone()), "this version"),
        "age" => age(facts.hours_since(facts.published_at())),
        "package_age" => age(facts.hours_since(facts.first_published_at())),
        "version_count" => record.map_or(0, |record| record.history.version_count).to_string(),
        "publisher" => or(record.and_then(|record| record.publisher.given()).map(|person| person.name.clone()), "unknown"),
        "repository" => or(record.and_then(|record| record.repository.given()).cloned(), "none"),
        "upstream" => or(record.map(|record| record.upstream.clone()), "unknown"),
        "also_on" => or(record.map(|record| record.also_on.join(", ")), "no other upstream"),
        "yanked_reason" => or(record.and_then(|record| record.yanked.clone()), "no reason given"),
        "count" => signals.len().to_string(),
        "signal" => texts(signals, MAX_SIGNAL).into_iter().next().unwrap_or_else(|| "no signal".to_owned()),
        "signals" => list(signals),
        _ => String::new(),
    }
}

/// The messages of signals, the worst first, each once.
fn texts(signals: &[&Signal], most: usize) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for signal in worst_first(signals) {
        let text = one_line(&signal.message, most);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

/// One message whole, or several shortened.
fn list(signals: &[&Signal]) -> String {
    let whole = texts(signals, MAX_SIGNAL);
    match whole.as_slice() {
        [] => "no signal".to_owned(),
        [one] => one.clone(),
        several => {
            let shown: Vec<String> = several.iter().take(LISTED).map(|text| one_line(text, MAX_LISTED)).collect();
            let more = several.len().saturating_sub(LISTED);
            let rest = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            format!("{}{rest}", shown.join("; "))
        }
    }
}

fn worst_first<'a>(signals: &[&'a Signal]) -> Vec<&'a Signal> {
    let mut worst = signals.to_vec();
    worst.sort_by(|one, two| two.severity.cmp(&one.severity).then(two.confidence.total_cmp(&one.confidence)));
    worst
}

fn age(hours: f64) -> String {
    if hours < 0.0 {
        return "unknown age".to_owned();
    }
    let (count, unit) = if hours < 1.0 {
        ((hours * 60.0).floor(), "minute")
    } else if hours < 72.0 {
        (hours.floor(), "hour")
    } else {
        ((hours / 24.0).floor(), "day")
    };
    format!("{count} {unit}{}", if count == 1.0 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_checked_when_the_message_is_read() {
        assert!(Template::parse("{name} is {{odd}} {age} old").is_ok());
        let (offset, message, hint) = Template::parse("ab {nmae}").unwrap_err();
        assert_eq!((offset, message.as_str(), hint.as_str()), (3, "unknown placeholder `{nmae}`", "did you mean `name`?"));
        assert!(Template::parse("open {name").is_err());
        assert!(Template::parse("close }").is_err());
        assert!(Template::parse("é{").is_err());
    }

    #[test]
    fn ages_are_words() {
        assert_eq!(age(-1.0), "unknown age");
        assert_eq!(age(0.5), "30 minutes");
        assert_eq!(age(1.2), "1 hour");
        assert_eq!(age(24.0 * 10.0), "10 days");
    }
}
