//! Gathers what an import will write, in one place and in a compact form: one arena of bytes and small fixed-size rows
//! that point into it. Records come in any order; what goes out is sorted, so that the same records give the same store
//! and the same digest however they were packed.

use crate::AdvisoryError;
use crate::import::{ImportLimits, SkipReason, Skipped};
use crate::record::Parsed;
use bifocal_core::Ecosystem;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};

/// A run of bytes in the arena.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    length: u32,
}

#[derive(Debug, Clone, Copy)]
struct RecordRow {
    id: Span,
    detail: Span,
    leaf: [u8; 32],
    modified: i64,
    withdrawn: bool,
    malware: bool,
    live: bool,
}

#[derive(Debug, Clone, Copy)]
struct EntryRow {
    ecosystem: u8,
    name: Span,
    body: Span,
    record: u32,
}

/// A record to write.
pub(crate) struct OutRecord<'a> {
    /// Position in the sorted state, from 0; entries refer to it.
    pub(crate) id: &'a str,
    pub(crate) withdrawn: bool,
    pub(crate) detail: &'a str,
}

/// A package's entry to write.
pub(crate) struct OutEntry<'a> {
    pub(crate) ecosystem: u8,
    pub(crate) name: &'a str,
    pub(crate) record: u32,
    pub(crate) body: &'a [u8],
}

/// What an import has gathered so far.
#[derive(Default)]
pub(crate) struct Collected {
    arena: Vec<u8>,
    records: Vec<RecordRow>,
    entries: Vec<EntryRow>,
    by_id: HashMap<[u8; 16], u32>,
    pub(crate) skipped: BTreeMap<SkipReason, Skipped>,
    pub(crate) seen: u64,
}

impl Collected {
    pub(crate) fn skip(&mut self, reason: SkipReason, place: &str) {
        self.skipped.entry(reason).or_default().add(place);
    }

    /// Takes one record. A second one of the same id replaces the first when it is newer.
    pub(crate) fn add(&mut self, mut parsed: Parsed, place: &str, limits: &ImportLimits) -> Result<(), AdvisoryError> {
        for reason in &parsed.skipped {
            self.skip(*reason, place);
        }
        let detail = serde_json::to_string(&parsed.detail).unwrap_or_default();
        parsed.entries.sort_by(|a, b| (a.ecosystem, &a.name, &a.body).cmp(&(b.ecosystem, &b.name, &b.body)));
        let mut leaf = Sha256::new();
        for part in [parsed.id.as_bytes(), &[u8::from(parsed.withdrawn)], detail.as_bytes()] {
            leaf.update((part.len() as u64).to_le_bytes());
            leaf.update(part);
        }
        for entry in &parsed.entries {
            for part in [&[ecosystem_number(entry.ecosystem)][..], entry.name.as_bytes(), &entry.body] {
                leaf.update((part.len() as u64).to_le_bytes());
                leaf.update(part);
            }
        }
        let leaf: [u8; 32] = leaf.finalize().into();
        let modified = parsed.detail.modified.map_or(i64::MIN, Timestamp::as_second);

        let key = id_hash(&parsed.id);
        let number =
            u32::try_from(self.records.len()).map_err(|_| AdvisoryError::TooLarge { what: "records", limit: u64::from(u32::MAX) })?;
        if let Some(former) = self.by_id.get(&key).and_then(|at| self.records.get_mut(*at as usize)) {
            let newer = (modified, leaf) > (former.modified, former.leaf);
            former.live = !newer;
            self.skip(SkipReason::DuplicateId, &parsed.id);
            if !newer {
                return Ok(());
            }
        }
        self.by_id.insert(key, number);
        let row = RecordRow {
            id: self.keep(parsed.id.as_bytes()),
            detail: self.keep(detail.as_bytes()),
            leaf,
            modified,
            withdrawn: parsed.withdrawn,
            malware: parsed.detail.malware && !parsed.withdrawn,
            live: true,
        };
        self.records.push(row);
        for entry in &parsed.entries {
            let row = EntryRow {
                ecosystem: ecosystem_number(entry.ecosystem),
                name: self.keep(entry.name.as_bytes()),
                body: self.keep(&entry.body),
                record: number,
            };
            self.entries.push(row);
        }
        if self.arena.len() > limits.kept_bytes {
            return Err(AdvisoryError::TooLarge { what: "bytes kept", limit: limits.kept_bytes as u64 });
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Span {
        let span = Span { start: self.arena.len(), length: u32::try_from(bytes.len()).unwrap_or(u32::MAX) };
        self.arena.extend_from_slice(&bytes[..span.length as usize]);
        span
    }

    fn bytes(&self, span: Span) -> &[u8] {
        &self.arena[span.start..span.start + span.length as usize]
    }

    fn text(&self, span: Span) -> &str {
        std::str::from_utf8(self.bytes(span)).unwrap_or_default()
    }

    /// Puts the state in its final order and drops what newer records replaced.
    pub(crate) fn finish(mut self) -> Finished {
        self.by_id = HashMap::new();
        let mut order: Vec<u32> = (0..self.records.len() as u32).filter(|at| self.records[*at as usize].live).collect();
        order.sort_unstable_by(|a, b| self.text(self.records[*a as usize].id).cmp(self.text(self.records[*b as usize].id)));
        let mut position = vec![u32::MAX; self.records.len()];
        for (place, at) in order.iter().enumerate() {
            position[*at as usize] = place as u32;
        }
        let mut entries: Vec<EntryRow> = std::mem::take(&mut self.entries);
        entries.retain_mut(|entry| {
            entry.record = position[entry.record as usize];
            entry.record != u32::MAX
        });
        entries.sort_unstable_by(|a, b| {
            (a.ecosystem, self.bytes(a.name), a.record, self.bytes(a.body)).cmp(&(
                b.ecosystem,
                self.bytes(b.name),
                b.record,
                self.bytes(b.body),
            ))
        });
        let mut digest = Sha256::new();
        let (mut malware, mut withdrawn) = (0, 0);
        for at in &order {
            let row = &self.records[*at as usize];
            digest.update(row.leaf);
            malware += u64::from(row.malware);
            withdrawn += u64::from(row.withdrawn);
        }
        Finished { digest: hex::encode(digest.finalize()), malware, withdrawn, order, entries, inner: self }
    }
}

/// The state in its final order.
pub(crate) struct Finished {
    pub(crate) digest: String,
    pub(crate) malware: u64,
    pub(crate) withdrawn: u64,
    order: Vec<u32>,
    entries: Vec<EntryRow>,
    inner: Collected,
}

impl Finished {
    pub(crate) fn seen(&self) -> u64 {
        self.inner.seen
    }

    pub(crate) fn into_skipped(self) -> BTreeMap<SkipReason, Skipped> {
        self.inner.skipped
    }

    pub(crate) fn skipped(&self) -> &BTreeMap<SkipReason, Skipped> {
        &self.inner.skipped
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Records in order of their ids.
    pub(crate) fn records(&self) -> impl Iterator<Item = OutRecord<'_>> {
        self.order.iter().map(|at| {
            let row = &self.inner.records[*at as usize];
            OutRecord { id: self.inner.text(row.id), withdrawn: row.withdrawn, detail: self.inner.text(row.detail) }
        })
    }

    /// Entries in order of ecosystem, package and record.
    pub(crate) fn entries(&self) -> impl Iterator<Item = OutEntry<'_>> {
        self.entries.iter().map(|row| OutEntry {
            ecosystem: row.ecosystem,
            name: self.inner.text(row.name),
            record: row.record,
            body: self.inner.bytes(row.body),
        })
    }

    /// The ecosystems that the records name, as a bit set.
    pub(crate) fn ecosystems(&self) -> i64 {
        self.entries.iter().fold(0, |set, row| set | 1 << row.ecosystem)
    }

    /// Hashes of all ids, sorted: the next import finds out from them what is gone.
    pub(crate) fn id_hashes(&self) -> Vec<[u8; 8]> {
        let mut hashes: Vec<[u8; 8]> = self.records().map(|record| short_hash(record.id)).collect();
        hashes.sort_unstable();
        hashes
    }

    /// Hashes, sorted, of the records that say malware or are withdrawn: those that answer for a malware record of before.
    pub(crate) fn answered_hashes(&self) -> Vec<[u8; 8]> {
        let rows = self.order.iter().map(|at| &self.inner.records[*at as usize]).filter(|row| row.malware || row.withdrawn);
        let mut hashes: Vec<[u8; 8]> = rows.map(|row| short_hash(self.inner.text(row.id))).collect();
        hashes.sort_unstable();
        hashes
    }

    /// The newest `modified` that is not after `now`: a record from the future must not keep a feed fresh for ever.
    pub(crate) fn newest(&self, now: Timestamp) -> Option<Timestamp> {
        let rows = self.order.iter().map(|at| self.inner.records[*at as usize].modified);
        rows.filter(|second| *second != i64::MIN && *second <= now.as_second()).max().and_then(|second| Timestamp::from_second(second).ok())
    }
}

fn id_hash(id: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(id.as_bytes())[..16]);
    short
}

/// By which a state knows an id of the last one.
pub(crate) fn short_hash(id: &str) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(&id_hash(id)[..8]);
    short
}

/// The number by which the store knows an ecosystem; part of the stored form.
pub(crate) const fn ecosystem_number(ecosystem: Ecosystem) -> u8 {
    match ecosystem {
        Ecosystem::Npm => 0,
        Ecosystem::Pypi => 1,
        Ecosystem::Maven => 2,
        Ecosystem::Cargo => 3,
        Ecosystem::Golang => 4,
    }
}
