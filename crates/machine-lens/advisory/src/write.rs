//! Writes a new state of a feed into the store: one transaction, rows in the order of their keys.

use crate::AdvisoryError;
use crate::codec::put_entry;
use crate::collect::{Finished, ecosystem_number};
use crate::import::{ImportOptions, ImportReport};
use crate::lost::Lost;
use bifocal_core::Sha256;
use jiff::Timestamp;
use sqlx::sqlite::SqlitePool;
use sqlx::{Row, Sqlite, Transaction};

/// Bytes of a package's blob in one row; a package with more has several rows.
const PART_BYTES: usize = 256 << 10;
/// Rows written by one statement.
const ROWS: usize = 400;

/// Puts the new state in place of the feed's last one, in one transaction.
pub(crate) async fn state(
    pool: &SqlitePool,
    finished: Finished,
    source_sha256: Option<Sha256>,
    options: &ImportOptions,
) -> Result<ImportReport, AdvisoryError> {
    let fail = AdvisoryError::database;
    // Takes the write lock at once, so that two imports do not both build on the same last state.
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.map_err(fail("begin an import"))?;
    let former = sqlx::query("SELECT generation, first_record, records, id_hashes FROM source WHERE name = ?")
        .bind(&options.feed)
        .fetch_optional(&mut *tx)
        .await
        .map_err(fail("read the last state"))?;
    let mut lost = Lost::default();
    if let Some(row) = &former {
        lost = Lost::between(&mut tx, row, &finished).await?;
        lost.judge(options)?;
    }
    let generation: i64 = sqlx::query_scalar("SELECT coalesce(max(generation), 0) + 1 FROM source")
        .fetch_one(&mut *tx)
        .await
        .map_err(fail("read the generations"))?;
    let first: i64 = sqlx::query_scalar("SELECT coalesce(max(number), 0) + 1 FROM record")
        .fetch_one(&mut *tx)
        .await
        .map_err(fail("read the records"))?;
    if let Some(row) = &former {
        let generation: i64 = row.try_get("generation").map_err(fail("read the last state"))?;
        let start: i64 = row.try_get("first_record").map_err(fail("read the last state"))?;
        let count: i64 = row.try_get("records").map_err(fail("read the last state"))?;
        for (sql, from, to) in [
            ("DELETE FROM record WHERE number >= ? AND number < ?", start, start + count),
            ("DELETE FROM package WHERE generation >= ? AND generation < ?", generation, generation + 1),
        ] {
            sqlx::query(sql).bind(from).bind(to).execute(&mut *tx).await.map_err(fail("remove the last state"))?;
        }
    }
    write_records(&mut tx, &finished, first).await?;
    write_packages(&mut tx, &finished, generation, first).await?;

    let declared = options.ecosystems.iter().fold(0i64, |set, eco| set | 1 << ecosystem_number(*eco));
    // What a feed is declared to be about and says nothing of, it does not answer for.
    let ecosystems = if declared == 0 { finished.ecosystems() } else { declared & finished.ecosystems() };
    // A source that claims to come from the future was obtained now.
    let obtained = options.obtained.unwrap_or(options.now).min(options.now);
    let newest = finished.newest(options.now);
    let records = i64::try_from(finished.len()).unwrap_or(i64::MAX);
    sqlx::query(
        "INSERT INTO source (name, generation, ecosystems, digest, as_of, imported_at, records, first_record, id_hashes) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET generation = excluded.generation, \
         ecosystems = excluded.ecosystems, digest = excluded.digest, as_of = excluded.as_of, \
         imported_at = excluded.imported_at, records = excluded.records, first_record = excluded.first_record, \
         id_hashes = excluded.id_hashes",
    )
    .bind(&options.feed)
    .bind(generation)
    .bind(ecosystems)
    .bind(&finished.digest)
    .bind(newest.map(Timestamp::as_second))
    .bind(obtained.as_second())
    .bind(records)
    .bind(first)
    .bind(finished.id_hashes().concat())
    .execute(&mut *tx)
    .await
    .map_err(fail("write the feed"))?;
    tx.commit().await.map_err(fail("commit the import"))?;
    Ok(ImportReport {
        feed: options.feed.clone(),
        records: finished.len() as u64,
        malware: finished.malware,
        withdrawn: finished.withdrawn,
        digest: finished.digest.clone(),
        source_sha256,
        before: lost.before,
        vanished: lost.vanished,
        malware_vanished: lost.malware_vanished,
        malware_named: lost.malware_named,
        obtained: Some(obtained),
        newest,
        skipped: finished.into_skipped(),
    })
}

async fn write_records(tx: &mut Transaction<'_, Sqlite>, finished: &Finished, first: i64) -> Result<(), AdvisoryError> {
    let mut records = finished.records().zip(first..).peekable();
    while records.peek().is_some() {
        let mut insert = sqlx::QueryBuilder::<Sqlite>::new("INSERT INTO record (number, id, withdrawn, detail) ");
        insert.push_values(records.by_ref().take(ROWS), |mut row, (record, number)| {
            row.push_bind(number).push_bind(record.id.to_owned()).push_bind(record.withdrawn).push_bind(record.detail.to_owned());
        });
        insert.build().execute(&mut **tx).await.map_err(AdvisoryError::database("write records"))?;
    }
    Ok(())
}

/// One row of `package`.
struct PackageRow {
    ecosystem: u8,
    name: String,
    part: i64,
    entries: Vec<u8>,
}

async fn write_packages(tx: &mut Transaction<'_, Sqlite>, finished: &Finished, generation: i64, first: i64) -> Result<(), AdvisoryError> {
    let mut rows: Vec<PackageRow> = Vec::with_capacity(ROWS);
    let mut bytes = 0;
    for entry in finished.entries() {
        let number = first + i64::from(entry.record);
        match rows.last_mut() {
            Some(row) if row.ecosystem == entry.ecosystem && row.name == entry.name && row.entries.len() < PART_BYTES => {
                put_entry(number, entry.body, &mut row.entries);
            }
            last => {
                let part = last.filter(|row| row.ecosystem == entry.ecosystem && row.name == entry.name).map_or(0, |row| row.part + 1);
                let mut row = PackageRow { ecosystem: entry.ecosystem, name: entry.name.to_owned(), part, entries: Vec::new() };
                put_entry(number, entry.body, &mut row.entries);
                if rows.len() >= ROWS || bytes > 8 << 20 {
                    flush(tx, &mut rows, generation).await?;
                    bytes = 0;
                }
                rows.push(row);
            }
        }
        bytes += entry.body.len();
    }
    flush(tx, &mut rows, generation).await
}

async fn flush(tx: &mut Transaction<'_, Sqlite>, rows: &mut Vec<PackageRow>, generation: i64) -> Result<(), AdvisoryError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut insert = sqlx::QueryBuilder::<Sqlite>::new("INSERT INTO package (generation, ecosystem, name, part, entries) ");
    insert.push_values(rows.drain(..), |mut out, row| {
        out.push_bind(generation).push_bind(i64::from(row.ecosystem)).push_bind(row.name).push_bind(row.part).push_bind(row.entries);
    });
    insert.build().execute(&mut **tx).await.map_err(AdvisoryError::database("write packages"))?;
    Ok(())
}
