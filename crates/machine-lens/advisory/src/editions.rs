//! One record in several feeds: its newest edition speaks.
//!
//! A record that its source corrected or withdrew must not live on in the copy that another feed brought earlier. In: the
//! records that match, and the feeds. Out: which of them a newer edition replaces. An edition counts only where its feed
//! is about the ecosystem of the question, because an import leaves out what a record says of others. And a feed that was
//! loaded beside the list only adds: its edition takes nothing back that a feed of the list says.

use crate::AdvisoryError;
use crate::collect::ecosystem_number;
use crate::record::Detail;
use crate::sources::is_named;
use crate::store::Source;
use bifocal_core::Ecosystem;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use std::collections::{BTreeSet, HashMap};

/// A record as one feed has it.
struct Edition {
    number: i64,
    /// Its feed's place among the sources.
    source: usize,
    modified: Option<Timestamp>,
}

/// Every edition of the records that match.
pub(crate) struct Editions<'a> {
    sources: &'a [Source],
    by_id: HashMap<String, Vec<Edition>>,
}

impl<'a> Editions<'a> {
    /// Looks the editions of these records up.
    pub(crate) async fn of(
        connection: &mut SqliteConnection,
        sources: &'a [Source],
        details: &HashMap<i64, (String, Detail)>,
    ) -> Result<Self, AdvisoryError> {
        let fail = AdvisoryError::database;
        let mut editions = Editions { sources, by_id: HashMap::new() };
        // Within one feed a record has one edition.
        if sources.len() < 2 || details.is_empty() {
            return Ok(editions);
        }
        let ids: BTreeSet<&str> = details.values().map(|(id, _)| id.as_str()).collect();
        let rows = sqlx::query(
            "SELECT record.number, record.id, CASE WHEN json_valid(record.detail) THEN json_extract(record.detail, '$.modified') END \
             FROM json_each(?) AS wanted CROSS JOIN record ON record.id = wanted.value",
        )
        .bind(serde_json::to_string(&ids).unwrap_or_default())
        .fetch_all(connection)
        .await
        .map_err(fail("look for newer editions"))?;
        for row in rows {
            let number: i64 = row.try_get(0).map_err(fail("look for newer editions"))?;
            let id: String = row.try_get(1).map_err(fail("look for newer editions"))?;
            let modified: Option<String> = row.try_get(2).map_err(fail("look for newer editions"))?;
            let Some(source) = sources.iter().position(|source| source.has(number)) else { continue };
            let modified = modified.and_then(|date| date.parse().ok());
            editions.by_id.entry(id).or_default().push(Edition { number, source, modified });
        }
        Ok(editions)
    }

    /// Whether another feed has a newer edition of this record, which speaks in its place about `ecosystem`.
    pub(crate) fn replace(&self, id: &str, number: i64, ecosystem: Ecosystem) -> bool {
        let Some(editions) = self.by_id.get(id) else { return false };
        let Some(own) = editions.iter().find(|edition| edition.number == number) else { return false };
        let listed = |edition: &Edition| self.sources.get(edition.source).is_some_and(|source| !is_named(&source.name));
        editions.iter().any(|other| {
            other.modified > own.modified
                && self.sources.get(other.source).is_some_and(|source| source.ecosystems & (1 << ecosystem_number(ecosystem)) != 0)
                && (listed(other) || !listed(own))
        })
    }
}
