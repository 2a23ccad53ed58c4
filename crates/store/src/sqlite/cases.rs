//! Cases: one open case for each campaign, whoever opens it first.

use super::state::SqliteState;
use crate::{CaseRow, CaseStore, StoreError};
use async_trait::async_trait;
use bifocal_core::Release;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

impl SqliteState {
    async fn filled(&self, row: &SqliteRow) -> Result<CaseRow, StoreError> {
        let text = |at: usize| row.try_get::<String, _>(at).map_err(|error| self.wrong(&error));
        let id = text(0)?;
        let purls: Vec<String> = sqlx::query_scalar("SELECT purl FROM case_releases WHERE case_id = ? ORDER BY seq")
            .bind(&id)
            .fetch_all(&self.database.pool)
            .await
            .map_err(|error| self.wrong(&error))?;
        let closed_at: Option<String> = row.try_get(3).map_err(|error| self.wrong(&error))?;
        let time = |text: &str| text.parse::<Timestamp>().map_err(|error| self.damaged("a case", error));
        Ok(CaseRow {
            campaign_key: text(1)?,
            opened_at: time(&text(2)?)?,
            closed_at: closed_at.as_deref().map(time).transpose()?,
            releases: purls.iter().map(|purl| purl.parse().map_err(|error| self.damaged("a case", error))).collect::<Result<_, _>>()?,
            id,
        })
    }
}

#[async_trait]
impl CaseStore for SqliteState {
    async fn open_or_join(&self, campaign_key: &str, release: &Release, new_id: &str, now: Timestamp) -> Result<String, StoreError> {
        let mut writing = self.write().await?;
        let open: Option<String> = sqlx::query_scalar("SELECT id FROM cases WHERE campaign_key = ? AND closed_at IS NULL")
            .bind(campaign_key)
            .fetch_optional(&mut *writing.connection())
            .await
            .map_err(|error| self.wrong(&error))?;
        let id = match open {
            Some(id) => id,
            None => {
                sqlx::query("INSERT INTO cases (id, campaign_key, opened_at) VALUES (?, ?, ?)")
                    .bind(new_id)
                    .bind(campaign_key)
                    .bind(now.to_string())
                    .execute(&mut *writing.connection())
                    .await
                    .map_err(|error| self.wrong(&error))?;
                new_id.to_owned()
            }
        };
        sqlx::query("INSERT OR IGNORE INTO case_releases (case_id, purl) VALUES (?, ?)")
            .bind(&id)
            .bind(release.purl())
            .execute(&mut *writing.connection())
            .await
            .map_err(|error| self.wrong(&error))?;
        writing.commit().await?;
        Ok(id)
    }

    async fn case(&self, id: &str) -> Result<Option<CaseRow>, StoreError> {
        let row = sqlx::query("SELECT id, campaign_key, opened_at, closed_at FROM cases WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.database.pool)
            .await
            .map_err(|error| self.wrong(&error))?;
        match row {
            Some(row) => Ok(Some(self.filled(&row).await?)),
            None => Ok(None),
        }
    }

    async fn open_cases(&self, limit: u32) -> Result<Vec<CaseRow>, StoreError> {
        let rows = sqlx::query("SELECT id, campaign_key, opened_at, closed_at FROM cases WHERE closed_at IS NULL ORDER BY seq LIMIT ?")
            .bind(limit)
            .fetch_all(&self.database.pool)
            .await
            .map_err(|error| self.wrong(&error))?;
        let mut cases = Vec::with_capacity(rows.len());
        for row in &rows {
            cases.push(self.filled(row).await?);
        }
        Ok(cases)
    }

    async fn close_case(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE cases SET closed_at = ? WHERE id = ? AND closed_at IS NULL");
        self.run(query.bind(now.to_string()).bind(id)).await.map(|_| ())
    }
}
