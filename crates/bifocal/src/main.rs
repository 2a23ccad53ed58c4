//! The command `bifocal`: arguments in, an exit code by the design's table out.

mod cli;
mod command;
mod config;
mod exit;
mod format;
mod known;
mod progress;
#[cfg(test)]
mod reference;
mod scan_paths;
mod setup;
mod terminal;

use clap::{CommandFactory as _, Parser as _};
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { exit::USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    // The analyser's child does nothing of what follows: no configuration, no runtime, no network.
    if matches!(cli.command, Command::Analyser) {
        return command::analyser::serve();
    }
    terminal::init(&cli.global);
    match run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            terminal::error(&failure.error);
            ExitCode::from(failure.code)
        }
    }
}

fn run(cli: Cli) -> Result<u8, exit::Failure> {
    match cli.command {
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "bifocal", &mut out);
            terminal::write_out(&out)?;
            return Ok(0);
        }
        Command::Man => {
            terminal::write_out(&command::man::pages()?)?;
            return Ok(0);
        }
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(exit::Failure::usage)?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = command::dispatch(cli.global, cli.command) => result,
            () = interrupted() => Err(exit::Failure { code: exit::INTERRUPTED, error: anyhow::anyhow!("stopped; what was finished so far is in the cache, and the next run goes on from there") }),
        }
    });
    // Work that was cut off is dropped, not waited for: caches are whole at every moment.
    runtime.shutdown_background();
    result
}

/// Ends when the user (or a supervisor) asks the program to stop.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
