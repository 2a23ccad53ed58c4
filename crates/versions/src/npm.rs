//! npm ranges, with the semantics of node-semver in loose mode (the mode in which npm itself resolves).
//!
//! `||` joins alternatives; an alternative is a hyphen range or comparators joined by blanks. `^`, `~`, x-ranges and
//! hyphen ranges are shorthands for pairs of comparators. A pre-release is inside only where a comparator of the same
//! alternative names a pre-release of the same `major.minor.patch`. In loose mode a word that is no comparator is
//! dropped, and an alternative of such words alone is no alternative: that is why `latest` is not a range.

use crate::parsed::Form;
use crate::semantic::{MAX_SAFE_INTEGER, Number, PreRelease, SemVer, is_build, loose_number, loose_prerelease};
use crate::{ParsedVersion, RangeError};
use std::cmp::Ordering;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Below,
    AtMost,
    Equal,
    AtLeast,
    Above,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparator {
    operator: Operator,
    version: SemVer,
}

/// Comparators that must all hold; none is any version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Alternative(Vec<Comparator>);

/// A range.
#[derive(Debug, Clone)]
pub(crate) struct NpmRange {
    alternatives: Vec<Alternative>,
    /// Written as `*` or as nothing, for which npm takes the `latest` tag whatever it is.
    unbounded: bool,
}

/// `1`, `1.2`, `1.x`, `*`, `1.2.3-pre`: what stands after an operator. A missing number or `x` ends the numbers.
#[derive(Debug, Clone)]
struct Partial {
    numbers: Vec<u64>,
    pre: PreRelease,
    /// A number stands after an `x`, which node-semver takes behind `^` and `~` only.
    number_after_x: bool,
}

impl NpmRange {
    pub(crate) fn parse(text: &str) -> Result<NpmRange, RangeError> {
        let alternatives: Vec<Alternative> = text.split("||").filter_map(|part| Alternative::parse(part.trim())).collect();
        if alternatives.is_empty() {
            return Err(RangeError::not_a_range(
                "an npm version range",
                text,
                "it has no comparator (a dist-tag is looked up, not compared)",
            ));
        }
        // An alternative that takes any release makes the others void, with the pre-releases that they name.
        let alternatives = match alternatives.iter().find(|one| one.0.is_empty()) {
            Some(any) => vec![any.clone()],
            None => alternatives,
        };
        Ok(NpmRange { alternatives, unbounded: matches!(text.trim(), "" | "*") })
    }

    pub(crate) fn is_unbounded(&self) -> bool {
        self.unbounded
    }

    pub(crate) fn matches(&self, version: &SemVer, prereleases: bool) -> bool {
        self.alternatives.iter().any(|one| one.matches(version, prereleases))
    }

    pub(crate) fn matches_with(&self, version: &ParsedVersion, prereleases: bool) -> bool {
        matches!(version.form(), Form::Semantic(parsed) if self.matches(parsed, prereleases))
    }
}

impl Alternative {
    /// `None` when nothing in it is a comparator.
    fn parse(text: &str) -> Option<Alternative> {
        if text.is_empty() {
            return Some(Alternative::default());
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        if let [from, "-", to] = words.as_slice()
            && let (Some(from), Some(to)) = (Partial::parse(from), Partial::parse(to))
        {
            return hyphen_range(&from, &to);
        }
        let mut comparators = Vec::new();
        let mut any = false;
        let mut pending = String::new();
        for word in words {
            pending.push_str(word);
            // An operator or a `v` may stand apart from its version.
            if word.bytes().all(|b| matches!(b, b'<' | b'>' | b'=' | b'~' | b'^' | b'v')) {
                continue;
            }
            if let Some(expanded) = expand(&pending) {
                any = true;
                comparators.extend(expanded);
            }
            pending.clear();
        }
        any.then_some(Alternative(comparators))
    }

    fn matches(&self, version: &SemVer, prereleases: bool) -> bool {
        if !self.0.iter().all(|one| one.matches(version)) {
            return false;
        }
        prereleases
            || version.pre.0.is_empty()
            || self.0.iter().any(|one| !one.version.pre.0.is_empty() && one.version.core == version.core)
    }
}

impl Comparator {
    fn matches(&self, version: &SemVer) -> bool {
        let order = version.cmp(&self.version);
        match self.operator {
            Operator::Below => order == Ordering::Less,
            Operator::AtMost => order != Ordering::Greater,
            Operator::Equal => order == Ordering::Equal,
            Operator::AtLeast => order != Ordering::Less,
            Operator::Above => order == Ordering::Greater,
        }
    }
}

impl Partial {
    fn parse(text: &str) -> Option<Partial> {
        let text = text.trim_start_matches(['v', '=']);
        let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        if build.is_some_and(|build| !is_build(build)) {
            return None;
        }
        let mut numbers = Vec::new();
        let mut wild = false;
        let mut number_after_x = false;
        let mut rest = text;
        for place in 0..3 {
            if let Some(after) = rest.strip_prefix(['x', 'X', '*']) {
                wild = true;
                rest = after;
            } else {
                let (number, after) = loose_number(rest)?;
                if wild {
                    number_after_x = true;
                } else {
                    numbers.push(number);
                }
                rest = after;
            }
            match rest.strip_prefix('.') {
                Some(after) if place < 2 => rest = after,
                _ => {
                    if rest.is_empty() {
                        return Some(Partial { numbers, pre: PreRelease::default(), number_after_x });
                    }
                    // Only a full triple takes a pre-release; on an x-range it is read and ignored.
                    if place < 2 {
                        return None;
                    }
                    let pre = loose_prerelease(rest)?;
                    return Some(Partial { pre: if wild { PreRelease::default() } else { pre }, numbers, number_after_x });
                }
            }
        }
        None
    }

    /// The lowest version meant: missing numbers are 0.
    fn floor(&self) -> SemVer {
        let number = |place: usize| self.numbers.get(place).copied().unwrap_or(0);
        let mut version = SemVer::release(number(0), number(1), number(2));
        version.pre = self.pre.clone();
        version
    }

    /// The first version after the block that shares the first `places` numbers, without its own pre-releases: `X-0`.
    /// `None` beyond node-semver's largest number.
    fn after(&self, places: usize) -> Option<SemVer> {
        let mut numbers = [0; 3];
        for (slot, number) in numbers.iter_mut().zip(&self.numbers).take(places) {
            *slot = *number;
        }
        if let Some(last) = places.checked_sub(1).and_then(|place| numbers.get_mut(place)) {
            *last = last.checked_add(1).filter(|next| *next <= MAX_SAFE_INTEGER)?;
        }
        let mut version = SemVer::release(numbers[0], numbers[1], numbers[2]);
        version.pre = PreRelease::lowest();
        Some(version)
    }
}

fn at_least(version: SemVer) -> Comparator {
    Comparator { operator: Operator::AtLeast, version }
}

fn below(version: SemVer) -> Comparator {
    Comparator { operator: Operator::Below, version }
}

/// A comparator that no version meets.
fn nothing() -> Comparator {
    below(SemVer { core: [Number::ZERO, Number::ZERO, Number::ZERO], pre: PreRelease::lowest() })
}

fn hyphen_range(from: &Partial, to: &Partial) -> Option<Alternative> {
    let mut comparators = Vec::new();
    if !from.numbers.is_empty() {
        comparators.push(at_least(from.floor()));
    }
    match to.numbers.len() {
        0 => {}
        3 => comparators.push(Comparator { operator: Operator::AtMost, version: to.floor() }),
        places => comparators.push(below(to.after(places)?)),
    }
    Some(Alternative(comparators))
}

/// The comparators that one word stands for; `None` when it is no comparator.
fn expand(word: &str) -> Option<Vec<Comparator>> {
    // Build metadata is cut off first; where nothing else stands, nothing is demanded.
    if let Some(build) = word.strip_prefix('+') {
        return is_build(build).then(Vec::new);
    }
    if let Some(rest) = word.strip_prefix('^') {
        let partial = Partial::parse(rest)?;
        // Free are the numbers after the first that is not zero; `^0.0.x` and `^0` free what is not written.
        let places = match partial.numbers.as_slice() {
            [] => return Some(Vec::new()),
            [_] => 1,
            [0, _] => 2,
            [0, 0, _] => 3,
            [0, _, _] => 2,
            _ => 1,
        };
        return Some(vec![at_least(partial.floor()), below(partial.after(places)?)]);
    }
    if let Some(rest) = word.strip_prefix("~>").or_else(|| word.strip_prefix('~')) {
        let partial = Partial::parse(rest)?;
        return Some(match partial.numbers.len() {
            0 => Vec::new(),
            1 => vec![at_least(partial.floor()), below(partial.after(1)?)],
            _ => vec![at_least(partial.floor()), below(partial.after(2)?)],
        });
    }
    let (operator, rest) =
        [(">=", Operator::AtLeast), ("<=", Operator::AtMost), (">", Operator::Above), ("<", Operator::Below), ("=", Operator::Equal)]
            .into_iter()
            .find_map(|(sign, operator)| word.strip_prefix(sign).map(|rest| (operator, rest)))
            .unwrap_or((Operator::Equal, word));
    let partial = Partial::parse(rest).filter(|partial| !partial.number_after_x)?;
    Some(match (operator, partial.numbers.len()) {
        (_, 3) => vec![Comparator { operator, version: partial.floor() }],
        (Operator::Above | Operator::Below, 0) => vec![nothing()],
        (_, 0) => Vec::new(),
        (Operator::Equal, places) => vec![at_least(partial.floor()), below(partial.after(places)?)],
        (Operator::AtLeast, _) => vec![at_least(partial.floor())],
        (Operator::Above, places) => {
            let mut version = partial.after(places)?;
            version.pre = PreRelease::default();
            vec![at_least(version)]
        }
        (Operator::AtMost, places) => vec![below(partial.after(places)?)],
        (Operator::Below, _) => {
            let mut version = partial.floor();
            version.pre = PreRelease::lowest();
            vec![below(version)]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line was printed by node-semver 7.8 in loose mode: a range, then what it holds of the versions in the first
    /// line, or `!` where node-semver refuses it.
    #[test]
    fn ranges_hold_what_node_semver_says() {
        let table = include_str!("../tests/npm-ranges.txt");
        let mut lines = table.lines().filter(|line| !line.starts_with('#'));
        let versions: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let parsed: Vec<SemVer> = versions.iter().map(|text| SemVer::parse_loose(text).unwrap()).collect();
        let (mut checked, mut wrong) = (0, Vec::new());
        for line in lines {
            let (range, expected) = line.rsplit_once('\t').unwrap();
            let actual = NpmRange::parse(range).map_or_else(
                |_| "!".to_owned(),
                |range| {
                    versions
                        .iter()
                        .zip(&parsed)
                        .filter(|(_, version)| range.matches(version, false))
                        .map(|(text, _)| *text)
                        .collect::<Vec<_>>()
                        .join(" ")
                },
            );
            if actual != expected {
                wrong.push(format!("{range:?}: {actual}, not {expected}"));
            }
            checked += 1;
        }
        assert_eq!(wrong, Vec::<String>::new());
        assert!(checked > 100, "the table has {checked} ranges");
    }

    #[test]
    fn prereleases_are_taken_when_they_are_asked_for() {
        let range = NpmRange::parse("^1.0.0").unwrap();
        let version = SemVer::parse_loose("1.1.0-rc.1").unwrap();
        assert!(!range.matches(&version, false));
        assert!(range.matches(&version, true));
    }

    #[test]
    fn hostile_ranges_are_answered() {
        for text in
            ["^", "~>", ">=", "-", " - ", "||", "^9007199254740991", "1 - ", "\u{e9}", "^\u{1f600}.1", "1.2.3-", "=v", "x.x.x", "*.1.2-a"]
        {
            let _ = NpmRange::parse(text);
        }
    }
}
