//! The log of the latest changes, from which edges that are a little behind catch up.

use shared::{Change, Checksum, Generation};
use sqlx::any::AnyRow;

use super::table::read_state;
use crate::store::connection::{Attempt as _, Columns as _, bigint, valid};
use crate::store::{Store, StoreError, TableState};

/// The step that made `generation`, and the checksum of the table after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedChange {
    pub generation: Generation,
    pub checksum: Checksum,
    pub change: Change,
}

impl Store {
    /// The table's state, and the oldest generation from which the log leads there.
    pub async fn log_reach(&self) -> Result<(TableState, Generation), StoreError> {
        const ATTEMPT: &str = "see how far the log of changes reaches";
        let mut snapshot = self.begin_snapshot().await?;
        let state = read_state(&mut snapshot).await?;
        let row = sqlx::query("SELECT generation FROM route_changes ORDER BY generation LIMIT 1")
            .fetch_optional(&mut snapshot)
            .await
            .attempt(ATTEMPT)?;
        let oldest = row.map(|row| row.number("generation")).transpose().attempt(ATTEMPT)?;
        Ok((state, oldest.map_or(state.generation, |first| Generation(first - 1))))
    }

    /// Up to `limit` steps that follow `base`, without a gap.
    ///
    /// Empty when the log does not reach back to `base` any more.
    pub async fn changes_after(
        &self,
        base: Generation,
        limit: u32,
    ) -> Result<Vec<LoggedChange>, StoreError> {
        const ATTEMPT: &str = "read the log of changes";
        let rows = sqlx::query(
            "SELECT generation, change, checksum FROM route_changes
             WHERE generation > $1 ORDER BY generation LIMIT $2",
        )
        .bind(bigint(base.0))
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let steps: Vec<LoggedChange> =
            rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)?;
        // Shortened between the look and this read: the first step must follow the base.
        let reaches_back = steps.first().is_some_and(|step| step.generation.0 == base.0 + 1);
        Ok(if reaches_back { steps } else { Vec::new() })
    }
}

fn parse(row: &AnyRow) -> Result<LoggedChange, sqlx::Error> {
    Ok(LoggedChange {
        generation: Generation(row.number("generation")?),
        checksum: valid(row, "checksum", |text| Checksum::parse(text).ok_or("not a checksum"))?,
        change: valid(row, "change", |text| serde_json::from_str(text))?,
    })
}
