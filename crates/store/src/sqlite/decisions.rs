//! Decisions and the log. A decision and its leaf are one transaction; the decision is read back from its leaf.

use super::state::SqliteState;
use crate::overrides::overrides;
use crate::{DecisionStore, StoreError};
use async_trait::async_trait;
use bifocal_core::{Decision, DecisionAction, MalwareOverride, Release, Sha256};
use bifocal_ledger::{Body, Entry, Frontier, leaf_hash};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

impl SqliteState {
    async fn frontier(&self, connection: &mut SqliteConnection) -> Result<Frontier, StoreError> {
        let stored: Option<String> = sqlx::query_scalar("SELECT frontier FROM log_frontier WHERE one = 1")
            .fetch_optional(&mut *connection)
            .await
            .map_err(|error| self.wrong(&error))?;
        match stored {
            None => Ok(Frontier::default()),
            Some(text) => serde_json::from_str(&text).map_err(|error| self.damaged("the log's head", error)),
        }
    }

    /// Appends an entry to the log within a transaction; gives its index as SQLite counts.
    async fn append(&self, connection: &mut SqliteConnection, body: Body) -> Result<i64, StoreError> {
        let leaf = Entry::new(self.clock.now(), body).to_bytes().map_err(|error| self.damaged("a new log entry", error))?;
        let mut frontier = self.frontier(connection).await?;
        let index = frontier.append(leaf_hash(&leaf)).map_err(|error| self.damaged("the log", error))?;
        let index = i64::try_from(index).map_err(|error| self.damaged("the log", error))?;
        let text = serde_json::to_string(&frontier).map_err(|error| self.damaged("the log's head", error))?;
        sqlx::query("INSERT INTO log_leaves (position, leaf) VALUES (?, ?)")
            .bind(index)
            .bind(leaf)
            .execute(&mut *connection)
            .await
            .map_err(|error| self.wrong(&error))?;
        sqlx::query("INSERT INTO log_frontier (one, frontier) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET frontier = excluded.frontier")
            .bind(text)
            .execute(&mut *connection)
            .await
            .map_err(|error| self.wrong(&error))?;
        Ok(index)
    }

    fn decision(&self, leaf: &[u8]) -> Result<Decision, StoreError> {
        match Entry::from_bytes(leaf).map(|entry| entry.body) {
            Ok(Body::Decision { decision }) => Ok(*decision),
            Ok(_) => Err(self.damaged("a decision", "its log leaf is of another kind")),
            Err(error) => Err(self.damaged("a decision", error)),
        }
    }
}

fn action(action: DecisionAction) -> &'static str {
    match action {
        DecisionAction::Approve => "approve",
        DecisionAction::Reject => "reject",
        DecisionAction::OverrideMalware => "override-malware",
        DecisionAction::Revoke => "revoke",
    }
}

#[async_trait]
impl DecisionStore for SqliteState {
    async fn record_decision(&self, decision: &Decision) -> Result<u64, StoreError> {
        let mut writing = self.write().await?;
        let known = sqlx::query("SELECT l.position, l.leaf FROM decisions d JOIN log_leaves l ON l.position = d.position WHERE d.id = ?")
            .bind(&decision.id)
            .fetch_optional(&mut *writing.connection())
            .await
            .map_err(|error| self.wrong(&error))?;
        if let Some(row) = known {
            let leaf: Vec<u8> = row.try_get(1).map_err(|error| self.wrong(&error))?;
            if self.decision(&leaf)? != *decision {
                return Err(self.damaged("a decision", format!("id {} is that of another decision", bifocal_core::printable(&decision.id))));
            }
            let index: i64 = row.try_get(0).map_err(|error| self.wrong(&error))?;
            writing.commit().await?;
            return u64::try_from(index).map_err(|error| self.damaged("the log", error));
        }
        let index = self.append(writing.connection(), Body::Decision { decision: Box::new(decision.clone()) }).await?;
        sqlx::query("INSERT INTO decisions (id, purl, action, position) VALUES (?, ?, ?, ?)")
            .bind(&decision.id)
            .bind(decision.release.purl())
            .bind(action(decision.action))
            .bind(index)
            .execute(&mut *writing.connection())
            .await
            .map_err(|error| self.wrong(&error))?;
        writing.commit().await?;
        u64::try_from(index).map_err(|error| self.damaged("the log", error))
    }

    async fn decisions(&self, releases: &[Release]) -> Result<Vec<Decision>, StoreError> {
        let purls: Vec<String> = releases.iter().map(Release::purl).collect();
        let leaves: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT l.leaf FROM decisions d JOIN log_leaves l ON l.position = d.position \
             WHERE d.purl IN (SELECT value FROM json_each(?)) ORDER BY d.position",
        )
        .bind(serde_json::to_string(&purls).unwrap_or_default())
        .fetch_all(&self.database.pool)
        .await
        .map_err(|error| self.wrong(&error))?;
        leaves.iter().map(|leaf| self.decision(leaf)).collect()
    }

    async fn malware_overrides(&self) -> Result<Vec<MalwareOverride>, StoreError> {
        let leaves: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT l.leaf FROM decisions d JOIN log_leaves l ON l.position = d.position \
             WHERE d.action IN ('override-malware', 'revoke') ORDER BY d.position",
        )
        .fetch_all(&self.database.pool)
        .await
        .map_err(|error| self.wrong(&error))?;
        let decisions: Vec<Decision> = leaves.iter().map(|leaf| self.decision(leaf)).collect::<Result<_, _>>()?;
        Ok(overrides(&decisions))
    }

    async fn log(&self, body: &Body) -> Result<u64, StoreError> {
        if matches!(body, Body::Decision { .. }) {
            return Err(self.damaged("a log entry", "a decision is logged by being recorded"));
        }
        let mut writing = self.write().await?;
        let index = self.append(writing.connection(), body.clone()).await?;
        writing.commit().await?;
        u64::try_from(index).map_err(|error| self.damaged("the log", error))
    }

    async fn log_head(&self) -> Result<(u64, Sha256), StoreError> {
        let mut connection = self.database.pool.acquire().await.map_err(|error| self.wrong(&error))?;
        let frontier = self.frontier(&mut connection).await?;
        Ok((frontier.size(), Sha256::from_bytes(*frontier.root().as_bytes())))
    }

    async fn log_leaves(&self, start: u64, count: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let (start, count) = (i64::try_from(start).unwrap_or(i64::MAX), i64::try_from(count).unwrap_or(i64::MAX));
        sqlx::query_scalar("SELECT leaf FROM log_leaves WHERE position >= ? ORDER BY position LIMIT ?")
            .bind(start)
            .bind(count)
            .fetch_all(&self.database.pool)
            .await
            .map_err(|error| self.wrong(&error))
    }
}
