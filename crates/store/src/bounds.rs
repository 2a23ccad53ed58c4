//! How much a cache may hold, and the removal of what was used longest ago.
//!
//! In: folders of files named by hashes, and [`Bounds`]. Out: the bytes removed. A file's modification time is its last
//! use. Removal is one `unlink` at a time, so that kill -9 leaves whole files; a reader that has a file open reads it to
//! its end. Several processes may remove at once: a file that is gone already is no error.

use crate::StoreError;
use crate::files::io_error;
use jiff::{SignedDuration, Timestamp};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How long a use is not worth writing down again.
pub(crate) const USE_GRAIN: SignedDuration = SignedDuration::from_hours(1);
/// Age after which a temporary file belongs to nobody any more.
const ORPHAN_AGE: SignedDuration = SignedDuration::from_hours(24);
/// Folders searched below the one named: the shard, and files in it.
const MAX_DEPTH: usize = 2;

/// What a cache may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes.
    pub bytes: u64,
    /// What was not used since then goes, however much room there is.
    pub unused_since: Timestamp,
    /// What was used since then stays, however little room there is: other processes may be at work with it.
    pub spare_since: Option<Timestamp>,
}

impl Bounds {
    /// At most `bytes`, of whatever age.
    pub const fn of(bytes: u64) -> Self {
        Bounds { bytes, unused_since: Timestamp::MIN, spare_since: None }
    }

    /// Whether an entry that was last used at `used` has to go while `held` bytes are there.
    pub(crate) fn is_out(&self, used: Timestamp, held: u64) -> bool {
        used < self.unused_since || (held > self.bytes && self.spare_since.is_none_or(|since| used < since))
    }
}

/// What a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Held {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is in these folders, temporary files included. Blocking.
pub fn held(folders: &[PathBuf]) -> Held {
    let mut held = Held::default();
    for file in folders.iter().filter_map(|folder| files(folder).ok()).flatten() {
        held.files += 1;
        held.bytes += file.bytes;
    }
    held
}

/// Removes files of these folders that are out of bounds, those used longest ago first; gives the bytes removed.
/// Blocking.
///
/// # Errors
/// A folder cannot be read, or a file not removed.
pub fn prune(folders: &[PathBuf], bounds: &Bounds, now: Timestamp) -> Result<u64, StoreError> {
    let mut entries = Vec::new();
    for folder in folders {
        for file in files(folder)? {
            if is_entry(&file.path) {
                entries.push(file);
            } else if now.duration_since(file.used) > ORPHAN_AGE {
                let _ = std::fs::remove_file(&file.path);
            }
        }
    }
    entries.sort();
    let mut held: u64 = entries.iter().map(|file| file.bytes).sum();
    let mut removed = 0;
    for file in entries {
        if !bounds.is_out(file.used, held) {
            break;
        }
        match std::fs::remove_file(&file.path) {
            Ok(()) => removed += file.bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(io_error(&file.path, error)),
        }
        held -= file.bytes;
    }
    Ok(removed)
}

/// Notes that a file of a cache was used. Failing to is harmless: the file only goes sooner.
pub(crate) fn touch(path: &Path, metadata: &std::fs::Metadata, now: Timestamp) {
    if now.duration_since(last_use(metadata)) >= USE_GRAIN
        && let Ok(file) = std::fs::File::options().append(true).open(path)
    {
        let _ = file.set_modified(system_time(now));
    }
}

pub(crate) fn system_time(time: Timestamp) -> SystemTime {
    SystemTime::from(time.max(Timestamp::UNIX_EPOCH))
}

fn last_use(metadata: &std::fs::Metadata) -> Timestamp {
    metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct File {
    used: Timestamp,
    path: PathBuf,
    bytes: u64,
}

/// Entries are named by a hash; anything else is a temporary file of a writer.
fn is_entry(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.len() >= 32 && name.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn files(root: &Path) -> Result<Vec<File>, StoreError> {
    let mut found = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            Err(error) => return Err(io_error(&folder, error)),
        };
        for entry in entries.flatten() {
            // Another process may remove it at any time; links are not followed.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() && depth + 1 < MAX_DEPTH {
                folders.push((entry.path(), depth + 1));
            } else if metadata.is_file() {
                found.push(File { used: last_use(&metadata), path: entry.path(), bytes: metadata.len() });
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + hours * 3600).unwrap()
    }

    /// A file of 100 bytes used at that hour, named by a hash unless `name` is given.
    fn file(root: &Path, number: u8, hours: i64, name: Option<&str>) -> PathBuf {
        let folder = root.join(format!("{number:02x}"));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name.map_or_else(|| format!("{number:062x}"), str::to_owned));
        std::fs::write(&path, [number; 100]).unwrap();
        std::fs::File::options().append(true).open(&path).unwrap().set_modified(system_time(at(hours))).unwrap();
        path
    }

    fn left(paths: &[PathBuf]) -> Vec<bool> {
        paths.iter().map(|path| path.exists()).collect()
    }

    #[test]
    fn the_least_recently_used_go_first_over_all_folders() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("http-1"), folder.path().join("records-1"));
        let paths = [file(&one, 1, 5, None), file(&two, 2, 1, None), file(&one, 3, 3, None), file(&two, 4, 4, None)];
        let folders = [one, two, folder.path().join("absent")];
        assert_eq!(held(&folders), Held { files: 4, bytes: 400 });
        assert_eq!(prune(&folders, &Bounds::of(250), at(9)).unwrap(), 200);
        assert_eq!(left(&paths), [true, false, false, true]);
        assert_eq!(prune(&folders, &Bounds::of(250), at(9)).unwrap(), 0);
    }

    #[test]
    fn what_is_too_old_goes_and_what_others_use_stays() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let paths = [file(&root, 1, 1, None), file(&root, 2, 50, None), file(&root, 3, 60, None)];
        let bounds = Bounds { bytes: 0, unused_since: at(10), spare_since: Some(at(55)) };
        assert_eq!(prune(std::slice::from_ref(&root), &bounds, at(60)).unwrap(), 200);
        assert_eq!(left(&paths), [false, false, true]);
        let old = Bounds { bytes: 1000, unused_since: at(61), spare_since: None };
        assert_eq!(prune(std::slice::from_ref(&root), &old, at(61)).unwrap(), 100);
    }

    #[test]
    fn temporary_files_of_killed_writers_go_after_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let names = [Some("new-abc"), Some(".record-x"), Some("doc-1")];
        let old: Vec<PathBuf> = names.iter().map(|name| file(&root, 1, 1, *name)).collect();
        let fresh = file(&root, 2, 30, names[0]);
        prune(std::slice::from_ref(&root), &Bounds::of(0), at(31)).unwrap();
        assert_eq!((left(&old), fresh.exists()), (vec![false; 3], true));
    }

    #[test]
    #[cfg(unix)]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let outside = file(&folder.path().join("outside"), 1, 1, None);
        let root = folder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        std::os::unix::fs::symlink(outside.parent().unwrap(), root.join("aa")).unwrap();
        assert_eq!(prune(&[root], &Bounds::of(0), at(99)).unwrap(), 0);
        assert!(outside.exists());
    }
}
