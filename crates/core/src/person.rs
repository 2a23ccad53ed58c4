//! Who signed, as far as a text can tell: one person in two spellings is one person.
//!
//! In: the name that a decision or a policy file asserts. Out: a [`Person`] that can be compared with another, or why
//! the text names nobody. The attack: one person who signs twice, as `ana` and `Ana`, with a zero-width character, a
//! Cyrillic `а`, an address tag or a trailing dot. Until there are accounts an identity is what the file asserts:
//! nothing here proves that the person named wrote it. Confusable characters are told by Unicode Technical Standard 39
//! (<https://www.unicode.org/reports/tr39/>).

use crate::printable;
use std::fmt;
use unicode_normalization::UnicodeNormalization as _;
use unicode_security::{GeneralSecurityProfile as _, MixedScript as _};

/// Bytes of a name: what mail allows for an address.
const MAX_BYTES: usize = 254;

/// A handle (`ana`) or an address (`ana@example.com`).
#[derive(Debug, Clone)]
pub struct Person {
    shown: String,
    local: String,
    domain: Option<String>,
}

/// Why a text names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    /// Nothing is left without blanks and invisible characters.
    #[error("an empty name names nobody; write a handle (`ana`) or an address (`ana@example.com`)")]
    Empty,
    /// Longer than an address may be.
    #[error("a name of {0} bytes is longer than the {MAX_BYTES} that an address may have")]
    TooLong(usize),
    /// Neither a handle nor an address.
    #[error("`{name}` is neither a handle (`ana`) nor an address (`ana@example.com`): {why}")]
    Form {
        /// The text, made printable.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Letters of several scripts, as a look-alike has them.
    #[error("`{0}` mixes letters of several scripts, so that it can be mistaken for another name; write it in one script")]
    MixedScript(String),
}

impl Person {
    /// Reads a name. Blanks around it, invisible characters and the difference between upper and lower case do not count.
    pub fn parse(text: &str) -> Result<Self, PersonError> {
        if text.len() > MAX_BYTES {
            return Err(PersonError::TooLong(text.len()));
        }
        let shown = fold(text);
        if shown.is_empty() {
            return Err(PersonError::Empty);
        }
        let wrong = |why: String| PersonError::Form { name: printable(text.trim()), why };
        let body = shown.strip_prefix('@').unwrap_or(&shown);
        let (local, domain) = match body.split_once('@') {
            None => (body, None),
            Some((local, domain)) => (local, Some(domain.strip_suffix('.').unwrap_or(domain))),
        };
        if let Some(c) = local.chars().find(|c| !is_plain(*c) && !matches!(c, '.' | '_' | '-' | '+')) {
            return Err(wrong(format!("it holds `{}`", printable(c.encode_utf8(&mut [0; 4])))));
        }
        // What follows a plus is a tag of the same mailbox.
        let owner = local.split('+').next().unwrap_or_default();
        if !owner.starts_with(is_plain) || !owner.ends_with(is_plain) {
            return Err(wrong("it does not begin and end with a letter or a digit".to_owned()));
        }
        let labels: Vec<&str> = domain.into_iter().flat_map(|domain| domain.split('.')).collect();
        let is_label =
            |label: &&str| label.chars().all(|c| is_plain(c) || c == '-') && label.starts_with(is_plain) && label.ends_with(is_plain);
        if domain.is_some() && !labels.iter().all(is_label) {
            return Err(wrong("what follows the `@` is no domain".to_owned()));
        }
        if ![local].iter().chain(&labels).all(|part| part.is_single_script()) {
            return Err(PersonError::MixedScript(printable(text.trim())));
        }
        Ok(Person { local: skeleton(owner), domain: domain.map(skeleton), shown })
    }

    /// Whether this may be the same person as `other`: the same name, a name that looks the same, or a handle and an
    /// address that begins with it. When in doubt they are one.
    pub fn may_be(&self, other: &Person) -> bool {
        let domains_differ = matches!((&self.domain, &other.domain), (Some(one), Some(two)) if one != two);
        self.local == other.local && !domains_differ
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// How many of these are surely different people. Blank entries count for nobody.
///
/// # Errors
/// One of them names nobody.
pub fn different_people<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<usize, PersonError> {
    let mut people: Vec<Person> = Vec::new();
    for name in names {
        match Person::parse(name) {
            Ok(person) if people.iter().any(|known| known.may_be(&person)) => {}
            Ok(person) => people.push(person),
            Err(PersonError::Empty) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(people.len())
}

/// One spelling for what a reader takes as the same: compatibility forms, case, invisible characters, outer blanks.
fn fold(text: &str) -> String {
    let visible: String = text.nfkc().filter(|c| !is_invisible(*c)).collect();
    // Through upper case, so that `ß` and `ss` meet.
    let folded: String = visible.to_uppercase().to_lowercase().nfkc().filter(|c| !is_invisible(*c)).collect();
    folded.trim().to_owned()
}

/// What the text looks like, by the confusables of Unicode.
fn skeleton(text: &str) -> String {
    fold(&unicode_security::skeleton(text).collect::<String>())
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() && c.identifier_allowed()
}

/// Controls, and what Unicode calls format characters or ignorable by default.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(first: &str, second: &str) -> bool {
        Person::parse(first).unwrap().may_be(&Person::parse(second).unwrap())
    }

    #[test]
    fn one_person_in_two_spellings_is_one() {
        for (first, second) in [
            ("ana", " Ana\t"),
            ("ana", "ana\u{200b}"),
            ("ana", "\u{202e}ana\u{feff}"),
            ("ana", "a\u{ad}n\u{34f}a"),
            ("ana", "\u{ff41}\u{ff4e}\u{ff41}"),
            ("ana", "@ana"),
            ("ana", "ana@example.com"),
            ("ana@example.com", "Ana@EXAMPLE.com."),
            ("ana@example.com", "ana+2@example.com"),
            ("strasse", "Straße"),
            ("jose\u{301}", "José"),
            // Whole words of one script that look like words of another.
            ("ace", "\u{430}\u{441}\u{435}"),
            ("paul", "pau1"),
            ("bo0", "boo"),
        ] {
            assert!(one(first, second) && one(second, first), "{first:?} and {second:?}");
        }
    }

    #[test]
    fn different_people_are_different() {
        for (first, second) in [
            ("ana", "bo"),
            ("ana@example.com", "bo@example.com"),
            ("ana@example.com", "ana@example.org"),
            ("ana", "ana-2"),
            ("дмитрий", "анна"),
            ("陈伟", "王芳"),
        ] {
            assert!(!one(first, second), "{first:?} and {second:?}");
        }
        assert_eq!(different_people(["ana", "Ana ", "", "bo@example.com", "bo", "cem"]), Ok(3));
    }

    #[test]
    fn what_names_nobody_is_refused_with_the_reason() {
        for (text, words) in [
            ("", "names nobody"),
            (" \u{200b}\u{2060} ", "names nobody"),
            ("Ana Silva", "it holds ` `"),
            ("ana;bo", "it holds `;`"),
            ("ana\u{1f600}", "it holds"),
            ("-ana", "does not begin"),
            ("+ana@example.com", "does not begin"),
            ("ana@", "is no domain"),
            ("ana@example..com", "is no domain"),
            ("ana@bo@example.com", "is no domain"),
            ("\u{430}na", "several scripts"),
            ("ana@ex\u{430}mple.com", "several scripts"),
            ("ana@\u{3b5}xample.com", "several scripts"),
        ] {
            let error = Person::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text:?}: {error}");
            assert!(!error.contains('\u{200b}') && !error.contains('\u{202e}'));
        }
        assert_eq!(Person::parse(&"a".repeat(255)).unwrap_err(), PersonError::TooLong(255));
        assert_eq!(different_people(["ana", "Bo Li"]).unwrap_err(), Person::parse("Bo Li").unwrap_err());
    }
}
