//! Fixtures of every detector, hostile artifacts, and the agreement of code, documentation and fixtures.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its fixtures has failed")]

mod catalogue;
mod deep;
mod difference;
mod doors;
mod fixtures;
mod hostile;
mod nested;
mod opened;
