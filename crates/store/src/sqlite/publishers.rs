//! Who published what, over time.

use super::state::SqliteState;
use crate::{PublisherHistoryStore, PublisherIdentity, StoreError};
use async_trait::async_trait;
use bifocal_core::PackageName;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

#[async_trait]
impl PublisherHistoryStore for SqliteState {
    async fn observe(&self, identity: &PublisherIdentity) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT OR IGNORE INTO publishers (package, purl, line, identity, details, published_at, published_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(identity.release.package.purl())
        .bind(identity.release.purl())
        .bind(&identity.line)
        .bind(&identity.identity)
        .bind(&identity.details)
        .bind(identity.published_at.map(|time| time.to_string()))
        .bind(identity.published_at.map(Timestamp::as_microsecond));
        self.run(query).await.map(|_| ())
    }

    async fn history(&self, package: &PackageName) -> Result<Vec<PublisherIdentity>, StoreError> {
        let rows = sqlx::query(
            "SELECT purl, line, identity, details, published_at FROM publishers WHERE package = ? \
             ORDER BY published_us IS NOT NULL, published_us, seq",
        )
        .bind(package.purl())
        .fetch_all(&self.database.pool)
        .await
        .map_err(|error| self.wrong(&error))?;
        let read = |row: &SqliteRow| {
            let text = |at: usize| row.try_get::<String, _>(at).map_err(|error| self.wrong(&error));
            let published_at: Option<String> = row.try_get(4).map_err(|error| self.wrong(&error))?;
            Ok(PublisherIdentity {
                release: text(0)?.parse().map_err(|error| self.damaged("a publisher", error))?,
                line: text(1)?,
                identity: text(2)?,
                details: text(3)?,
                published_at: published_at
                    .map(|text| text.parse().map_err(|error: jiff::Error| self.damaged("a publisher", error)))
                    .transpose()?,
            })
        };
        rows.iter().map(read).collect()
    }
}
