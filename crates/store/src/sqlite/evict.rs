//! What of the cache goes when it holds too much: the entries used longest ago, a few at a time.
//!
//! Uses are remembered in memory and written down in one statement, to the hour; a process that is killed loses that
//! memory, and an entry goes sooner. Entries are removed in short transactions, so that other processes never wait long
//! for their turn, and what is freed is given back to the file system.

use super::cache::SqliteCache;
use crate::{Bounds, StoreError};
use jiff::Timestamp;
use sqlx::Row;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Entries removed by one transaction.
const BATCH: i64 = 250;

/// A table whose entries have a time of last use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Facts,
    Records,
}

impl Table {
    const ALL: [Table; 2] = [Table::Facts, Table::Records];

    const fn note(self) -> &'static str {
        match self {
            Table::Facts => "UPDATE artifact_facts SET used = ?1 WHERE used < ?1 AND rowid IN (SELECT value FROM json_each(?2))",
            Table::Records => "UPDATE release_records SET used = ?1 WHERE used < ?1 AND rowid IN (SELECT value FROM json_each(?2))",
        }
    }

    const fn oldest(self) -> &'static str {
        match self {
            Table::Facts => "SELECT min(used) FROM artifact_facts",
            Table::Records => "SELECT min(used) FROM release_records",
        }
    }

    const fn remove(self) -> &'static str {
        match self {
            Table::Facts => {
                "DELETE FROM artifact_facts WHERE rowid IN (SELECT rowid FROM artifact_facts WHERE used <= ? ORDER BY used, rowid LIMIT ?)"
            }
            Table::Records => {
                "DELETE FROM release_records WHERE rowid IN (SELECT rowid FROM release_records WHERE used <= ? ORDER BY used, rowid LIMIT ?)"
            }
        }
    }
}

/// Rows that were read and whose last use is noted as an earlier hour: their ids, and the hour of the reading. A row that is replaced meanwhile has
/// another id, and was used just now.
#[derive(Debug, Default)]
pub(super) struct Uses {
    facts: Mutex<BTreeMap<i64, i64>>,
    records: Mutex<BTreeMap<i64, i64>>,
}

impl Uses {
    fn of(&self, table: Table) -> &Mutex<BTreeMap<i64, i64>> {
        match table {
            Table::Facts => &self.facts,
            Table::Records => &self.records,
        }
    }

    /// Remembers those of the rows whose noted use lies before `hour`.
    pub(super) fn read(&self, table: Table, rows: impl Iterator<Item = (i64, i64)>, hour: i64) {
        let due = rows.filter(|(_, used)| *used < hour).map(|(row, _)| (row, hour));
        self.of(table).lock().unwrap_or_else(PoisonError::into_inner).extend(due);
    }

    fn take(&self, table: Table) -> BTreeMap<i64, i64> {
        std::mem::take(&mut *self.of(table).lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn hour_of(time: Timestamp) -> i64 {
    time.as_second().div_euclid(3600)
}

impl SqliteCache {
    /// This hour, counted from 1970.
    pub(super) fn hour(&self) -> i64 {
        hour_of(self.clock.now())
    }

    pub(super) async fn write_uses(&self) -> Result<(), StoreError> {
        for table in Table::ALL {
            let mut by_hour: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
            for (row, hour) in self.uses.take(table) {
                by_hour.entry(hour).or_default().push(row);
            }
            if by_hour.is_empty() {
                continue;
            }
            let mut writing = self.database.write().await?;
            for (hour, rows) in by_hour {
                sqlx::query(table.note())
                    .bind(hour)
                    .bind(serde_json::to_string(&rows).unwrap_or_default())
                    .execute(&mut *writing.connection())
                    .await
                    .map_err(|error| self.wrong(&error))?;
            }
            writing.commit().await?;
        }
        Ok(())
    }

    pub(super) async fn remove_out_of(&self, bounds: Bounds) -> Result<u64, StoreError> {
        self.write_uses().await?;
        let before = self.live_bytes().await?;
        let mut removed = 0;
        for table in Table::ALL {
            loop {
                let gone = self.remove(table, hour_of(bounds.unused_since) - 1, BATCH).await?;
                removed += gone;
                if gone < BATCH as u64 {
                    break;
                }
            }
        }
        let newest = bounds.spare_since.map_or(i64::MAX, |since| hour_of(since) - 1);
        // A little below the bound, so that the next entry does not begin it all again.
        let enough = bounds.bytes - bounds.bytes / 16;
        let mut live = self.live_bytes().await?;
        while live > bounds.bytes || (removed > 0 && live > enough) {
            let Some(table) = self.oldest().await? else { break };
            let gone = self.remove(table, newest, BATCH).await?;
            if gone == 0 {
                break;
            }
            removed += gone;
            live = self.live_bytes().await?;
        }
        if removed > 0 {
            self.sweep().await?;
        }
        Ok(before.saturating_sub(self.live_bytes().await?))
    }

    /// The table with the entry that was used longest ago.
    async fn oldest(&self) -> Result<Option<Table>, StoreError> {
        let mut oldest: Option<(i64, Table)> = None;
        for table in Table::ALL {
            let used: Option<i64> =
                sqlx::query_scalar(table.oldest()).fetch_one(&self.database.pool).await.map_err(|error| self.wrong(&error))?;
            if let Some(used) = used
                && oldest.is_none_or(|(least, _)| used < least)
            {
                oldest = Some((used, table));
            }
        }
        Ok(oldest.map(|(_, table)| table))
    }

    /// Removes at most `count` entries that were last used in `hour` or before; gives their number.
    async fn remove(&self, table: Table, hour: i64, count: i64) -> Result<u64, StoreError> {
        let mut writing = self.database.write().await?;
        let done = sqlx::query(table.remove())
            .bind(hour)
            .bind(count)
            .execute(&mut *writing.connection())
            .await
            .map_err(|error| self.wrong(&error))?;
        writing.commit().await?;
        Ok(done.rows_affected())
    }

    /// Removes names without facts, gives the freed pages back, and empties the log where nobody reads from it.
    async fn sweep(&self) -> Result<(), StoreError> {
        let mut writing = self.database.write().await?;
        sqlx::query("DELETE FROM artifact_names WHERE sha256 NOT IN (SELECT sha256 FROM artifact_facts)")
            .execute(&mut *writing.connection())
            .await
            .map_err(|error| self.wrong(&error))?;
        writing.commit().await?;
        for sql in ["PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint(TRUNCATE)"] {
            // All of its rows have to be taken: each step of the first frees a page.
            sqlx::query(sql).fetch_all(&self.database.pool).await.map_err(|error| self.wrong(&error))?;
        }
        Ok(())
    }

    /// Bytes of the pages in use.
    async fn live_bytes(&self) -> Result<u64, StoreError> {
        let row =
            sqlx::query("SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size")
                .fetch_one(&self.database.pool)
                .await
                .map_err(|error| self.wrong(&error))?;
        let bytes: i64 = row.try_get(0).map_err(|error| self.wrong(&error))?;
        Ok(bytes.unsigned_abs())
    }
}
