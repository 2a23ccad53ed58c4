//! Reads an import source with all cores: workers cut, inflate and parse, one collector gathers.
//!
//! The attacks: a zip that inflates without end, a name that leaves its folder, a link out of a folder, millions of
//! small files. Bytes, records and depth are bounded; names are only labels here, nothing is ever written under them.

use crate::AdvisoryError;
use crate::collect::Collected;
use crate::import::{ImportLimits, ImportOptions, ImportSource, SkipReason};
use crate::record::{self, Parsed};
use crate::split::{Piece, Splitter};
use crate::verify;
use bifocal_core::{Ecosystem, Sha256};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Folders searched below the one named.
const MAX_DEPTH: usize = 16;
/// Records that go from a worker to the collector at once.
const BATCH: usize = 128;

/// One record read or passed over, and where it stood.
type Item = (String, Result<Parsed, SkipReason>);

/// Reads the whole source. Blocking.
pub(crate) fn read(source: ImportSource, options: &ImportOptions) -> Result<(Collected, Option<Sha256>), AdvisoryError> {
    let checked = options.expected_sha256.is_some() || options.signature.is_some();
    match source {
        ImportSource::Dir(_) | ImportSource::Reader(_) if checked => {
            Err(AdvisoryError::NotCheckable { what: if matches!(source, ImportSource::Dir(_)) { "a folder" } else { "a stream" } })
        }
        ImportSource::Dir(path) => Ok((read_dir(&path, options)?, None)),
        ImportSource::Reader(reader) => Ok((read_stream(BufReader::with_capacity(1 << 16, reader), "the stream", options)?, None)),
        ImportSource::File(path) | ImportSource::Zip(path) => {
            let fail = |source| AdvisoryError::Read { path: path.clone(), source };
            let mut file = File::open(&path).map_err(fail)?;
            let length = file.metadata().map_err(fail)?.len();
            if length > options.limits.source_bytes {
                return Err(AdvisoryError::TooLarge { what: "bytes in the file", limit: options.limits.source_bytes });
            }
            // Checked and read through one handle: the file cannot be exchanged between the two.
            let sha256 = verify::check(&mut file, &path, options)?;
            file.seek(SeekFrom::Start(0)).map_err(fail)?;
            let mut magic = [0; 4];
            let zip = file.read(&mut magic).map_err(fail)? == 4 && (magic == *b"PK\x03\x04" || magic == *b"PK\x05\x06");
            file.seek(SeekFrom::Start(0)).map_err(fail)?;
            let collected = if zip {
                read_zip(file, length, &path, options)?
            } else {
                read_stream(BufReader::with_capacity(1 << 16, file), &path.to_string_lossy(), options)?
            };
            Ok((collected, Some(sha256)))
        }
    }
}

/// What workers share: the bounds of the whole source and the wish to stop.
struct Shared<'a> {
    limits: &'a ImportLimits,
    ecosystems: &'a [Ecosystem],
    bytes: AtomicU64,
    stop: AtomicBool,
}

impl<'a> Shared<'a> {
    fn new(options: &'a ImportOptions) -> Self {
        Shared { limits: &options.limits, ecosystems: &options.ecosystems, bytes: AtomicU64::new(0), stop: AtomicBool::new(false) }
    }

    /// Counts bytes; false when the whole source has become too large.
    fn spend(&self, bytes: usize) -> bool {
        let before = self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if before.saturating_add(bytes as u64) > self.limits.total_bytes {
            self.stop.store(true, Ordering::Relaxed);
        }
        !self.stop.load(Ordering::Relaxed)
    }

    fn parse(&self, bytes: &[u8]) -> Result<Parsed, SkipReason> {
        record::parse(bytes, self.ecosystems, self.limits)
    }
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).min(8)
}

/// Runs `work` on all cores and gathers what it sends.
fn gather<F>(shared: &Shared<'_>, work: F) -> Result<Collected, AdvisoryError>
where
    F: Fn(&mut Batch) -> Result<(), AdvisoryError> + Sync,
{
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Vec<Item>>(workers() * 4);
        let handles: Vec<_> = (0..workers())
            .map(|_| {
                let sender = sender.clone();
                let work = &work;
                scope.spawn(move || {
                    let mut batch = Batch { items: Vec::with_capacity(BATCH), sender };
                    work(&mut batch)?;
                    batch.flush();
                    Ok::<(), AdvisoryError>(())
                })
            })
            .collect();
        drop(sender);
        let collected = drain(&receiver, shared);
        if collected.is_err() {
            shared.stop.store(true, Ordering::Relaxed);
            // Unblocks workers that wait for room.
            while receiver.recv().is_ok() {}
        }
        for handle in handles {
            handle.join().map_err(|_| AdvisoryError::Worker)??;
        }
        let collected = collected?;
        if shared.bytes.load(Ordering::Relaxed) > shared.limits.total_bytes {
            return Err(AdvisoryError::TooLarge { what: "bytes unpacked", limit: shared.limits.total_bytes });
        }
        Ok(collected)
    })
}

fn drain(receiver: &Receiver<Vec<Item>>, shared: &Shared<'_>) -> Result<Collected, AdvisoryError> {
    let mut collected = Collected::default();
    while let Ok(batch) = receiver.recv() {
        for (place, result) in batch {
            collected.seen += 1;
            if collected.seen > shared.limits.records {
                return Err(AdvisoryError::TooLarge { what: "records", limit: shared.limits.records });
            }
            match result {
                Ok(parsed) => collected.add(parsed, &place, shared.limits)?,
                Err(reason) => collected.skip(reason, &place),
            }
        }
    }
    Ok(collected)
}

struct Batch {
    items: Vec<Item>,
    sender: SyncSender<Vec<Item>>,
}

impl Batch {
    fn push(&mut self, place: String, result: Result<Parsed, SkipReason>) {
        self.items.push((place, result));
        if self.items.len() >= BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.items.is_empty() {
            // The collector hangs up only after an error that is reported already.
            let _ = self.sender.send(std::mem::take(&mut self.items));
        }
    }
}

/// Reads records in a row. Cutting is cheap next to parsing, so cutting takes turns under a lock.
fn read_stream<R: io::BufRead + Send>(reader: R, label: &str, options: &ImportOptions) -> Result<Collected, AdvisoryError> {
    let shared = Shared::new(options);
    let splitter = std::sync::Mutex::new((Splitter::new(reader, options.limits.record_bytes), 0u64));
    gather(&shared, |batch| {
        let mut pieces = Vec::new();
        loop {
            {
                let mut guard = splitter.lock().map_err(|_| AdvisoryError::Worker)?;
                let (splitter, count) = &mut *guard;
                let mut bytes = 0;
                while pieces.len() < 64 && bytes < 1 << 20 && !shared.stop.load(Ordering::Relaxed) {
                    match splitter.next() {
                        Ok(Some(piece)) => {
                            *count += 1;
                            if let Piece::Record(record) = &piece {
                                bytes += record.len();
                            }
                            pieces.push((*count, piece));
                        }
                        Ok(None) => break,
                        Err(source) => {
                            shared.stop.store(true, Ordering::Relaxed);
                            return Err(AdvisoryError::Read { path: PathBuf::from(label), source });
                        }
                    }
                }
                if !shared.spend(bytes) {
                    return Ok(());
                }
            }
            if pieces.is_empty() {
                return Ok(());
            }
            for (number, piece) in pieces.drain(..) {
                let result = match piece {
                    Piece::Record(bytes) => shared.parse(&bytes),
                    Piece::TooLarge => Err(SkipReason::TooLarge),
                    Piece::Junk => Err(SkipReason::BadJson),
                };
                batch.push(format!("{label}, record {number}"), result);
            }
        }
    })
}

fn read_dir(root: &Path, options: &ImportOptions) -> Result<Collected, AdvisoryError> {
    let mut files = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let fail = |source| AdvisoryError::Read { path: folder.clone(), source };
        for item in std::fs::read_dir(&folder).map_err(fail)? {
            let item = item.map_err(fail)?;
            let (path, kind) = (item.path(), item.file_type().map_err(fail)?);
            if kind.is_dir() && depth < MAX_DEPTH {
                folders.push((path, depth + 1));
            } else if kind.is_file() && path.extension().is_some_and(|ext| ext == "json" || ext == "jsonl") {
                files.push(path);
                if files.len() as u64 > options.limits.records {
                    return Err(AdvisoryError::TooLarge { what: "files", limit: options.limits.records });
                }
            }
        }
    }
    files.sort_unstable();
    let shared = Shared::new(options);
    let next = AtomicUsize::new(0);
    gather(&shared, |batch| {
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let label = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
            let Ok(file) = File::open(path) else {
                batch.push(label, Err(SkipReason::Unreadable));
                continue;
            };
            if !read_pieces(BufReader::new(file), &label, &shared, batch) {
                return Ok(());
            }
        }
        Ok(())
    })
}

/// Reads the records of one file; false when the import has to stop.
fn read_pieces<R: io::BufRead>(reader: R, label: &str, shared: &Shared<'_>, batch: &mut Batch) -> bool {
    let mut splitter = Splitter::new(reader, shared.limits.record_bytes);
    loop {
        let result = match splitter.next() {
            Ok(None) => return true,
            Ok(Some(Piece::Record(bytes))) => {
                if !shared.spend(bytes.len()) {
                    return false;
                }
                shared.parse(&bytes)
            }
            Ok(Some(Piece::TooLarge)) => Err(SkipReason::TooLarge),
            Ok(Some(Piece::Junk)) => Err(SkipReason::BadJson),
            Err(_) => {
                batch.push(label.to_owned(), Err(SkipReason::Unreadable));
                return true;
            }
        };
        batch.push(label.to_owned(), result);
    }
}

fn read_zip(file: File, length: u64, path: &Path, options: &ImportOptions) -> Result<Collected, AdvisoryError> {
    let reader = BufReader::with_capacity(1 << 13, SharedFile { file: Arc::new(file), at: 0, length });
    let archive = zip::ZipArchive::new(reader.into_inner())
        .map_err(|error| AdvisoryError::Zip { path: path.to_owned(), why: bifocal_core::one_line(&error.to_string(), 200) })?;
    if archive.len() as u64 > options.limits.records {
        return Err(AdvisoryError::TooLarge { what: "files in the zip", limit: options.limits.records });
    }
    let shared = Shared::new(options);
    let next = AtomicUsize::new(0);
    gather(&shared, |batch| {
        let mut archive = archive.clone();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= archive.len() || shared.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let mut entry = match archive.by_index(index) {
                Ok(entry) => entry,
                Err(_) => {
                    batch.push(format!("entry {index}"), Err(SkipReason::Unreadable));
                    continue;
                }
            };
            if entry.is_dir() {
                continue;
            }
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            if !name.ends_with(".json") {
                continue;
            }
            if name.starts_with('/') || name.contains(['\\', '\0']) || name.split('/').any(|part| part == "..") {
                batch.push(name, Err(SkipReason::UnsafePath));
                continue;
            }
            // The declared size is the archive's word only; what is inflated is what counts.
            let limit = shared.limits.record_bytes;
            let mut bytes = Vec::with_capacity(usize::try_from(entry.size().min(1 << 20)).unwrap_or(0));
            let result = match entry.by_ref().take(limit.saturating_add(1)).read_to_end(&mut bytes) {
                Err(_) => Err(SkipReason::Unreadable),
                Ok(_) if bytes.len() as u64 > limit => Err(SkipReason::TooLarge),
                Ok(_) => shared.parse(&bytes),
            };
            if !shared.spend(bytes.len()) {
                return Ok(());
            }
            batch.push(name, result);
        }
    })
}

/// A file that many readers share, each at its own place.
#[derive(Clone)]
struct SharedFile {
    file: Arc<File>,
    at: u64,
    length: u64,
}

impl Read for SharedFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let count = std::os::unix::fs::FileExt::read_at(&*self.file, into, self.at)?;
        #[cfg(windows)]
        let count = std::os::windows::fs::FileExt::seek_read(&*self.file, into, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for SharedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = target.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek before the start"))?;
        Ok(self.at)
    }
}
