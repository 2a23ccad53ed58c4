//! Real clients, where this machine has them.

use std::path::PathBuf;

/// The path of a client (`npm`, `pip`, `cargo`, `go`, `mvn`, …) on PATH.
pub fn client(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Like [`client`]; says on standard error which test is skipped when there is none.
#[expect(clippy::print_stderr, reason = "the notice that a test was skipped belongs to the test's output")]
pub fn client_or_notice(name: &str, test: &str) -> Option<PathBuf> {
    let found = client(name);
    if found.is_none() {
        eprintln!("SKIPPED {test}: `{name}` is not installed");
    }
    found
}
