//! Standard output and error: the one place that writes to them.
//!
//! A closed pipe ends the program quietly; messages from packages were made printable before they come here.

use crate::cli::{ColorChoice, Global};
use crate::exit::Failure;
use bifocal_core::printable;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

static QUIET: AtomicBool = AtomicBool::new(false);

/// Sets up messages by the options.
pub(crate) fn init(global: &Global) {
    QUIET.store(global.quiet, Ordering::Relaxed);
    let level = match global.verbose {
        0 | 1 => "warn",
        2 => "bifocal=debug,bifocal_engine=debug,bifocal_registries=debug",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::new(if global.quiet { "error" } else { level });
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().with_ansi(false).try_init();
}

/// Whether the result is to be coloured.
pub(crate) fn color(choice: ColorChoice, to_file: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            !to_file
                && std::io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// Whether progress may be drawn.
pub(crate) fn draws_progress() -> bool {
    !QUIET.load(Ordering::Relaxed) && std::io::stderr().is_terminal()
}

/// Writes the result to standard output. A reader that went away is no error.
pub(crate) fn write_out(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::not_evaluated(anyhow::Error::from(error).context("cannot write the result to standard output"))),
        Ok(()) => Ok(()),
    }
}

/// Writes the result to a file (beside it first, then renamed), or to standard output.
pub(crate) fn write_result(text: &str, file: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = file else { return write_out(text.as_bytes()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut beside| {
        beside.write_all(text.as_bytes())?;
        beside.as_file().sync_all()?;
        beside.persist(path).map_err(|error| error.error)?;
        Ok(())
    });
    written.map_err(|error| Failure::not_evaluated(anyhow::Error::from(error).context(format!("cannot write {}", path.display()))))
}

/// A message for the person on standard error, unless `-q`.
pub(crate) fn note(text: &str) {
    if !QUIET.load(Ordering::Relaxed) {
        let _ = writeln!(std::io::stderr(), "{}", printable_lines(text));
    }
}

/// The error that ends the program.
pub(crate) fn error(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "bifocal: {}", printable_lines(&format!("{error:#}")));
}

fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}
