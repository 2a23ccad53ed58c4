//! Tests of every reader over fixtures and over hostile input.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod catalogue;
mod fixtures;
mod folders;
mod hostile;
mod maven;
mod origins;
mod purls;
mod requirements;
mod unlocked;
mod unlocked_npm;
