//! The command as a person meets it: run as a process, against a loopback upstream, with a private home.
//!
//! One module a promise. Counts of the tests that repeat themselves come from the environment, so that the lab can run
//! the same tests longer: `BIFOCAL_KILLS`, `BIFOCAL_ALTERATIONS`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken test set-up must stop the test at once, with the place"
)]

mod also_on;
mod baseline;
mod cache;
mod choosing;
mod decided;
mod determinism;
mod diff;
mod docs;
mod exit_codes;
mod feeds;
mod five_ecosystems;
mod foreign;
mod formats;
mod go_sums;
mod lab;
mod new_only;
mod not_looked_at;
mod output;
mod real_clients;
mod resolving;
mod scan;
mod shadow;
mod shapes;
mod short;
mod spelling;
mod tampering;
mod thrift;
mod upstream_fails;
mod waivers;
