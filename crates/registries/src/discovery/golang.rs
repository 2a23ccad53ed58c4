//! Where the go command would go: `go env GOPROXY GOSUMDB GOPRIVATE …`, which knows variables, its own file and its
//! built-in defaults (<https://go.dev/ref/mod#environment-variables>).

use super::{Upstream, read_file};
use crate::environment::Environment;
use crate::error::{RegistryError, shown_text};
use crate::facade::Shared;
use crate::golang::sumdb::Key;
use crate::http::Credentials;
use crate::tool::{self, Question};
use bifocal_core::{Ecosystem, one_line};
use std::collections::BTreeMap;
use std::path::PathBuf;
use url::Url;

/// The keys that matter, as the go command names them.
const KEYS: [&str; 7] = ["GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOFLAGS", "GOROOT"];
/// Where the go command's sources keep the keys of the databases that it knows by name.
const KNOWN_KEYS: &str = "src/cmd/go/internal/modfetch/key.go";
/// Proxies of one list.
const MAX_PROXIES: usize = 32;

/// One proxy of the list.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    pub(crate) upstream: Upstream,
    /// Behind it stands `|`: the next is asked after any failure, not only after 404 and 410.
    pub(crate) forgiving: bool,
}

/// What stands at the end of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing.
    Exhausted,
    /// `direct`: the go command clones the module's repository itself.
    Direct,
    /// `off`: nothing is fetched.
    Off,
}

/// The checksum database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SumDb {
    /// Its name, which is also its host.
    pub(crate) name: String,
    /// Where it is asked directly, with a slash at the end.
    pub(crate) base: Url,
    /// GOSUMDB itself gives that address: then no proxy is asked in its place.
    pub(crate) explicit: bool,
    /// What it signs with, where that is known.
    pub(crate) key: Option<Key>,
}

/// What discovery found.
#[derive(Debug)]
pub(crate) struct GoSetup {
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) end: End,
    pub(crate) sumdb: Option<SumDb>,
    /// Modules that no proxy is asked for.
    pub(crate) no_proxy: String,
    /// Modules that the checksum database is not asked for.
    pub(crate) no_sumdb: String,
    pub(crate) credentials: Credentials,
    pub(crate) notes: Vec<String>,
}

/// Reads everything. Blocking.
pub(crate) fn discover(shared: &Shared) -> Result<GoSetup, RegistryError> {
    let mut notes = Vec::new();
    let mut values = match values(shared) {
        Ok(values) => values,
        Err(error) => {
            let known = from_files(&shared.env)?;
            if !known.contains_key("GOPROXY") && !shared.options.upstreams.contains_key(&Ecosystem::Golang) {
                return Err(RegistryError::NoUpstream { ecosystem: Ecosystem::Golang, key: "GOPROXY", why: error.to_string() });
            }
            if !known.contains_key("GOSUMDB") {
                notes.push(format!("no checksum database is asked: GOSUMDB is not set, and {error}"));
            }
            known
        }
    };
    let mut source = "GOPROXY".to_owned();
    if let Some(listed) = shared.options.upstreams.get(&Ecosystem::Golang) {
        values.insert("GOPROXY".to_owned(), listed.join(","));
        source = super::setting(shared, Ecosystem::Golang);
    }
    let value = |key: &str| values.get(key).map(String::as_str).unwrap_or_default().trim();
    let or_private = |key: &str| if value(key).is_empty() { value("GOPRIVATE") } else { value(key) }.to_owned();
    let insecure = value("GOFLAGS").split_whitespace().any(|flag| matches!(flag, "-insecure" | "--insecure"));
    let mut setup = GoSetup {
        proxies: Vec::new(),
        end: End::Exhausted,
        sumdb: if insecure { None } else { sumdb(value("GOSUMDB"), value("GOROOT"))? },
        no_proxy: or_private("GONOPROXY"),
        no_sumdb: or_private("GONOSUMDB"),
        credentials: Credentials::default(),
        notes,
    };
    setup.read_proxies(shared, value("GOPROXY"), &source)?;
    if setup.proxies.is_empty() {
        let why = match setup.end {
            End::Off => "GOPROXY is off",
            _ => "GOPROXY names no proxy, only `direct`, which clones repositories and is not done here",
        };
        return Err(RegistryError::NoUpstream { ecosystem: Ecosystem::Golang, key: "GOPROXY", why: why.to_owned() });
    }
    setup.read_netrc(&shared.env)?;
    match &setup.sumdb {
        Some(sumdb) if sumdb.key.is_none() => setup.notes.push(format!(
            "what the checksum database {} says is taken without proof: its key is not known here; give GOSUMDB as name+hash+key",
            shown_text(&sumdb.name)
        )),
        None if insecure => setup.notes.push("no checksum database is asked: GOFLAGS says -insecure".to_owned()),
        None if value("GOSUMDB") == "off" => setup.notes.push("no checksum database is asked: GOSUMDB is off".to_owned()),
        _ => {}
    }
    if setup.end == End::Direct {
        setup.notes.push("modules that no proxy has are errors: `direct` clones repositories and is not done here".to_owned());
    }
    Ok(setup)
}

impl GoSetup {
    /// Logins of `~/.netrc`, each for the proxies on its own host; one in GOPROXY itself comes first.
    fn read_netrc(&mut self, env: &Environment) -> Result<(), RegistryError> {
        let path = env.var("NETRC").map(PathBuf::from).or_else(|| env.home.as_ref().map(|home| home.join(".netrc")));
        let Some(text) = path.map(|path| read_file(&path)).transpose()?.flatten() else { return Ok(()) };
        for login in super::netrc::parse(&text) {
            for proxy in &self.proxies {
                if proxy.upstream.base.host_str().is_some_and(|host| host.eq_ignore_ascii_case(&login.machine)) {
                    self.credentials.basic(&proxy.upstream.base, &login.user, &login.password);
                }
            }
        }
        Ok(())
    }

    fn read_proxies(&mut self, shared: &Shared, list: &str, source: &str) -> Result<(), RegistryError> {
        let mut rest = list;
        while !rest.is_empty() {
            let end = rest.find([',', '|']).unwrap_or(rest.len());
            let (entry, forgiving) = (rest[..end].trim(), rest[end..].starts_with('|'));
            rest = rest.get(end + 1..).unwrap_or_default();
            match entry {
                "" => continue,
                "direct" => self.end = End::Direct,
                "off" => self.end = End::Off,
                _ if self.proxies.len() >= MAX_PROXIES => {
                    return Err(RegistryError::Configuration {
                        place: source.to_owned(),
                        why: format!("it lists more than {MAX_PROXIES} proxies"),
                    });
                }
                _ => {
                    let id = if self.proxies.is_empty() { "default".to_owned() } else { format!("proxy-{}", self.proxies.len() + 1) };
                    // The go command takes a bare host for https.
                    let address = if entry.contains("://") { entry.to_owned() } else { format!("https://{entry}") };
                    let upstream = Upstream::read(shared, Ecosystem::Golang, &id, &address, source, &mut self.credentials)?;
                    self.proxies.push(Proxy { upstream, forgiving });
                    continue;
                }
            }
            // Nothing behind `direct` or `off` is reached.
            break;
        }
        Ok(())
    }
}

/// Asks the go command.
fn values(shared: &Shared) -> Result<BTreeMap<String, String>, RegistryError> {
    let depends_on: Vec<PathBuf> = go_env_file(&shared.env).into_iter().collect();
    let mut arguments = vec!["env", "-json"];
    arguments.extend(KEYS);
    let mut variables = vec!["GOENV", "XDG_CONFIG_HOME"];
    variables.extend(KEYS);
    let question = Question { programs: &["go"], arguments: &arguments, variables: &variables, depends_on: &depends_on };
    let answer = tool::ask(&shared.env, shared.options.cache_dir.as_deref(), &question)?;
    serde_json::from_str(&answer).map_err(|error| RegistryError::ToolMissing {
        tool: "go".to_owned(),
        why: one_line(&format!("`go env -json` gave no JSON: {error}"), 200),
    })
}

/// The variables and the go command's own file, for machines without the go command.
fn from_files(env: &Environment) -> Result<BTreeMap<String, String>, RegistryError> {
    let mut out = BTreeMap::new();
    if let Some(text) = go_env_file(env).map(|path| read_file(&path)).transpose()?.flatten() {
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            if KEYS.contains(&key.trim()) {
                out.insert(key.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
    for key in KEYS {
        if let Some(value) = env.var(key) {
            out.insert(key.to_owned(), value.to_owned());
        }
    }
    Ok(out)
}

fn go_env_file(env: &Environment) -> Option<PathBuf> {
    match env.var("GOENV") {
        Some("off") => None,
        Some(path) => Some(PathBuf::from(path)),
        None => env.config_home().map(|folder| folder.join("go/env")),
    }
}

/// `off`, `name`, `name+hash+key`, or either with an address behind a blank.
fn sumdb(text: &str, go_root: &str) -> Result<Option<SumDb>, RegistryError> {
    if matches!(text, "" | "off") {
        return Ok(None);
    }
    let unusable = |why: &str| RegistryError::Configuration { place: "GOSUMDB".to_owned(), why: format!("`{}` {why}", shown_text(text)) };
    let mut words = text.split_whitespace();
    let word = words.next().unwrap_or_default();
    let name = word.split('+').next().unwrap_or_default();
    if name.is_empty()
        || name.split('/').any(|part| part.is_empty() || part.starts_with('.'))
        || name.contains(['?', '#', '@', '%', '\\', ':'])
    {
        return Err(unusable("names no checksum database"));
    }
    let key = match word.contains('+') {
        true => Some(Key::parse(word).map_err(unusable)?),
        false => known_key(name, go_root)?,
    };
    let given = words.next();
    let address = given.map_or_else(|| format!("https://{name}/"), |url| format!("{}/", url.trim_end_matches('/')));
    let base = Url::parse(&address).map_err(|_| unusable("has an unusable address"))?;
    Ok(Some(SumDb { name: name.to_owned(), base, explicit: given.is_some(), key }))
}

/// The key that the installed go command has built in for a database of this name, read from its sources.
fn known_key(name: &str, go_root: &str) -> Result<Option<Key>, RegistryError> {
    if go_root.is_empty() {
        return Ok(None);
    }
    let Some(text) = read_file(&PathBuf::from(go_root).join(KNOWN_KEYS))? else { return Ok(None) };
    let named = |literal: &&str| literal.strip_prefix(name).is_some_and(|rest| rest.starts_with('+'));
    Ok(text.split('"').find(named).and_then(|literal| Key::parse(literal).ok()))
}

/// Whether a module path is held by a comma-separated list of globs, each of which matches a prefix of whole path
/// elements.
pub(crate) fn holds(patterns: &str, module: &str) -> bool {
    patterns.split(',').map(|pattern| pattern.trim().trim_end_matches('/')).filter(|pattern| !pattern.is_empty()).any(|pattern| {
        let globs: Vec<&str> = pattern.split('/').collect();
        let elements: Vec<&str> = module.split('/').collect();
        elements.len() >= globs.len() && globs.iter().zip(&elements).all(|(glob, element)| glob_matches(glob, element))
    })
}

/// `*`, `?`, `[a-z]`, `[^a]` and `\c` within one path element, without backtracking beyond the last `*`.
fn glob_matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut g, mut t) = (0, 0);
    let mut star = None;
    loop {
        if let Some(c) = text.get(t) {
            match glob.get(g) {
                Some('*') => {
                    g += 1;
                    star = Some((g, t));
                    continue;
                }
                Some(_) => {
                    if let Some(next) = one(&glob, g, *c) {
                        (g, t) = (next, t + 1);
                        continue;
                    }
                }
                None => {}
            }
        } else {
            return glob[g.min(glob.len())..].iter().all(|c| *c == '*');
        }
        let Some((after, from)) = star else { return false };
        star = Some((after, from + 1));
        (g, t) = (after, from + 1);
    }
}

/// Matches one character at a place of the glob; the place behind it, when it matches.
fn one(glob: &[char], at: usize, c: char) -> Option<usize> {
    match glob.get(at)? {
        '?' => Some(at + 1),
        '\\' => (*glob.get(at + 1)? == c).then_some(at + 2),
        '[' => {
            let negated = glob.get(at + 1) == Some(&'^');
            let first = if negated { at + 2 } else { at + 1 };
            let close = glob.iter().skip(first).position(|c| *c == ']')? + first;
            let set = &glob[first..close];
            let mut inside = false;
            let mut i = 0;
            while let Some(low) = set.get(i) {
                if set.get(i + 1) == Some(&'-')
                    && let Some(high) = set.get(i + 2)
                {
                    inside |= (*low..=*high).contains(&c);
                    i += 3;
                } else {
                    inside |= *low == c;
                    i += 1;
                }
            }
            (inside != negated).then_some(close + 1)
        }
        literal => (*literal == c).then_some(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::golang::sumdb::signing::key_text;

    fn discover_with(vars: &[(&str, &str)]) -> Result<GoSetup, RegistryError> {
        let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let env = Environment { vars, home: None, cwd: "/nonexistent".into() };
        discover(&Shared::new(env, Options::default()))
    }

    #[test]
    fn the_list_is_read_with_its_separators_and_its_end() {
        let setup = discover_with(&[
            ("GOPROXY", "https://u:p@a.example|b.example/x, https://c.example,direct,https://d.example"),
            ("GOSUMDB", "sum.example https://s.example/db"),
        ])
        .unwrap();
        let seen: Vec<_> = setup.proxies.iter().map(|p| (p.upstream.id.as_str(), p.upstream.base.as_str(), p.forgiving)).collect();
        assert_eq!(
            seen,
            [("default", "https://a.example/", true), ("proxy-2", "https://b.example/x/", false), ("proxy-3", "https://c.example/", false)]
        );
        assert_eq!(setup.end, End::Direct);
        assert!(setup.credentials.for_url(&setup.proxies[0].upstream.base).is_some());
        let base = Url::parse("https://s.example/db/").unwrap();
        assert_eq!(setup.sumdb.unwrap(), SumDb { name: "sum.example".to_owned(), base, explicit: true, key: None });
        assert!(setup.notes.iter().any(|note| note.contains("without proof")), "{:?}", setup.notes);
    }

    #[test]
    fn the_database_key_comes_from_the_variable_or_the_installed_go_command() {
        let key = key_text("sum.example");
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join(KNOWN_KEYS);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&place, format!("var known = map[string]string{{\n\t\"sum.example\": \"{key}\",\n}}\n")).unwrap();
        let root = folder.path().to_str().unwrap();
        let by_name = sumdb("sum.example", root).unwrap().unwrap();
        let written = sumdb(&key, "").unwrap().unwrap();
        assert_eq!(by_name, written);
        assert!(by_name.key.is_some() && !by_name.explicit);
        assert_eq!(sumdb("other.example", root).unwrap().unwrap().key, None);
        let error = sumdb("sum.example+00000000+AAAA", "").unwrap_err();
        assert!(error.is_configuration() && error.to_string().contains("GOSUMDB"), "{error}");
    }

    #[test]
    fn a_database_that_is_not_asked_is_said() {
        for (more, said) in [(("GOSUMDB", "off"), "GOSUMDB is off"), (("GOFLAGS", "-mod=mod -insecure"), "-insecure")] {
            let setup = discover_with(&[("GOPROXY", "https://a.example"), more]).unwrap();
            assert!(setup.sumdb.is_none() && setup.notes.iter().any(|note| note.contains(said)), "{:?}", setup.notes);
        }
    }

    #[test]
    fn netrc_logins_go_to_the_proxy_on_their_host() {
        let folder = tempfile::tempdir().unwrap();
        let netrc = folder.path().join("netrc");
        std::fs::write(&netrc, "machine a.example login u password p\nmachine c.example login x password y\n").unwrap();
        let setup = discover_with(&[("GOPROXY", "https://a.example/go,https://b.example"), ("NETRC", netrc.to_str().unwrap())]).unwrap();
        let header =
            |at: usize| setup.credentials.for_url(&setup.proxies[at].upstream.base).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!((header(0).as_deref(), header(1)), (Some("Basic dTpw"), None));
    }

    #[test]
    fn no_proxy_at_all_is_a_configuration_error() {
        for (proxy, expected) in [("off", "GOPROXY is off"), ("direct", "only `direct`"), ("file:///x", "no http or https address")] {
            let error = discover_with(&[("GOPROXY", proxy)]).unwrap_err();
            assert!(error.is_configuration() && error.to_string().contains(expected), "{error}");
        }
        let error = discover_with(&[]).unwrap_err();
        assert!(error.to_string().contains("set `GOPROXY`"), "{error}");
        assert!(discover_with(&[("GOPROXY", "https://a.example"), ("GOSUMDB", "../x")]).is_err());
    }

    #[test]
    fn private_patterns_hold_prefixes_of_whole_elements() {
        for (patterns, module, expected) in [
            ("corp.example", "corp.example/a/b", true),
            ("corp.example", "corp.example.evil.example/a", false),
            ("*.corp.example,x/y", "git.corp.example/a", true),
            ("*.corp.example,x/y", "x/y/z", true),
            ("x/y", "x", false),
            ("github.example/acme-*/", "github.example/acme-tools/lib", true),
            ("github.example/[a-c]?me", "github.example/acme", true),
            ("github.example/[^a]cme", "github.example/acme", false),
            ("", "x", false),
            ("[", "[", false),
        ] {
            assert_eq!(holds(patterns, module), expected, "{patterns} {module}");
        }
        assert!(!glob_matches(&"*a".repeat(500), &"a".repeat(499)));
    }
}
