//! When the assistants in the machines next have something to do.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use super::sprites::{COLUMNS, parse};
use crate::base::clock::Moment;
use crate::model::pool::{Assigned, PoolSprite};
use crate::store::connection::{Attempt as _, millis};
use crate::store::{Store, StoreError};

impl Store {
    /// Up to `limit` machines of open workspaces whose assistant has something to do within
    /// `before`, and whose agent was asked neither since then nor since `asked`; the most urgent
    /// first.
    pub async fn machines_to_wake(
        &self,
        (now, before): (Moment, Duration),
        asked: Moment,
        limit: u32,
    ) -> Result<Vec<Assigned>, StoreError> {
        const ATTEMPT: &str = "list machines that have to be woken";
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM sprites
             WHERE state = 'assigned' AND services = 'running' AND next_due_at <= $1
                 AND (asked_at <= $2 OR asked_at < next_due_at - $4)
             ORDER BY next_due_at, name LIMIT $3"
        )))
        .bind(millis(now.after(before)))
        .bind(millis(asked))
        .bind(i64::from(limit))
        .bind(i64::try_from(before.as_millis()).unwrap_or(i64::MAX))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let machines = self.readable("sprites", "name", &rows, parse);
        Ok(machines.into_iter().filter_map(PoolSprite::assigned).collect())
    }

    /// Up to `limit` machines of open workspaces whose agents were not asked since `asked`,
    /// but for those that [`Store::machines_to_wake`] has; those that wait longest first.
    pub async fn machines_to_ask(
        &self,
        due: Moment,
        asked: Moment,
        limit: u32,
    ) -> Result<Vec<Assigned>, StoreError> {
        const ATTEMPT: &str = "list machines whose agents are to be asked";
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM sprites
             WHERE state = 'assigned' AND services = 'running' AND asked_at <= $2
                 AND (next_due_at IS NULL OR next_due_at > $1)
             ORDER BY asked_at, name LIMIT $3"
        )))
        .bind(millis(due))
        .bind(millis(asked))
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let machines = self.readable("sprites", "name", &rows, parse);
        Ok(machines.into_iter().filter_map(PoolSprite::assigned).collect())
    }

    /// Takes it upon itself to ask this machine's agent; `false` when somebody else has
    /// since `asked`, or it is nobody's any more.
    pub async fn claim_asking(
        &self,
        machine: &Assigned,
        asked: Moment,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let claimed = sqlx::query(
            "UPDATE sprites SET asked_at = $3
             WHERE name = $1 AND assignment = $2 AND asked_at <= $4 AND state = 'assigned'",
        )
        .bind(machine.name.as_str())
        .bind(i64::try_from(machine.assignment).unwrap_or(i64::MAX))
        .bind(millis(now))
        .bind(millis(asked))
        .execute(&mut *write)
        .await
        .attempt("claim the asking of an agent")?;
        write.commit().await?;
        Ok(claimed.rows_affected() > 0)
    }

    /// Notes what an agent said: when its assistant next has something to do, if ever.
    pub async fn note_next_due(
        &self,
        machine: &Assigned,
        next_due: Option<Moment>,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE sprites SET next_due_at = $3
             WHERE name = $1 AND assignment = $2 AND state = 'assigned'",
        )
        .bind(machine.name.as_str())
        .bind(i64::try_from(machine.assignment).unwrap_or(i64::MAX))
        .bind(next_due.map(millis))
        .execute(&mut *write)
        .await
        .attempt("note when an assistant has something to do")?;
        write.commit().await
    }
}
