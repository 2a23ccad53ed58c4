//! What the registry itself says of a release: yanked, deprecated, first of its package, found on two upstreams, told
//! by a mirror that leaves fields out.

use crate::{draft, registry};
use bifocal_core::{Evidence, Known, ReleaseRecord, Severity, SignalDraft, Status, one_line};

pub(crate) fn signals(record: &ReleaseRecord, drafts: &mut Vec<SignalDraft>) {
    let published = record.published_at.given().copied();
    if let Some(reason) = &record.yanked {
        let said = if reason.trim().is_empty() { "no reason given".to_owned() } else { one_line(reason, 200) };
        drafts.push(draft(
            "history/yanked",
            Severity::Low,
            1.0,
            &format!("the release is yanked: {said}"),
            vec![registry("yanked", published, reason)],
        ));
    }
    if let Some(notice) = &record.deprecated {
        drafts.push(draft(
            "history/deprecated",
            Severity::Info,
            1.0,
            &format!("the release is deprecated: {}", one_line(notice, 200)),
            vec![registry("deprecated", published, notice)],
        ));
    }
    if record.history.version_count == 1 && record.history.previous.is_none() {
        drafts.push(draft(
            "history/first-release",
            Severity::Info,
            1.0,
            &format!("{} is the only version of the package", record.release.version),
            vec![registry("versions", published, "1 version")],
        ));
    }
    if !record.also_on.is_empty() {
        let mut places: Vec<String> = record.also_on.clone();
        places.push(record.upstream.clone());
        places.sort();
        places.dedup();
        drafts.push(draft(
            "history/public-and-private",
            Severity::Medium,
            0.9,
            &format!("more than one of your upstreams has a package of this name: {}", one_line(&places.join(", "), 200)),
            places.iter().map(|place| registry(&format!("upstream {place}"), None, "has a package of this name")).collect(),
        ));
    }
    let stripped: Vec<&str> = [
        ("published_at", record.published_at == Known::Stripped),
        ("publisher", record.publisher == Known::Stripped),
        ("maintainers", record.maintainers == Known::Stripped),
        ("repository", record.repository == Known::Stripped),
        ("license", record.license == Known::Stripped),
        ("description", record.description == Known::Stripped),
        ("signatures", record.signatures == Known::Stripped),
        ("first_published_at", record.history.first_published_at == Known::Stripped),
    ]
    .into_iter()
    .filter_map(|(name, gone)| gone.then_some(name))
    .collect();
    if !stripped.is_empty() {
        let evidence: Vec<Evidence> = stripped.iter().map(|field| registry(field, None, "not served by this upstream")).collect();
        let message = format!("the upstream leaves out {}, so the questions about it are open", stripped.join(", "));
        drafts
            .push(SignalDraft { status: Status::Stripped, ..draft("history/metadata-stripped", Severity::Info, 1.0, &message, evidence) });
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{first, record};
    use crate::{HistoryFeeds, signals};
    use bifocal_core::{Ecosystem, Known, Severity, Status};

    fn ids(record: &bifocal_core::ReleaseRecord) -> Vec<&'static str> {
        let drafts = signals(record, &HistoryFeeds::new());
        drafts.iter().filter(|d| d.status != Status::Unknown).map(|d| d.id).collect()
    }

    #[test]
    fn an_honest_release_with_a_past_has_nothing_to_say() {
        for (ecosystem, name, version) in
            [(Ecosystem::Npm, "project", "1.0.1"), (Ecosystem::Golang, "github.com/example/project", "v1.0.1")]
        {
            assert_eq!(ids(&record(ecosystem, name, version)), Vec::<&str>::new());
        }
    }

    #[test]
    fn what_the_registry_says_is_passed_on() {
        let mut record = first(Ecosystem::Npm, "project", "1.0.0");
        record.yanked = Some(String::new());
        record.deprecated = Some("use\nother".to_owned());
        record.also_on = vec!["corporate".to_owned()];
        assert_eq!(ids(&record), ["history/deprecated", "history/first-release", "history/public-and-private", "history/yanked"]);
        let drafts = signals(&record, &HistoryFeeds::new());
        assert!(drafts.iter().any(|d| d.message == "the release is deprecated: use other"));
        assert!(drafts.iter().any(|d| d.message.ends_with("corporate, default") && d.severity == Severity::Medium));
    }

    #[test]
    fn a_field_that_a_mirror_removed_is_told_apart_from_one_that_was_never_given() {
        let mut record = record(Ecosystem::Npm, "project", "1.0.1");
        record.license = Known::NotGiven;
        record.publisher = Known::Stripped;
        record.maintainers = Known::NotOffered;
        record.repository = Known::Stripped;
        let drafts = signals(&record, &HistoryFeeds::new());
        let found = drafts.iter().find(|d| d.id == "history/metadata-stripped").unwrap();
        assert_eq!(found.status, Status::Stripped);
        assert_eq!(found.message, "the upstream leaves out publisher, repository, so the questions about it are open");
        assert_eq!(found.evidence.len(), 2);
        assert!(!ids(&record).contains(&"history/repository-missing"));
    }
}
