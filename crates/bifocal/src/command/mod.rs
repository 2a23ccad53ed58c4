//! One file a subcommand.

pub(crate) mod analyser;
pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod feed;
pub(crate) mod man;
pub(crate) mod policy;
pub(crate) mod scan;

use crate::cli::{Command, Global};
use crate::exit::Failure;

/// Runs a subcommand that needs the runtime.
pub(crate) async fn dispatch(global: Global, command: Command) -> Result<u8, Failure> {
    match command {
        Command::Check(args) => check::run(global, args).await,
        Command::Scan(args) => scan::run(global, args).await,
        Command::Diff(args) => diff::run(global, args).await,
        Command::Policy(command) => policy::run(global, command).await,
        Command::Feed(command) => feed::run(global, command).await,
        Command::Doctor(args) => doctor::run(global, args).await,
        // Handled before the runtime starts.
        Command::Completions { .. } | Command::Man | Command::Analyser => Ok(0),
    }
}
