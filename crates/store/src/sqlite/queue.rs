//! The queue as a table. A lease is one statement; what a lease yields is fenced by its number of attempts, so that a
//! worker whose lease ran out cannot end the work of the one that took over.

use super::state::SqliteState;
use crate::{Job, QueueStore, StoreError};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::time::Duration;

fn job(row: &SqliteRow) -> Result<Job, sqlx::Error> {
    Ok(Job { id: row.try_get("id")?, kind: row.try_get("kind")?, payload: row.try_get("payload")?, attempts: row.try_get("attempts")? })
}

#[async_trait]
impl QueueStore for SqliteState {
    async fn enqueue(&self, kind: &str, payload: &str, dedup_key: Option<&str>, not_before: Timestamp) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "INSERT INTO jobs (kind, payload, dedup_key, due_us) VALUES (?, ?, ?, ?) \
             ON CONFLICT (kind, dedup_key) WHERE dedup_key IS NOT NULL AND state < 2 DO NOTHING",
        )
        .bind(kind)
        .bind(payload)
        .bind(dedup_key)
        .bind(not_before.as_microsecond());
        Ok(self.run(query).await? > 0)
    }

    async fn lease(&self, kinds: &[&str], lease: Duration, now: Timestamp) -> Result<Option<Job>, StoreError> {
        let until = now.as_microsecond().saturating_add(i64::try_from(lease.as_micros()).unwrap_or(i64::MAX));
        let mut writing = self.write().await?;
        let row = sqlx::query(
            "UPDATE jobs SET state = 1, due_us = ?, attempts = attempts + 1 WHERE id = ( \
                 SELECT id FROM jobs WHERE state < 2 AND due_us <= ? AND kind IN (SELECT value FROM json_each(?)) \
                 ORDER BY due_us, id LIMIT 1) \
             RETURNING id, kind, payload, attempts",
        )
        .bind(until)
        .bind(now.as_microsecond())
        .bind(serde_json::to_string(kinds).unwrap_or_default())
        .fetch_optional(&mut *writing.connection())
        .await
        .map_err(|error| self.wrong(&error))?;
        writing.commit().await?;
        row.as_ref().map(job).transpose().map_err(|error| self.wrong(&error))
    }

    async fn complete(&self, job: &Job) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM jobs WHERE id = ? AND state = 1 AND attempts = ?").bind(job.id).bind(job.attempts);
        Ok(self.run(query).await? > 0)
    }

    async fn fail(&self, job: &Job, error: &str, retry_at: Option<Timestamp>) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE jobs SET state = ?, due_us = ?, error = ? WHERE id = ? AND state = 1 AND attempts = ?")
            .bind(if retry_at.is_some() { 0 } else { 2 })
            .bind(retry_at.map_or(0, Timestamp::as_microsecond))
            .bind(bifocal_core::one_line(error, 2000))
            .bind(job.id)
            .bind(job.attempts);
        Ok(self.run(query).await? > 0)
    }

    async fn dead(&self, limit: u32) -> Result<Vec<(Job, String)>, StoreError> {
        let rows = sqlx::query("SELECT id, kind, payload, attempts, error FROM jobs WHERE state = 2 ORDER BY id LIMIT ?")
            .bind(limit)
            .fetch_all(&self.database.pool)
            .await
            .map_err(|error| self.wrong(&error))?;
        rows.iter().map(|row| Ok((job(row)?, row.try_get("error")?))).collect::<Result<_, _>>().map_err(|error| self.wrong(&error))
    }

    async fn revive(&self, id: i64, not_before: Timestamp) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE OR IGNORE jobs SET state = 0, due_us = ? WHERE id = ? AND state = 2")
            .bind(not_before.as_microsecond())
            .bind(id);
        Ok(self.run(query).await? > 0)
    }

    async fn depth(&self, now: Timestamp) -> Result<(u64, u64, u64), StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) FILTER (WHERE state = 0 OR (state = 1 AND due_us <= ?1)), \
                    COUNT(*) FILTER (WHERE state = 1 AND due_us > ?1), COUNT(*) FILTER (WHERE state = 2) FROM jobs",
        )
        .bind(now.as_microsecond())
        .fetch_one(&self.database.pool)
        .await
        .map_err(|error| self.wrong(&error))?;
        let count = |at: usize| row.try_get::<i64, _>(at).map(|count| count.unsigned_abs()).map_err(|error| self.wrong(&error));
        Ok((count(0)?, count(1)?, count(2)?))
    }
}
