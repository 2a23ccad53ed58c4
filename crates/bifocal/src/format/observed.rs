//! What a policy that observes would have stopped: releases that are not, with the gravest reason of each.

use bifocal_core::{Reason, Verdict};
use bifocal_engine::{CheckReport, Outcome, ReleaseReport};

/// A release that enters although a rule speaks against it.
pub(super) struct Would<'r> {
    pub(super) release: &'r ReleaseReport,
    pub(super) verdict: Verdict,
    pub(super) reason: &'r Reason,
}

/// The gravest first, then by purl.
pub(super) fn would_stop(report: &CheckReport) -> Vec<Would<'_>> {
    let through = report.releases.iter().filter(|release| release.verdict <= Outcome::Error);
    let mut found: Vec<Would<'_>> = through
        .filter_map(|release| {
            // Reasons stand with the gravest first.
            let reason = release.reasons.iter().find(|reason| reason.verdict > Verdict::Allow)?;
            Some(Would { release, verdict: reason.verdict, reason })
        })
        .collect();
    found.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.release.purl.cmp(&b.release.purl)));
    found
}
