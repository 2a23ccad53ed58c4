//! What another policy would have decided: shadow runs and `policy simulate` stand on it.

use crate::judge::{Context, Policy};
use bifocal_core::{Assessment, Reason, Verdict};
use serde::Serialize;

/// A release whose verdict would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The release.
    pub purl: String,
    /// The verdict of the policy in force.
    pub before: Verdict,
    /// The verdict of the other policy.
    pub after: Verdict,
    /// Reasons that only the policy in force has.
    pub gone: Vec<Reason>,
    /// Reasons that only the other policy has.
    pub new: Vec<Reason>,
}

/// Compares two policies over assessments, each with its context; returns the releases whose verdict differs, in order.
pub fn simulate<'a>(old: &Policy, new: &Policy, cases: impl IntoIterator<Item = (&'a Assessment, Context<'a>)>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (assessment, context) in cases {
        let before = old.evaluate(assessment, &context);
        let after = new.evaluate(assessment, &context);
        if before.verdict == after.verdict {
            continue;
        }
        let only = |mine: &[Reason], other: &[Reason]| -> Vec<Reason> {
            mine.iter()
                .filter(|reason| !other.iter().any(|twin| twin.rule == reason.rule && twin.verdict == reason.verdict))
                .cloned()
                .collect()
        };
        changes.push(Change {
            purl: assessment.record.release.purl(),
            before: before.verdict,
            after: after.verdict,
            gone: only(&before.reasons, &after.reasons),
            new: only(&after.reasons, &before.reasons),
        });
    }
    changes
}
