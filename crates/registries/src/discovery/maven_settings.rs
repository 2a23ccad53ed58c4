//! Maven's settings.xml: mirrors, servers, repositories of active profiles
//! (the page on settings.xml in its documentation).

use super::{read_file, shown_path};
use crate::environment::Environment;
use crate::error::RegistryError;
use crate::xml::{self, Element};
use std::path::Path;

/// Variables replaced in one text.
const MAX_REPLACED: usize = 32;

/// One `<mirror>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirror {
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) of: String,
    pub(crate) blocked: bool,
}

/// One `<server>`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) id: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    /// `Authorization` among the server's HTTP headers.
    pub(crate) authorization: Option<String>,
}

/// One `<repository>`, before mirrors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    pub(crate) id: String,
    /// Empty where only a mirror can say it.
    pub(crate) url: String,
    pub(crate) source: String,
}

/// What one or more settings files say; the first file wins for equal ids.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) mirrors: Vec<Mirror>,
    pub(crate) servers: Vec<Server>,
    pub(crate) repositories: Vec<Repository>,
    pub(crate) notes: Vec<String>,
}

impl Settings {
    /// Adds a file, when it is there.
    pub(crate) fn add_file(&mut self, path: &Path, env: &Environment) -> Result<(), RegistryError> {
        let Some(text) = read_file(path)? else { return Ok(()) };
        let root = xml::parse(text.as_bytes()).map_err(|(place, what)| RegistryError::Configuration {
            place: shown_path(path),
            why: format!("it is not XML at {place}: {what}"),
        })?;
        self.add(&root, &shown_path(path), env);
        Ok(())
    }

    fn add(&mut self, root: &Element, source: &str, env: &Environment) {
        let text = |element: &Element, name: &str| element.text_at(&[name]).map(|text| interpolate(text, env));
        for mirror in root.child("mirrors").into_iter().flat_map(|list| list.all("mirror")) {
            let (Some(url), Some(of)) = (text(mirror, "url"), text(mirror, "mirrorOf")) else { continue };
            let id = text(mirror, "id").unwrap_or_default();
            if !self.mirrors.iter().any(|other| other.id == id) {
                self.mirrors.push(Mirror { id, url, of, blocked: text(mirror, "blocked").as_deref() == Some("true") });
            }
        }
        for server in root.child("servers").into_iter().flat_map(|list| list.all("server")) {
            let id = text(server, "id").unwrap_or_default();
            let headers = server.at(&["configuration", "httpHeaders"]);
            let authorization = headers.into_iter().flat_map(|list| list.all("property")).find_map(|header| {
                let name = header.text_at(&["name"])?;
                name.eq_ignore_ascii_case("authorization").then(|| text(header, "value")).flatten()
            });
            if !self.servers.iter().any(|other| other.id == id) {
                self.servers.push(Server { id, username: text(server, "username"), password: text(server, "password"), authorization });
            }
        }
        let active: Vec<String> =
            root.child("activeProfiles").into_iter().flat_map(|list| list.all("activeProfile")).map(|one| one.text.clone()).collect();
        for profile in root.child("profiles").into_iter().flat_map(|list| list.all("profile")) {
            let id = profile.text_at(&["id"]).unwrap_or_default();
            let by_default = profile.text_at(&["activation", "activeByDefault"]) == Some("true");
            let listed = active.iter().any(|name| name == id);
            let repositories = profile.child("repositories");
            if !listed && !by_default {
                if repositories.is_some() {
                    self.notes.push(format!(
                        "the repositories of profile `{}` in {source} are passed over: it is not active",
                        bifocal_core::one_line(id, 60)
                    ));
                }
                continue;
            }
            for repository in repositories.into_iter().flat_map(|list| list.all("repository")) {
                let (Some(id), Some(url)) = (text(repository, "id"), text(repository, "url")) else { continue };
                if !self.repositories.iter().any(|other| other.id == id) {
                    self.repositories.push(Repository { id, url, source: source.to_owned() });
                }
            }
        }
        if root.child("proxies").is_some_and(|list| list.all("proxy").any(|proxy| proxy.text_at(&["active"]) != Some("false"))) {
            self.notes.push(format!("the proxies in {source} are passed over; set https_proxy instead"));
        }
    }

    /// The mirror that stands in for a repository: one that names it alone, else the first whose pattern fits.
    pub(crate) fn mirror_of(&self, repository: &Repository) -> Option<&Mirror> {
        self.mirrors
            .iter()
            .find(|mirror| mirror.of.trim() == repository.id)
            .or_else(|| self.mirrors.iter().find(|mirror| fits(&mirror.of, repository)))
    }

    /// The server of an id.
    pub(crate) fn server(&self, id: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.id == id)
    }
}

/// Whether a `mirrorOf` pattern holds a repository: names, `*`, `external:*`, `external:http:*`, and `!name`, which
/// beats all others wherever it stands.
fn fits(pattern: &str, repository: &Repository) -> bool {
    let scheme = repository.url.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let host = url::Url::parse(&repository.url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let external = scheme != "file" && !matches!(host.as_str(), "localhost" | "127.0.0.1");
    let mut held = false;
    for part in pattern.split(',').map(str::trim) {
        match part.strip_prefix('!') {
            Some(name) if name == repository.id => return false,
            Some(_) => {}
            None => {
                held |= match part {
                    "*" => true,
                    "external:*" => external,
                    "external:http:*" => external && matches!(scheme.as_str(), "http" | "dav" | "dav+http"),
                    name => name == repository.id,
                }
            }
        }
    }
    held
}

/// Replaces `${env.NAME}` and `${user.home}`; what is unknown stays as it is.
fn interpolate(text: &str, env: &Environment) -> String {
    let mut out = String::new();
    let mut rest = text;
    for _ in 0..MAX_REPLACED {
        let Some((before, after)) = rest.split_once("${") else { break };
        let Some((name, after)) = after.split_once('}') else { break };
        out.push_str(before);
        let home = || env.home.as_ref().map(|home| home.display().to_string());
        let value = match name.strip_prefix("env.") {
            Some(variable) => env.var(variable).map(str::to_owned),
            None if name == "user.home" => home(),
            None => None,
        };
        match value {
            Some(value) => out.push_str(&value),
            None => {
                out.push_str("${");
                out.push_str(name);
                out.push('}');
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(id: &str, url: &str) -> Repository {
        Repository { id: id.to_owned(), url: url.to_owned(), source: String::new() }
    }

    #[test]
    fn mirror_patterns_hold_what_maven_says() {
        let central = repository("central", "https://repo.example/m2");
        let plain = repository("old", "http://repo.example/m2");
        let local = repository("local", "http://localhost:8081/m2");
        for (pattern, expected) in [
            ("*", [true, true, true]),
            ("central", [true, false, false]),
            ("*,!central", [false, true, true]),
            ("!central,*", [false, true, true]),
            ("external:*", [true, true, false]),
            ("external:http:*", [false, true, false]),
            ("central, old", [true, true, false]),
            ("", [false, false, false]),
        ] {
            assert_eq!([&central, &plain, &local].map(|one| fits(pattern, one)), expected, "{pattern}");
        }
    }

    #[test]
    fn settings_are_read_with_variables_and_active_profiles() {
        let text = r#"<settings>
            <mirrors><mirror><id>all</id><url>https://mirror.example/m2</url><mirrorOf>*</mirrorOf></mirror>
                     <mirror><id>one</id><url>https://one.example/m2</url><mirrorOf>central</mirrorOf></mirror></mirrors>
            <servers><server><id>all</id><username>me</username><password>${env.PASS}</password></server>
                     <server><id>hdr</id><configuration><httpHeaders><property><name>Authorization</name><value>Bearer ${env.PASS}</value></property></httpHeaders></configuration></server></servers>
            <profiles>
              <profile><id>on</id><repositories><repository><id>corp</id><url>https://corp.example/m2</url></repository></repositories></profile>
              <profile><id>off</id><repositories><repository><id>x</id><url>https://x.example/m2</url></repository></repositories></profile>
            </profiles>
            <activeProfiles><activeProfile>on</activeProfile></activeProfiles></settings>"#;
        let env = Environment { vars: [("PASS".to_owned(), "s3".to_owned())].into(), ..Environment::default() };
        let mut settings = Settings::default();
        settings.add(&xml::parse(text.as_bytes()).unwrap(), "settings.xml", &env);
        assert_eq!(settings.server("all").unwrap().password.as_deref(), Some("s3"));
        assert_eq!(settings.server("hdr").unwrap().authorization.as_deref(), Some("Bearer s3"));
        assert_eq!(settings.repositories.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), ["corp"]);
        assert_eq!(settings.mirror_of(&repository("central", "https://repo.example")).unwrap().id, "one");
        assert_eq!(settings.mirror_of(&repository("corp", "https://corp.example")).unwrap().id, "all");
        assert!(settings.notes[0].contains("`off`"), "{:?}", settings.notes);
    }
}
