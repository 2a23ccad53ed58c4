//! `bifocal.toml` and its environment twins.
//!
//! In: the file named by `--config`, or the nearest `bifocal.toml` from the working folder upward, and variables
//! `BIFOCAL_<SECTION>_<KEY>`, which win over the file. Out: a [`Config`] in which every key has a value. An unknown
//! key is an error that names the nearest known one.

use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Path,
    Number,
    /// Texts: an array in the file, separated by commas in the variable.
    List,
}

/// One key of the configuration.
#[derive(Debug)]
pub(crate) struct Key {
    /// `section.key`
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    /// As shown to people; empty when the default is computed.
    pub(crate) default: &'static str,
    pub(crate) meaning: &'static str,
}

/// Every key, in the order of the reference page.
pub(crate) const KEYS: &[Key] = &[
    Key { path: "policy.use", kind: Kind::Text, default: "default", meaning: "policy pack (default, strict, observe) or file" },
    Key {
        path: "check.exclude",
        kind: Kind::List,
        default: "",
        meaning: "patterns, as in .gitignore, of files that a walk of a folder passes over",
    },
    Key {
        path: "cache.dir",
        kind: Kind::Path,
        default: "",
        meaning: "cache of assessments, metadata and artifacts; $XDG_CACHE_HOME/bifocal unless set",
    },
    Key { path: "cache.artifact_mib", kind: Kind::Number, default: "4096", meaning: "most MiB of artifacts kept in the cache" },
    Key { path: "cache.metadata_mib", kind: Kind::Number, default: "2048", meaning: "most MiB of registries' metadata kept in the cache" },
    Key {
        path: "cache.assessment_mib",
        kind: Kind::Number,
        default: "1024",
        meaning: "most MiB of the database of assessments in the cache",
    },
    Key { path: "cache.unused_days", kind: Kind::Number, default: "90", meaning: "days after which what was not used leaves the cache" },
    Key {
        path: "cache.metadata_minutes",
        kind: Kind::Number,
        default: "60",
        meaning: "minutes for which registry metadata counts as fresh",
    },
    Key { path: "feeds.dir", kind: Kind::Path, default: "", meaning: "loaded feeds; $XDG_DATA_HOME/bifocal/feeds unless set" },
    Key {
        path: "feeds.sources",
        kind: Kind::Path,
        default: "",
        meaning: "list of feed sources; feeds.toml beside the configuration, else the shipped list",
    },
    Key { path: "feeds.stale_days", kind: Kind::Number, default: "7", meaning: "days after which a feed counts as stale" },
    Key { path: "analysis.jobs", kind: Kind::Number, default: "", meaning: "analyser processes; the number of cores unless set" },
    Key {
        path: "analysis.memory_mib",
        kind: Kind::Number,
        default: "4096",
        meaning: "most MiB of address space of one analyser process, at least 256",
    },
    Key { path: "analysis.seconds", kind: Kind::Number, default: "60", meaning: "most seconds of processor time for one artifact" },
    Key { path: "network.per_host", kind: Kind::Number, default: "32", meaning: "requests under way to one host" },
    Key { path: "network.tries", kind: Kind::Number, default: "4", meaning: "tries of one request" },
    Key { path: "upstream.npm", kind: Kind::Text, default: "", meaning: "npm registry; the npm client's own configuration unless set" },
    Key {
        path: "upstream.pypi",
        kind: Kind::Text,
        default: "",
        meaning: "Python simple index; pip's and uv's own configuration unless set",
    },
    Key { path: "upstream.cargo", kind: Kind::Text, default: "", meaning: "sparse index; cargo's own configuration unless set" },
    Key { path: "upstream.maven", kind: Kind::Text, default: "", meaning: "Maven repository; Maven's own settings unless set" },
    Key { path: "upstream.golang", kind: Kind::Text, default: "", meaning: "Go module proxy; `go env GOPROXY` unless set" },
];

/// The values in force.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The file they came from.
    pub(crate) file: Option<PathBuf>,
    values: BTreeMap<&'static str, String>,
}

impl Config {
    /// Reads the file and the environment.
    pub(crate) fn load(named: Option<&Path>, cwd: &Path, env: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let file = match named {
            Some(path) => Some(path.to_path_buf()),
            None => cwd.ancestors().map(|dir| dir.join("bifocal.toml")).find(|path| path.is_file()),
        };
        let mut values: BTreeMap<&'static str, String> = KEYS.iter().map(|key| (key.path, key.default.to_owned())).collect();
        if let Some(path) = &file {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read configuration {}", path.display()))?;
            read_file(&text, path, &mut values).with_context(|| format!("in {}", path.display()))?;
        }
        for key in KEYS {
            let name = variable(key.path);
            if let Some(value) = env.get(&name).filter(|value| !value.is_empty()) {
                check(key, value).with_context(|| format!("in environment variable {name}"))?;
                values.insert(key.path, if key.kind == Kind::List { value.replace(',', "\n") } else { value.clone() });
            }
        }
        unknown_variables(env)?;
        Ok(Config { file, values })
    }

    /// The value of a key of [`KEYS`]; `None` when it is empty.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.values.get(path).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value as a number.
    pub(crate) fn number(&self, path: &str) -> Option<u64> {
        self.text(path).and_then(|value| value.parse().ok())
    }

    /// The value as a list.
    pub(crate) fn list(&self, path: &str) -> Vec<String> {
        let parts = self.text(path).unwrap_or_default().split('\n').map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// The value as a path.
    pub(crate) fn path(&self, path: &str) -> Option<PathBuf> {
        self.text(path).map(PathBuf::from)
    }

    /// The folder of the configuration file.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.file.as_deref().and_then(Path::parent)
    }
}

/// The environment twin of a key: `cache.dir` is `BIFOCAL_CACHE_DIR`; `policy.use` is `BIFOCAL_POLICY`, as the option.
pub(crate) fn variable(path: &str) -> String {
    match path {
        "policy.use" => "BIFOCAL_POLICY".to_owned(),
        "analysis.jobs" => "BIFOCAL_JOBS".to_owned(),
        _ => format!("BIFOCAL_{}", path.replace('.', "_").to_uppercase()),
    }
}

/// Variables that options read, and that are no keys.
const OPTION_VARIABLES: [&str; 4] = ["BIFOCAL_CONFIG", "BIFOCAL_OFFLINE", "BIFOCAL_FAIL_ON", "BIFOCAL_DATA"];

fn unknown_variables(env: &BTreeMap<String, String>) -> anyhow::Result<()> {
    for name in env.keys().filter(|name| name.starts_with("BIFOCAL_")) {
        let known = OPTION_VARIABLES.contains(&name.as_str()) || KEYS.iter().any(|key| variable(key.path) == *name);
        if !known {
            let names: Vec<String> = KEYS.iter().map(|key| variable(key.path)).chain(OPTION_VARIABLES.map(str::to_owned)).collect();
            bail!("unknown environment variable {name}{}", nearest(name, names.iter().map(String::as_str)));
        }
    }
    Ok(())
}

fn read_file(text: &str, file: &Path, values: &mut BTreeMap<&'static str, String>) -> anyhow::Result<()> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| anyhow::anyhow!("{}", error.to_string().trim_end()))?;
    for (section, content) in &table {
        let Some(content) = content.as_table() else {
            bail!("`{section}` is not a section{}", nearest(section, KEYS.iter().map(|key| key.path)));
        };
        for (name, value) in content {
            let path = format!("{section}.{name}");
            let Some(key) = KEYS.iter().find(|key| key.path == path) else {
                let hint = nearest(&path, KEYS.iter().map(|key| key.path));
                let meaning = KEYS.iter().find(|key| hint.contains(&format!("`{}`", key.path))).map(|key| format!(" ({})", key.meaning));
                bail!("unknown key `{path}`{hint}{}", meaning.unwrap_or_default());
            };
            let value = match (key.kind, value) {
                (Kind::Text | Kind::Path, toml::Value::String(text)) => text.clone(),
                (Kind::Number, toml::Value::Integer(number)) => number.to_string(),
                (Kind::List, toml::Value::Array(items)) if items.iter().all(toml::Value::is_str) => {
                    items.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join("\n")
                }
                (kind, other) => bail!(
                    "`{path}` is a {}, expected {}",
                    other.type_str(),
                    match kind {
                        Kind::Number => "a whole number",
                        Kind::List => "an array of strings",
                        Kind::Text | Kind::Path => "a string",
                    }
                ),
            };
            check(key, &value)?;
            // A relative path in a file is relative to that file.
            let value = match (key.kind, file.parent()) {
                (Kind::Path, Some(folder)) if !value.is_empty() => folder.join(&value).to_string_lossy().into_owned(),
                _ => value,
            };
            values.insert(key.path, value);
        }
    }
    Ok(())
}

fn check(key: &Key, value: &str) -> anyhow::Result<()> {
    // Below that the limit takes hold only once the process stands, so that small artifacts pass it and others fail.
    let least = if key.path == "analysis.memory_mib" { 256 } else { 1 };
    if key.kind == Kind::Number && !value.parse::<u64>().is_ok_and(|number| (least..=1_000_000_000).contains(&number)) {
        bail!("`{}` is `{}`, expected a whole number from {least} to 1000000000", key.path, bifocal_core::printable(value));
    }
    Ok(())
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= candidate.len() / 2)
        .map(|(_, candidate)| format!("; did you mean `{candidate}`?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, env: &[(&str, &str)]) -> anyhow::Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("bifocal.toml"), text).unwrap();
        Config::load(None, dir.path(), &env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
        let config = load("[feeds]\nstale_days = 3\n[cache]\nartifact_mib = 10\n", &[("BIFOCAL_FEEDS_STALE_DAYS", "5")]).unwrap();
        assert_eq!(config.number("feeds.stale_days"), Some(5));
        assert_eq!(config.number("cache.artifact_mib"), Some(10));
        assert_eq!(config.number("cache.metadata_minutes"), Some(60));
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        let error = format!("{:#}", load("[feeds]\nstale_dayz = 3\n", &[]).unwrap_err());
        assert!(error.contains("unknown key `feeds.stale_dayz`; did you mean `feeds.stale_days`?"), "{error}");
        let error = format!("{:#}", load("", &[("BIFOCAL_CACHE_DIRR", "x")]).unwrap_err());
        assert!(error.contains("did you mean `BIFOCAL_CACHE_DIR`"), "{error}");
    }

    #[test]
    fn wrong_types_and_numbers_are_refused() {
        for text in ["[feeds]\nstale_days = \"x\"\n", "[feeds]\nstale_days = 0\n", "feeds = 1\n", "[policy]\nuse = 3\n", "[policy\n"] {
            assert!(load(text, &[]).is_err(), "{text}");
        }
        let error = format!("{:#}", load("[analysis]\nmemory_mib = 255\n", &[]).unwrap_err());
        assert!(error.contains("`analysis.memory_mib` is `255`, expected a whole number from 256"), "{error}");
        assert!(load("", &[("BIFOCAL_ANALYSIS_MEMORY_MIB", "1")]).is_err());
        assert!(load("", &[("BIFOCAL_ANALYSIS_MEMORY_MIB", "256")]).is_ok());
    }

    #[test]
    fn lists_are_arrays_in_the_file_and_separated_by_commas_in_the_variable() {
        let file = "[check]\nexclude = [\"tests/\", \"*.old\"]\n";
        assert_eq!(load(file, &[]).unwrap().list("check.exclude"), ["tests/", "*.old"]);
        assert_eq!(load(file, &[("BIFOCAL_CHECK_EXCLUDE", "a/, b")]).unwrap().list("check.exclude"), ["a/", "b"]);
        assert!(load("", &[]).unwrap().list("check.exclude").is_empty());
        assert!(load("[check]\nexclude = \"tests/\"\n", &[]).is_err());
    }

    #[test]
    fn paths_in_the_file_are_relative_to_it() {
        let config = load("[cache]\ndir = \"c\"\n", &[]).unwrap();
        assert_eq!(config.path("cache.dir").unwrap(), config.folder().unwrap().join("c"));
    }

    #[test]
    fn every_key_and_variable_is_on_the_reference_page_and_no_other() {
        let page = include_str!("../../../docs/src/reference/configuration.md");
        let mut rows: Vec<(String, String)> = Vec::new();
        for line in page.lines().filter(|line| line.starts_with("| `")) {
            let mut cells = line.split('|').skip(1).map(|cell| cell.trim().trim_matches('`').to_owned());
            rows.push((cells.next().unwrap(), cells.next().unwrap()));
        }
        let keys: Vec<(String, String)> = KEYS.iter().map(|key| (key.path.to_owned(), variable(key.path))).collect();
        assert_eq!(rows, keys);
        for name in OPTION_VARIABLES {
            assert!(page.contains(name), "{name}");
        }
    }
}
