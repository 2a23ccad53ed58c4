//! The analyser's child process: confined before it reads the first byte.

use std::process::ExitCode;

/// Serves requests on standard input until it is closed.
pub(crate) fn serve() -> ExitCode {
    bifocal_engine::serve_analyser()
}
