use crate::glob;

/// The signal ids that this build can make, so that a mistyped id in a policy is found when the policy is loaded.
#[derive(Debug, Clone, Default)]
pub struct KnownSignals(Option<Vec<String>>);

impl KnownSignals {
    /// The ids of every registered detector and check.
    pub fn new<I, S>(ids: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let mut ids: Vec<String> = ids.into_iter().map(Into::into).collect();
        ids.sort();
        ids.dedup();
        KnownSignals(Some(ids))
    }

    /// Takes every id of a known lens as known: for tools that read a policy apart from the detectors.
    pub fn unchecked() -> Self {
        KnownSignals(None)
    }

    /// Whether some known id matches `pattern`; true when ids are unchecked.
    pub(crate) fn matches(&self, pattern: &str) -> bool {
        self.0.as_ref().is_none_or(|ids| ids.iter().any(|id| glob(pattern, id)))
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flatten().map(String::as_str)
    }
}
