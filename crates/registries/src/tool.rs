//! Asking an installed client what only it knows: its built-in default upstream, where its files are, what it is.
//!
//! A client is started with a cleaned environment, outside the checked project, under a time limit, and its answer is
//! remembered on disk under the program's path and date, so that a warm run starts none. The attack: a checked
//! project that brings its own `npm`, `go` or `python3`, or a configuration file that changes what a client runs.

use crate::environment::Environment;
use crate::error::RegistryError;
use bifocal_core::{Sha256, one_line};
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest answer that is read.
const MAX_ANSWER: u64 = 256 << 10;
/// Variables that clients and their version managers need to start at all.
const KEPT: [&str; 22] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "USERPROFILE",
    "SYSTEMROOT",
    "TMPDIR",
    "TEMP",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "NVM_DIR",
    "VOLTA_HOME",
    "ASDF_DIR",
    "ASDF_DATA_DIR",
    "MISE_DATA_DIR",
    "RUSTUP_HOME",
    "CARGO_HOME",
    "JAVA_HOME",
    "GOROOT",
    "LD_LIBRARY_PATH",
];

/// A question to a client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    /// Program names, the first found on the path is asked.
    pub(crate) programs: &'a [&'a str],
    /// Its arguments.
    pub(crate) arguments: &'a [&'a str],
    /// Variables of the user that matter to the answer, beside those that every client keeps.
    pub(crate) variables: &'a [&'a str],
    /// Files whose change makes a remembered answer stale.
    pub(crate) depends_on: &'a [PathBuf],
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    key: String,
    answer: String,
}

/// Finds a program on the path: absolute entries only, none inside the checked folder.
pub(crate) fn find(env: &Environment, program: &str) -> Option<PathBuf> {
    let path = env.var("PATH")?;
    for folder in std::env::split_paths(path) {
        if !folder.is_absolute() || (env.cwd.parent().is_some() && folder.starts_with(&env.cwd)) {
            continue;
        }
        for suffix in if cfg!(windows) { [".exe", ".cmd", ""].as_slice() } else { &[""] } {
            let candidate = folder.join(format!("{program}{suffix}"));
            if is_executable(&candidate) {
                return Some(candidate);
            }
        }
    }
    None
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// Asks, or remembers. Blocking. The answer is what the client printed, trimmed; a non-zero exit is an error.
pub(crate) fn ask(env: &Environment, cache_dir: Option<&Path>, question: &Question<'_>) -> Result<String, RegistryError> {
    let missing = |tool: &str, why: String| RegistryError::ToolMissing { tool: tool.to_owned(), why };
    let first = question.programs.first().copied().unwrap_or_default();
    let program =
        question.programs.iter().find_map(|name| find(env, name)).ok_or_else(|| missing(first, "it is not on the path".to_owned()))?;
    let variables: Vec<(&str, &str)> =
        KEPT.iter().chain(question.variables).filter_map(|name| env.vars.get(*name).map(|value| (*name, value.as_str()))).collect();
    let key = key(&program, question, &variables);
    let memory = cache_dir.map(|root| root.join("tools-1").join(format!("{}.json", Sha256::of(key.as_bytes()).hex())));
    if let Some(answer) = memory.as_deref().and_then(|path| recall(path, &key)) {
        return Ok(answer);
    }
    let answer = run(&program, question.arguments, &variables).map_err(|why| missing(&program.display().to_string(), why))?;
    if let Some(path) = memory {
        remember(&path, Remembered { key, answer: answer.clone() });
    }
    Ok(answer)
}

/// Everything that may change the answer, as text.
fn key(program: &Path, question: &Question<'_>, variables: &[(&str, &str)]) -> String {
    let real = std::fs::canonicalize(program).unwrap_or_else(|_| program.to_owned());
    let date = |path: &Path| path.metadata().and_then(|meta| meta.modified()).map(|at| format!("{at:?}")).unwrap_or_default();
    let files: Vec<String> = question.depends_on.iter().map(|path| format!("{}={}", path.display(), date(path))).collect();
    format!("{} {} {} {} {:?} {variables:?} {files:?}", program.display(), date(program), real.display(), date(&real), question.arguments)
}

fn recall(path: &Path, key: &str) -> Option<String> {
    let mut text = Vec::new();
    std::fs::File::open(path).ok()?.take(2 * MAX_ANSWER).read_to_end(&mut text).ok()?;
    let held: Remembered = serde_json::from_slice(&text).ok()?;
    (held.key == key).then_some(held.answer)
}

/// Best effort: without a memory the client is asked again.
fn remember(path: &Path, held: Remembered) {
    let write = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, &held)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    if let Err(error) = write() {
        tracing::debug!(%error, "a client's answer is not remembered");
    }
}

fn run(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Result<String, String> {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .env("LC_ALL", "C")
        .current_dir(neutral_folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("it does not start: {error}"))?;
    let Some(stdout) = child.stdout.take() else { return Err("it has no output".to_owned()) };
    let (send, receive) = std::sync::mpsc::sync_channel(1);
    // The reader ends when the client closes its output, at the latest when it is killed.
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let outcome = stdout.take(MAX_ANSWER).read_to_end(&mut text).map(|_| text);
        let _ = send.send(outcome);
    });
    let started = Instant::now();
    let text = match receive.recv_timeout(PATIENCE) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            stop(&mut child);
            return Err(format!("its output cannot be read: {error}"));
        }
        Err(_) => {
            stop(&mut child);
            return Err(format!("it took longer than {} s", PATIENCE.as_secs()));
        }
    };
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(2)),
            Ok(None) => {
                stop(&mut child);
                return Err("it did not end".to_owned());
            }
            Err(error) => return Err(format!("it cannot be waited for: {error}")),
        }
    };
    let text = String::from_utf8(text).map_err(|_| "its answer is no text".to_owned())?;
    if !status.success() {
        return Err(format!("it ended with {status}: {}", one_line(&text, 200)));
    }
    Ok(text.trim().to_owned())
}

fn stop(child: &mut std::process::Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// A folder without a project in it.
fn neutral_folder() -> PathBuf {
    if cfg!(windows) { std::env::temp_dir() } else { PathBuf::from("/") }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn env(path: &Path, cwd: &Path) -> Environment {
        let vars = [("PATH".to_owned(), format!("{}:relative:/bin:/usr/bin", path.display())), ("SECRET".to_owned(), "x".to_owned())];
        Environment { vars: vars.into(), home: None, cwd: cwd.to_owned() }
    }

    fn question<'a>(programs: &'a [&'a str]) -> Question<'a> {
        Question { programs, arguments: &["a"], variables: &[], depends_on: &[] }
    }

    #[test]
    fn a_client_is_asked_once_with_a_cleaned_environment() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let log = folder.path().join("log");
        script(&bin, "clientx", &format!("echo run >> {}; echo \"$1/${{SECRET:-clean}}/$PWD\"", log.display()));
        let env = env(&bin, Path::new("/nonexistent"));
        let cache = folder.path().join("cache");
        for _ in 0..3 {
            assert_eq!(ask(&env, Some(&cache), &question(&["absent", "clientx"])).unwrap(), "a/clean//");
        }
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "run\n");
    }

    #[test]
    fn a_client_that_the_checked_project_brings_is_not_run() {
        let project = tempfile::tempdir().unwrap();
        script(project.path(), "clientx", "echo hijacked");
        let env = env(project.path(), project.path());
        let error = ask(&env, None, &question(&["clientx"])).unwrap_err();
        assert_eq!(error.to_string(), "`clientx` is needed and gave no answer: it is not on the path");
    }

    #[test]
    fn a_client_that_fails_is_an_error_with_its_words() {
        let bin = tempfile::tempdir().unwrap();
        script(bin.path(), "clientx", "echo broken; exit 3");
        let error = ask(&env(bin.path(), Path::new("/nonexistent")), None, &question(&["clientx"])).unwrap_err();
        assert!(error.to_string().contains("exit status: 3: broken"), "{error}");
    }
}
