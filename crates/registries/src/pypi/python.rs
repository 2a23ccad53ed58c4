//! What the installed Python is: its version, its platform, and the index that its pip has built in.
//!
//! One question to `python3`, in isolated mode (nothing of the current folder or the user's site is imported),
//! remembered like every client's answer.

use crate::environment::Environment;
use crate::tool::{Question, ask};
use serde::Deserialize;
use std::path::Path;

/// The script. `packaging` is not asked for: an interpreter without pip has none.
const SCRIPT: &str = r#"
import json, platform, sys, sysconfig
index = None
try:
    from pip._internal.models.index import PyPI
    index = PyPI.simple_url
except Exception:
    pass
libc = platform.libc_ver()
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": "%d.%d.%d" % sys.version_info[:3],
    "platform": sysconfig.get_platform(),
    "libc": list(libc),
    "threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "bits": 64 if sys.maxsize > 2**32 else 32,
    "mac": platform.mac_ver()[0],
    "index": index,
}))
"#;

/// The facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Python {
    /// `cpython`, `pypy`.
    pub(crate) implementation: String,
    /// `3.11.7`.
    pub(crate) version: String,
    /// As `sysconfig.get_platform()` has it: `linux-x86_64`, `macosx-11.0-arm64`, `win-amd64`.
    pub(crate) platform: String,
    /// glibc's version on Linux with glibc; `None` on musl and elsewhere.
    pub(crate) glibc: Option<(u32, u32)>,
    /// The free-threaded build (`cp313t`).
    pub(crate) threaded: bool,
    /// The macOS version, where it is one.
    pub(crate) mac: Option<(u32, u32)>,
    /// pip's built-in index.
    pub(crate) index: Option<String>,
    /// Why these are assumptions rather than facts.
    pub(crate) missing: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    implementation: String,
    version: String,
    platform: String,
    libc: (String, String),
    threaded: bool,
    bits: u32,
    mac: String,
    index: Option<String>,
}

impl Python {
    /// Asks the interpreter on the path; without one, CPython 3.12 on this machine's platform is assumed. Blocking.
    pub(crate) fn ask(env: &Environment, cache_dir: Option<&Path>) -> Python {
        let question = Question { programs: &["python3", "python"], arguments: &["-I", "-c", SCRIPT], variables: &[], depends_on: &[] };
        let answer = match ask(env, cache_dir, &question) {
            Ok(text) => {
                serde_json::from_str::<Answer>(&text).map_err(|error| format!("python3 gave an answer that is not understood: {error}"))
            }
            Err(error) => Err(error.to_string()),
        };
        match answer {
            Ok(answer) => Python::of(answer),
            Err(why) => Python::assumed(why),
        }
    }

    fn of(answer: Answer) -> Python {
        // A 32-bit interpreter on a 64-bit kernel says the kernel's platform.
        let platform = match (answer.platform.as_str(), answer.bits) {
            ("linux-x86_64", 32) => "linux-i686".to_owned(),
            ("linux-aarch64", 32) => "linux-armv8l".to_owned(),
            _ => answer.platform,
        };
        Python {
            implementation: answer.implementation,
            version: answer.version,
            platform,
            glibc: (answer.libc.0 == "glibc").then(|| pair(&answer.libc.1)).flatten(),
            threaded: answer.threaded,
            mac: pair(&answer.mac),
            index: answer.index.filter(|text| !text.is_empty()),
            missing: None,
        }
    }

    fn assumed(why: String) -> Python {
        let arch = match std::env::consts::ARCH {
            "x86" => "i686",
            "aarch64" if cfg!(target_os = "macos") => "arm64",
            other => other,
        };
        let platform = match std::env::consts::OS {
            "macos" => format!("macosx-11.0-{arch}"),
            "windows" => format!("win-{}", if arch == "aarch64" { "arm64" } else { "amd64" }),
            _ => format!("linux-{arch}"),
        };
        Python {
            implementation: "cpython".to_owned(),
            version: "3.12.0".to_owned(),
            platform,
            glibc: cfg!(target_os = "linux").then_some((2, 35)),
            threaded: false,
            mac: cfg!(target_os = "macos").then_some((14, 0)),
            index: None,
            missing: Some(why),
        }
    }

    /// The same interpreter at another version (`3.10`).
    pub(crate) fn at(&self, version: &str) -> Python {
        Python { version: version.to_owned(), ..self.clone() }
    }

    /// Major and minor version.
    pub(crate) fn minor(&self) -> (u32, u32) {
        pair(&self.version).unwrap_or((3, 12))
    }
}

/// The first two numbers of a dotted text.
pub(crate) fn pair(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    let major = parts.next()?.parse().ok()?;
    Some((major, parts.next().map_or(Some(0), |minor| minor.parse().ok())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_python_a_version_is_assumed_and_said() {
        let python = Python::ask(&Environment::default(), None);
        assert_eq!(python.minor(), (3, 12));
        assert!(python.missing.unwrap().contains("python3"));
        assert_eq!(python.index, None);
    }

    #[test]
    fn versions_are_read_by_their_first_two_numbers() {
        assert_eq!(pair("2.36"), Some((2, 36)));
        assert_eq!(pair("14"), Some((14, 0)));
        assert_eq!(pair(""), None);
    }
}
