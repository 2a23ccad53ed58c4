//! Python's indexes: uv's when the project or the user configures uv, else pip's, else pip's built-in default as pip
//! itself tells it.
//!
//! pip takes the best version over all its indexes, uv the first index that has the package: which of the two it is
//! decides whether a public index can shadow a private one (dependency confusion).

mod uv;

use super::{Upstream, expand_path, from_options, netrc, pipconf, read_file, shown_path};
use crate::environment::Environment;
use crate::error::RegistryError;
use crate::facade::Shared;
use crate::http::Credentials;
use crate::http::strangers::Strangers;
use bifocal_core::{Choosing, Ecosystem, PackageName, printable};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;

/// How several indexes are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// pip: the best version over all.
    Best,
    /// uv: the first that has the package.
    First,
}

/// What the Python client is configured to do.
#[derive(Debug)]
pub(crate) struct PypiConfig {
    /// In the order in which they are asked; never empty.
    pub(crate) indexes: Vec<Upstream>,
    /// Indexes asked only for packages that `tool.uv.sources` sends there.
    pub(crate) explicit: Vec<Upstream>,
    /// Package to index id.
    pub(crate) sources: BTreeMap<PackageName, String>,
    pub(crate) strategy: Strategy,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) notes: Vec<String>,
    /// What variables say of how the client chooses.
    pub(crate) choosing: Choosing,
    /// Variables by which the client may take other releases or files, and that are not followed.
    pub(crate) unfollowed: Vec<String>,
}

/// An index as configured, before its address is read.
struct Listed {
    id: String,
    url: String,
    source: String,
    of_project: bool,
}

#[derive(Default)]
struct Found {
    default: Option<Listed>,
    extra: Vec<Listed>,
    explicit: Vec<Listed>,
    sources: BTreeMap<PackageName, String>,
    certificates: Vec<PathBuf>,
    notes: Vec<String>,
}

/// Reads the configuration.
pub(crate) async fn discover(shared: &Arc<Shared>) -> Result<PypiConfig, RegistryError> {
    let (choosing, unfollowed) = choosing(&shared.env)?;
    let mut credentials = Credentials::default();
    let listed = from_options(shared, Ecosystem::Pypi, &mut credentials)?;
    credentials.reach_hosts();
    if !listed.is_empty() {
        let config = PypiConfig {
            indexes: listed,
            explicit: Vec::new(),
            sources: BTreeMap::new(),
            strategy: Strategy::Best,
            credentials: Arc::new(credentials),
            notes: Vec::new(),
            choosing,
            unfollowed,
        };
        return Ok(config);
    }
    let (found, strategy) = match uv::read(shared)? {
        Some(found) => (found, Strategy::First),
        None => (pip(shared)?, Strategy::Best),
    };
    let mut strangers = known(shared, &found).await?;
    let default = match found.default {
        Some(listed) => listed,
        None => Listed {
            id: "default".to_owned(),
            url: built_in(shared).await?,
            source: "pip's built-in default".to_owned(),
            of_project: false,
        },
    };
    for bundle in found.certificates {
        shared.http.trust(bundle);
    }
    let mut read = |listed: &Listed| {
        let upstream = Upstream::read(shared, Ecosystem::Pypi, &listed.id, &listed.url, &listed.source, &mut credentials)?;
        let of_project = listed.of_project && !strangers.meet(&upstream.base, &upstream.source);
        Ok::<_, RegistryError>(upstream.of_project(of_project))
    };
    let mut indexes = Vec::new();
    let order: Vec<&Listed> = match strategy {
        Strategy::Best => std::iter::once(&default).chain(&found.extra).collect(),
        Strategy::First => found.extra.iter().chain(std::iter::once(&default)).collect(),
    };
    for listed in order {
        let upstream = read(listed)?;
        if !indexes.iter().any(|held: &Upstream| held.base == upstream.base) {
            indexes.push(upstream);
        }
    }
    let explicit = found.explicit.iter().map(&mut read).collect::<Result<Vec<_>, _>>()?;
    index_variables(shared, indexes.iter().chain(&explicit), &mut credentials);
    logins(shared, indexes.iter().chain(&explicit), &mut credentials)?;
    credentials.reach_hosts();
    credentials.shun(strangers);
    let (sources, credentials, notes) = (found.sources, Arc::new(credentials), found.notes);
    Ok(PypiConfig { indexes, explicit, sources, strategy, credentials, notes, choosing, unfollowed })
}

/// Variables of pip and uv that narrow what is seen or have it built from source, and those that are not followed.
fn choosing(env: &Environment) -> Result<(Choosing, Vec<String>), RegistryError> {
    let mut own = Choosing::default();
    for (variable, through) in [("UV_EXCLUDE_NEWER", true), ("PIP_UPLOADED_PRIOR_TO", false)] {
        let Some(text) = env.var(variable).filter(|text| !text.trim().is_empty()) else { continue };
        let at = Choosing::uploaded_before(text, through).ok_or_else(|| RegistryError::Configuration {
            place: variable.to_owned(),
            why: format!("`{}` is no date and no time of one; lengths of time are not followed", printable(text)),
        })?;
        own.before = Some(own.before.map_or(at, |held| held.min(at)));
    }
    for variable in ["PIP_NO_BINARY", "UV_NO_BINARY_PACKAGE"] {
        for value in env.var(variable).unwrap_or_default().split_whitespace() {
            own.add_from_source(value);
        }
    }
    if env.var("UV_NO_BINARY").is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on" | "y" | "t")) {
        own.add_from_source(Choosing::ALL);
    }
    const OTHERS: [&str; 9] = [
        "PIP_ONLY_BINARY",
        "PIP_PREFER_BINARY",
        "PIP_PRE",
        "PIP_PLATFORM",
        "PIP_PYTHON_VERSION",
        "UV_NO_BUILD",
        "UV_NO_BUILD_PACKAGE",
        "UV_PRERELEASE",
        "UV_RESOLUTION",
    ];
    let set = OTHERS.iter().filter(|name| env.var(name).is_some_and(|value| !value.is_empty()));
    let unfollowed = set.map(|name| format!("{name} is not followed: the client may take other releases or files than were looked at"));
    Ok((own, unfollowed.collect()))
}

/// What the user's own configuration of uv or pip names, where the project's names anything: else nothing is met.
async fn known(shared: &Arc<Shared>, found: &Found) -> Result<Strangers, RegistryError> {
    let mut strangers = Strangers::default();
    let listed = |found: &Found| -> Vec<(String, bool)> {
        let all = found.default.iter().chain(&found.extra).chain(&found.explicit);
        all.map(|listed| (listed.url.clone(), listed.of_project)).collect()
    };
    let all = listed(found);
    if all.iter().any(|(_, of_project)| *of_project) {
        let pips = listed(&pip(shared)?);
        for (url, _) in all.iter().chain(&pips).filter(|(_, of_project)| !of_project) {
            strangers.know(Url::parse(url.trim()).ok().map(bifocal_readers::without_login));
        }
        strangers.know(built_in(shared).await.ok().and_then(|url| Url::parse(&url).ok()));
    }
    Ok(strangers)
}

async fn built_in(shared: &Arc<Shared>) -> Result<String, RegistryError> {
    let holder = Arc::clone(shared);
    let facts = crate::http::blocking(move || holder.python().clone()).await?;
    facts.index.ok_or_else(|| RegistryError::NoUpstream {
        ecosystem: Ecosystem::Pypi,
        key: "PIP_INDEX_URL",
        why: facts.missing.unwrap_or_else(|| "the installed Python has no pip to tell its default".to_owned()),
    })
}

fn pip(shared: &Shared) -> Result<Found, RegistryError> {
    let env = &shared.env;
    let mut files: Vec<PathBuf> = Vec::new();
    // Highest precedence first.
    match env.var("PIP_CONFIG_FILE") {
        Some(path) if path == "/dev/null" || path.eq_ignore_ascii_case("nul") => {}
        named => {
            files.extend(named.map(PathBuf::from));
            files.extend(env.var("VIRTUAL_ENV").map(|folder| Path::new(folder).join("pip.conf")));
            files.extend(env.config_home().map(|folder| folder.join("pip").join("pip.conf")));
            files.extend(env.home.as_ref().map(|home| home.join(".pip").join("pip.conf")));
            if cfg!(windows) {
                files.extend(env.var("APPDATA").map(|folder| Path::new(folder).join("pip").join("pip.ini")));
            } else {
                files.push(PathBuf::from("/etc/pip.conf"));
                files.extend(
                    env.var("XDG_CONFIG_DIRS")
                        .unwrap_or("/etc/xdg")
                        .split(':')
                        .map(|folder| Path::new(folder).join("pip").join("pip.conf")),
                );
            }
        }
    }
    let mut layers = Vec::new();
    for path in files {
        if let Some(text) = read_file(&path)? {
            layers.push((shown_path(&path), pipconf::parse(&text)));
        }
    }
    let in_files = |key: &str| {
        layers.iter().find_map(|(place, keys)| {
            let value = ["install", "global"].iter().find_map(|section| keys.get(&((*section).to_owned(), key.to_owned())));
            value.filter(|value| !value.trim().is_empty()).map(|value| (value.clone(), format!("{key} in {place}")))
        })
    };
    let setting = |variable: &'static str, key: &str| {
        env.var(variable).map(|value| (value.to_owned(), variable.to_owned())).or_else(|| in_files(key))
    };
    let mut found = Found::default();
    if let Some((url, source)) = setting("PIP_INDEX_URL", "index-url") {
        found.default = Some(Listed { id: "default".to_owned(), url: url.trim().to_owned(), source, of_project: false });
    }
    if let Some((urls, source)) = setting("PIP_EXTRA_INDEX_URL", "extra-index-url") {
        found.extra = numbered(&urls, &source);
    }
    // PIP_CERT is read with the other variables by the transport.
    if let Some((path, _)) = in_files("cert") {
        found.certificates.push(expand_path(&path, env.home.as_deref(), &env.cwd));
    }
    for (variable, key) in [("PIP_FIND_LINKS", "find-links"), ("PIP_NO_INDEX", "no-index"), ("PIP_TRUSTED_HOST", "trusted-host")] {
        if let Some((_, source)) = setting(variable, key) {
            found.notes.push(format!("pip's `{key}` ({source}) is not followed"));
        }
    }
    Ok(found)
}

fn numbered(urls: &str, source: &str) -> Vec<Listed> {
    let listed = urls.split_whitespace().enumerate();
    listed
        .map(|(at, url)| Listed { id: format!("extra-{}", at + 1), url: url.to_owned(), source: source.to_owned(), of_project: false })
        .collect()
}

/// `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD`.
fn index_variables<'a>(shared: &Shared, indexes: impl Iterator<Item = &'a Upstream>, credentials: &mut Credentials) {
    // A project may give its own index the name of one of the user's.
    for index in indexes.filter(|index| !index.of_project) {
        let name: String = index.id.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        let user = shared.env.var(&format!("UV_INDEX_{name}_USERNAME"));
        let password = shared.env.var(&format!("UV_INDEX_{name}_PASSWORD"));
        if user.is_some() || password.is_some() {
            credentials.basic(&index.base, user.unwrap_or_default(), password.unwrap_or_default());
        }
    }
}

/// netrc logins, bound to https, and to http only for hosts that the user configured so.
fn logins<'a>(shared: &Shared, indexes: impl Iterator<Item = &'a Upstream>, credentials: &mut Credentials) -> Result<(), RegistryError> {
    let env = &shared.env;
    let Some(path) = env.var("NETRC").map(PathBuf::from).or_else(|| env.home.as_ref().map(|home| home.join(".netrc"))) else {
        return Ok(());
    };
    let Some(text) = read_file(&path)? else { return Ok(()) };
    let plain: Vec<&Url> = indexes.map(|index| &index.base).filter(|url| url.scheme() == "http").collect();
    for login in netrc::parse(&text) {
        let https = Url::parse(&format!("https://{}/", login.machine)).ok();
        // Address secrets were bound first and win over netrc, as in pip.
        let targets =
            https.into_iter().chain(plain.iter().filter(|url| url.host_str() == Some(login.machine.as_str())).map(|url| (*url).clone()));
        for url in targets {
            credentials.basic(&url, &login.user, &login.password);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::{Environment, Options};

    struct Bed {
        folder: tempfile::TempDir,
        env: Environment,
    }

    impl Bed {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for name in ["home/.config/pip", "home/.pip", "project/sub", "system/pip"] {
                std::fs::create_dir_all(folder.path().join(name)).unwrap();
            }
            let vars = [("XDG_CONFIG_DIRS".to_owned(), folder.path().join("system").display().to_string())];
            let env = Environment { vars: vars.into(), home: Some(folder.path().join("home")), cwd: folder.path().join("project/sub") };
            Bed { folder, env }
        }

        fn file(&self, path: &str, text: &str) -> &Self {
            std::fs::write(self.folder.path().join(path), text).unwrap();
            self
        }

        fn var(&mut self, name: &str, value: &str) -> &mut Self {
            self.env.vars.insert(name.to_owned(), value.to_owned());
            self
        }

        async fn discover(&self) -> Result<PypiConfig, RegistryError> {
            discover(&Arc::new(Shared::new(self.env.clone(), Options::default()))).await
        }

        async fn indexes(&self) -> Vec<String> {
            let config = self.discover().await.unwrap();
            config.indexes.iter().map(|index| format!("{} {}", index.id, index.base)).collect()
        }
    }

    #[tokio::test]
    async fn variables_beat_files_and_the_user_beats_the_system() {
        let mut bed = Bed::new();
        bed.file("system/pip/pip.conf", "[global]\nindex-url = https://system.example/simple\n");
        assert_eq!(bed.indexes().await, ["default https://system.example/simple/"]);
        bed.file("home/.pip/pip.conf", "[global]\nindex-url = https://legacy.example/simple\n");
        assert_eq!(bed.indexes().await, ["default https://legacy.example/simple/"]);
        bed.file(
            "home/.config/pip/pip.conf",
            "[global]\nindex-url = https://user.example/simple\nextra-index-url = https://x.example/s https://y.example/s\n",
        );
        assert_eq!(
            bed.indexes().await,
            ["default https://user.example/simple/", "extra-1 https://x.example/s/", "extra-2 https://y.example/s/"]
        );
        bed.file("named.conf", "[install]\nindex-url = https://named.example/simple\n");
        let named = bed.folder.path().join("named.conf").display().to_string();
        bed.var("PIP_CONFIG_FILE", &named);
        assert_eq!(bed.indexes().await[0], "default https://named.example/simple/");
        bed.var("PIP_INDEX_URL", "https://variable.example/simple/");
        assert_eq!(bed.indexes().await[0], "default https://variable.example/simple/");
    }

    #[tokio::test]
    async fn uv_configuration_takes_over_with_its_own_order() {
        let mut bed = Bed::new();
        bed.var("PIP_INDEX_URL", "https://pip.example/simple/").file(
            "project/pyproject.toml",
            "[project]\nname = \"x\"\n[[tool.uv.index]]\nname = \"own\"\nurl = \"https://own.example/simple\"\n[[tool.uv.index]]\nname = \"torch\"\nurl = \"https://torch.example/whl\"\nexplicit = true\n\
             [[tool.uv.index]]\nurl = \"https://main.example/simple\"\ndefault = true\n[tool.uv.sources]\nTorch = { index = \"torch\" }\nlocal = { path = \"../l\" }\n",
        );
        bed.var("UV_INDEX_OWN_USERNAME", "me").var("UV_INDEX_OWN_PASSWORD", "pw");
        let config = bed.discover().await.unwrap();
        assert_eq!(config.strategy, Strategy::First);
        assert_eq!(bed.indexes().await, ["own https://own.example/simple/", "default https://main.example/simple/"]);
        assert_eq!(config.explicit[0].base.as_str(), "https://torch.example/whl/");
        assert_eq!(config.sources[&PackageName::new(Ecosystem::Pypi, "torch").unwrap()], "torch");
        // The project alone says where `own` is: nothing is sent there, least of all a login.
        let own = config.indexes[0].base.clone();
        assert!(config.credentials.for_url(&own).is_none() && config.credentials.stranger(&own).is_some());
        bed.file("home/.config/pip/pip.conf", "[global]\nextra-index-url = https://own.example/simple\n");
        let config = bed.discover().await.unwrap();
        assert_eq!(config.credentials.for_url(&own).unwrap(), "Basic bWU6cHc=");
        assert!(config.credentials.stranger(&own).is_none());
        bed.var("UV_DEFAULT_INDEX", "https://variable.example/simple").var("UV_INDEX", "near=https://near.example/simple");
        assert_eq!(
            bed.indexes().await,
            ["near https://near.example/simple/", "own https://own.example/simple/", "default https://variable.example/simple/"]
        );
    }

    #[tokio::test]
    async fn secrets_come_from_addresses_and_netrc_and_stay_with_their_host() {
        let mut bed = Bed::new();
        bed.var("PIP_INDEX_URL", "https://me:pw@private.example/simple/").file(
            "home/.netrc",
            "machine other.example login o password p\nmachine private.example login n password q\ndefault login d password d\n",
        );
        let config = bed.discover().await.unwrap();
        assert_eq!(config.indexes[0].base.as_str(), "https://private.example/simple/");
        let header = |url: &str| config.credentials.for_url(&Url::parse(url).unwrap()).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("https://private.example/simple/x/").as_deref(), Some("Basic bWU6cHc="));
        assert_eq!(header("https://other.example/files/x").as_deref(), Some("Basic bzpw"));
        assert_eq!(header("http://other.example/files/x"), None);
        assert_eq!(header("https://third.example/"), None);
    }

    #[tokio::test]
    async fn nothing_configured_and_no_python_names_the_key_to_set() {
        let mut bed = Bed::new();
        let error = bed.var("PIP_CONFIG_FILE", "/dev/null").discover().await.unwrap_err();
        assert!(error.is_configuration());
        assert!(error.to_string().contains("set `PIP_INDEX_URL`"), "{error}");
    }

    #[tokio::test]
    async fn a_broken_file_is_named() {
        let bed = Bed::new();
        bed.file("project/pyproject.toml", "[tool.uv\n");
        let error = bed.discover().await.unwrap_err().to_string();
        assert!(error.contains("project/pyproject.toml is not usable"), "{error}");
    }
}
