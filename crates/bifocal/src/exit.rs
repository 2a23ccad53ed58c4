//! Exit codes by the design's table, and errors that carry one.

/// Wrong usage or configuration.
pub(crate) const USAGE: u8 = 2;
/// Something could not be evaluated.
pub(crate) const NOT_EVALUATED: u8 = 3;
/// Ended by Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// An error with the exit code that it leads to.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) error: anyhow::Error,
}

impl Failure {
    /// Wrong usage or configuration.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Failure { code: USAGE, error: error.into() }
    }

    /// Something that was asked for could not be done.
    pub(crate) fn not_evaluated(error: impl Into<anyhow::Error>) -> Self {
        Failure { code: NOT_EVALUATED, error: error.into() }
    }
}

/// What fails before anything was evaluated is usage or configuration.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::usage(error)
    }
}
