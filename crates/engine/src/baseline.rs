//! Starting in an old code base: today's findings recorded as known, with an end date.
//!
//! The file holds the continuity keys of findings (id, package, path and code without line numbers), so that it
//! survives moved lines and new versions with the same code. Malware-class findings are never recorded.

use crate::report::{CheckReport, Outcome};
use bifocal_core::{Release, SCHEMA_VERSION, Waiver};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Version of this form.
    pub schema_version: u32,
    /// When it was written.
    pub written_at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// Findings by package.
    #[serde(default, rename = "known")]
    pub known: Vec<Known>,
}

/// The known findings of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The package's purl, without a version.
    pub package: String,
    /// The rule that matched.
    pub rule: String,
    /// Continuity keys of its signals; empty for a rule over the release's record alone.
    pub findings: Vec<String>,
}

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Not of the form.
    #[error("the baseline is not valid: {0}")]
    Malformed(String),
    /// Written by a newer program.
    #[error("the baseline has schema version {0}, this program reads up to {SCHEMA_VERSION}; update bifocal or write the baseline anew")]
    Newer(u32),
}

impl Baseline {
    /// Records every finding that holds or denies now and is not of the malware class.
    pub fn record(report: &CheckReport, written_at: Timestamp, until: Timestamp) -> Self {
        let mut known: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for release in report.releases.iter().filter(|release| matches!(release.verdict, Outcome::Hold | Outcome::Deny)) {
            let Ok(parsed) = release.purl.parse::<Release>() else { continue };
            for reason in &release.reasons {
                let behind: Vec<_> = release.signals.iter().filter(|signal| reason.fingerprints.contains(&signal.fingerprint)).collect();
                if behind.iter().any(|signal| signal.is_malware_class()) {
                    continue;
                }
                known
                    .entry((parsed.package.purl(), reason.rule.clone()))
                    .or_default()
                    .extend(behind.iter().map(|signal| signal.continuity_key(&parsed.package)));
            }
        }
        let known = known
            .into_iter()
            .map(|((package, rule), findings)| Known { package, rule, findings: findings.into_iter().collect() })
            .collect();
        Baseline { schema_version: SCHEMA_VERSION, written_at, until, known }
    }

    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let baseline: Baseline = toml::from_str(text).map_err(|error| BaselineError::Malformed(error.to_string().trim_end().to_owned()))?;
        if baseline.schema_version > SCHEMA_VERSION {
            return Err(BaselineError::Newer(baseline.schema_version));
        }
        Ok(baseline)
    }

    /// The file's text.
    pub fn to_text(&self) -> Result<String, BaselineError> {
        toml::to_string_pretty(self).map_err(|error| BaselineError::Malformed(error.to_string()))
    }

    /// As waivers for the policy.
    pub fn waivers(&self) -> Vec<Waiver> {
        self.known
            .iter()
            .map(|known| Waiver {
                purl: format!("{}@*", known.package),
                rules: vec![known.rule.clone()],
                findings: known.findings.clone(),
                reason: format!("in the baseline of {}", self.written_at.strftime("%Y-%m-%d")),
                until: self.until,
            })
            .collect()
    }
}
