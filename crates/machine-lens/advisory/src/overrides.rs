//! When two people's word that a malware record is wrong is valid.
//!
//! The attack: one stolen account, or one person in a hurry, lets known malware in. So: two different people, a reason,
//! one record, one digest, and an end at most 14 days away.

use bifocal_core::MalwareOverride;
use jiff::{SignedDuration, Timestamp};

/// The longest time that an override may last.
pub const MAX_OVERRIDE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Why an override does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// Fewer than two different people.
    #[error("a malware override needs two different people, this one names {0}")]
    TooFewPeople(usize),
    /// It does not name a malware record.
    #[error("a malware override names one `MAL-` record, not `{0}`")]
    NotMalware(String),
    /// No reason is given.
    #[error("a malware override needs a reason")]
    NoReason,
    /// It would last too long, or ends before it begins.
    #[error("a malware override lasts at most 14 days from {since}, this one ends at {until}")]
    TooLong {
        /// Its start.
        since: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// It has not begun.
    #[error("the malware override begins at {0}")]
    NotBegun(Timestamp),
    /// It is over.
    #[error("the malware override ended at {0}; two people have to sign a new one")]
    Over(Timestamp),
}

/// Whether `given` is valid at time `at`. Names are compared without case and outer white space, so that one person
/// cannot sign twice under two spellings.
pub fn validate_override(given: &MalwareOverride, at: Timestamp) -> Result<(), OverrideError> {
    if !given.record.starts_with("MAL-") || given.record.len() <= 4 {
        return Err(OverrideError::NotMalware(bifocal_core::printable(&given.record)));
    }
    let mut people: Vec<String> = given.by.iter().map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()).collect();
    people.sort_unstable();
    people.dedup();
    if people.len() < 2 {
        return Err(OverrideError::TooFewPeople(people.len()));
    }
    if given.reason.trim().is_empty() {
        return Err(OverrideError::NoReason);
    }
    let length = given.until.duration_since(given.since);
    if length > MAX_OVERRIDE || length <= SignedDuration::ZERO {
        return Err(OverrideError::TooLong { since: given.since, until: given.until });
    }
    if at < given.since {
        return Err(OverrideError::NotBegun(given.since));
    }
    if at >= given.until {
        return Err(OverrideError::Over(given.until));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bifocal_core::{Ecosystem, PackageName, Sha256};

    fn given() -> MalwareOverride {
        MalwareOverride {
            record: "MAL-2024-1".to_owned(),
            sha256: Sha256::of(b"x"),
            package: PackageName::new(Ecosystem::Npm, "x").unwrap(),
            by: vec!["ada".to_owned(), "grace".to_owned()],
            reason: "the record names the wrong version".to_owned(),
            since: "2024-03-01T00:00:00Z".parse().unwrap(),
            until: "2024-03-15T00:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn two_people_may_override_for_fourteen_days() {
        let (at, end) = ("2024-03-02T00:00:00Z".parse().unwrap(), "2024-03-15T00:00:00Z".parse().unwrap());
        assert_eq!(validate_override(&given(), at), Ok(()));
        assert_eq!(validate_override(&given(), end), Err(OverrideError::Over(end)));
        let before = "2024-02-29T23:59:59Z".parse().unwrap();
        assert!(matches!(validate_override(&given(), before), Err(OverrideError::NotBegun(_))));
    }

    #[test]
    fn every_shortcut_is_refused() {
        let at = "2024-03-02T00:00:00Z".parse().unwrap();
        let with = |change: &dyn Fn(&mut MalwareOverride)| {
            let mut changed = given();
            change(&mut changed);
            validate_override(&changed, at)
        };
        assert_eq!(with(&|g| g.by = vec!["ada".to_owned()]), Err(OverrideError::TooFewPeople(1)));
        assert_eq!(with(&|g| g.by = vec!["ada".to_owned(), " Ada ".to_owned(), String::new()]), Err(OverrideError::TooFewPeople(1)));
        assert_eq!(with(&|g| g.reason = " ".to_owned()), Err(OverrideError::NoReason));
        assert!(matches!(with(&|g| g.record = "GHSA-1".to_owned()), Err(OverrideError::NotMalware(_))));
        assert!(matches!(with(&|g| g.until = "2024-03-15T00:00:01Z".parse().unwrap()), Err(OverrideError::TooLong { .. })));
        assert!(matches!(with(&|g| g.until = g.since), Err(OverrideError::TooLong { .. })));
    }
}
