//! What the outside world hands in: variables, folders, limits. Injected, so that tests drive it.

use bifocal_core::{Clock, Ecosystem, HttpLimits};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The process's surroundings as clients of the five ecosystems see them.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Environment variables.
    pub vars: BTreeMap<String, String>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// The folder whose project configuration counts.
    pub cwd: PathBuf,
}

impl Environment {
    /// The real surroundings, with project configuration looked for from `cwd` upward.
    pub fn from_process(cwd: &Path) -> Self {
        let text = |value: OsString| value.into_string().ok();
        let vars: BTreeMap<String, String> = std::env::vars_os().filter_map(|(key, value)| Some((text(key)?, text(value)?))).collect();
        let home = vars.get("HOME").or_else(|| vars.get("USERPROFILE")).filter(|home| !home.is_empty()).map(PathBuf::from);
        Environment { vars, home, cwd: std::path::absolute(cwd).unwrap_or_else(|_| cwd.to_owned()) }
    }

    /// A variable, when set and not empty.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The first of these variables that is set and not empty, with its name.
    pub fn first_var<'a>(&'a self, names: &[&'a str]) -> Option<(&'a str, &'a str)> {
        names.iter().find_map(|name| self.var(name).map(|value| (*name, value)))
    }

    /// The XDG configuration folder (`~/.config` when unset).
    pub fn config_home(&self) -> Option<PathBuf> {
        self.var("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| self.home.as_ref().map(|home| home.join(".config")))
    }

    /// The current folder and the folders above it, innermost first.
    pub fn ancestors(&self) -> impl Iterator<Item = &Path> {
        self.cwd.ancestors().filter(|folder| !folder.as_os_str().is_empty())
    }
}

/// How registries are talked to.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// Sizes, tries and times.
    pub limits: HttpLimits,
    /// Where metadata and clients' answers are kept between runs; nowhere when `None`.
    pub cache_dir: Option<PathBuf>,
    /// Answer from the cache alone, however old.
    pub offline: bool,
    /// How long a metadata document is taken without asking again.
    pub metadata_max_age: Duration,
    /// Metadata that was fetched before now is asked for again, however fresh.
    pub refresh: bool,
    /// Artifact bytes held by downloads under way, all together.
    pub download_bytes: u64,
    /// Upstreams named in bifocal.toml (`upstream.<ecosystem>`), in order; they replace discovery for their ecosystem.
    pub upstreams: BTreeMap<Ecosystem, Vec<String>>,
    /// Addresses under which this program's own gateway answers; an upstream below one of them is refused.
    pub self_urls: Vec<String>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Answers every metadata request in place of the network; `None` is an absence.
    #[cfg(feature = "fuzzing")]
    pub answers: Option<Answers>,
}

/// What [`Options::answers`] holds.
#[cfg(feature = "fuzzing")]
pub type Answers = Arc<dyn Fn(&url::Url) -> Option<Vec<u8>> + Send + Sync>;

impl Default for Options {
    fn default() -> Self {
        Options {
            limits: HttpLimits::default(),
            cache_dir: None,
            offline: false,
            metadata_max_age: Duration::from_secs(3600),
            refresh: false,
            download_bytes: 1 << 30,
            upstreams: BTreeMap::new(),
            self_urls: Vec::new(),
            clock: Arc::new(MachineClock),
            #[cfg(feature = "fuzzing")]
            answers: None,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("cache_dir", &self.cache_dir).field("offline", &self.offline).finish_non_exhaustive()
    }
}

/// The machine's own clock.
struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_variables_count_as_unset() {
        let vars = [("A", ""), ("B", "b")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let env = Environment { vars, home: Some("/home/me".into()), cwd: "/p/q".into() };
        assert_eq!(env.first_var(&["A", "B"]), Some(("B", "b")));
        assert_eq!(env.config_home().unwrap(), Path::new("/home/me/.config"));
        assert_eq!(env.ancestors().collect::<Vec<_>>(), [Path::new("/p/q"), Path::new("/p"), Path::new("/")]);
    }
}
