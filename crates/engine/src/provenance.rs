//! What digests and the registry's own memory say about where an artifact comes from. The Sigstore half of the
//! provenance lens is a crate of its own.

use crate::choose::Mismatch;
use bifocal_core::{Digest, Evidence, Known, Lens, RecordChange, ReleaseRecord, Severity, Signal, SignalDraft, SignalKind, Status};

/// Ids of the signals made here.
pub const IDS: [&str; 2] = ["provenance/digest-mismatch", "provenance/record-changed"];

fn joined(digests: &[Digest]) -> String {
    digests.iter().take(8).map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A lockfile's digest against the registry's.
pub(crate) fn lockfile_mismatch(mismatch: &Mismatch) -> Signal {
    let name = if mismatch.filename.is_empty() { "the artifact" } else { &mismatch.filename };
    draft(
        format!("{} names another digest of {name} than the registry offers", mismatch.place.path),
        vec![
            Evidence::record("lockfile", &mismatch.place.to_string(), "", &joined(&mismatch.pinned)),
            Evidence::record("registry", &mismatch.filename, "", &joined(&mismatch.offered)),
        ],
    )
}

/// The bytes that came against what was declared.
pub(crate) fn bytes_mismatch(filename: &str, algorithm: &str, declared: &str, actual: &str) -> Signal {
    draft(
        format!("the bytes that the upstream served for {filename} are not those that were declared"),
        vec![
            Evidence::record("declared", filename, "", &format!("{algorithm} {declared}")),
            Evidence::record("served", filename, "", &format!("{algorithm} {actual}")),
        ],
    )
}

fn draft(message: String, evidence: Vec<Evidence>) -> Signal {
    SignalDraft {
        id: IDS[0],
        lens: Lens::Provenance,
        status: Status::Present,
        severity: Severity::Critical,
        confidence: 1.0,
        kind: SignalKind::Other,
        message,
        evidence,
    }
    .finish(None)
}

/// The record against what it said when the release was first seen here.
pub(crate) fn record_changes(record: &ReleaseRecord) -> Option<Signal> {
    if record.changed.is_empty() {
        return None;
    }
    let evidence = record
        .changed
        .iter()
        .map(|change| Evidence::record("registry", &change.field, "", &format!("was {}, is {}", change.was, change.is)))
        .collect();
    let fields: Vec<&str> = record.changed.iter().map(|change| change.field.as_str()).collect();
    Some(
        SignalDraft {
            id: IDS[1],
            lens: Lens::Provenance,
            status: Status::Present,
            severity: Severity::High,
            confidence: 1.0,
            kind: SignalKind::Other,
            message: format!("the registry's word on this release changed since it was first seen here: {}", fields.join(", ")),
            evidence,
        }
        .finish(None),
    )
}

/// Carries the memory of `old` into `new`: what differs now, and what differed before.
pub(crate) fn remember(old: &ReleaseRecord, new: &mut ReleaseRecord) {
    if old.upstream != new.upstream {
        return;
    }
    let mut changed = old.changed.clone();
    if let (Known::Given(was), Known::Given(is)) = (&old.published_at, &new.published_at)
        && was != is
    {
        changed.push(RecordChange { field: "published_at".to_owned(), was: was.to_string(), is: is.to_string() });
    }
    for file in &new.files {
        let Some(before) = old.files.iter().find(|before| before.filename == file.filename) else { continue };
        for digest in &file.digests {
            let Some(was) = before.digests.iter().find(|was| was.algorithm() == digest.algorithm()) else { continue };
            if was != digest {
                changed.push(RecordChange { field: format!("digest of {}", file.filename), was: was.to_string(), is: digest.to_string() });
            }
        }
    }
    // The value first seen is the one to keep: a second change of a field says what it was at first.
    let mut kept: Vec<RecordChange> = Vec::new();
    for change in changed {
        match kept.iter_mut().find(|known| known.field == change.field) {
            Some(known) => known.is = change.is,
            None => kept.push(change),
        }
    }
    kept.retain(|change| change.was != change.is);
    new.changed = kept;
}
