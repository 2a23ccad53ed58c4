//! The upstream against plain HTTP and against real clients.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside the functions that the lint knows as tests")]

mod cargo;
mod clients;
mod faults;
mod golang;
mod maven;
mod npm;
mod projects;
mod pypi;
mod seeds;
mod wire;
