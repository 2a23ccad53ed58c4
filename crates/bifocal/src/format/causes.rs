//! Errors by cause: an upstream that is down is one thing to mend, however many releases it was asked for.

use bifocal_engine::{CheckReport, Outcome, ReleaseReport};

/// What could not be evaluated for one cause.
pub(super) struct Cause<'r> {
    /// In words, without what belongs to a single release.
    pub(super) text: String,
    pub(super) subjects: Vec<Subject<'r>>,
}

/// One release, or one dependency that never became one.
pub(super) struct Subject<'r> {
    pub(super) name: String,
    pub(super) place: String,
    pub(super) error: &'r str,
    pub(super) release: Option<&'r ReleaseReport>,
}

/// The causes in the order in which they come up first: releases by purl, then dependencies.
pub(super) fn of(report: &CheckReport) -> Vec<Cause<'_>> {
    let releases = report.releases.iter().filter(|release| release.verdict == Outcome::Error).map(|release| Subject {
        name: release.purl.clone(),
        place: release.places.first().map(ToString::to_string).unwrap_or_default(),
        error: release.error.as_deref().unwrap_or_default(),
        release: Some(release),
    });
    let dependencies = report.not_evaluated.iter().map(|missing| Subject {
        name: missing.what.clone(),
        place: missing.place.to_string(),
        error: &missing.error,
        release: None,
    });
    let mut causes: Vec<Cause<'_>> = Vec::new();
    let mut known = std::collections::BTreeMap::new();
    for subject in releases.chain(dependencies) {
        let text = common(subject.error, &subject.name);
        let index = *known.entry(text.clone()).or_insert(causes.len());
        match causes.get_mut(index) {
            Some(cause) => cause.subjects.push(subject),
            None => causes.push(Cause { text, subjects: vec![subject] }),
        }
    }
    causes
}

/// An error without what belongs to one release alone: the path of an address, the release's own name and version.
fn common(error: &str, name: &str) -> String {
    let rest = name.split_once(':').and_then(|(_, rest)| rest.split_once('/')).map_or(name, |(_, rest)| rest).replace("%40", "@");
    let (package, version) = rest.rsplit_once('@').filter(|(package, _)| !package.is_empty()).unwrap_or((&rest, ""));
    let own = |word: &str| !word.is_empty() && [name, &rest, package, version].contains(&word);
    let words = error.split(' ').map(|word| {
        let end = word.trim_end_matches([':', ',', ';', '.', ')', '`', '\'', '"']);
        let tail = word.get(end.len()..).unwrap_or_default();
        let start = end.trim_start_matches(['(', '`', '\'', '"']);
        let head = end.get(..end.len() - start.len()).unwrap_or_default();
        if let Some((scheme, address)) = start.split_once("://") {
            let host = address.split(['/', '?', '#']).next().unwrap_or_default();
            let more = if host.len() < address.len() { "/…" } else { "" };
            format!("{head}{scheme}://{host}{more}{tail}")
        } else if own(start) {
            format!("{head}…{tail}")
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_one_release_is_no_part_of_the_cause() {
        let a = common("no connection to http://127.0.0.1:1/a%2fb: refused; `@x/a` 1.0.0 is not had", "pkg:npm/%40x/a@1.0.0");
        assert_eq!(a, "no connection to http://127.0.0.1:1/…: refused; `…` … is not had");
        assert_eq!(a, common("no connection to http://127.0.0.1:1/c: refused; `c` 2.0.0 is not had", "pkg:npm/c@2.0.0"));
        assert_ne!(a, common("no connection to http://127.0.0.2:1/c: refused; `c` 2.0.0 is not had", "pkg:npm/c@2.0.0"), "another host");
        assert_eq!(common("HTTP 404", "git https://git.example/x"), "HTTP 404");
    }
}
