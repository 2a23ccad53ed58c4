//! The list of feed sources: the one shipped, and the user's own laid over it.
//!
//! In: the text of feeds.toml. Out: checked [`Feed`]s, one for each file or folder to get. Fetching is the engine's.
//! The attacks: a list that sends credentials in an address, reads over plain HTTP, or leaves its folder by a name.

use crate::AdvisoryError;
use bifocal_core::{Ecosystem, Sha256, printable};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The list that is used when the user has none.
pub const DEFAULT_SOURCES: &str = include_str!("../feeds.toml");

/// First part of the names of feeds that a person loaded by naming a file or address: they are on no list.
pub const NAMED: &str = "named";

/// Whether a feed is on no list of sources, so that it only adds records.
pub fn is_named(feed: &str) -> bool {
    feed.strip_prefix(NAMED).is_some_and(|rest| rest.starts_with('/'))
}

/// Bytes of a feeds.toml that are read.
const MAX_TEXT: usize = 1 << 20;
/// Feeds in one list.
const MAX_FEEDS: usize = 256;

/// What a feed holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedKind {
    /// A zip of OSV records.
    OsvZip,
    /// A folder of OSV records.
    OsvDir,
    /// Package names, most popular first.
    Popularity,
}

/// Where a feed is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedLocation {
    /// To be fetched.
    Url(String),
    /// On this machine.
    Path(PathBuf),
}

/// One feed to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Unique name; with `{ecosystem}` in the address, `name/ecosystem`.
    pub name: String,
    /// What it holds.
    pub kind: FeedKind,
    /// Where it is.
    pub location: FeedLocation,
    /// The ecosystems that it answers for; for [`FeedKind::Popularity`] exactly one.
    pub ecosystems: Vec<Ecosystem>,
    /// The digest that the file must have.
    pub sha256: Option<Sha256>,
    /// The minisign public key by which the file must be signed.
    pub minisign: Option<String>,
}

/// Every feed to get, in the list's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSources {
    /// The feeds, each under a name of its own.
    pub feeds: Vec<Feed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawList {
    #[serde(default)]
    feed: Vec<RawFeed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFeed {
    name: String,
    kind: Option<FeedKind>,
    url: Option<String>,
    path: Option<PathBuf>,
    ecosystems: Option<Vec<Ecosystem>>,
    sha256: Option<Sha256>,
    minisign: Option<String>,
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

impl FeedSources {
    /// The shipped list alone.
    pub fn shipped() -> Result<Self, AdvisoryError> {
        Self::layered(None)
    }

    /// The shipped list with the user's laid over it. `user` is the file's name, for messages, and its text.
    pub fn layered(user: Option<(&str, &str)>) -> Result<Self, AdvisoryError> {
        let mut merged = read("the built-in feeds.toml", DEFAULT_SOURCES)?;
        let mut origin = "the built-in feeds.toml";
        if let Some((name, text)) = user {
            origin = name;
            for feed in read(name, text)? {
                match merged.iter_mut().find(|known| known.name == feed.name) {
                    Some(known) => *known = feed,
                    None => merged.push(feed),
                }
            }
        }
        let refuse = |why: String| AdvisoryError::Sources { origin: origin.to_owned(), why };
        let mut feeds = Vec::new();
        for raw in merged.iter().filter(|raw| raw.enabled) {
            expand(raw, &mut feeds).map_err(|why| refuse(format!("feed `{}`: {why}", printable(&raw.name))))?;
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = feeds.iter().find(|feed| !names.insert(feed.name.as_str())) {
            return Err(refuse(format!("feed `{}` is named twice", twice.name)));
        }
        Ok(FeedSources { feeds })
    }

    /// The same list with relative paths taken from `folder`.
    pub fn beside(mut self, folder: &Path) -> Self {
        for feed in &mut self.feeds {
            if let FeedLocation::Path(path) = &mut feed.location {
                *path = folder.join(&path);
            }
        }
        self
    }

    /// Names of the feeds that together are all that is known of an ecosystem: the list's OSV feeds about it. Only when
    /// each of them is loaded and recent do the questions about the ecosystem have an answer.
    pub fn answering(&self, ecosystem: Ecosystem) -> Vec<String> {
        let answers = |feed: &&Feed| feed.kind != FeedKind::Popularity && feed.ecosystems.contains(&ecosystem);
        self.feeds.iter().filter(answers).map(|feed| feed.name.clone()).collect()
    }
}

fn read(origin: &str, text: &str) -> Result<Vec<RawFeed>, AdvisoryError> {
    let refuse = |why: String| AdvisoryError::Sources { origin: origin.to_owned(), why };
    if text.len() > MAX_TEXT {
        return Err(refuse(format!("larger than {MAX_TEXT} bytes")));
    }
    let list: RawList = toml::from_str(text).map_err(|error| refuse(printable_lines(&error.to_string())))?;
    if list.feed.len() > MAX_FEEDS {
        return Err(refuse(format!("more than {MAX_FEEDS} feeds")));
    }
    let mut names = BTreeSet::new();
    for feed in &list.feed {
        if feed.name.is_empty()
            || feed.name.len() > 64
            || !feed.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
        {
            return Err(refuse(format!("feed name `{}` is not of lower-case letters, digits, `-` and `_`", printable(&feed.name))));
        }
        if feed.name == NAMED {
            return Err(refuse(format!("feed name `{NAMED}` is kept for feeds that are on no list")));
        }
        if !names.insert(&feed.name) {
            return Err(refuse(format!("feed `{}` is named twice", feed.name)));
        }
    }
    Ok(list.feed)
}

fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

fn expand(raw: &RawFeed, feeds: &mut Vec<Feed>) -> Result<(), String> {
    let kind = raw.kind.ok_or("`kind` is missing (osv-zip, osv-dir or popularity)")?;
    let ecosystems = raw.ecosystems.clone().unwrap_or_else(|| Ecosystem::ALL.to_vec());
    if ecosystems.is_empty() || ecosystems.iter().collect::<BTreeSet<_>>().len() != ecosystems.len() {
        return Err("`ecosystems` is empty or names one twice".to_owned());
    }
    if let Some(key) = &raw.minisign {
        minisign_verify::PublicKey::from_base64(key.trim()).map_err(|e| format!("`minisign` is no public key: {e}"))?;
    }
    let feed = |name: String, location: FeedLocation, ecosystems: Vec<Ecosystem>| Feed {
        name,
        kind,
        location,
        ecosystems,
        sha256: raw.sha256,
        minisign: raw.minisign.clone(),
    };
    let mut add = |name: String, location: FeedLocation, ecosystems: Vec<Ecosystem>| {
        if kind == FeedKind::Popularity && ecosystems.len() != 1 {
            return Err("a popularity feed is about exactly one ecosystem".to_owned());
        }
        feeds.push(feed(name, location, ecosystems));
        Ok(())
    };
    match (&raw.url, &raw.path) {
        (Some(url), None) => {
            if kind == FeedKind::OsvDir {
                return Err("an osv-dir feed is a folder on this machine; give `path`".to_owned());
            }
            check_url(url)?;
            if !url.contains("{ecosystem}") {
                return add(raw.name.clone(), FeedLocation::Url(url.clone()), ecosystems);
            }
            if raw.sha256.is_some() {
                return Err("`sha256` is of one file, and `{ecosystem}` in the address makes several".to_owned());
            }
            for ecosystem in ecosystems {
                let address = url.replace("{ecosystem}", &percent_encode(ecosystem.osv_name()));
                add(format!("{}/{ecosystem}", raw.name), FeedLocation::Url(address), vec![ecosystem])?;
            }
            Ok(())
        }
        (None, Some(path)) => {
            if path.as_os_str().is_empty() {
                return Err("`path` is empty".to_owned());
            }
            if kind == FeedKind::OsvDir && (raw.sha256.is_some() || raw.minisign.is_some()) {
                return Err("a digest or signature is of one file, not of a folder".to_owned());
            }
            add(raw.name.clone(), FeedLocation::Path(path.clone()), ecosystems)
        }
        _ => Err("give either `url` or `path`".to_owned()),
    }
}

/// HTTPS, or plain HTTP to this machine; no credentials, no fragment.
fn check_url(url: &str) -> Result<(), String> {
    let bad = |why: &str| Err(format!("`url` {why}"));
    if url.len() > 2048 || !url.bytes().all(|b| b.is_ascii_graphic()) || url.contains(['#', '\\']) {
        return bad("is longer than 2048 bytes or has white space, other than ASCII characters, a backslash or a fragment");
    }
    let (rest, plain) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return bad("does not begin with https://"),
    };
    let authority = rest.split(['/', '?', '\\']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') || authority.contains('{') {
        return bad("has no host, or carries credentials");
    }
    let host = if authority.starts_with('[') { authority.split(']').next() } else { authority.split(':').next() };
    if plain && !matches!(host, Some("127.0.0.1" | "localhost" | "[::1")) {
        return bad("is plain http; only this machine may be asked so");
    }
    Ok(())
}

fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Result<Vec<Feed>, String> {
        FeedSources::layered(Some(("feeds.toml", text))).map(|list| list.feeds).map_err(|error| error.to_string())
    }

    #[test]
    fn the_shipped_list_has_one_feed_for_each_ecosystem() {
        let list = FeedSources::shipped().unwrap();
        let names: Vec<&str> = list.feeds.iter().map(|feed| feed.name.as_str()).collect();
        assert_eq!(names, ["osv/npm", "osv/pypi", "osv/maven", "osv/cargo", "osv/golang"]);
        for feed in &list.feeds {
            let FeedLocation::Url(url) = &feed.location else { panic!("{feed:?}") };
            assert!(url.starts_with("https://") && url.ends_with(&format!("/{}/all.zip", feed.ecosystems[0].osv_name())), "{url}");
        }
    }

    #[test]
    fn a_users_list_adds_replaces_and_turns_off() {
        let feeds = user(
            "[[feed]]\nname='osv'\nkind='osv-dir'\npath='/srv/osv'\n[[feed]]\nname='top'\nkind='popularity'\npath='npm.txt'\necosystems=['npm']\n",
        )
        .unwrap();
        assert_eq!(feeds.len(), 2);
        assert_eq!((feeds[0].kind, feeds[0].ecosystems.len()), (FeedKind::OsvDir, 5));
        assert_eq!(user("[[feed]]\nname='osv'\nenabled=false\n").unwrap(), []);
    }

    #[test]
    fn every_listed_feed_about_an_ecosystem_has_to_answer_for_it() {
        let own = "[[feed]]\nname='own'\nkind='osv-dir'\npath='own'\necosystems=['npm']\n[[feed]]\nname='top'\nkind='popularity'\npath='npm.txt'\necosystems=['npm']\n";
        let list = FeedSources::layered(Some(("feeds.toml", own))).unwrap().beside(Path::new("/srv"));
        assert_eq!(list.answering(Ecosystem::Npm), ["osv/npm", "own"]);
        assert_eq!(list.answering(Ecosystem::Pypi), ["osv/pypi"]);
        let own = list.feeds.iter().find(|feed| feed.name == "own").unwrap();
        assert_eq!(own.location, FeedLocation::Path("/srv/own".into()));
    }

    #[test]
    fn wrong_lists_are_refused_with_the_reason() {
        let feed = |rest: &str| user(&format!("[[feed]]\nname='x'\n{rest}"));
        for (result, part) in [
            (user("feeds = 1"), "feeds"),
            (user("[[feed]]\nname='../x'\n"), "lower-case"),
            (user("[[feed]]\nname='named'\nkind='osv-zip'\npath='a'\n"), "no list"),
            (user("[[feed]]\nname='x'\nkind='osv-zip'\npath='a'\n[[feed]]\nname='x'\nkind='osv-zip'\npath='a'\n"), "twice"),
            (feed("kind='osv-zip'\nurll='https://a.example/'"), "urll"),
            (feed("kind='osv-zip'"), "either"),
            (feed("url='https://a.example/'"), "kind"),
            (feed("kind='osv-zip'\nurl='http://a.example/z'"), "plain http"),
            (feed("kind='osv-zip'\nurl='https://u:p@a.example/z'"), "credentials"),
            (feed("kind='osv-zip'\nurl='https://a.example\\@b.example/z'"), "backslash"),
            (feed("kind='osv-zip'\nurl='file:///etc/passwd'"), "https://"),
            (feed("kind='osv-zip'\nurl='https://a.example/{ecosystem}'\nsha256='00'"), "hex"),
            (feed("kind='popularity'\npath='a'"), "exactly one"),
            (feed("kind='osv-dir'\nurl='https://a.example/'"), "path"),
            (feed("kind='osv-zip'\npath='a'\nminisign='zz'"), "minisign"),
            (feed("kind='osv-zip'\npath='a'\necosystems=[]"), "empty"),
        ] {
            let error = result.expect_err(part);
            assert!(error.starts_with("feeds.toml: ") && error.contains(part), "{part}: {error}");
        }
        assert!(feed("kind='osv-zip'\nurl='http://127.0.0.1:8080/z'").is_ok());
    }
}
