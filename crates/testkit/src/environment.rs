//! Configuration of real clients (and of Bifocal, which reads what they read) so that they use a test's upstream and
//! nothing of this machine's own: private home, private caches, cleared environment.

use crate::upstream::{Auth, Upstream};
use bifocal_core::Ecosystem;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Variables of the surrounding environment that are passed on: where programs are, and nothing about registries.
const KEPT: [&str; 10] = [
    "PATH",
    "LD_LIBRARY_PATH",
    "TMPDIR",
    "JAVA_HOME",
    "LLVM_PROFILE_FILE",
    "RUST_BACKTRACE",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "PYENV_ROOT",
    "PYENV_VERSION",
];

/// Quiet, and quick to try again: npm waits ten seconds and more between tries of its own accord.
const NPMRC: &str = "audit=false\nfund=false\nupdate-notifier=false\nfetch-retry-mintimeout=50\nfetch-retry-maxtimeout=500\n";

/// Environment variables and configuration files for clients.
#[derive(Debug, Clone)]
pub struct ClientEnvironment {
    root: PathBuf,
    vars: BTreeMap<String, String>,
}

impl Upstream {
    /// Writes the configuration of npm, pip, uv, cargo, Maven and Go below `dir`, and gives the environment with which
    /// they (and Bifocal) use this upstream alone. Credentials that the upstream demands are written too.
    ///
    /// # Panics
    /// When `dir` cannot be written.
    pub fn environment(&self, dir: &Path) -> ClientEnvironment {
        let mut environment = ClientEnvironment::empty(dir);
        for ecosystem in Ecosystem::ALL {
            environment.point(ecosystem, &self.url_of(ecosystem), self.auth_of(ecosystem).as_ref());
        }
        if self.name().is_some() {
            environment.proxy(&self.proxy_url(), self.host());
        }
        environment
    }
}

impl ClientEnvironment {
    /// A private home and private caches below `root`, with no registry configured: clients use their built-in default.
    ///
    /// # Panics
    /// When `root` cannot be written.
    pub fn empty(root: &Path) -> Self {
        let root = std::path::absolute(root).expect("an absolute path");
        let mut environment = ClientEnvironment { root: root.clone(), vars: BTreeMap::new() };
        for name in KEPT {
            if let Ok(value) = std::env::var(name) {
                environment.set(name, value);
            }
        }
        // Version managers find themselves through the home folder, which is replaced here.
        if let Some(home) = std::env::home_dir() {
            for (name, folder) in [("RUSTUP_HOME", ".rustup"), ("PYENV_ROOT", ".pyenv")] {
                let place = home.join(folder);
                if place.is_dir() && !environment.vars.contains_key(name) {
                    environment.set(name, place.to_string_lossy());
                }
            }
        }
        let folders = [
            ("HOME", "home"),
            ("XDG_CONFIG_HOME", "home/.config"),
            ("XDG_CACHE_HOME", "home/.cache"),
            ("XDG_DATA_HOME", "home/.local/share"),
            ("XDG_STATE_HOME", "home/.local/state"),
            ("npm_config_cache", "npm-cache"),
            ("PIP_CACHE_DIR", "pip-cache"),
            ("UV_CACHE_DIR", "uv-cache"),
            ("CARGO_HOME", "cargo-home"),
            ("GOPATH", "go"),
            ("GOMODCACHE", "go/pkg/mod"),
            ("GOCACHE", "go-build"),
        ];
        for (name, folder) in folders {
            let place = root.join(folder);
            fs::create_dir_all(&place).expect("a folder of the private home");
            environment.set(name, place.to_string_lossy());
        }
        let home = root.join("home");
        environment.set("npm_config_userconfig", home.join(".npmrc").to_string_lossy());
        environment.set("npm_config_globalconfig", root.join("npm-global.rc").to_string_lossy());
        environment.set("PIP_CONFIG_FILE", home.join(".config/pip/pip.conf").to_string_lossy());
        environment.set("MAVEN_OPTS", format!("-Duser.home={}", home.display()));
        for (name, value) in [
            ("LANG", "C.UTF-8"),
            ("GOENV", "off"),
            ("GOTOOLCHAIN", "local"),
            ("GOSUMDB", "off"),
            ("GONOSUMDB", "*"),
            ("GOFLAGS", "-mod=mod -modcacherw"),
            ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
            ("PIP_NO_INPUT", "1"),
            ("CARGO_NET_RETRY", "1"),
        ] {
            environment.set(name, value);
        }
        environment.write("home/.npmrc", NPMRC);
        environment
    }

    /// Points one ecosystem's client at an address, as [`Upstream::url_of`] gives it.
    ///
    /// # Panics
    /// When the configuration cannot be written.
    pub fn point(&mut self, ecosystem: Ecosystem, url: &str, auth: Option<&Auth>) {
        match ecosystem {
            Ecosystem::Npm => self.point_npm(url, auth),
            Ecosystem::Pypi => self.point_pypi(url, auth),
            Ecosystem::Maven => self.point_maven(url, auth),
            Ecosystem::Cargo => self.point_cargo(url, auth),
            Ecosystem::Golang => self.set("GOPROXY", with_user(url, auth)),
        }
    }

    fn point_npm(&mut self, url: &str, auth: Option<&Auth>) {
        let mut text = format!("registry={url}\n{NPMRC}");
        let bare = url.split_once(':').map_or(url, |(_, rest)| rest);
        match auth {
            Some(Auth::Bearer(token)) => text.push_str(&format!("{bare}:_authToken={token}\n")),
            Some(basic @ Auth::Basic { .. }) => {
                let header = basic.header();
                text.push_str(&format!("{bare}:_auth={}\n", header.trim_start_matches("Basic ")));
            }
            None => {}
        }
        self.write("home/.npmrc", &text);
        self.set("npm_config_registry", url);
    }

    fn point_pypi(&mut self, url: &str, auth: Option<&Auth>) {
        let address = with_user(url, auth);
        self.write("home/.config/pip/pip.conf", &format!("[global]\nindex-url = {address}\ntrusted-host = {}\n", host_of(url)));
        self.set("PIP_INDEX_URL", &address);
        self.set("UV_DEFAULT_INDEX", &address);
    }

    fn point_cargo(&mut self, url: &str, auth: Option<&Auth>) {
        let mut text = format!(
            "[source.crates-io]\nreplace-with = \"testkit\"\n\n[source.testkit]\nregistry = \"{url}\"\n\n[registries.testkit]\nindex = \"{url}\"\n"
        );
        if let Some(auth) = auth {
            text.push_str("\n[registry]\nglobal-credential-providers = [\"cargo:token\"]\n");
            let token = match auth {
                Auth::Bearer(token) => token.clone(),
                basic @ Auth::Basic { .. } => basic.header(),
            };
            self.set("CARGO_REGISTRIES_TESTKIT_TOKEN", token);
        }
        self.write("cargo-home/config.toml", &text);
    }

    fn point_maven(&mut self, url: &str, auth: Option<&Auth>) {
        let server = match auth {
            Some(Auth::Basic { user, password }) => {
                format!(
                    "  <servers><server><id>testkit</id><username>{user}</username><password>{password}</password></server></servers>\n"
                )
            }
            Some(Auth::Bearer(token)) => format!(
                "  <servers><server><id>testkit</id><configuration><httpHeaders><property><name>Authorization</name><value>Bearer {token}</value></property></httpHeaders></configuration></server></servers>\n"
            ),
            None => String::new(),
        };
        let repository = self.root.join("m2-repository");
        self.write(
            "home/.m2/settings.xml",
            &format!(
                "<settings>\n  <localRepository>{}</localRepository>\n{server}  <mirrors>\n    <mirror><id>testkit</id><mirrorOf>*</mirrorOf><url>{url}</url></mirror>\n  </mirrors>\n</settings>\n",
                repository.display()
            ),
        );
    }

    /// Sends plain HTTP through a proxy, whatever the client; `host` is trusted without TLS.
    fn proxy(&mut self, proxy: &str, host: &str) {
        for name in ["HTTP_PROXY", "http_proxy", "npm_config_proxy", "CARGO_HTTP_PROXY"] {
            self.set(name, proxy);
        }
        self.set("GOINSECURE", "*");
        self.set("UV_INSECURE_HOST", host);
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: impl AsRef<str>) {
        self.vars.insert(name.to_owned(), value.as_ref().to_owned());
    }

    /// Removes a variable.
    pub fn unset(&mut self, name: &str) {
        self.vars.remove(name);
    }

    /// All variables, which are the whole environment of a client.
    pub fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    /// The private home folder.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Writes a file below the root, with its folders.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: &str) -> PathBuf {
        let place = self.root.join(path);
        fs::create_dir_all(place.parent().expect("a path with a folder")).expect("a folder");
        fs::write(&place, content).expect("a configuration file");
        place
    }

    /// Gives a command this environment and no other.
    pub fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env_clear().envs(&self.vars)
    }

    /// A command with this environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        self.apply(&mut command);
        command
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// Puts credentials into an address; a token becomes the password of the user `__token__`.
fn with_user(url: &str, auth: Option<&Auth>) -> String {
    match (auth, url.split_once("://")) {
        (Some(Auth::Basic { user, password }), Some((scheme, rest))) => format!("{scheme}://{user}:{password}@{rest}"),
        (Some(Auth::Bearer(token)), Some((scheme, rest))) => format!("{scheme}://__token__:{token}@{rest}"),
        _ => url.to_owned(),
    }
}
