//! The repository that a package claims.
//!
//! The attack: starjacking. A package points at a famous project that is not its own and borrows its stars; or points
//! nowhere at all. Nobody checks the link, so it is a claim and no more.

use crate::{HistoryFeeds, draft, registry};
use bifocal_core::{Known, ReleaseRecord, Severity, SignalDraft, one_line};

/// Ranks up to which a name is worth borrowing.
const FAMOUS: usize = 1000;

/// A repository address in one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    pub(crate) host: String,
    pub(crate) owner: String,
    pub(crate) name: String,
}

/// What a claimed link turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    Repository(Repository),
    /// An address without owner and name.
    Page {
        host: String,
    },
    /// No address.
    Nothing,
}

pub(crate) fn signals(record: &ReleaseRecord, feeds: &HistoryFeeds, drafts: &mut Vec<SignalDraft>) {
    let published = record.published_at.given().copied();
    let claim = match &record.repository {
        Known::Given(claim) if !claim.trim().is_empty() => claim,
        Known::Given(_) | Known::NotGiven => {
            drafts.push(draft(
                "history/repository-missing",
                Severity::Info,
                1.0,
                "the publisher names no repository",
                vec![registry("repository", published, "not given")],
            ));
            return;
        }
        Known::Stripped | Known::NotOffered => return,
    };
    let link = read(claim);
    let shown = one_line(claim, 200);
    let why = match &link {
        Link::Nothing => Some(format!("the repository `{shown}` is no address")),
        Link::Page { host } | Link::Repository(Repository { host, .. }) if !is_public(host) => {
            Some(format!("the repository `{shown}` is on a host that nobody outside can reach"))
        }
        Link::Repository(repository) => borrowed(record, feeds, repository),
        Link::Page { .. } => None,
    };
    if let Some(why) = why {
        drafts.push(draft("history/repository-implausible", Severity::Low, 0.5, &why, vec![registry("repository", published, claim)]));
    }

    let Some(previous) = &record.history.previous else { return };
    if let (Link::Repository(now), Some(Link::Repository(before))) = (&link, previous.repository.as_deref().map(read))
        && *now != before
    {
        // A renamed repository or a moved organisation keeps one half of the address.
        let kept = now.name == before.name || (now.host == before.host && now.owner == before.owner);
        drafts.push(draft(
            "history/repository-change",
            if kept { Severity::Info } else { Severity::Low },
            0.9,
            &format!(
                "the repository changed from {}/{}/{} ({}) to {}/{}/{}",
                before.host, before.owner, before.name, previous.version, now.host, now.owner, now.name
            ),
            vec![
                registry("repository", published, claim),
                registry(
                    &format!("repository of {}", previous.version),
                    previous.published_at,
                    previous.repository.as_deref().unwrap_or_default(),
                ),
            ],
        ));
    }
}

/// Whether a package without a name in common points at a famous project. Packages that are known themselves, and those
/// that live in one repository with others (their names share a word), do not count.
fn borrowed(record: &ReleaseRecord, feeds: &HistoryFeeds, repository: &Repository) -> Option<String> {
    let popularity = feeds.popularity(record.release.ecosystem())?;
    let package = &record.release.package;
    if popularity.rank(package.as_str()).is_some() || record.history.version_count > 3 {
        return None;
    }
    let rank = popularity.rank(&repository.name)?;
    if rank >= FAMOUS {
        return None;
    }
    let own = package.as_str().to_lowercase();
    let related = |part: &str| {
        words(part).any(|word| word.len() >= 3 && own.contains(word)) || words(&own).any(|word| word.len() >= 3 && part.contains(word))
    };
    if related(&repository.name) || related(&repository.owner) {
        return None;
    }
    Some(format!("the repository is that of `{}`, a well-known package with another name", one_line(&repository.name, 80)))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Reads what publishers write: web addresses, `git+ssh`, `git@host:owner/name`, `github:owner/name`, `owner/name`.
pub(crate) fn read(claim: &str) -> Link {
    let text = claim.trim();
    if text.is_empty() || text.len() > 2048 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Link::Nothing;
    }
    let text = text.strip_prefix("scm:").unwrap_or(text);
    for (short, host) in [("github:", "github.com"), ("gitlab:", "gitlab.com"), ("bitbucket:", "bitbucket.org")] {
        if let Some(path) = text.strip_prefix(short) {
            return of_path(host, path);
        }
    }
    let text = ["git+", "git:", "hg+", "svn+"].iter().fold(text, |text, prefix| match text.strip_prefix(prefix) {
        // `git://…` is a scheme of its own, not a prefix.
        Some(rest) if !rest.starts_with("//") => rest,
        _ => text,
    });
    if let Some((_, rest)) = text.split_once("://") {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit('@').next().unwrap_or(authority);
        // `ssh://git@host:owner/name` is a common slip.
        let (host, extra) = host.split_once(':').unwrap_or((host, ""));
        if !extra.is_empty() && !extra.bytes().all(|b| b.is_ascii_digit()) {
            return of_path(host, &format!("{extra}/{path}"));
        }
        return of_path(host, path);
    }
    if let Some((user_host, path)) = text.split_once(':')
        && let Some((_, host)) = user_host.split_once('@')
    {
        return of_path(host, path);
    }
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [owner, name] if !owner.contains('.') && is_word(owner) && is_word(name) => of_path("github.com", text),
        [host, _, _, ..] if host.contains('.') && is_word(host) => of_path(host, &parts[1..].join("/")),
        _ => Link::Nothing,
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn of_path(host: &str, path: &str) -> Link {
    let host = host.trim_start_matches("www.").to_lowercase();
    if host.is_empty() || !(host.contains('.') || host == "localhost") || !is_word(&host) {
        return Link::Nothing;
    }
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        (Some(owner), Some(name)) => Link::Repository(Repository {
            host,
            owner: owner.trim_start_matches('~').to_lowercase(),
            name: name.strip_suffix(".git").unwrap_or(name).to_lowercase(),
        }),
        _ => Link::Page { host },
    }
}

/// Whether a host can be one that others reach: not this machine, not a private address, not a name kept for examples.
fn is_public(host: &str) -> bool {
    let reserved = ["localhost", "local", "internal", "lan", "invalid", "test", "example"];
    if host.rsplit('.').next().is_some_and(|last| reserved.contains(&last)) {
        return false;
    }
    match host.parse::<std::net::Ipv4Addr>() {
        Ok(address) => {
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_documentation())
        }
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{first, record};
    use crate::{Popularity, signals};
    use bifocal_core::{Ecosystem, Status};

    fn ids(record: &ReleaseRecord, feeds: &HistoryFeeds) -> Vec<(&'static str, Severity)> {
        let drafts = crate::signals(record, feeds);
        drafts.iter().filter(|d| d.status == Status::Present && d.id.contains("repository")).map(|d| (d.id, d.severity)).collect()
    }

    #[test]
    fn every_spelling_of_one_repository_is_the_same() {
        let expected =
            Link::Repository(Repository { host: "github.com".to_owned(), owner: "example".to_owned(), name: "project".to_owned() });
        for text in [
            "https://github.com/example/project",
            "http://www.github.com/Example/Project.git/",
            "git+https://github.com/example/project.git#main",
            "git://github.com/example/project.git",
            "git+ssh://git@github.com/example/project.git",
            "ssh://git@github.com:example/project.git",
            "ssh://git@github.com:22/example/project",
            "git@github.com:example/project.git",
            "github:example/project",
            "example/project",
            "github.com/example/project",
            "scm:git:git@github.com:example/project.git",
            "https://github.com/example/project/tree/main/packages/x",
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_told() {
        for text in ["", "n/a", "TODO write one", "../..", "\u{1b}[2J", "http://", "C:\\x", "none"] {
            if text != "n/a" {
                assert_eq!(read(text), Link::Nothing, "{text:?}");
            }
        }
        assert_eq!(read("https://example.com"), Link::Page { host: "example.com".to_owned() });
    }

    #[test]
    fn missing_odd_and_changed_repositories_are_told() {
        let none = HistoryFeeds::new();
        let mut release = record(Ecosystem::Npm, "project", "1.0.1");
        release.repository = Known::NotGiven;
        assert_eq!(ids(&release, &none), [("history/repository-missing", Severity::Info)]);
        for text in ["none", "http://localhost/x/y", "http://10.0.0.1/x/y", "https://git.corp.internal/x/y"] {
            release.repository = Known::Given(text.to_owned());
            assert!(ids(&release, &none).contains(&("history/repository-implausible", Severity::Low)), "{text}");
        }
        release.repository = Known::Given("https://github.com/other/project".to_owned());
        assert_eq!(ids(&release, &none), [("history/repository-change", Severity::Info)]);
        release.repository = Known::Given("https://github.com/mallory/thing".to_owned());
        assert_eq!(ids(&release, &none), [("history/repository-change", Severity::Low)]);
    }

    #[test]
    fn a_stranger_that_points_at_a_famous_project_is_told_and_its_own_family_is_not() {
        let mut feeds = HistoryFeeds::new();
        feeds.insert(Popularity::parse(Ecosystem::Npm, "react\nlodash\n").unwrap(), None);
        let mut release = first(Ecosystem::Npm, "cool-helper", "1.0.0");
        release.repository = Known::Given("https://github.com/facebook/react".to_owned());
        assert_eq!(ids(&release, &feeds), [("history/repository-implausible", Severity::Low)]);
        for own in ["react-dom", "@facebook/thing", "eslint-plugin-react-x"] {
            let mut release = first(Ecosystem::Npm, own, "1.0.0");
            release.repository = Known::Given("https://github.com/facebook/react".to_owned());
            assert_eq!(ids(&release, &feeds), [], "{own}");
        }
        assert!(signals(&release, &feeds).iter().all(|d| d.severity <= Severity::Low));
    }
}
