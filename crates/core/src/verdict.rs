use serde::{Deserialize, Serialize};
use std::fmt;

/// What a policy decides. The order is that of severity: the worst wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It may enter.
    #[default]
    Allow,
    /// People look first.
    Hold,
    /// It does not enter.
    Deny,
}

impl Verdict {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Allow => "allow",
            Verdict::Hold => "hold",
            Verdict::Deny => "deny",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One rule that matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The rule's name.
    pub rule: String,
    /// What this rule asks for.
    pub verdict: Verdict,
    /// One sentence. May contain hostile text.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    /// Ids of the signals that made it match.
    pub signals: Vec<String>,
    /// Fingerprints of those signals.
    #[serde(default)]
    pub fingerprints: Vec<String>,
}

/// A reason that people lifted, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifted {
    /// The rule that would have held or denied.
    pub rule: String,
    /// `waiver`, `approval`, `baseline` or `malware-override`.
    pub by: String,
    /// The waiver's or decision's reason, and its end date where it has one.
    pub why: String,
}

/// A verdict with what caused it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Every rule that matched and still counts, worst first, then in the policy's order.
    pub reasons: Vec<Reason>,
    /// Rules that matched and were lifted.
    #[serde(default)]
    pub lifted: Vec<Lifted>,
    /// Questions whose feed is missing or stale and which the policy requires: they make the check an error (exit 3).
    #[serde(default)]
    pub unanswered: Vec<String>,
}
