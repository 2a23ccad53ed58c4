//! Rules that every policy has and none can change: they are the law of the verdicts, not a matter of taste.

/// A known-malware record denies; only two people's override for the digest lifts it.
pub const KNOWN_MALWARE: &str = "known-malware";
/// A reviewer's rejection denies and beats everything.
pub const DECISION: &str = "rejected-by-decision";
/// An analysis that broke off holds.
pub const ANALYSIS_FAILED: &str = "analysis-failed";
/// A malware-class signal that an approval has not answered holds again.
pub const NEW_MALWARE_SIGNAL: &str = "new-malware-signal";
/// A rule whose condition could not be evaluated holds; the name of the rule is in the message.
pub const RULE_ERROR: &str = "rule-error";

/// Every built-in rule with what it does.
pub const BUILT_IN_RULES: &[(&str, &str)] = &[
    (DECISION, "deny: a reviewer rejected the release; nothing lifts it but taking the decision back"),
    (KNOWN_MALWARE, "deny: a malware record names the release; only two people's override for the digest lifts it"),
    (ANALYSIS_FAILED, "hold: an analysis broke off (crash, time-out, exhausted budget, refused archive)"),
    (NEW_MALWARE_SIGNAL, "hold: a malware-class signal that the approval in force has not answered"),
    (RULE_ERROR, "hold: a rule's condition could not be evaluated; nothing lifts it but mending the policy"),
];

/// The signal behind [`KNOWN_MALWARE`].
pub(crate) const KNOWN_MALWARE_SIGNAL: &str = "advisory/known-malware";

pub(crate) fn is_built_in(name: &str) -> bool {
    BUILT_IN_RULES.iter().any(|(known, _)| *known == name)
}
