//! Starting in an old code base: today's findings recorded as known, with an end date.
//!
//! The file holds the continuity keys of findings (id, package, path and code without line numbers), so that it
//! survives moved lines and new versions with the same code. Malware-class findings and analyses that failed are never
//! recorded, and an entry about the latter, as earlier versions wrote it, lifts nothing.

use bifocal_core::{SCHEMA_VERSION, Waiver};
use bifocal_policy::ANALYSIS_FAILED;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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

/// The known findings of a package, or of one release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// A purl; `*` stands for any run of characters.
    pub purl: String,
    /// The rules that matched.
    pub rules: Vec<String>,
    /// Continuity keys of the findings.
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
    /// A baseline of what these waivers (made by the policy for today's holds) lift.
    pub fn of(waivers: &[Waiver], written_at: Timestamp, until: Timestamp) -> Self {
        let mut known: Vec<Known> = waivers
            .iter()
            .map(|waiver| Known { purl: waiver.purl.clone(), rules: waiver.rules.clone(), findings: waiver.findings.clone() })
            .collect();
        known.sort();
        known.dedup();
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
            .map(|known| (known, known.rules.iter().filter(|rule| *rule != ANALYSIS_FAILED).cloned().collect::<Vec<_>>()))
            // A waiver without a rule would be one for all.
            .filter(|(known, rules)| known.rules.is_empty() || !rules.is_empty())
            .map(|(known, rules)| Waiver {
                purl: known.purl.clone(),
                rules,
                findings: known.findings.clone(),
                reason: format!("in the baseline of {}", self.written_at.strftime("%Y-%m-%d")),
                until: self.until,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_baseline_reads_back_as_the_same_waivers() {
        let until: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        let waiver = Waiver {
            purl: "pkg:npm/x@*".to_owned(),
            rules: vec!["look-alike-name".to_owned()],
            findings: vec!["abc".to_owned()],
            reason: "in the baseline of 2026-11-24".to_owned(),
            until,
        };
        let baseline = Baseline::of(&[waiver.clone(), waiver.clone()], "2026-11-24T00:00:00Z".parse().unwrap(), until);
        let again = Baseline::parse(&baseline.to_text().unwrap()).unwrap();
        assert_eq!(again, baseline);
        assert_eq!(again.waivers(), std::slice::from_ref(&waiver));
        // What an earlier version wrote about an analysis that failed.
        let failed = |rules: &[&str]| Waiver { rules: rules.iter().map(|rule| (*rule).to_owned()).collect(), ..waiver.clone() };
        let old = Baseline::of(&[failed(&["analysis-failed"]), failed(&["analysis-failed", "ours"])], baseline.written_at, until);
        assert_eq!(old.waivers(), [failed(&["ours"])]);
    }

    #[test]
    fn a_newer_or_broken_baseline_is_refused() {
        let text = "schema_version = 99\nwritten_at = \"2026-11-24T00:00:00Z\"\nuntil = \"2026-11-25T00:00:00Z\"\n";
        assert!(matches!(Baseline::parse(text), Err(BaselineError::Newer(99))));
        assert!(matches!(Baseline::parse("x"), Err(BaselineError::Malformed(_))));
    }
}
