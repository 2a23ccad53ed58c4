use std::io;
use std::time::Duration;

/// How a request came to nothing. All but [`ChildFailure::Spawn`] and [`ChildFailure::RequestTooLarge`] are about what
/// was sent: they make a failed signal of that artifact.
#[derive(Debug, thiserror::Error)]
pub enum ChildFailure {
    /// The child ended: a signal, a panic, an exit.
    #[error("the analyser crashed ({}){}", how(*.signal, *.code), said(.stderr))]
    Crashed {
        /// The signal that ended it.
        signal: Option<i32>,
        /// Its exit code.
        code: Option<i32>,
        /// The end of what it wrote to stderr. Hostile text.
        stderr: String,
    },
    /// The answer did not come in time; the child was ended.
    #[error("the analyser did not answer within {} s", .after.as_secs_f64())]
    TimedOut {
        /// The bound.
        after: Duration,
    },
    /// The child used up its processor time and was ended.
    #[error("the analyser needed more than {} s of processor time", .limit.as_secs_f64())]
    OutOfTime {
        /// The bound.
        limit: Duration,
    },
    /// The child wanted more memory than it may have.
    #[error("the analyser needed more than {} MiB of memory", .limit >> 20)]
    OutOfMemory {
        /// The bound in bytes.
        limit: u64,
    },
    /// The child does not speak as agreed: not this program, another version, or taken over.
    #[error("the analyser's process broke the protocol: {0}")]
    Protocol(String),
    /// The child could not be started.
    #[error("the analyser's process could not be started: {0}")]
    Spawn(#[source] io::Error),
    /// The request is larger than the limits allow; nothing was sent.
    #[error("the request of {actual} bytes is larger than the {limit} allowed")]
    RequestTooLarge {
        /// Its bytes.
        actual: u64,
        /// The bound.
        limit: u64,
    },
}

fn how(signal: Option<i32>, code: Option<i32>) -> String {
    match (signal, code) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => "no exit status".to_owned(),
    }
}

/// What a panic says, or else the last line: behind a panic's message stand only hints and a backtrace.
fn said(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    let of_panic = lines.iter().rposition(|line| line.contains(" panicked at ")).and_then(|at| lines.get(at + 1));
    let last = of_panic.or(lines.last()).copied().unwrap_or_default();
    let mut shown: String = last.chars().take(300).flat_map(char::escape_debug).collect();
    if !shown.is_empty() {
        shown.insert_str(0, ": ");
    }
    shown
}

/// Whether the end of stderr says that an allocation failed. The standard library and the C parsers print this before
/// they abort; there is no stable hook.
pub(crate) fn tells_of_exhausted_memory(stderr: &str) -> bool {
    (stderr.contains("memory allocation of ") && stderr.contains(" bytes failed"))
        || stderr.contains("failed to allocate ")
        || stderr.contains("Cannot allocate memory")
        || stderr.contains("out of memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_how_it_ended_and_escapes_what_it_said() {
        let failure = ChildFailure::Crashed { signal: Some(6), code: None, stderr: "one\ntwo\u{1b}[2J\n\n".to_owned() };
        assert_eq!(failure.to_string(), "the analyser crashed (signal 6): two\\u{1b}[2J");
        let panic =
            "thread 'analyser' (7) panicked at src/parse.rs:1:2:\nno such node\nnote: run with `RUST_BACKTRACE=1` environment variable\n";
        let failure = ChildFailure::Crashed { signal: None, code: Some(101), stderr: panic.to_owned() };
        assert_eq!(failure.to_string(), "the analyser crashed (exit code 101): no such node");
        let failure = ChildFailure::Crashed { signal: None, code: Some(101), stderr: String::new() };
        assert_eq!(failure.to_string(), "the analyser crashed (exit code 101)");
        assert_eq!(ChildFailure::OutOfMemory { limit: 4 << 30 }.to_string(), "the analyser needed more than 4096 MiB of memory");
    }

    #[test]
    fn exhausted_memory_is_told_by_what_allocators_print() {
        assert!(tells_of_exhausted_memory("x\nmemory allocation of 99 bytes failed\n"));
        assert!(tells_of_exhausted_memory("tree-sitter failed to allocate 99 bytes"));
        assert!(tells_of_exhausted_memory("thread 'analyser' panicked at bump.rs:1:2:\nout of memory"));
        assert!(!tells_of_exhausted_memory("thread 'main' has overflowed its stack"));
    }
}
