//! What every backend must do: one suite, run against each of them.
//!
//! Each function takes an empty store and panics with what is wrong.

#![expect(clippy::unwrap_used, reason = "a suite of tests may stop at the first failure")]

use crate::{
    AssessmentStore, BlobStore, Bounds, CaseStore, DecisionStore, PublisherHistoryStore, PublisherIdentity, QueueStore, StoreError,
    verify_log,
};
use bifocal_core::{
    ArtifactFacts, Clock as _, Decision, DecisionAction, Ecosystem, Evidence, Known, Lens, ManifestClaims, ManualClock, ReasonCode,
    Release, ReleaseRecord, SCHEMA_VERSION, Severity, Sha256, SignalDraft, SignalKind, Status,
};
use bifocal_ledger::Body;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A release for tests.
pub fn release(number: u64) -> Release {
    Release::new(Ecosystem::Npm, &format!("package-{number}"), "1.0.0").unwrap()
}

/// A record for tests.
pub fn record(number: u64) -> ReleaseRecord {
    ReleaseRecord {
        published_at: Known::Given(at(number as i64)),
        maintainers: Known::Stripped,
        repository: Known::Given("https://forge.example.com/x".to_owned()),
        license: Known::NotOffered,
        ..ReleaseRecord::bare(release(number), "default")
    }
}

/// Facts for tests.
pub fn facts(number: u64, analyser: &str) -> ArtifactFacts {
    let sha256 = Sha256::of(&number.to_be_bytes());
    let draft = SignalDraft {
        id: "behaviour/example",
        lens: Lens::Behaviour,
        status: Status::Present,
        severity: Severity::Low,
        confidence: 0.1 + 0.2,
        kind: SignalKind::RiskyHabit,
        message: format!("number {number}"),
        evidence: vec![Evidence::file("package/index.js", 1, 2, "x()")],
    };
    ArtifactFacts {
        schema_version: SCHEMA_VERSION,
        analyser: analyser.to_owned(),
        sha256,
        go_h1: None,
        ecosystem: Some(Ecosystem::Npm),
        size: number,
        files: 1,
        unpacked: 2,
        manifest: ManifestClaims::default(),
        risk: None,
        signals: vec![draft.finish(Some(sha256))],
        summary: None,
    }
}

/// A decision for tests.
pub fn decision(id: &str, action: DecisionAction, actor: &str, seconds: i64) -> Decision {
    Decision {
        schema_version: SCHEMA_VERSION,
        id: id.to_owned(),
        release: release(1),
        action,
        code: ReasonCode::FalsePositive,
        reason: "looked".to_owned(),
        actor: actor.to_owned(),
        decided_at: at(seconds),
        until: None,
        artifacts: vec![Sha256::of(b"artifact")],
        answered: vec!["fingerprint".to_owned()],
        answered_continuity: vec!["continuity".to_owned()],
        malware_record: (action == DecisionAction::OverrideMalware).then(|| "MAL-2026-1".to_owned()),
        revokes: None,
        minutes: Some(3),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::new(1_700_000_000 + seconds, 123_456_789).unwrap()
}

/// Records, facts and names.
pub async fn assessments(store: &dyn AssessmentStore) {
    assert!(store.artifact_facts(&[], "a 1").await.unwrap().is_empty());
    assert!(store.release_records(&[release(1)]).await.unwrap().is_empty());

    let all: Vec<ArtifactFacts> = (0..300).map(|number| facts(number, "a 1")).collect();
    store.put_artifact_facts(&all).await.unwrap();
    let asked: Vec<Sha256> = (0..400_u64).map(|number| Sha256::of(&number.to_be_bytes())).collect();
    let found = store.artifact_facts(&asked, "a 1").await.unwrap();
    assert_eq!(found.len(), 300, "what is not stored is left out");
    assert_eq!(found[&all[7].sha256], all[7], "what comes out is what went in");
    assert!(store.artifact_facts(&asked, "a 2").await.unwrap().is_empty(), "another analyser has other facts");
    let changed = ArtifactFacts { size: 99, ..all[7].clone() };
    store.put_artifact_facts(std::slice::from_ref(&changed)).await.unwrap();
    assert_eq!(store.artifact_facts(&[changed.sha256], "a 1").await.unwrap()[&changed.sha256], changed);

    let records: Vec<ReleaseRecord> = (0..300).map(record).collect();
    store.put_release_records(&records, at(5)).await.unwrap();
    let asked: Vec<Release> = (0..400).map(release).collect();
    let found = store.release_records(&asked).await.unwrap();
    assert_eq!(found.len(), 300);
    assert_eq!(found[&release(3)], (record(3), at(5)));
    let later = ReleaseRecord { deprecated: Some("old".to_owned()), ..record(3) };
    store.put_release_records(std::slice::from_ref(&later), at(6)).await.unwrap();
    assert_eq!(store.release_records(&[release(3)]).await.unwrap()[&release(3)], (later, at(6)));

    let (one, two) = (Sha256::of(b"1"), Sha256::of(b"2"));
    let names = ["n 'quoted\"".to_owned(), "m".to_owned()];
    store.put_artifact_names(&names, one).await.unwrap();
    store.put_artifact_names(&names[1..], two).await.unwrap();
    let found = store.artifact_names(&[names[0].clone(), names[1].clone(), "absent".to_owned()]).await.unwrap();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [(names[1].clone(), two), (names[0].clone(), one)]);
}

/// What goes first. `clock` is the one that the store was given; the store is empty.
pub async fn eviction(store: &dyn AssessmentStore, clock: &ManualClock) {
    let all: Vec<ArtifactFacts> = (0..40).map(|number| facts(number, "a 1")).collect();
    let sha256s: Vec<Sha256> = all.iter().map(|facts| facts.sha256).collect();
    let releases: Vec<Release> = (0..40).map(release).collect();
    store.put_artifact_facts(&all).await.unwrap();
    store.put_release_records(&(0..40).map(record).collect::<Vec<_>>(), at(0)).await.unwrap();
    for (number, sha256) in sha256s.iter().enumerate() {
        store.put_artifact_names(&[format!("name {number}")], *sha256).await.unwrap();
    }
    let start = clock.now();
    let known = async || {
        let names: Vec<String> = (0..40).map(|number| format!("name {number}")).collect();
        (store.artifact_names(&names).await.unwrap().len(), clock.now())
    };
    assert_eq!(store.evict(Bounds::of(u64::MAX)).await.unwrap(), 0, "there is room");
    assert_eq!(known().await.0, 40);

    // Half of them are used again two days later.
    clock.advance(SignedDuration::from_hours(48));
    store.artifact_facts(&sha256s[..20], "a 1").await.unwrap();
    store.release_records(&releases[..20]).await.unwrap();
    store.note_uses().await.unwrap();
    clock.advance(SignedDuration::from_hours(2));
    // No room at all, but what was used lately is in other hands.
    let spare_since = Some(start + SignedDuration::from_hours(24));
    store.evict(Bounds { bytes: 0, unused_since: Timestamp::MIN, spare_since }).await.unwrap();
    assert_eq!(known().await.0, 20, "names go with their facts");
    let unused_since = start + SignedDuration::from_hours(24);
    assert_eq!(store.evict(Bounds { bytes: u64::MAX, unused_since, spare_since: None }).await.unwrap(), 0, "room, and young enough");
    assert_eq!(store.artifact_facts(&sha256s, "a 1").await.unwrap().keys().filter(|key| sha256s[..20].contains(key)).count(), 20);
    assert_eq!(store.release_records(&releases).await.unwrap().len(), 20);
    // All of it is older than a month now.
    clock.advance(SignedDuration::from_hours(24 * 31));
    let unused_since = clock.now() - SignedDuration::from_hours(24 * 30);
    store.artifact_facts(&sha256s[..1], "a 1").await.unwrap();
    store.evict(Bounds { bytes: u64::MAX, unused_since, spare_since: None }).await.unwrap();
    assert_eq!(store.artifact_facts(&sha256s, "a 1").await.unwrap().keys().collect::<Vec<_>>(), [&sha256s[0]], "reading is using");
    assert!(store.release_records(&releases).await.unwrap().is_empty());
    store.evict(Bounds::of(0)).await.unwrap();
    assert!(store.artifact_facts(&sha256s, "a 1").await.unwrap().is_empty() && known().await.0 == 0);
}

/// Blobs. `advance` moves the clock that the store was given.
pub async fn blobs(store: &dyn BlobStore, advance: &(dyn Fn(SignedDuration) + Sync)) {
    let missing = Sha256::of(b"missing");
    assert!(!store.contains(missing).await.unwrap());
    assert_eq!(store.get(missing).await.unwrap(), None);
    let empty = store.put(Bytes::new()).await.unwrap();
    assert_eq!(store.get(empty).await.unwrap(), Some(Bytes::new()));

    let mut names = Vec::new();
    for number in 0..5_u8 {
        names.push(store.put(Bytes::from(vec![number; 100])).await.unwrap());
        advance(SignedDuration::from_hours(2));
    }
    assert_eq!(names[3], Sha256::of(&[3; 100]));
    assert_eq!(store.put(Bytes::from(vec![3; 100])).await.unwrap(), names[3], "the same twice is one");
    assert!(store.contains(names[3]).await.unwrap());

    advance(SignedDuration::from_hours(2));
    assert_eq!(store.get(names[0]).await.unwrap(), Some(Bytes::from(vec![0; 100])), "used, so it is kept");
    assert_eq!(store.evict(Bounds::of(300)).await.unwrap(), 200);
    let mut left = Vec::new();
    for name in &names {
        left.push(store.contains(*name).await.unwrap());
    }
    assert_eq!(left, [true, false, false, true, true], "the least recently used go first");
    assert_eq!(store.evict(Bounds::of(300)).await.unwrap(), 0);
    assert_eq!(store.evict(Bounds::of(0)).await.unwrap(), 300);
}

/// The queue.
pub async fn queue(store: &dyn QueueStore) {
    let lease = Duration::from_secs(60);
    assert_eq!(store.lease(&["a"], lease, at(0)).await.unwrap(), None);
    assert!(store.enqueue("a", "{\"n\":1}", Some("k"), at(0)).await.unwrap());
    assert!(!store.enqueue("a", "{\"n\":2}", Some("k"), at(0)).await.unwrap(), "the same work waits already");
    assert!(store.enqueue("b", "{}", Some("k"), at(1)).await.unwrap(), "another kind is other work");
    assert!(store.enqueue("a", "{}", None, at(2)).await.unwrap());
    assert!(store.enqueue("a", "{}", None, at(2)).await.unwrap(), "without a key nothing is the same");
    assert_eq!(store.depth(at(0)).await.unwrap(), (4, 0, 0));

    let first = store.lease(&["a", "b"], lease, at(0)).await.unwrap().unwrap();
    assert_eq!((first.kind.as_str(), first.payload.as_str(), first.attempts), ("a", "{\"n\":1}", 1));
    assert!(!store.enqueue("a", "{}", Some("k"), at(0)).await.unwrap(), "running counts as the same work");
    assert_eq!(store.lease(&["a"], lease, at(0)).await.unwrap(), None, "the rest is not due");
    assert_eq!(store.lease(&["c"], lease, at(9)).await.unwrap(), None, "another kind");
    assert_eq!(store.depth(at(0)).await.unwrap(), (3, 1, 0));

    // The lease runs out: another worker takes over, and the first can no longer end the job.
    let second = store.lease(&["a"], lease, at(60)).await.unwrap().unwrap();
    let second = if second.id == first.id { second } else { store.lease(&["a"], lease, at(60)).await.unwrap().unwrap() };
    let second = if second.id == first.id { second } else { store.lease(&["a"], lease, at(60)).await.unwrap().unwrap() };
    assert_eq!((second.id, second.attempts), (first.id, 2));
    assert!(!store.complete(&first).await.unwrap());
    assert!(!store.fail(&first, "late", None).await.unwrap());

    assert!(store.fail(&second, "try again", Some(at(500))).await.unwrap());
    let third = loop {
        let job = store.lease(&["a"], lease, at(1000)).await.unwrap().unwrap();
        if job.id == first.id {
            break job;
        }
        assert!(store.complete(&job).await.unwrap());
    };
    assert_eq!(third.attempts, 3);
    assert!(store.fail(&third, "dead\u{1b}[2J", None).await.unwrap());
    let dead = store.dead(10).await.unwrap();
    assert_eq!((dead.len(), dead[0].0.id, dead[0].1.as_str()), (1, first.id, "dead\\u{1b}[2J"));
    assert!(store.enqueue("a", "{}", Some("k"), at(0)).await.unwrap(), "dead work does not stand in the way");
    assert!(!store.revive(first.id, at(0)).await.unwrap(), "and does not come back beside it");
    let fresh = store.lease(&["a"], lease, at(2000)).await.unwrap().unwrap();
    assert!(store.complete(&fresh).await.unwrap());
    assert!(!store.complete(&fresh).await.unwrap(), "once");
    assert!(store.revive(first.id, at(0)).await.unwrap());
    assert_eq!(store.lease(&["a"], lease, at(3000)).await.unwrap().unwrap().id, first.id);
}

/// Decisions and the log.
pub async fn decisions(store: &dyn DecisionStore) {
    assert_eq!(store.log_head().await.unwrap().0, 0);
    let first = decision("d1", DecisionAction::Approve, "ann", 1);
    assert_eq!(store.record_decision(&first).await.unwrap(), 0);
    assert_eq!(store.record_decision(&first).await.unwrap(), 0, "the same id is the same decision");
    let other = Decision { reason: "another".to_owned(), ..first.clone() };
    assert!(matches!(store.record_decision(&other).await, Err(StoreError::Damaged { .. })), "the same id with another content");
    let body = Body::Feed { name: "osv".to_owned(), digest: "ab".to_owned(), records: 1 };
    assert_eq!(store.log(&body).await.unwrap(), 1);
    assert!(store.log(&Body::Decision { decision: Box::new(first.clone()) }).await.is_err(), "decisions are not logged by the way");
    let second = Decision { release: release(2), ..decision("d2", DecisionAction::Reject, "bob", 2) };
    assert_eq!(store.record_decision(&second).await.unwrap(), 2);
    assert_eq!(store.decisions(&[release(1)]).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(store.decisions(&[release(2), release(1), release(9)]).await.unwrap(), [first, second]);
    assert!(store.decisions(&[]).await.unwrap().is_empty());

    let leaves = store.log_leaves(1, 5).await.unwrap();
    assert_eq!(leaves.len(), 2);
    assert!(String::from_utf8_lossy(&leaves[0]).contains("\"osv\""));
    assert_eq!(store.log_leaves(3, 5).await.unwrap().len(), 0);
    let head = store.log_head().await.unwrap();
    let verified = verify_log(store).await.unwrap();
    assert_eq!((verified.size, verified.root), head);

    let lift = |id: &str, actor: &str, seconds: i64| decision(id, DecisionAction::OverrideMalware, actor, seconds);
    store.record_decision(&lift("o1", "ann", 10)).await.unwrap();
    store.record_decision(&lift("o2", "Ann ", 11)).await.unwrap();
    store.record_decision(&lift("o2b", "a\u{200b}nn", 11)).await.unwrap();
    store.record_decision(&lift("o2c", "somebody else", 11)).await.unwrap();
    assert!(store.malware_overrides().await.unwrap().is_empty(), "one person is not two, and a text that is no name is nobody");
    let until = Some(at(11 + 86_400));
    store.record_decision(&Decision { until, ..lift("o3", "bob", 12) }).await.unwrap();
    let lifted = store.malware_overrides().await.unwrap();
    assert_eq!(lifted.len(), 1);
    assert_eq!((lifted[0].record.as_str(), lifted[0].since, Some(lifted[0].until)), ("MAL-2026-1", at(12), until));
    assert_eq!(lifted[0].by, ["a\u{200b}nn", "bob"]);
    store.record_decision(&lift("o4", "bob", 20 * 86_400)).await.unwrap();
    store.record_decision(&lift("o5", "cem", 40 * 86_400)).await.unwrap();
    assert_eq!(store.malware_overrides().await.unwrap().len(), 1, "a signature does not wait for ever");
    let revoke = Decision { revokes: Some("o3".to_owned()), ..decision("r1", DecisionAction::Revoke, "cem", 41 * 86_400) };
    store.record_decision(&revoke).await.unwrap();
    assert!(store.malware_overrides().await.unwrap().is_empty());
    assert_eq!(verify_log(store).await.unwrap().size, 11);
}

/// Cases.
pub async fn cases(store: &dyn CaseStore) {
    assert!(store.open_cases(10).await.unwrap().is_empty());
    assert_eq!(store.open_or_join("campaign", &release(1), "c1", at(1)).await.unwrap(), "c1");
    assert_eq!(store.open_or_join("campaign", &release(2), "c2", at(2)).await.unwrap(), "c1", "it joins");
    assert_eq!(store.open_or_join("campaign", &release(1), "c3", at(3)).await.unwrap(), "c1");
    assert_eq!(store.open_or_join("other", &release(3), "c4", at(4)).await.unwrap(), "c4");
    let case = store.case("c1").await.unwrap().unwrap();
    assert_eq!(case.releases, [release(1), release(2)]);
    assert_eq!((case.opened_at, case.closed_at), (at(1), None));
    let open: Vec<String> = store.open_cases(10).await.unwrap().into_iter().map(|case| case.id).collect();
    assert_eq!(open, ["c1", "c4"]);
    assert_eq!(store.open_cases(1).await.unwrap().len(), 1);
    store.close_case("c1", at(5)).await.unwrap();
    store.close_case("c1", at(6)).await.unwrap();
    assert_eq!(store.case("c1").await.unwrap().unwrap().closed_at, Some(at(5)));
    assert_eq!(store.open_or_join("campaign", &release(1), "c5", at(7)).await.unwrap(), "c5", "a closed case is not joined");
    assert!(store.case("absent").await.unwrap().is_none());
}

/// Publishers.
pub async fn publishers(store: &dyn PublisherHistoryStore) {
    let seen = |number: u64, version: &str, identity: &str, published_at: Option<Timestamp>| PublisherIdentity {
        release: Release::of(release(number).package, version).unwrap(),
        line: "latest".to_owned(),
        identity: identity.to_owned(),
        details: "{}".to_owned(),
        published_at,
    };
    let package = release(1).package;
    assert!(store.history(&package).await.unwrap().is_empty());
    let (two, one, none) = (seen(1, "2.0.0", "b", Some(at(2))), seen(1, "1.0.0", "a", Some(at(1))), seen(1, "0.1.0", "z", None));
    for identity in [&two, &one, &none, &one, &seen(2, "1.0.0", "other", Some(at(0)))] {
        store.observe(identity).await.unwrap();
    }
    assert_eq!(store.history(&package).await.unwrap(), [none, one, two]);
}
