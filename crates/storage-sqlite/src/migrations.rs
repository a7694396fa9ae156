//! The steps of the schema; `migrations/README.md` has the rules.

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use storage::StorageError;

use crate::error::storage_error;

const STEPS: &[&str] = &[
    include_str!("../migrations/0001_events_and_links.sql"),
    include_str!("../migrations/0002_documents.sql"),
    include_str!("../migrations/0003_papers.sql"),
];

const CREATE: &str = "CREATE TABLE IF NOT EXISTS schema (version INTEGER NOT NULL, \
                      readable_from INTEGER NOT NULL) STRICT";

/// Brings the database to the newest schema, or says that it is too new for this program.
pub(crate) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StorageError> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    loop {
        // One transaction a step; immediate, so that two programs do not take the same step.
        let mut step = connection.begin_with("BEGIN IMMEDIATE").await.map_err(storage_error)?;
        sqlx::query(CREATE).execute(&mut *step).await.map_err(storage_error)?;
        let row: Option<(i64, i64)> = sqlx::query_as("SELECT version, readable_from FROM schema")
            .fetch_optional(&mut *step)
            .await
            .map_err(storage_error)?;
        let (version, readable_from) = row.unwrap_or((0, 1));
        if readable_from > known {
            return Err(StorageError::Unavailable(format!(
                "the database was made by a newer Plenary (its schema {readable_from} is needed, \
                 this program knows {known}); use that version"
            )));
        }
        let next = usize::try_from(version).ok().and_then(|version| STEPS.get(version));
        let Some(next) = next else { return Ok(()) };
        if row.is_none() {
            sqlx::query("INSERT INTO schema (version, readable_from) VALUES (0, 1)")
                .execute(&mut *step)
                .await
                .map_err(storage_error)?;
        }
        sqlx::raw_sql(AssertSqlSafe(*next)).execute(&mut *step).await.map_err(storage_error)?;
        sqlx::query("UPDATE schema SET version = version + 1")
            .execute(&mut *step)
            .await
            .map_err(storage_error)?;
        step.commit().await.map_err(storage_error)?;
    }
}
