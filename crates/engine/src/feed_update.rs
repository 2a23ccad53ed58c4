//! `feed update`: fetch, check, load. A feed is replaced whole or not at all.

use crate::feeds::{StoredList, advisory_path, popularity_path};
use bifocal_advisory::{
    AdvisoryError, AdvisoryStore, Feed, FeedKind, FeedLocation, FeedSources, ImportOptions, ImportReport, ImportSource, NAMED, OpenMode,
    SignatureCheck, is_named,
};
use bifocal_core::{Ecosystem, SCHEMA_VERSION, Sha256, counted, printable};
use bifocal_history::Popularity;
use bifocal_registries::{Registries, RegistryError};
use bytes::Bytes;
use jiff::Timestamp;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Share of a popularity list's names that may vanish before an update is refused, in percent.
const MAX_SHRINKAGE: usize = 10;

/// How feeds are loaded.
pub struct FeedUpdate {
    /// The feeds folder.
    pub dir: PathBuf,
    /// Now.
    pub now: Timestamp,
    /// Take a state that has lost more than a tenth of the last one's records, or a hundredth of its malware records.
    pub allow_shrinkage: bool,
    /// Fetches what is at an address.
    pub registries: Arc<Registries>,
}

/// Where a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// At an address.
    Url(String),
    /// A file or folder.
    Path(PathBuf),
}

impl Origin {
    /// What a person named: an address, or a path relative to `cwd`.
    pub fn named(text: &str, cwd: &Path) -> Self {
        let web =
            ["https://", "http://"].iter().any(|scheme| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)));
        if web { Origin::Url(text.to_owned()) } else { Origin::Path(cwd.join(text)) }
    }
}

impl Origin {
    fn location(&self) -> FeedLocation {
        match self {
            Origin::Url(url) => FeedLocation::Url(url.clone()),
            Origin::Path(path) => FeedLocation::Path(path.clone()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Url(url) => f.write_str(&bifocal_registries::shown_text(url)),
            Origin::Path(path) => f.write_str(&printable(&path.to_string_lossy())),
        }
    }
}

/// What an update brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateReport {
    /// OSV records.
    Osv(Box<ImportReport>),
    /// Popular names: the ecosystem and their number.
    Popularity(Ecosystem, usize),
}

impl fmt::Display for UpdateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpdateReport::Popularity(ecosystem, names) => write!(f, "popularity/{ecosystem}: {}", counted(*names as u64, "name", "names")),
            UpdateReport::Osv(report) => {
                write!(
                    f,
                    "{}: {}, {} of them malware, {} withdrawn",
                    printable(&report.feed),
                    counted(report.records, "record", "records"),
                    report.malware,
                    report.withdrawn
                )?;
                for (what, date) in [("obtained", report.obtained), ("newest record", report.newest)] {
                    if let Some(date) = date {
                        write!(f, ", {what} {}", date.strftime("%Y-%m-%d"))?;
                    }
                }
                if report.vanished > 0 {
                    let (records, are) = (counted(report.vanished, "record", "records"), if report.vanished == 1 { "is" } else { "are" });
                    write!(f, "; {records} of the last state {are} gone")?;
                }
                if let Some(named) = report.lost_malware() {
                    let (records, are) = (
                        counted(report.malware_vanished, "malware record", "malware records"),
                        if report.malware_vanished == 1 { "is" } else { "are" },
                    );
                    write!(f, "\n  {records} {are} gone without being withdrawn: {named}")?;
                }
                for (reason, skipped) in &report.skipped {
                    let times = counted(skipped.count, "time", "times");
                    write!(f, "\n  passed over: {} ({}), {times}", reason.as_str(), skipped.examples.join(", "))?;
                }
                if is_named(&report.feed) {
                    write!(f, "\n  it adds records, and stands in for no source of the list; a whole dump is loaded with --as FEED")?;
                }
                Ok(())
            }
        }
    }
}

/// Why a feed was not loaded. Its former state stays.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// Fetching failed.
    #[error("feed {name} is not updated: {source}")]
    Fetch {
        /// The feed.
        name: String,
        /// The network's word.
        source: RegistryError,
    },
    /// The records were refused.
    #[error("feed {name} is not updated: {source}")]
    Import {
        /// The feed.
        name: String,
        /// The importer's word.
        source: AdvisoryError,
    },
    /// Anything else.
    #[error("feed {name} is not updated: {why}")]
    Other {
        /// The feed.
        name: String,
        /// What, and what to do.
        why: String,
    },
}

impl FeedUpdate {
    /// Every feed of the list; one that fails does not stop the others.
    pub async fn all(&self, sources: &FeedSources) -> Vec<Result<UpdateReport, UpdateError>> {
        let mut results = Vec::new();
        for feed in &sources.feeds {
            results.push(self.feed(feed).await);
        }
        results
    }

    /// One source that a person named. It adds records beside those of the list, and answers for none of its feeds; a list
    /// of popular names takes the place of the last one.
    pub async fn one(&self, origin: &Origin, popularity: Option<Ecosystem>, sha256: Option<Sha256>) -> Result<UpdateReport, UpdateError> {
        let feed = Feed {
            name: popularity.map_or_else(|| format!("{NAMED}/{}", stem(origin)), |ecosystem| format!("popularity/{ecosystem}")),
            kind: if popularity.is_some() { FeedKind::Popularity } else { FeedKind::OsvZip },
            location: origin.location(),
            ecosystems: popularity.into_iter().collect(),
            sha256,
            minisign: None,
        };
        self.feed(&feed).await
    }

    /// One source that a person declares to be the whole of `feed`, a feed of the list: what a mirror or a carried file
    /// brings. The list's digest and signature hold for it too.
    pub async fn stand_in(&self, origin: &Origin, feed: &Feed, sha256: Option<Sha256>) -> Result<UpdateReport, UpdateError> {
        let other = |why: String| UpdateError::Other { name: feed.name.clone(), why };
        if let (Some(listed), Some(given)) = (feed.sha256, sha256)
            && listed != given
        {
            return Err(other(format!("the list of sources asks for {listed}, and --sha256 for {given}")));
        }
        self.feed(&Feed { location: origin.location(), sha256: feed.sha256.or(sha256), ..feed.clone() }).await
    }

    /// Removes a loaded feed of advisories with all that it brought. False when none is called so.
    pub async fn remove(&self, name: &str) -> Result<bool, UpdateError> {
        let path = advisory_path(&self.dir);
        if !path.is_file() {
            return Ok(false);
        }
        let fail = |source: AdvisoryError| UpdateError::Import { name: name.to_owned(), source };
        let store = AdvisoryStore::open(&path, OpenMode::ReadWrite).await.map_err(fail)?;
        let removed = store.remove(name).await;
        store.close().await;
        removed.map_err(fail)
    }

    async fn feed(&self, feed: &Feed) -> Result<UpdateReport, UpdateError> {
        let other = |why: String| UpdateError::Other { name: feed.name.clone(), why };
        std::fs::create_dir_all(&self.dir).map_err(|error| other(format!("cannot make the folder {}: {error}", self.dir.display())))?;
        match feed.kind {
            FeedKind::Popularity => self.popularity(feed).await,
            FeedKind::OsvZip | FeedKind::OsvDir => self.osv(feed).await,
        }
    }

    /// Looks whether the advisory store is whole, before something is loaded into it. A damaged one is set aside, and what
    /// is loaded begins a new one; the text says so.
    pub async fn mend(&self) -> Result<Option<String>, UpdateError> {
        let mended = AdvisoryStore::mend(&advisory_path(&self.dir)).await;
        let aside = mended.map_err(|source| UpdateError::Import { name: "osv".to_owned(), source })?;
        Ok(aside.map(|aside| {
            format!(
                "the loaded advisories were damaged; they lie at {} now, and every feed is begun anew: one that was loaded by name has to be loaded again",
                printable(&aside.to_string_lossy())
            )
        }))
    }

    /// Damage that shows only while records are written: what was loaded before into the same store goes with it.
    async fn after_damage(&self, feed: &Feed, error: &AdvisoryError) -> UpdateError {
        let done = match AdvisoryStore::set_aside(&advisory_path(&self.dir)).await {
            Ok(_) => "the store is set aside; repeat the update, which begins it anew".to_owned(),
            Err(aside) => format!("the store cannot be set aside: {aside}; remove it and repeat the update"),
        };
        UpdateError::Other { name: feed.name.clone(), why: format!("the loaded advisories are damaged: {error}; {done}") }
    }

    async fn osv(&self, feed: &Feed) -> Result<UpdateReport, UpdateError> {
        let other = |why: String| UpdateError::Other { name: feed.name.clone(), why };
        let mut options = ImportOptions::new(&feed.name, self.now);
        options.ecosystems = feed.ecosystems.clone();
        options.expected_sha256 = feed.sha256;
        options.force = self.allow_shrinkage;
        options.obtained = match &feed.location {
            FeedLocation::Path(path) => last_change(path),
            FeedLocation::Url(_) => None,
        };
        if let Some(key) = &feed.minisign {
            options.signature = Some(SignatureCheck { public_key: key.clone(), signature: self.signature(feed).await? });
        }
        // The fetched file lives as long as the import.
        let mut fetched = None;
        let source = match &feed.location {
            FeedLocation::Path(path) if path.is_dir() => ImportSource::Dir(path.clone()),
            FeedLocation::Path(path) => ImportSource::File(path.clone()),
            FeedLocation::Url(url) => {
                let bytes = self.fetch(feed, url).await?;
                let file = keep(&self.dir, &bytes).map_err(|error| other(format!("cannot keep the fetched file: {error}")))?;
                let path = file.path().to_path_buf();
                fetched = Some(file);
                ImportSource::File(path)
            }
        };
        let import = |source: AdvisoryError| UpdateError::Import { name: feed.name.clone(), source };
        let report = match AdvisoryStore::open(&advisory_path(&self.dir), OpenMode::ReadWrite).await {
            Ok(store) => {
                let report = store.import(source, options).await;
                store.close().await;
                report
            }
            Err(error) => Err(error),
        };
        drop(fetched);
        match report {
            Ok(report) => Ok(UpdateReport::Osv(Box::new(report))),
            Err(error) if error.is_damage() => Err(self.after_damage(feed, &error).await),
            Err(error) => Err(import(error)),
        }
    }

    async fn popularity(&self, feed: &Feed) -> Result<UpdateReport, UpdateError> {
        let other = |why: String| UpdateError::Other { name: feed.name.clone(), why };
        let [ecosystem] = feed.ecosystems.as_slice() else {
            return Err(other("a list of popular names is about one ecosystem".to_owned()));
        };
        let bytes = match &feed.location {
            FeedLocation::Url(url) => self.fetch(feed, url).await?,
            FeedLocation::Path(path) => std::fs::read(path)
                .map(Bytes::from)
                .map_err(|error| other(format!("cannot read {}: {error}", printable(&path.to_string_lossy()))))?,
        };
        let found = Sha256::of(&bytes);
        if let Some(expected) = feed.sha256.filter(|expected| *expected != found) {
            return Err(other(format!("it has {found}, not {expected}")));
        }
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| other("it is not UTF-8 text".to_owned()))?;
        let list = Popularity::parse(*ecosystem, &text).map_err(|error| other(error.to_string()))?;
        let path = popularity_path(&self.dir, *ecosystem);
        if let Some(before) = former_size(&path, *ecosystem)
            && !self.allow_shrinkage
            && list.len() * 100 < before * (100 - MAX_SHRINKAGE)
        {
            return Err(other(format!(
                "it has {}, the last state had {before}; --allow-shrinkage takes it all the same",
                counted(list.len() as u64, "name", "names")
            )));
        }
        let stored = StoredList { schema_version: SCHEMA_VERSION, as_of: Some(self.now), text };
        let json = serde_json::to_vec(&stored).map_err(|error| other(error.to_string()))?;
        let written = keep(&self.dir, &json).and_then(|file| file.persist(&path).map(|_| ()).map_err(|error| error.error));
        written.map_err(|error| other(format!("cannot write {}: {error}", path.display())))?;
        Ok(UpdateReport::Popularity(*ecosystem, list.len()))
    }

    async fn fetch(&self, feed: &Feed, url: &str) -> Result<Bytes, UpdateError> {
        self.registries.fetch(url).await.map_err(|source| UpdateError::Fetch { name: feed.name.clone(), source })
    }

    async fn signature(&self, feed: &Feed) -> Result<String, UpdateError> {
        let other = |why: String| UpdateError::Other { name: feed.name.clone(), why };
        let bytes = match &feed.location {
            FeedLocation::Url(url) => self.fetch(feed, &format!("{url}.minisig")).await?.to_vec(),
            FeedLocation::Path(path) => {
                let mut beside = path.clone().into_os_string();
                beside.push(".minisig");
                std::fs::read(&beside)
                    .map_err(|error| other(format!("cannot read its signature {}: {error}", printable(&beside.to_string_lossy()))))?
            }
        };
        String::from_utf8(bytes).map_err(|_| other("its signature is not text".to_owned()))
    }
}

/// A file beside the feeds, synced to disk, removed unless it is persisted.
fn keep(dir: &Path, bytes: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// When a file, or the newest file of a folder, was last changed: what lay here all the time is no newer for being loaded.
fn last_change(path: &Path) -> Option<Timestamp> {
    let of = |meta: std::fs::Metadata| meta.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    let meta = std::fs::metadata(path).ok()?;
    if !meta.is_dir() {
        return of(meta);
    }
    let mut newest = None;
    let mut pending = vec![path.to_path_buf()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).ok()?.flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => pending.push(entry.path()),
                Ok(meta) => newest = newest.max(of(meta)),
                Err(_) => {}
            }
        }
    }
    newest
}

fn former_size(path: &Path, ecosystem: Ecosystem) -> Option<usize> {
    let stored: StoredList = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    Popularity::parse(ecosystem, &stored.text).ok().map(|list| list.len())
}

/// A feed name out of a path or address: lower-case letters, digits and `-`.
fn stem(origin: &Origin) -> String {
    let text = origin.to_string();
    let last = text.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let name: String = last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(48).collect();
    if name.trim_matches('-').is_empty() { "source".to_owned() } else { name.trim_matches('-').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths_are_told_apart() {
        assert_eq!(Origin::named("HTTPS://example.com/all.zip", Path::new("/w")), Origin::Url("HTTPS://example.com/all.zip".to_owned()));
        assert_eq!(Origin::named("x/all.zip", Path::new("/w")), Origin::Path("/w/x/all.zip".into()));
        assert_eq!(stem(&Origin::Path("/w/OSV all.zip".into())), "osv-all-zip");
    }
}
