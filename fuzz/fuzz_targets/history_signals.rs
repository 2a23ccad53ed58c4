//! Names, versions, repositories and popularity lists as a hostile publisher would choose them. The input is lines: name,
//! version, version before, repository, repository before; what follows is a popularity list.
#![no_main]

use bifocal_core::{Ecosystem, Known, PackageHistory, Release, ReleaseRecord, SCHEMA_VERSION, VersionPoint};
use bifocal_history::{HistoryFeeds, Popularity, signals};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

fuzz_target!(|text: &str| {
    let mut parts = text.splitn(6, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (name, version, before, repository, old) = (next(), next(), next(), next(), next());
    let list = format!("requests\nnumpy\nexample-name\n{}", next());
    for ecosystem in Ecosystem::ALL {
        let Ok(release) = Release::new(ecosystem, name, version) else { continue };
        let mut feeds = HistoryFeeds::new();
        if let Ok(popularity) = Popularity::parse(ecosystem, &list) {
            feeds.insert(popularity, None);
        }
        let record = ReleaseRecord {
            schema_version: SCHEMA_VERSION,
            release,
            upstream: "default".to_owned(),
            files: Vec::new(),
            published_at: Known::NotGiven,
            yanked: Some(old.to_owned()),
            deprecated: Some(repository.to_owned()),
            publisher: Known::NotGiven,
            maintainers: Known::NotGiven,
            repository: Known::Given(repository.to_owned()),
            license: Known::NotGiven,
            description: Known::NotGiven,
            install_scripts: BTreeMap::new(),
            signatures: Known::NotGiven,
            history: PackageHistory {
                version_count: 2,
                previous: Some(VersionPoint {
                    version: before.to_owned(),
                    published_at: None,
                    publisher: None,
                    maintainers: Vec::new(),
                    repository: Some(old.to_owned()),
                }),
                ..PackageHistory::default()
            },
            also_on: Vec::new(),
            changed: Vec::new(),
            upstream_key: String::new(),
        };
        let drafts = signals(&record, &feeds);
        assert_eq!(drafts, signals(&record, &feeds));
        for draft in drafts {
            assert!(!draft.evidence.is_empty(), "{}", draft.id);
            assert!(!draft.message.chars().any(char::is_control), "{:?}", draft.message);
        }
    }
});
