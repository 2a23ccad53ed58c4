//! How much the cache may hold, and when that is looked after.
//!
//! In: the cache's folder and its [`CacheLimits`]. Out: a folder within them. It is looked after at the end of a run,
//! after the result is printed: at most once an hour when something was written, and once a day else, so that a warm run
//! does not pay for it. Every process that uses the cache holds a shared lock, which the kernel takes back from one that
//! is killed. A process that is alone goes by the limits alone; beside others it leaves what was used lately, because one
//! of them may be at work with it.

use bifocal_store::{Bounds, Held, held, prune};
use jiff::{SignedDuration, Timestamp};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Held in shared mode by every process that uses the cache.
const IN_USE: &str = "in-use.lock";
/// Held by the process that looks after the cache, and the time at which that was done last.
const TIDIED: &str = "tidied";
/// How long a process that starts waits for one that looks after the cache.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the cache is looked after when something was written.
const BUSY: SignedDuration = SignedDuration::from_hours(1);
/// How often it is looked after else.
const IDLE: SignedDuration = SignedDuration::from_hours(24);
/// What was used so lately stays while other processes run: uses are noted to the hour, and no run takes another.
const LATELY: SignedDuration = SignedDuration::from_hours(3);
/// Entries written by one run after which it does not wait for the hour.
const MANY: usize = 500;

/// What a cache may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimits {
    /// Bytes of the database of records and facts.
    pub assessments: u64,
    /// Bytes of metadata documents and records of registries.
    pub metadata: u64,
    /// Bytes of artifacts.
    pub artifacts: u64,
    /// Days after which what was not used goes, however much room there is.
    pub unused_days: u32,
}

impl Default for CacheLimits {
    fn default() -> Self {
        CacheLimits { assessments: 1 << 30, metadata: 2 << 30, artifacts: 4 << 30, unused_days: 90 }
    }
}

/// What a cache holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSizes {
    /// The database of records and facts.
    pub assessments: Held,
    /// Metadata documents and records of registries.
    pub metadata: Held,
    /// Artifacts.
    pub artifacts: Held,
}

impl CacheSizes {
    /// Measures the cache in this folder. Blocking.
    pub fn of(folder: &Path) -> Self {
        CacheSizes {
            assessments: held_by_database(folder),
            metadata: held(&metadata_folders(folder)),
            artifacts: held(&[artifacts(folder)]),
        }
    }
}

fn held_by_database(folder: &Path) -> Held {
    let mut sum = Held::default();
    for suffix in ["", "-wal"] {
        let mut path = database(folder).into_os_string();
        path.push(suffix);
        if let Ok(metadata) = std::fs::metadata(path) {
            sum.files += 1;
            sum.bytes += metadata.len();
        }
    }
    sum
}

/// The database of records and facts.
pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("assessments.sqlite3")
}

/// The folder of artifacts.
pub(crate) fn artifacts(folder: &Path) -> PathBuf {
    folder.join("artifacts")
}

/// The folders of metadata, of whatever form: what an earlier version left is no use to this one, and ages.
fn metadata_folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_metadata = |name: &str| ["http-", "records-"].iter().any(|prefix| name.starts_with(prefix));
    entries.filter(|entry| entry.file_name().to_str().is_some_and(is_metadata)).map(|entry| entry.path()).collect()
}

/// The upkeep of one cache by one process.
#[derive(Debug)]
pub(crate) struct Upkeep {
    folder: PathBuf,
    limits: CacheLimits,
    /// `None` where the folder takes no file, or the file system no lock.
    in_use: Mutex<Option<File>>,
}

/// What is to be done now; holds the right to do it alone.
#[derive(Debug)]
pub(crate) struct Turn {
    stamp: File,
    stamp_text: String,
    /// Whether no other process uses the cache.
    alone: bool,
    now: Timestamp,
    limits: CacheLimits,
}

impl Upkeep {
    /// Enters the cache: from now on other processes know that it is in use. Blocking, for a moment.
    pub(crate) fn enter(folder: &Path, limits: CacheLimits) -> Self {
        let _ = make_private(folder);
        let file = open(&folder.join(IN_USE)).filter(|file| {
            let started = Instant::now();
            loop {
                match file.try_lock_shared() {
                    Ok(()) => return true,
                    Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(5)),
                    Err(_) => return false,
                }
            }
        });
        Upkeep { folder: folder.to_owned(), limits, in_use: Mutex::new(file) }
    }

    /// The turn to look after the cache, when it is due and no other process does. Blocking.
    pub(crate) fn turn(&self, written: usize, now: Timestamp) -> Option<Turn> {
        let limits = self.limits;
        let stamp = open(&self.folder.join(TIDIED))?;
        let text = format!("{limits:?}\n");
        let last = stamp.metadata().and_then(|meta| meta.modified()).ok().and_then(|time| Timestamp::try_from(time).ok());
        let same = std::io::read_to_string(&stamp).is_ok_and(|known| known == text);
        let age = last.map_or(SignedDuration::MAX, |last| now.duration_since(last));
        let due = !same || age.is_negative() || age >= IDLE || (written > 0 && age >= BUSY) || written >= MANY;
        if !due || stamp.try_lock().is_err() {
            return None;
        }
        Some(Turn { alone: self.try_alone(), stamp, stamp_text: text, now, limits })
    }

    /// Whether this process is the only one; from then on until [`Upkeep::leave`] none can come in.
    fn try_alone(&self) -> bool {
        let held = self.in_use.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Taking the lock anew gives the shared one up first: another that takes it in between makes this fail.
        held.as_ref().is_some_and(|file| file.try_lock().is_ok())
    }

    /// Removes metadata that is out of bounds. Blocking.
    pub(crate) fn prune_metadata(&self, turn: &Turn) -> Result<u64, bifocal_store::StoreError> {
        prune(&metadata_folders(&self.folder), &turn.bounds(turn.limits.metadata), turn.now)
    }

    /// Lets others in again, and notes that the cache was looked after. Blocking.
    pub(crate) fn leave(&self, turn: Turn) {
        use std::io::{Seek as _, Write as _};
        // What was set aside as damaged is there for people to look at for as long as entries are.
        let damaged = database(&self.folder).with_extension("damaged");
        let old = |time: std::time::SystemTime| Timestamp::try_from(time).is_ok_and(|time| time < turn.bounds(0).unused_since);
        if std::fs::metadata(&damaged).and_then(|meta| meta.modified()).is_ok_and(old) {
            let _ = std::fs::remove_file(damaged);
        }
        let mut stamp = &turn.stamp;
        let _ = stamp.rewind().and_then(|()| stamp.set_len(0)).and_then(|()| stamp.write_all(turn.stamp_text.as_bytes()));
        let _ = stamp.set_modified(turn.now.into());
        if let Some(file) = self.in_use.lock().unwrap_or_else(std::sync::PoisonError::into_inner).as_ref() {
            let _ = file.unlock();
            let _ = file.try_lock_shared();
        }
    }
}

impl Turn {
    /// The bounds of a part that may have so many bytes.
    fn bounds(&self, bytes: u64) -> Bounds {
        let before = |span: SignedDuration| self.now.checked_sub(span).unwrap_or(Timestamp::MIN);
        Bounds {
            bytes,
            unused_since: before(SignedDuration::from_hours(24 * i64::from(self.limits.unused_days))),
            spare_since: (!self.alone).then(|| before(LATELY)),
        }
    }

    /// The bounds of the database.
    pub(crate) fn assessments(&self) -> Bounds {
        self.bounds(self.limits.assessments)
    }

    /// The bounds of the artifacts.
    pub(crate) fn artifacts(&self) -> Bounds {
        self.bounds(self.limits.artifacts)
    }
}

/// Makes a folder that only its owner can read: packages in it may be private.
fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn open(path: &Path) -> Option<File> {
    File::options().create(true).truncate(false).read(true).write(true).open(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> CacheLimits {
        CacheLimits::default()
    }

    fn done(upkeep: &Upkeep, written: usize, now: Timestamp) -> bool {
        upkeep.turn(written, now).map(|turn| upkeep.leave(turn)).is_some()
    }

    #[test]
    fn it_is_looked_after_hourly_when_busy_daily_when_idle_and_at_once_with_other_limits() {
        let folder = tempfile::tempdir().unwrap();
        let upkeep = Upkeep::enter(folder.path(), limits());
        let start = Timestamp::now();
        let at = |hours: i64| start + SignedDuration::from_hours(hours);
        assert!(done(&upkeep, 0, start), "never done yet");
        assert!(!done(&upkeep, 1, start) && !done(&upkeep, 0, at(2)));
        assert!(done(&upkeep, 1, at(2)) && !done(&upkeep, 1, at(2)) && done(&upkeep, MANY, at(2)));
        assert!(!done(&upkeep, 0, at(25)) && done(&upkeep, 0, at(26)));
        let other = Upkeep::enter(folder.path(), CacheLimits { metadata: 1, ..limits() });
        assert!(done(&other, 0, at(26)));
    }

    #[test]
    fn one_process_at_a_time_and_what_others_use_is_spared() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (Upkeep::enter(folder.path(), limits()), Upkeep::enter(folder.path(), limits()));
        let now = Timestamp::now();
        let turn = one.turn(MANY, now).unwrap();
        assert!(!turn.alone && turn.assessments().spare_since.is_some());
        assert!(two.turn(MANY, now).is_none(), "another is at it");
        one.leave(turn);
        drop(two);
        let turn = one.turn(MANY, now).unwrap();
        assert!(turn.alone && turn.assessments().spare_since.is_none());
        one.leave(turn);
        // And others may come in again.
        let three = Upkeep::enter(folder.path(), limits());
        assert!(three.in_use.lock().unwrap().is_some());
        let turn = three.turn(MANY, now).unwrap();
        assert!(!turn.alone, "the first is still there");
    }

    #[test]
    fn a_folder_that_takes_no_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"").unwrap();
        let upkeep = Upkeep::enter(&file, limits());
        assert!(upkeep.turn(MANY, Timestamp::now()).is_none());
    }
}
