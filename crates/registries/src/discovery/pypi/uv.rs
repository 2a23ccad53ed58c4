//! uv's configuration in, the indexes that it names out: its variables, the project's uv.toml or pyproject.toml, the
//! user's and the system's uv.toml.

use super::{Found, Listed};
use crate::discovery::{read_file, shown_path};
use crate::error::RegistryError;
use crate::facade::Shared;
use bifocal_core::{Ecosystem, PackageName};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Deserialize, Default)]
struct Pyproject {
    tool: Option<Tool>,
}

#[derive(Deserialize, Default)]
struct Tool {
    uv: Option<UvSettings>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct UvSettings {
    index: Vec<UvIndex>,
    index_url: Option<String>,
    extra_index_url: Vec<String>,
    sources: BTreeMap<String, toml::Value>,
    pip: Option<Box<UvPip>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct UvPip {
    index_url: Option<String>,
    extra_index_url: Vec<String>,
}

#[derive(Deserialize)]
struct UvIndex {
    name: Option<String>,
    url: String,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    explicit: bool,
}

/// uv's configuration; `None` when neither the project nor the user says anything about uv's indexes.
pub(super) fn read(shared: &Shared) -> Result<Option<Found>, RegistryError> {
    let env = &shared.env;
    let mut found = Found::default();
    if let Some((name, url)) = env.first_var(&["UV_DEFAULT_INDEX", "UV_INDEX_URL"]) {
        let (id, url) = named(url);
        found.default = Some(Listed { id: id.unwrap_or_else(|| "default".to_owned()), url, source: name.to_owned(), of_project: false });
    }
    if let Some((name, urls)) = env.first_var(&["UV_INDEX", "UV_EXTRA_INDEX_URL"]) {
        for (at, text) in urls.split_whitespace().enumerate() {
            let (id, url) = named(text);
            let id = id.unwrap_or_else(|| format!("extra-{}", at + 1));
            found.extra.push(Listed { id, url, source: name.to_owned(), of_project: false });
        }
    }
    for (path, settings, of_project) in uv_files(shared)? {
        take_settings(settings, &shown_path(&path), of_project, &mut found);
    }
    let configured = found.default.is_some() || !found.extra.is_empty() || !found.explicit.is_empty();
    Ok(configured.then_some(found))
}

/// `name=url` or `url`.
fn named(text: &str) -> (Option<String>, String) {
    match text.split_once('=') {
        Some((name, url)) if !name.contains(['/', ':']) => (Some(name.to_owned()), url.to_owned()),
        _ => (None, text.to_owned()),
    }
}

/// The settings files that count, the nearest first, and whether each is the project's: the project's uv.toml or
/// pyproject.toml, the user's, the system's.
fn uv_files(shared: &Shared) -> Result<Vec<(PathBuf, UvSettings, bool)>, RegistryError> {
    let env = &shared.env;
    let mut out = Vec::new();
    for folder in env.ancestors() {
        let own = folder.join("uv.toml");
        if let Some(text) = read_file(&own)? {
            let settings = parse(&own, &text)?;
            out.push((own, settings, true));
            break;
        }
        let project = folder.join("pyproject.toml");
        if let Some(text) = read_file(&project)? {
            let file: Pyproject = parse(&project, &text)?;
            if let Some(settings) = file.tool.and_then(|tool| tool.uv) {
                out.push((project, settings, true));
                break;
            }
        }
    }
    let mut others: Vec<PathBuf> = env.var("UV_CONFIG_FILE").map(PathBuf::from).into_iter().collect();
    others.extend(env.config_home().map(|folder| folder.join("uv").join("uv.toml")));
    if !cfg!(windows) {
        others.push(PathBuf::from("/etc/uv/uv.toml"));
    }
    for path in others {
        if let Some(text) = read_file(&path)? {
            let settings = parse(&path, &text)?;
            out.push((path, settings, false));
        }
    }
    Ok(out)
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, RegistryError> {
    toml::from_str(text)
        .map_err(|error| RegistryError::Configuration { place: shown_path(path), why: bifocal_core::one_line(error.message(), 200) })
}

fn take_settings(settings: UvSettings, place: &str, of_project: bool, found: &mut Found) {
    let pip = settings.pip.map(|boxed| *boxed).unwrap_or_default();
    for index in settings.index {
        let at = found.extra.len() + found.explicit.len() + 1;
        let id = index.name.unwrap_or_else(|| if index.default { "default".to_owned() } else { format!("index-{at}") });
        let listed = Listed { id, url: index.url, source: format!("[[index]] in {place}"), of_project };
        if index.explicit {
            found.explicit.push(listed);
        } else if index.default {
            found.default.get_or_insert(listed);
        } else {
            found.extra.push(listed);
        }
    }
    if let Some(url) = settings.index_url.or(pip.index_url) {
        let source = format!("index-url in {place}");
        found.default.get_or_insert(Listed { id: "default".to_owned(), url, source, of_project });
    }
    for url in settings.extra_index_url.into_iter().chain(pip.extra_index_url) {
        let id = format!("extra-{}", found.extra.len() + 1);
        found.extra.push(Listed { id, url, source: format!("extra-index-url in {place}"), of_project });
    }
    for (name, value) in settings.sources {
        let entries = match value {
            toml::Value::Array(all) => all,
            one => vec![one],
        };
        let index = entries.iter().find_map(|entry| entry.get("index")?.as_str().map(str::to_owned));
        if let (Some(index), Ok(package)) = (index, PackageName::new(Ecosystem::Pypi, &name)) {
            found.sources.entry(package).or_insert(index);
        }
    }
}
