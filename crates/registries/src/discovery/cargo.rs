//! Where cargo would go: `config.toml` upward from the folder and in `CARGO_HOME`, source replacement, named registries,
//! their variables and tokens (<https://doc.rust-lang.org/cargo/reference/config.html>).
//!
//! Where nothing is configured, the built-in default is the one that the `tame-index` crate keeps for cargo tools.
//! Attack met: a checked project whose `.cargo/config.toml` gives a registry of the user's another address, to be sent the
//! user's token. Only sparse indexes are read: a git index would need a clone of the whole registry.

use super::{Upstream, read_file, shown_path};
use crate::error::RegistryError;
use crate::facade::Shared;
use crate::http::Credentials;
use crate::http::strangers::Strangers;
use bifocal_core::{Ecosystem, one_line};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use toml::{Table, Value};
use url::Url;

/// Replacements followed from source to source.
const MAX_REPLACEMENTS: usize = 16;

/// What discovery found.
#[derive(Debug, Default)]
pub(crate) struct CargoSetup {
    /// The default registry first, then the named ones by name.
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) credentials: Credentials,
    pub(crate) notes: Vec<String>,
    /// Named registries that are passed over because their index is a git repository.
    pub(crate) git_indexes: Vec<String>,
}

/// Configuration files, the nearest first, and the variables over them.
struct Config<'a> {
    shared: &'a Shared,
    files: Vec<File>,
    credentials: Option<Table>,
}

struct File {
    path: PathBuf,
    table: Table,
    /// Not in `CARGO_HOME`: it may be part of what is being checked.
    of_project: bool,
}

/// A value, mostly an index address, with its place.
struct Found {
    address: String,
    source: String,
    of_project: bool,
}

/// A registry's token.
struct Token {
    text: String,
    /// A file of the project holds it; else it is the user's own.
    of_project: bool,
}

/// Reads everything. Blocking.
pub(crate) fn discover(shared: &Shared) -> Result<CargoSetup, RegistryError> {
    let mut setup = CargoSetup::default();
    if let Some(listed) = shared.options.upstreams.get(&Ecosystem::Cargo) {
        for (at, address) in listed.iter().enumerate() {
            let id = if at == 0 { "default".to_owned() } else { format!("upstream-{}", at + 1) };
            let found = Found { address: address.clone(), source: super::setting(shared, Ecosystem::Cargo), of_project: false };
            setup.add(shared, &id, &found, None)?;
        }
        setup.credentials.reach_hosts();
        return Ok(setup);
    }
    let config = Config::load(shared)?;
    let (name, default) = config.default_source()?;
    let token = name.as_deref().and_then(|name| config.token(name));
    setup.add(shared, "default", &default, token.as_ref())?;
    for name in config.registry_names() {
        let Some(found) = config.index_of(&name) else { continue };
        match sparse(&found) {
            Err(error) => {
                setup.notes.push(format!("registry `{}` is passed over: {error}", one_line(&name, 60)));
                setup.git_indexes.push(one_line(&name, 60));
            }
            Ok(_) => setup.add(shared, &name, &found, config.token(&name).as_ref())?,
        }
    }
    setup.credentials.reach_hosts();
    let mut strangers = config.known();
    for upstream in setup.upstreams.iter_mut().filter(|upstream| upstream.of_project) {
        upstream.of_project = !strangers.meet(&upstream.base, &upstream.source);
    }
    setup.credentials.shun(strangers);
    Ok(setup)
}

impl CargoSetup {
    fn add(&mut self, shared: &Shared, id: &str, found: &Found, token: Option<&Token>) -> Result<(), RegistryError> {
        let upstream = Upstream::read(shared, Ecosystem::Cargo, id, sparse(found)?, &found.source, &mut self.credentials)?;
        let upstream = upstream.of_project(found.of_project);
        match token {
            Some(token) if found.of_project && !token.of_project => self.notes.push(format!(
                "the token of registry `{}` is not sent: {} says where that registry is; say it in CARGO_HOME or in a variable",
                one_line(id, 60),
                found.source
            )),
            Some(token) => self.credentials.raw(&upstream.base, &token.text),
            None => {}
        }
        if !self.upstreams.iter().any(|other| other.base == upstream.base) {
            self.upstreams.push(upstream);
        }
        Ok(())
    }
}

/// The address of a sparse index without its marker; a plain address in bifocal.toml counts as sparse.
fn sparse(found: &Found) -> Result<&str, RegistryError> {
    let address = found.address.trim();
    if let Some(bare) = address.strip_prefix("sparse+") {
        return Ok(bare);
    }
    if found.source.ends_with("bifocal.toml") || found.source.starts_with("BIFOCAL_UPSTREAM_") {
        return Ok(address);
    }
    Err(RegistryError::Configuration {
        place: found.source.clone(),
        why: "it is a git index, which is not read; give the registry's sparse index (`sparse+https://…`), or set `upstream.cargo` in bifocal.toml".to_owned(),
    })
}

impl<'a> Config<'a> {
    fn load(shared: &'a Shared) -> Result<Config<'a>, RegistryError> {
        let env = &shared.env;
        let cargo_home = env.var("CARGO_HOME").map(PathBuf::from).or_else(|| env.home.as_ref().map(|home| home.join(".cargo")));
        let mut folders: Vec<PathBuf> = env.ancestors().map(|folder| folder.join(".cargo")).collect();
        folders.extend(cargo_home.clone().filter(|home| !folders.contains(home)));
        let mut files = Vec::new();
        for folder in folders {
            let of_project = cargo_home.as_ref() != Some(&folder);
            files.extend(first_table(&folder, &["config", "config.toml"])?.map(|(path, table)| File { path, table, of_project }));
        }
        let credentials = match &cargo_home {
            Some(home) => first_table(home, &["credentials", "credentials.toml"])?.map(|(_, table)| table),
            None => None,
        };
        Ok(Config { shared, files, credentials })
    }

    /// The value at a path of keys in the nearest file that has it.
    fn text(&self, keys: &[&str]) -> Option<Found> {
        self.files.iter().find_map(|file| {
            let address = dig(&file.table, keys)?.as_str()?.to_owned();
            Some(Found { address, source: format!("{} ({})", shown_path(&file.path), keys.join(".")), of_project: file.of_project })
        })
    }

    /// Follows `replace-with` from crates-io to a registry. The name comes with it where it is a named registry.
    fn default_source(&self) -> Result<(Option<String>, Found), RegistryError> {
        let mut name = "crates-io".to_owned();
        let mut named_at = "cargo's configuration".to_owned();
        for _ in 0..MAX_REPLACEMENTS {
            if let Some(next) = self.text(&["source", &name, "replace-with"]) {
                name = next.address;
                named_at = next.source;
                continue;
            }
            if name == "crates-io" {
                let address = tame_index::CRATES_IO_HTTP_INDEX.to_owned();
                return Ok((None, Found { address, source: "cargo's built-in default".to_owned(), of_project: false }));
            }
            if let Some(found) = self.text(&["source", &name, "registry"]) {
                return Ok((None, found));
            }
            if let Some(found) = self.index_of(&name) {
                return Ok((Some(name), found));
            }
            let local = ["directory", "local-registry", "git"].into_iter().find(|kind| self.text(&["source", &name, kind]).is_some());
            let why = match local {
                Some(kind) => format!(
                    "source `{}` is a {kind}, not a registry; set `upstream.cargo` in bifocal.toml to the registry that it was filled from",
                    one_line(&name, 60)
                ),
                None => format!("it names source `{}`, which is not defined", one_line(&name, 60)),
            };
            return Err(RegistryError::Configuration { place: named_at, why });
        }
        Err(RegistryError::Configuration { place: named_at, why: "sources replace each other in a circle".to_owned() })
    }

    /// The indexes that the user's own files and variables name, and cargo's built-in default.
    fn known(&self) -> Strangers {
        let mut strangers = Strangers::default();
        let indexes = |table: &Table, section: &str, key: &str| -> Vec<String> {
            let named = dig(table, &[section]).and_then(Value::as_table).into_iter().flat_map(Table::values);
            named.filter_map(|one| one.get(key)?.as_str().map(str::to_owned)).collect()
        };
        let own = self.files.iter().filter(|file| !file.of_project);
        let mut all: Vec<String> = own
            .flat_map(|file| [indexes(&file.table, "registries", "index"), indexes(&file.table, "source", "registry")].concat())
            .collect();
        let variables = self.shared.env.vars.iter();
        let set = variables.filter(|(name, _)| name.starts_with("CARGO_REGISTRIES_") && name.ends_with("_INDEX"));
        all.extend(set.map(|(_, value)| value.clone()));
        all.push(tame_index::CRATES_IO_HTTP_INDEX.to_owned());
        for index in all {
            strangers.know(Url::parse(index.trim().trim_start_matches("sparse+")).ok().map(bifocal_readers::without_login));
        }
        strangers
    }

    /// The index of a named registry: its variable, then the files.
    fn index_of(&self, name: &str) -> Option<Found> {
        let variable = variable(name, "INDEX");
        if let Some(address) = self.shared.env.var(&variable) {
            return Some(Found { address: address.to_owned(), source: variable, of_project: false });
        }
        self.text(&["registries", name, "index"])
    }

    /// The token of a named registry: its variable, the credentials file, then the files. That of crates-io is for
    /// publishing alone and is never sent.
    fn token(&self, name: &str) -> Option<Token> {
        let of_user = |text: &str| Token { text: text.to_owned(), of_project: false };
        if let Some(token) = self.shared.env.var(&variable(name, "TOKEN")) {
            return Some(of_user(token));
        }
        let keys = ["registries", name, "token"];
        let held = self.credentials.as_ref().and_then(|table| dig(table, &keys)?.as_str().map(of_user));
        held.or_else(|| self.text(&keys).map(|found| Token { text: found.address, of_project: found.of_project }))
    }

    fn registry_names(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        let mut variables: BTreeMap<String, String> = BTreeMap::new();
        for file in &self.files {
            for name in dig(&file.table, &["registries"]).and_then(Value::as_table).into_iter().flat_map(Table::keys) {
                variables.insert(variable(name, "INDEX"), name.clone());
                names.insert(name.clone());
            }
        }
        for key in self.shared.env.vars.keys() {
            if let Some(name) = key.strip_prefix("CARGO_REGISTRIES_").and_then(|rest| rest.strip_suffix("_INDEX"))
                && !name.is_empty()
                && !variables.contains_key(key)
            {
                names.insert(name.to_lowercase().replace('_', "-"));
            }
        }
        names.remove("crates-io");
        names
    }
}

fn variable(name: &str, what: &str) -> String {
    format!("CARGO_REGISTRIES_{}_{what}", name.to_uppercase().replace('-', "_"))
}

fn dig<'t>(table: &'t Table, keys: &[&str]) -> Option<&'t Value> {
    let (last, folders) = keys.split_last()?;
    let mut table = table;
    for key in folders {
        table = table.get(*key)?.as_table()?;
    }
    table.get(*last)
}

/// The first of these files that is there, as TOML.
fn first_table(folder: &Path, names: &[&str]) -> Result<Option<(PathBuf, Table)>, RegistryError> {
    for name in names {
        let path = folder.join(name);
        if let Some(text) = read_file(&path)? {
            // The parser's own text would quote the line, which may hold a token.
            let table = text.parse::<Table>().map_err(|error| RegistryError::Configuration {
                place: shown_path(&path),
                why: format!("it is not TOML: {}", one_line(error.message(), 200)),
            })?;
            return Ok(Some((path, table)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Options};

    fn shared(folder: &Path, vars: &[(&str, &str)]) -> Shared {
        let mut vars: BTreeMap<String, String> = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        vars.insert("CARGO_HOME".to_owned(), folder.join("home").display().to_string());
        let env = Environment { vars, home: None, cwd: folder.join("project/member") };
        Shared::new(env, Options::default())
    }

    fn write(path: PathBuf, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn summary(setup: &CargoSetup) -> Vec<(String, String, Option<String>)> {
        let header = |u: &Upstream| setup.credentials.for_url(&u.base).map(|v| v.to_str().unwrap().to_owned());
        setup.upstreams.iter().map(|u| (u.id.clone(), u.base.to_string(), header(u))).collect()
    }

    #[test]
    fn replacement_is_followed_and_tokens_go_to_their_registry() {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path().join("project/.cargo/config.toml"),
            "[source.crates-io]\nreplace-with = 'mirror'\n[source.mirror]\nreplace-with = 'corp'\n",
        );
        write(
            folder.path().join("home/config.toml"),
            "[registries.corp]\nindex = 'sparse+https://corp.example/index/'\n[registries.git-only]\nindex = 'https://git.example/index.git'\n[registries.team]\nindex = 'sparse+https://team.example/i'\n",
        );
        write(folder.path().join("home/credentials.toml"), "[registry]\ntoken = 'publish-only'\n[registries.corp]\ntoken = 'corp-token'\n");
        let setup = discover(&shared(
            folder.path(),
            &[("CARGO_REGISTRIES_TEAM_TOKEN", "team-token"), ("CARGO_REGISTRIES_MY_OWN_INDEX", "sparse+https://own.example/")],
        ))
        .unwrap();
        let expected = [
            ("default", "https://corp.example/index/", Some("corp-token")),
            ("my-own", "https://own.example/", None),
            ("team", "https://team.example/i/", Some("team-token")),
        ];
        let expected: Vec<_> = expected.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), c.map(str::to_owned))).collect();
        assert_eq!(summary(&setup), expected);
        assert!(setup.notes[0].contains("git-only") && setup.notes[0].contains("git index"), "{:?}", setup.notes);
    }

    #[test]
    fn a_project_cannot_draw_the_users_token_to_its_own_host() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path().join("home/config.toml"), "[registries.corp]\nindex = 'sparse+https://corp.example/'\n");
        write(folder.path().join("home/credentials.toml"), "[registries.corp]\ntoken = 's3cret'\n");
        write(
            folder.path().join("project/.cargo/config.toml"),
            "[registries.corp]\nindex = 'sparse+https://evil.example/'\n[source.crates-io]\nreplace-with = 'corp'\n",
        );
        let setup = discover(&shared(folder.path(), &[])).unwrap();
        assert_eq!(summary(&setup), [("default".to_owned(), "https://evil.example/".to_owned(), None)]);
        assert!(setup.notes[0].contains("is not sent"), "{:?}", setup.notes);
        assert!(setup.credentials.stranger(&setup.upstreams[0].base).is_some());
        write(folder.path().join("project/.cargo/config.toml"), "[registries.ours]\nindex = 'sparse+https://corp.example/'\n");
        let setup = discover(&shared(folder.path(), &[])).unwrap();
        assert!(setup.upstreams.iter().all(|upstream| !upstream.of_project), "{:?}", setup.upstreams);
    }

    #[test]
    fn the_nearest_file_wins_and_nothing_configured_is_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let setup = discover(&shared(folder.path(), &[])).unwrap();
        assert_eq!(setup.upstreams[0].source, "cargo's built-in default");
        assert!(tame_index::CRATES_IO_HTTP_INDEX.ends_with(setup.upstreams[0].base.as_str()));
        for (place, host) in [("home", "far"), ("project/.cargo", "near")] {
            let text = format!("[source.crates-io]\nreplace-with = 'm'\n[source.m]\nregistry = 'sparse+https://{host}.example/'\n");
            write(folder.path().join(place).join("config.toml"), &text);
        }
        let setup = discover(&shared(folder.path(), &[])).unwrap();
        assert_eq!(setup.upstreams[0].base.as_str(), "https://near.example/");
    }

    #[test]
    fn what_cannot_be_used_is_a_configuration_error_that_says_what_to_do() {
        for (text, expected) in [
            ("[source.crates-io]\nreplace-with = 'v'\n[source.v]\ndirectory = 'vendor'\n", "is a directory, not a registry"),
            ("[source.crates-io]\nreplace-with = 'v'\n", "is not defined"),
            ("[source.crates-io]\nreplace-with = 'v'\n[source.v]\nreplace-with = 'crates-io'\n", "in a circle"),
            ("[source.crates-io]\nreplace-with = 'v'\n[source.v]\nregistry = 'https://git.example/i'\n", "is a git index"),
            ("[registries\ntoken = 's3cret'", "it is not TOML"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path().join("home/config.toml"), text);
            let error = discover(&shared(folder.path(), &[])).unwrap_err();
            assert!(error.is_configuration() && error.to_string().contains(expected), "{error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
