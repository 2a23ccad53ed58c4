//! Standard output and error: the one place that writes to them.
//!
//! A closed pipe ends the program quietly; messages from packages were made printable before they come here.

use crate::cli::{ColorChoice, Global};
use crate::exit::Failure;
use bifocal_core::printable;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

static QUIET: AtomicBool = AtomicBool::new(false);

/// Sets up messages by the options.
pub(crate) fn init(global: &Global) {
    QUIET.store(global.quiet, Ordering::Relaxed);
    let level = match global.verbose {
        // What the cache of metadata complains of is told by the command itself, once.
        0 | 1 => "warn,bifocal_registries::http::cache=error",
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

/// Refuses a file that cannot be written, before any work is done for it.
pub(crate) fn can_write(file: &Path) -> Result<(), Failure> {
    let wrong = |why: String| Err(Failure::usage(anyhow::anyhow!("cannot write {}: {why}", shown(file))));
    if file.is_dir() {
        return wrong("it is a folder; name a file".to_owned());
    }
    // Pipes and devices are opened when there is something to write.
    if file.exists() && !file.is_file() {
        return Ok(());
    }
    let folder = folder_of(file);
    if !folder.is_dir() {
        return wrong(format!("there is no folder {}; make it, or name another", shown(folder)));
    }
    match tempfile::tempfile_in(folder) {
        // A full disk may have room by then, and says so if not.
        Err(error) if !matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            wrong(format!("no file can be made in {}: {}", shown(folder), plain(error)))
        }
        _ => Ok(()),
    }
}

/// Writes the result to a file (beside it first, then renamed), or to standard output. What is no regular file is
/// written to as it is: nothing takes the place of a device or pipe.
pub(crate) fn write_result(text: &str, file: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = file else { return write_out(text.as_bytes()) };
    let written = if path.exists() && !path.is_file() {
        std::fs::File::options().write(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()))
    } else {
        // A link goes on to lead where it led.
        replace(&std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()), text)
    };
    written.map_err(|error| Failure::not_evaluated(anyhow::anyhow!("cannot write {}: {}", shown(path), plain(error))))
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut beside = builder.tempfile_in(folder_of(path))?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().sync_all()?;
    if let Ok(former) = path.metadata() {
        beside.as_file().set_permissions(former.permissions())?;
    }
    beside.persist(path).map(|_| ()).map_err(|error| error.error)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// The system's word without the name of a temporary file.
fn plain(error: std::io::Error) -> std::io::Error {
    if error.raw_os_error().is_some() { error } else { error.kind().into() }
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
