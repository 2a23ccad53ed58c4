//! What a new state of a feed has lost of the last one, and whether that is taken.
//!
//! The attack, or the accident: a feed that is whole but for the records that deny something. Malware records are few
//! beside all others, so that every one of them may go without the feed losing a tenth. They are counted on their own; a
//! record that its source withdrew is not lost, it is answered.

use crate::AdvisoryError;
use crate::collect::{Finished, short_hash};
use crate::import::ImportOptions;
use bifocal_core::printable;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, Transaction};

/// Share of a feed's records that may vanish before an update is refused, in percent.
const RECORDS: u64 = 10;
/// The same of its malware records. In a feed with fewer than a hundred of them, each counts.
const MALWARE: u64 = 1;
/// Lost malware records that are named.
const NAMED: usize = 5;

/// What is gone.
#[derive(Default)]
pub(crate) struct Lost {
    /// Records of the last state.
    pub(crate) before: u64,
    /// How many of them are gone.
    pub(crate) vanished: u64,
    /// Malware records of the last state, withdrawn ones not counted.
    pub(crate) malware_before: u64,
    /// How many of them neither say malware any more nor are withdrawn.
    pub(crate) malware_vanished: u64,
    /// The first of those, by id.
    pub(crate) malware_named: Vec<String>,
}

impl Lost {
    /// Compares `new` with the state that `former` (a row of `source`) describes.
    pub(crate) async fn between(tx: &mut Transaction<'_, Sqlite>, former: &SqliteRow, new: &Finished) -> Result<Self, AdvisoryError> {
        let fail = AdvisoryError::database;
        let hashes = new.id_hashes();
        let old: Vec<u8> = former.try_get("id_hashes").map_err(fail("read the last state"))?;
        let mut lost = Lost { before: (old.len() / 8) as u64, ..Lost::default() };
        lost.vanished = old.chunks_exact(8).filter(|hash| hashes.binary_search_by(|known| known[..].cmp(hash)).is_err()).count() as u64;

        let first: i64 = former.try_get("first_record").map_err(fail("read the last state"))?;
        let count: i64 = former.try_get("records").map_err(fail("read the last state"))?;
        // A damaged detail must not stand in the way of the update that replaces it.
        let rows = sqlx::query(
            "SELECT CAST(id AS BLOB) FROM record WHERE number >= ? AND number < ? AND withdrawn = 0 \
             AND CASE WHEN json_valid(detail) THEN json_extract(detail, '$.malware') END = 1 ORDER BY id",
        )
        .bind(first)
        .bind(first.saturating_add(count))
        .fetch_all(&mut **tx)
        .await
        .map_err(fail("read the last state's malware records"))?;
        let answered = new.answered_hashes();
        lost.malware_before = rows.len() as u64;
        for row in rows {
            let id: Vec<u8> = row.try_get(0).map_err(fail("read the last state's malware records"))?;
            let id = String::from_utf8_lossy(&id);
            if answered.binary_search(&short_hash(&id)).is_err() {
                lost.malware_vanished += 1;
                if lost.malware_named.len() < NAMED {
                    lost.malware_named.push(printable(&id));
                }
            }
        }
        Ok(lost)
    }

    /// Refuses what is too much, unless the options say to take it.
    pub(crate) fn judge(&self, options: &ImportOptions) -> Result<(), AdvisoryError> {
        if options.force {
            return Ok(());
        }
        let feed = options.feed.clone();
        if self.vanished * 100 > self.before * RECORDS {
            return Err(AdvisoryError::Shrunk { feed, before: self.before, vanished: self.vanished });
        }
        if self.malware_vanished * 100 > self.malware_before * MALWARE {
            return Err(AdvisoryError::MalwareLost {
                feed,
                before: self.malware_before,
                vanished: self.malware_vanished,
                named: named(&self.malware_named, self.malware_vanished),
            });
        }
        Ok(())
    }
}

/// The ids of lost malware records as a sentence has them: the first few, and that there are more.
pub(crate) fn named(ids: &[String], of: u64) -> String {
    let more = if of > ids.len() as u64 { ", …" } else { "" };
    format!("{}{more}", ids.join(", "))
}
