//! Who published, who owns, and how long nobody did.
//!
//! The attack: an account is taken over, or a package is handed to a stranger (event-stream, 2018), and the next release
//! carries the payload. Honest handovers look the same, so these facts annotate; a policy combines them.

use crate::{draft, registry};
use bifocal_core::{Publisher, ReleaseRecord, Severity, SignalDraft, one_line};
use std::collections::BTreeSet;

/// Days between two releases after which the package counts as asleep.
const DORMANT_DAYS: i64 = 730;
/// Names told in one message.
const MAX_NAMES: usize = 8;

pub(crate) fn signals(record: &ReleaseRecord, drafts: &mut Vec<SignalDraft>) {
    let Some(previous) = &record.history.previous else { return };
    let published = record.published_at.given().copied();

    let publisher = record.publisher.given();
    if let (Some(now), Some(before)) = (publisher, &previous.publisher)
        && !same(now, before)
    {
        let known = previous.maintainers.iter().any(|owner| same(owner, now));
        let (severity, note) = if known { (Severity::Info, ", an owner already") } else { (Severity::Low, ", who did not own it then") };
        let note = if previous.maintainers.is_empty() { "" } else { note };
        drafts.push(draft(
            "history/publisher-change",
            severity,
            0.9,
            &format!(
                "published by {}{note}; {} was published by {}",
                one_line(&now.name, 80),
                previous.version,
                one_line(&before.name, 80)
            ),
            vec![
                registry("publisher", published, &now.name),
                registry(&format!("publisher of {}", previous.version), previous.published_at, &before.name),
            ],
        ));
    }

    if let Some(owners) = record.maintainers.given()
        && !owners.is_empty()
        && !previous.maintainers.is_empty()
    {
        let (now, before) = (keys(owners), keys(&previous.maintainers));
        let joined: Vec<&String> = now.difference(&before).collect();
        let left: Vec<&String> = before.difference(&now).collect();
        if !joined.is_empty() || !left.is_empty() {
            let replaced = now.is_disjoint(&before);
            let severity = match (replaced, joined.is_empty()) {
                (true, _) => Severity::Medium,
                (_, false) => Severity::Low,
                _ => Severity::Info,
            };
            let mut parts = Vec::new();
            if !joined.is_empty() {
                parts.push(format!("{} joined", names(&joined)));
            }
            if !left.is_empty() {
                parts.push(format!("{} left", names(&left)));
            }
            let lead = if replaced { "every owner of the package is new" } else { "the owners of the package changed" };
            drafts.push(draft(
                "history/maintainer-change",
                severity,
                0.9,
                &format!("{lead} since {}: {}", previous.version, parts.join(", ")),
                vec![
                    registry("maintainers", published, &names(&now.iter().collect::<Vec<_>>())),
                    registry(
                        &format!("maintainers of {}", previous.version),
                        previous.published_at,
                        &names(&before.iter().collect::<Vec<_>>()),
                    ),
                ],
            ));
        }
    }

    if let (Some(now), Some(before)) = (published, previous.published_at)
        && now.duration_since(before).as_hours() / 24 >= DORMANT_DAYS
    {
        let days = now.duration_since(before).as_hours() / 24;
        drafts.push(draft(
            "history/dormant-revival",
            Severity::Low,
            1.0,
            &format!("the release before this one, {}, is {days} days older", previous.version),
            vec![
                registry("published_at", published, &record.release.version),
                registry(&format!("published_at of {}", previous.version), previous.published_at, &previous.version),
            ],
        ));
    }
}

/// One account, whatever its spelling; a mail address counts where a name is missing.
fn same(a: &Publisher, b: &Publisher) -> bool {
    key(a) == key(b)
}

fn key(person: &Publisher) -> String {
    let name = if person.name.trim().is_empty() { person.email.as_deref().unwrap_or_default() } else { &person.name };
    name.trim().to_lowercase()
}

fn keys(people: &[Publisher]) -> BTreeSet<String> {
    people.iter().map(key).filter(|key| !key.is_empty()).collect()
}

fn names(people: &[&String]) -> String {
    let shown: Vec<String> = people.iter().take(MAX_NAMES).map(|name| one_line(name, 60)).collect();
    let more = people.len().saturating_sub(MAX_NAMES);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use crate::testing::{person, record};
    use crate::{HistoryFeeds, signals};
    use bifocal_core::{Ecosystem, Known, ReleaseRecord, Severity, Status};

    fn found(record: &ReleaseRecord) -> Vec<(&'static str, Severity, String)> {
        let drafts = signals(record, &HistoryFeeds::new());
        drafts.into_iter().filter(|d| d.status == Status::Present).map(|d| (d.id, d.severity, d.message)).collect()
    }

    #[test]
    fn a_publisher_who_was_an_owner_already_is_a_lesser_change_than_a_stranger() {
        let mut release = record(Ecosystem::Npm, "project", "1.0.1");
        release.publisher = Known::Given(person("grace"));
        assert_eq!((found(&release)[0].0, found(&release)[0].1), ("history/publisher-change", Severity::Info));
        release.publisher = Known::Given(person("mallory"));
        assert_eq!(
            found(&release),
            [(
                "history/publisher-change",
                Severity::Low,
                "published by mallory, who did not own it then; 1.0.0 was published by ada".to_owned()
            )]
        );
        release.publisher = Known::Given(person("ADA "));
        assert_eq!(found(&release), []);
    }

    #[test]
    fn owners_that_are_all_new_weigh_more_than_one_that_joined() {
        let mut release = record(Ecosystem::Npm, "project", "1.0.1");
        release.maintainers = Known::Given(vec![person("ada"), person("grace"), person("joan")]);
        assert_eq!((found(&release)[0].0, found(&release)[0].1), ("history/maintainer-change", Severity::Low));
        release.maintainers = Known::Given(vec![person("ada")]);
        assert_eq!(found(&release)[0].1, Severity::Info);
        release.maintainers = Known::Given(vec![person("mallory")]);
        assert_eq!(
            found(&release)[0],
            (
                "history/maintainer-change",
                Severity::Medium,
                "every owner of the package is new since 1.0.0: mallory joined, ada, grace left".to_owned()
            )
        );
        release.maintainers = Known::Stripped;
        assert_eq!(found(&release).len(), 0);
    }

    #[test]
    fn a_long_silence_is_told_with_its_dates_and_without_an_age() {
        let mut release = record(Ecosystem::Pypi, "project", "1.0.1");
        if let Some(previous) = &mut release.history.previous {
            previous.published_at = Some("2020-01-01T00:00:00Z".parse().unwrap());
        }
        assert_eq!(
            found(&release),
            [("history/dormant-revival", Severity::Low, "the release before this one, 1.0.0, is 1521 days older".to_owned())]
        );
        // A backport: the release before it by version is younger.
        release.published_at = Known::Given("2019-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(found(&release), []);
    }
}
