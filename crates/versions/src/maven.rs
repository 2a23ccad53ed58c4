//! Maven versions, in the order that `ComparableVersion` of Maven 3.9 gives them.
//!
//! A version is a list of numbers and words that may end in an inner list: `-` opens one, and so does every change
//! between digits and letters. Inner lists only ever stand last, so the whole is kept flat, as one level after another.
//! Numbers beat inner lists, inner lists beat words; where one side has ended, a number counts against 0 and a word
//! against the release.
//!
//! That order has cycles for odd inputs (`1.0.alpha.1` < `1` < `1.sp.1` < `1.0.alpha.1`), in Maven itself as here. The
//! answer that Maven would give is worth more than a tidy order, so there is no `Ord` on it.

use crate::semantic::Number;
use std::cmp::Ordering;

/// A word, in rising order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Alpha,
    Beta,
    Milestone,
    ReleaseCandidate,
    Snapshot,
    /// `ga`, `final`, `release`: the release itself.
    Release,
    ServicePack,
    Other(Box<str>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Number(Number),
    Word(Word),
}

/// A parsed version.
#[derive(Debug, Clone)]
pub(crate) struct MavenVersion {
    /// Level after level; no level ends in an item that counts as nothing, and the last one is not empty.
    levels: Box<[Box<[Item]>]>,
}

impl Word {
    fn of(text: &str, before_digit: bool) -> Word {
        match text {
            "a" if before_digit => Word::Alpha,
            "b" if before_digit => Word::Beta,
            "m" if before_digit => Word::Milestone,
            "alpha" => Word::Alpha,
            "beta" => Word::Beta,
            "milestone" => Word::Milestone,
            "rc" | "cr" => Word::ReleaseCandidate,
            "snapshot" => Word::Snapshot,
            "ga" | "final" | "release" => Word::Release,
            "sp" => Word::ServicePack,
            _ => Word::Other(text.into()),
        }
    }
}

impl Item {
    fn of(text: &str) -> Item {
        Number::parse(text).map_or_else(|| Item::Word(Word::of(text, false)), Item::Number)
    }

    /// Against the end of the other list.
    fn against_nothing(&self) -> Ordering {
        match self {
            Item::Number(number) => number.cmp(&Number::ZERO),
            Item::Word(word) => word.cmp(&Word::Release),
        }
    }
}

/// Builds the levels while the text is read from left to right.
struct Builder {
    levels: Vec<Vec<Item>>,
}

impl Builder {
    fn add(&mut self, item: Item) {
        if let Some(level) = self.levels.last_mut() {
            level.push(item);
        }
    }

    fn open(&mut self) {
        self.levels.push(Vec::new());
    }

    fn open_unless_empty(&mut self) {
        if self.levels.last().is_some_and(|level| !level.is_empty()) {
            self.open();
        }
    }

    fn finish(mut self) -> MavenVersion {
        for level in &mut self.levels {
            while level.last().is_some_and(|item| item.against_nothing() == Ordering::Equal) {
                level.pop();
            }
        }
        while self.levels.last().is_some_and(Vec::is_empty) {
            self.levels.pop();
        }
        MavenVersion { levels: self.levels.into_iter().map(Vec::into_boxed_slice).collect() }
    }
}

impl MavenVersion {
    /// Reads any text; only an empty one is no version.
    pub(crate) fn parse(text: &str) -> Option<MavenVersion> {
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            return None;
        }
        let mut build = Builder { levels: vec![Vec::new()] };
        let mut start = 0;
        let mut in_digits = false;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'.' | b'-' => {
                    build.add(if at == start { Item::Number(Number::ZERO) } else { Item::of(&text[start..at]) });
                    start = at + 1;
                    if byte == b'-' {
                        build.open();
                    }
                }
                b'0'..=b'9' => {
                    if !in_digits && at > start {
                        build.open_unless_empty();
                        build.add(Item::Word(Word::of(&text[start..at], true)));
                        start = at;
                        build.open();
                    }
                    in_digits = true;
                }
                _ => {
                    if in_digits && at > start {
                        build.add(Item::of(&text[start..at]));
                        start = at;
                        build.open();
                    }
                    in_digits = false;
                }
            }
        }
        if start < text.len() {
            if !in_digits {
                build.open_unless_empty();
            }
            build.add(Item::of(&text[start..]));
        }
        Some(build.finish())
    }

    /// Maven's order.
    pub(crate) fn order(&self, other: &MavenVersion) -> Ordering {
        enum At<'a> {
            Item(&'a Item),
            Inner,
            End,
        }
        fn at(levels: &[Box<[Item]>], level: usize, index: usize) -> At<'_> {
            let Some(items) = levels.get(level) else { return At::End };
            match items.get(index) {
                Some(item) => At::Item(item),
                None if index == items.len() && level + 1 < levels.len() => At::Inner,
                None => At::End,
            }
        }
        let (mut level, mut index) = (0, 0);
        loop {
            let order = match (at(&self.levels, level, index), at(&other.levels, level, index)) {
                (At::End, At::End) => return Ordering::Equal,
                (At::Inner, At::Inner) => {
                    level += 1;
                    index = 0;
                    continue;
                }
                (At::Item(Item::Number(a)), At::Item(Item::Number(b))) => a.cmp(b),
                (At::Item(Item::Word(a)), At::Item(Item::Word(b))) => a.cmp(b),
                (At::Item(Item::Number(_)), At::Item(Item::Word(_)) | At::Inner) => Ordering::Greater,
                (At::Item(Item::Word(_)) | At::Inner, At::Item(Item::Number(_))) => Ordering::Less,
                (At::Item(Item::Word(_)), At::Inner) => Ordering::Less,
                (At::Inner, At::Item(Item::Word(_))) => Ordering::Greater,
                (At::Item(item), At::End) => item.against_nothing(),
                (At::End, At::Item(item)) => item.against_nothing().reverse(),
                (At::Inner, At::End) => self.inner_against_nothing(level + 1),
                (At::End, At::Inner) => other.inner_against_nothing(level + 1).reverse(),
            };
            if order != Ordering::Equal {
                return order;
            }
            index += 1;
        }
    }

    fn inner_against_nothing(&self, from: usize) -> Ordering {
        let inner = self.levels.get(from..).unwrap_or_default();
        inner.iter().flatten().map(Item::against_nothing).find(|order| *order != Ordering::Equal).unwrap_or(Ordering::Equal)
    }

    /// The numbers before the first word or `-`, without zeros at the end.
    pub(crate) fn leading_numbers(&self) -> Vec<u64> {
        let first = self.levels.first().map(|level| &**level).unwrap_or_default();
        first.iter().map_while(|item| if let Item::Number(number) = item { Some(number.saturated()) } else { None }).collect()
    }

    /// Whether a word says that this comes before a release.
    pub(crate) fn is_prerelease(&self) -> bool {
        self.levels.iter().flatten().any(|item| match item {
            Item::Word(Word::Other(word)) => {
                matches!(word.trim_matches(|c: char| !c.is_alphanumeric()), "pre" | "preview" | "ea" | "dev" | "nightly")
            }
            Item::Word(word) => *word < Word::Release,
            Item::Number(_) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(a: &str, b: &str) -> Ordering {
        MavenVersion::parse(a).unwrap().order(&MavenVersion::parse(b).unwrap())
    }

    #[test]
    fn previews_are_told_from_releases() {
        for text in ["1.0-alpha-1", "1.0b2", "2.0-M1", "1-rc", "1.0-SNAPSHOT", "6.0.0.CR1", "17-ea+3"] {
            assert!(MavenVersion::parse(text).unwrap().is_prerelease(), "{text}");
        }
        for text in ["1.0", "1.0.Final", "33.0.0-jre", "2.0.0.RELEASE", "1.0-sp1", "20240101"] {
            assert!(!MavenVersion::parse(text).unwrap().is_prerelease(), "{text}");
        }
    }

    /// Each line was printed by Maven 3.9's own `ComparableVersion`.
    #[test]
    fn order_is_that_of_maven() {
        let table = include_str!("../tests/maven-order.txt");
        let mut lines = 0;
        for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let parts: Vec<&str> = line.split(' ').collect();
            let expected = match parts[1] {
                "<" => Ordering::Less,
                ">" => Ordering::Greater,
                _ => Ordering::Equal,
            };
            assert_eq!(order(parts[0], parts[2]), expected, "{line}");
            assert_eq!(order(parts[2], parts[0]), expected.reverse(), "{line}, turned round");
            lines += 1;
        }
        assert!(lines > 300, "the table has {lines} lines");
    }

    #[test]
    fn odd_texts_are_taken() {
        for text in ["-", ".", "..", "--1", "1..2", "\u{e9}1", "1-\u{1f600}2", "999999999999999999999999999", "0", "_"] {
            assert_eq!(order(text, text), Ordering::Equal, "{text:?}");
        }
        assert_eq!(order("0.0-0", "0"), Ordering::Equal);
    }
}
