//! A version order good enough for a test catalogue: numbers by value, pre-releases below their release.
//!
//! The exact order of each ecosystem lives in the versions crate, which this crate does not use, so that its tests can
//! use this one.

use std::cmp::Ordering;

/// Compares two versions of one package.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    let (left_core, left_pre) = split(left);
    let (right_core, right_pre) = split(right);
    pieces(left_core, right_core).then_with(|| match (left_pre, right_pre) {
        ("", "") => Ordering::Equal,
        ("", _) => Ordering::Greater,
        (_, "") => Ordering::Less,
        (a, b) => pieces(a, b),
    })
}

/// Whether this is a pre-release by its spelling (`-rc.1`, `b2`, `.dev1`, `-SNAPSHOT`).
pub(crate) fn is_prerelease(version: &str) -> bool {
    !split(version).1.is_empty()
}

fn split(version: &str) -> (&str, &str) {
    let bare = version.strip_prefix('v').unwrap_or(version);
    let bare = bare.split('+').next().unwrap_or(bare);
    match bare.find(|c: char| !(c.is_ascii_digit() || c == '.')) {
        Some(at) => (bare[..at].trim_end_matches('.'), bare[at..].trim_start_matches('-')),
        None => (bare, ""),
    }
}

fn pieces(left: &str, right: &str) -> Ordering {
    let mut a = left.split(['.', '-']);
    let mut b = right.split(['.', '-']);
    loop {
        let (x, y) = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (x, y) => (x.unwrap_or("0"), y.unwrap_or("0")),
        };
        let order = match (x.parse::<u64>(), y.parse::<u64>()) {
            (Ok(x), Ok(y)) => x.cmp(&y),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => x.cmp(y),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_and_prereleases_come_first() {
        for (low, high) in [("1.9.0", "1.10.0"), ("1.0.0-rc.1", "1.0.0"), ("2.0b1", "2.0"), ("v0.9.9", "v1.0.0"), ("1.0-SNAPSHOT", "1.0")] {
            assert_eq!(compare(low, high), Ordering::Less, "{low} {high}");
            assert_eq!(compare(high, low), Ordering::Greater, "{low} {high}");
        }
        assert!(is_prerelease("1.0.0-rc.1") && !is_prerelease("1.0.0"));
    }
}
