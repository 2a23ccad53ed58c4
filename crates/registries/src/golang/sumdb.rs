//! The checksum database (<https://go.dev/ref/mod#checksum-database>): what the zip of a module version hashed to when
//! anyone first asked for it.
//!
//! In: a module version. Out: its `h1:` digest, believed only when the record is shown to be in a tree that the database
//! signed, and that tree to hold every tree seen before. The attacks: a proxy that serves altered bytes with a digest to
//! match; a database that shows one history to the victim and another to the world.

mod note;
mod tiles;
#[cfg(test)]
#[path = "sumdb/tests.rs"]
mod wire_tests;

pub(crate) use note::Key;
#[cfg(test)]
pub(crate) use note::signing;

use super::escape;
use crate::error::RegistryError;
use crate::facade::Shared;
use crate::flight::Flights;
use crate::http::{Credentials, Document, Get, blocking};
use bifocal_core::{Algorithm, Digest, Release, counted};
use bifocal_ledger::{Hash, leaf_hash, verify_consistency, verify_inclusion};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tiles::{Run, Tile, Tree};
use tokio::sync::Mutex;
use url::Url;

/// Tiles remembered in memory; one is 8 KiB.
const REMEMBERED: usize = 2_000;

/// A digest and what vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) digest: Digest,
    /// The record's number in the signed tree; `None` where the database's key is not known, so that nothing is proved.
    pub(super) record: Option<u64>,
}

/// The database as one client sees it.
pub(super) struct Database {
    shared: Arc<Shared>,
    credentials: Arc<Credentials>,
    name: String,
    key: Option<Key>,
    /// The largest tree seen, in this run or before.
    latest: Mutex<Option<Tree>>,
    tiles: Flights<Vec<Hash>>,
}

impl Database {
    pub(super) fn new(shared: Arc<Shared>, credentials: Arc<Credentials>, name: &str, key: Option<Key>) -> Self {
        Database { shared, credentials, name: name.to_owned(), key, latest: Mutex::default(), tiles: Flights::new(REMEMBERED) }
    }

    /// The digest of a release's zip. `None` when the database has no such version. `base` is where it is asked.
    pub(super) async fn lookup(&self, base: &Url, release: &Release) -> Result<Option<Sum>, RegistryError> {
        let module = release.package.as_str();
        let doubt = |why: String| RegistryError::ChecksumDatabase { database: self.name.clone(), release: release.purl(), why };
        let path = format!("lookup/{}@{}", escape(module), escape(&release.version));
        let Some(document) = self.document(base, &path).await? else { return Ok(None) };
        let answer = std::str::from_utf8(&document.body).map_err(|_| doubt("its answer is not UTF-8".to_owned()))?;
        let Some((id, record, signed)) = parts(answer) else { return Err(doubt("its answer is no record".to_owned())) };
        let digest = sum_line(record, module, &release.version)
            .ok_or_else(|| doubt("its record is of another module or version, or has no digest of the zip".to_owned()))?;
        let Some(key) = &self.key else { return Ok(Some(Sum { digest, record: None })) };
        let tree = tree_of(signed, key).map_err(|why| doubt(why.to_owned()))?;
        let latest = self.settle(base, key, tree, signed).await.map_err(|error| error.of(&doubt))?;
        let proof = self.proof(base, &tiles::inclusion(latest.size, id), latest).await.map_err(|error| error.of(&doubt))?;
        verify_inclusion(&leaf_hash(record.as_bytes()), id, latest.size, &proof, &latest.root)
            .map_err(|error| doubt(format!("its record is not in the tree that it signed: {error}")))?;
        Ok(Some(Sum { digest, record: Some(id) }))
    }

    /// Takes note of a signed tree and returns the largest one, of which all others are shown to be beginnings.
    async fn settle(&self, base: &Url, key: &Key, tree: Tree, signed: &str) -> Result<Tree, Doubt> {
        let mut latest = self.latest.lock().await;
        let known = match *latest {
            Some(known) => known,
            None => self.begin(base, key, tree, signed).await?,
        };
        if tree.size <= known.size {
            *latest = Some(known);
            // The older tree is proved without holding up the others.
            drop(latest);
            self.extends(base, tree, known).await?;
            return Ok(known);
        }
        self.extends(base, known, tree).await?;
        *latest = Some(tree);
        self.remember(signed).await?;
        Ok(tree)
    }

    /// The tree to start from: the newest that the database tells, which must continue the one remembered from earlier runs.
    async fn begin(&self, base: &Url, key: &Key, tree: Tree, signed: &str) -> Result<Tree, Doubt> {
        // Asked once, so that a hundred answers of a hundred ages are not a hundred steps.
        let told = self.document(base, "latest").await.ok().flatten();
        let told = told.and_then(|document| String::from_utf8(document.body.to_vec()).ok());
        let told = told.and_then(|text| tree_of(&text, key).ok().map(|tree| (tree, text)));
        let (newest, text) = match told {
            Some((told, text)) if told.size > tree.size => (told, text),
            _ => (tree, signed.to_owned()),
        };
        let Some(before) = self.remembered(key).await? else {
            self.remember(&text).await?;
            return Ok(newest);
        };
        if before.size >= newest.size {
            self.extends(base, newest, before).await?;
            return Ok(before);
        }
        self.extends(base, before, newest).await?;
        self.remember(&text).await?;
        Ok(newest)
    }

    /// Checks that a tree is the beginning of a larger one.
    async fn extends(&self, base: &Url, old: Tree, new: Tree) -> Result<(), Doubt> {
        let proof = self.proof(base, &tiles::consistency(old.size, new.size), new).await?;
        verify_consistency(old.size, new.size, &proof, &old.root, &new.root).map_err(|error| {
            Doubt::Of(format!(
                "its tree of {} does not continue its tree of {}: it has shown two histories ({error})",
                counted(new.size, "record", "records"),
                counted(old.size, "record", "records")
            ))
        })
    }

    /// The roots of runs of leaves, out of the tiles of a tree.
    async fn proof(&self, base: &Url, runs: &[Run], tree: Tree) -> Result<Vec<Hash>, Doubt> {
        let wanted: Vec<Tile> = tiles::needed(runs, tree.size).into_iter().collect();
        let read = futures::future::try_join_all(wanted.iter().map(|tile| self.tile(base, tile))).await?;
        let held: BTreeMap<Tile, Vec<Hash>> = wanted.into_iter().zip(read.iter().map(|hashes| hashes.to_vec())).collect();
        tiles::proof(runs, tree.size, &held).ok_or_else(|| Doubt::Of("its tiles do not hold its tree".to_owned()))
    }

    async fn tile(&self, base: &Url, tile: &Tile) -> Result<Arc<Vec<Hash>>, Doubt> {
        let work = async {
            let document = match self.document(base, &tile.path()).await? {
                Some(document) => Some(document),
                None => match tile.full() {
                    Some(full) => self.document(base, &full.path()).await?,
                    None => None,
                },
            };
            let malformed =
                |what: &str| RegistryError::Malformed { url: crate::error::shown(base), place: tile.path(), what: what.to_owned() };
            let document = document.ok_or_else(|| malformed("a part of its tree is missing"))?;
            tile.read(&document.body).ok_or_else(|| malformed("it is no tile of that width"))
        };
        Ok(self.tiles.get(&tile.path(), |_| 1, work).await?)
    }

    async fn document(&self, base: &Url, path: &str) -> Result<Option<Document>, RegistryError> {
        let url = base.join(path).map_err(|error| RegistryError::BadAddress { url: crate::error::shown(base), why: error.to_string() })?;
        let get = Get { url, accept: "*/*", credentials: Arc::clone(&self.credentials) };
        // Records and tiles never change; the newest tree does.
        let found = if path == "latest" { self.shared.http.metadata(&get).await? } else { self.shared.http.immutable(&get).await? };
        Ok(found.map(Document::let_go))
    }

    fn place(&self) -> Option<PathBuf> {
        let folder = self.shared.options.cache_dir.as_deref()?;
        Some(folder.join("sumdb-1").join(&bifocal_core::Sha256::of(self.name.as_bytes()).hex()[..32]))
    }

    /// The tree of earlier runs. A file that is not signed by the key counts as none.
    async fn remembered(&self, key: &Key) -> Result<Option<Tree>, RegistryError> {
        let Some(path) = self.place() else { return Ok(None) };
        let text = blocking(move || crate::discovery::read_file(&path).ok().flatten()).await?;
        Ok(text.and_then(|text| tree_of(&text, key).ok()))
    }

    /// Keeps a tree's note for later runs. A cache that cannot be written is no reason to stop.
    async fn remember(&self, signed: &str) -> Result<(), RegistryError> {
        let Some(path) = self.place() else { return Ok(()) };
        let text = signed.to_owned();
        blocking(move || {
            if let Err(error) = write(&path, &text) {
                tracing::warn!(file = %path.display(), %error, "the checksum database's tree is not remembered");
            }
        })
        .await
    }
}

/// Why something is not proved: the database is not to be believed, or it could not be asked.
enum Doubt {
    Of(String),
    Unasked(RegistryError),
}

impl Doubt {
    fn of(self, doubt: &dyn Fn(String) -> RegistryError) -> RegistryError {
        match self {
            Doubt::Of(why) => doubt(why),
            Doubt::Unasked(error) => error,
        }
    }
}

impl From<RegistryError> for Doubt {
    fn from(error: RegistryError) -> Self {
        Doubt::Unasked(error)
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// An answer's record number, record text (with its last line feed), and signed tree.
fn parts(answer: &str) -> Option<(u64, &str, &str)> {
    let (id, rest) = answer.split_once('\n')?;
    let end = rest.find("\n\n")?;
    let (record, signed) = (&rest[..=end], &rest[end + 2..]);
    let id: i64 = id.parse().ok().filter(|id| *id >= 0)?;
    (!record.starts_with('\n') && !record.chars().any(|c| c < ' ' && c != '\n')).then_some((id.unsigned_abs(), record, signed))
}

fn tree_of(signed: &str, key: &Key) -> Result<Tree, &'static str> {
    Tree::parse(note::open(signed, key)?).ok_or("what it signed is no tree")
}

/// The zip's line in a record: `module version h1:…`.
fn sum_line(record: &str, module: &str, version: &str) -> Option<Digest> {
    record.lines().take(64).find_map(|line| {
        let mut words = line.split(' ');
        let fits = words.next() == Some(module) && words.next() == Some(version);
        let digits = words.next().filter(|_| fits)?.strip_prefix("h1:")?;
        Digest::decode(Algorithm::GoH1, digits).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_zip_is_taken_and_no_other() {
        let zip = "h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0=";
        let answer = format!(
            "42\nexample.com/m v1.0.0/go.mod h1:TIyPZe4MgqvfeYDBFedMoGGpEw/LqOeaOT+nhxU+yHo=\nexample.com/m v1.0.0 {zip}\nexample.com/mm v1.0.0 h1:x\n\ntree\nexample.com/m v1.0.1 {zip}\n\n\u{2014} signature\n"
        );
        let (id, record, signed) = parts(&answer).unwrap();
        assert_eq!(id, 42);
        assert!(record.ends_with("h1:x\n") && signed.starts_with("tree\n"));
        assert_eq!(sum_line(record, "example.com/m", "v1.0.0").unwrap().to_string(), zip);
        assert_eq!(sum_line(record, "example.com/m", "v1.0.1"), None, "a line outside of the record counts for nothing");
        assert_eq!(sum_line(record, "example.com/mm", "v1.0.0"), None);
    }

    #[test]
    fn answers_that_are_no_record_are_refused() {
        for answer in ["", "1", "1\n", "1\nx", "-1\nx\n\n", "x\nx\n\n", "1\n\n\nx", "1\nx\ty\n\n"] {
            assert_eq!(parts(answer), None, "{answer:?}");
        }
    }
}
