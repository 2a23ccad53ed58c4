//! Fixtures of every detector, hostile artifacts, and the agreement of code, documentation and fixtures.

mod catalogue;
mod fixtures;
mod hostile;
