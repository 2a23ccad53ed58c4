//! A child that does what it is told, good and bad, for the tests of the supervisor.
#![allow(clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "it misbehaves on purpose")]

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {}
