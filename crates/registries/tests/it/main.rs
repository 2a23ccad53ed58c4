//! The registries against a scripted upstream on the loopback.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail by panicking")]

mod client;
mod hostile;
mod npm;
mod pypi;
mod server;
