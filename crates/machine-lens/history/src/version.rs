//! Version numbers that honest projects do not give.
//!
//! The attack: dependency confusion. A public package takes the name of a private one with a version so high that a
//! client which sees both prefers it (99.99.99). Calendar versions (2024.1, 20240131) and browser numbers are high too,
//! so a high number counts only where nothing led up to it.

use crate::{draft, registry};
use bifocal_core::{ReleaseRecord, Severity, SignalDraft};
use bifocal_versions::ParsedVersion;

/// A first release from this major number on is odd.
const HIGH_MAJOR: u64 = 90;
/// Versions of one package up to which the number counts as without a past.
const FEW_VERSIONS: u32 = 3;
/// Majors skipped from one release to the next that are odd.
const JUMP: u64 = 30;

pub(crate) fn signals(record: &ReleaseRecord, drafts: &mut Vec<SignalDraft>) {
    let ecosystem = record.release.ecosystem();
    let Some(numbers) = ParsedVersion::parse(ecosystem, &record.release.version).map(|parsed| parsed.release_numbers()) else { return };
    let Some(major) = numbers.first().copied() else { return };
    if is_calendar(&numbers) {
        return;
    }
    let published = record.published_at.given().copied();
    let previous = record.history.previous.as_ref();
    let before = previous.and_then(|point| ParsedVersion::parse(ecosystem, &point.version)).map(|parsed| parsed.release_numbers());
    let low_past = before.as_ref().and_then(|numbers| numbers.first()).is_none_or(|old| *old < HIGH_MAJOR);

    if major >= HIGH_MAJOR && (1..=FEW_VERSIONS).contains(&record.history.version_count) && low_past {
        let (severity, confidence) = if is_made_up(&numbers) { (Severity::Medium, 0.8) } else { (Severity::Low, 0.5) };
        let count = record.history.version_count;
        let versions = if count == 1 { "no other version".to_owned() } else { format!("{count} versions in all") };
        drafts.push(draft(
            "history/version-anomaly",
            severity,
            confidence,
            &format!(
                "version {} with {versions}: a number that high without a past is how dependency confusion wins",
                record.release.version
            ),
            vec![registry("version", published, &format!("{}, {versions}", record.release.version))],
        ));
        return;
    }
    let Some((point, old)) = previous.zip(before.filter(|numbers| !is_calendar(numbers))) else { return };
    let old_major = old.first().copied().unwrap_or(0);
    // From 1 to 40 is odd; from 120 to 160 is a project that counts fast.
    if major.saturating_sub(old_major) >= JUMP && major / 4 >= old_major {
        let severity = if is_made_up(&numbers) { Severity::Medium } else { Severity::Low };
        drafts.push(draft(
            "history/version-anomaly",
            severity,
            0.6,
            &format!("the major version jumps from {old_major} ({}) to {major}", point.version),
            vec![registry("version", published, &record.release.version), registry("version before", point.published_at, &point.version)],
        ));
    }
}

/// `2024.1`, `20240131.2`, `24.04`, `1706659200`: years, dates and times at the front.
fn is_calendar(numbers: &[u64]) -> bool {
    let year = |n: u64| (1970..=2100).contains(&n);
    let month = |n: u64| (1..=12).contains(&n);
    match numbers.first().copied().unwrap_or(0) {
        n if year(n) => true,
        n if (10..=99).contains(&n) => {
            // Two digits of a year are told from a plain number only by a month behind them, and 99.9 is no year.
            n < 60 && numbers.get(1).is_some_and(|n| month(*n))
        }
        n if (190_001..=210_012).contains(&n) => year(n / 100) && month(n % 100),
        n if (19_700_101..=21_001_231).contains(&n) => year(n / 10_000) && month(n / 100 % 100),
        // Seconds or longer forms of a date and time.
        n => n >= 1_000_000_000 && !is_nines(n),
    }
}

fn is_nines(mut number: u64) -> bool {
    if number == 0 {
        return false;
    }
    while number > 0 {
        if number % 10 != 9 {
            return false;
        }
        number /= 10;
    }
    true
}

/// `99.99.99`, `999.0.0`, `100.100.100`, `1000.0.0`: numbers that someone typed to win.
fn is_made_up(numbers: &[u64]) -> bool {
    let major = numbers.first().copied().unwrap_or(0);
    let rest = numbers.get(1..).unwrap_or_default();
    let round = matches!(major, 100 | 1000 | 10_000 | 100_000);
    is_nines(major) || (round && rest.iter().all(|n| *n == 0 || *n == major)) || (rest.len() >= 2 && rest.iter().all(|n| *n == major))
}

#[cfg(test)]
mod tests {
    use crate::testing::{first, record};
    use crate::{HistoryFeeds, signals};
    use bifocal_core::{Ecosystem, ReleaseRecord, Severity};

    fn anomaly(record: &ReleaseRecord) -> Option<Severity> {
        signals(record, &HistoryFeeds::new()).into_iter().find(|d| d.id == "history/version-anomaly").map(|d| d.severity)
    }

    #[test]
    fn first_releases_with_absurd_numbers_are_odd() {
        for (ecosystem, version, expected) in [
            (Ecosystem::Npm, "99.99.99", Some(Severity::Medium)),
            (Ecosystem::Npm, "9999.0.0", Some(Severity::Medium)),
            (Ecosystem::Npm, "100.0.0", Some(Severity::Medium)),
            (Ecosystem::Pypi, "99.0", Some(Severity::Medium)),
            (Ecosystem::Npm, "131.0.4", Some(Severity::Low)),
            (Ecosystem::Npm, "18446744073709551616.0.0", None),
            (Ecosystem::Npm, "1.0.0", None),
            (Ecosystem::Npm, "24.4.0", None),
            (Ecosystem::Pypi, "2024.1", None),
            (Ecosystem::Pypi, "20240131", None),
            (Ecosystem::Pypi, "20240131120000", None),
            (Ecosystem::Cargo, "0.0.1", None),
            (Ecosystem::Golang, "v0.0.0-20240101000000-0123456789ab", None),
        ] {
            assert_eq!(anomaly(&first(ecosystem, "name", version)), expected, "{ecosystem} {version}");
        }
    }

    #[test]
    fn jumps_are_odd_unless_the_scheme_changed_or_the_project_counts_fast() {
        for (before, now, expected) in [
            ("1.2.0", "99.99.99", Some(Severity::Medium)),
            ("2.0.0", "45.0.0", Some(Severity::Low)),
            ("1.2.0", "2024.1.0", None),
            ("2023.12.0", "99.0.0", None),
            ("120.0.0", "160.0.0", None),
            ("3.0.0", "4.0.0", None),
            ("22.4.0", "60.0.0", None),
        ] {
            let mut release = record(Ecosystem::Npm, "name", now);
            if let Some(previous) = &mut release.history.previous {
                previous.version = before.to_owned();
            }
            assert_eq!(anomaly(&release), expected, "{before} to {now}");
        }
    }

    #[test]
    fn a_package_that_always_had_high_numbers_is_not_odd() {
        let mut release = record(Ecosystem::Npm, "browser-driver", "131.0.0");
        release.history.version_count = 2;
        if let Some(previous) = &mut release.history.previous {
            previous.version = "130.0.0".to_owned();
        }
        assert_eq!(anomaly(&release), None);
    }
}
