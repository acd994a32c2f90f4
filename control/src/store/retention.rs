//! Forgets what nobody asks for any more.

use super::error::Attempt as _;
use super::{Store, StoreError, millis};
use crate::base::clock::Moment;

impl Store {
    /// Forgets up to `limit` tasks that ended before `until`; returns how many.
    ///
    /// One that was given up is kept until somebody has it tried again or calls it off:
    /// with it the way back would be forgotten. Preparations of machines are settled by
    /// the pool.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_tasks(&self, until: Moment, limit: u32) -> Result<u64, StoreError> {
        self.forget(
            "DELETE FROM tasks WHERE id IN
                 (SELECT id FROM tasks
                  WHERE finished_at <= $1 AND (state <> 'dead' OR kind = 'PREPARE')
                  ORDER BY finished_at LIMIT $2)",
            until,
            limit,
        )
        .await
    }

    /// Forgets up to `limit` of Stripe's events that were received before `until`;
    /// returns how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_stripe_events(&self, until: Moment, limit: u32) -> Result<u64, StoreError> {
        self.forget(
            "DELETE FROM stripe_events WHERE id IN
                 (SELECT id FROM stripe_events WHERE received_at <= $1
                  ORDER BY received_at LIMIT $2)",
            until,
            limit,
        )
        .await
    }

    /// Empties up to `limit` letters that were given up before `until`; returns how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn empty_mails(&self, until: Moment, limit: u32) -> Result<u64, StoreError> {
        self.forget(
            "UPDATE mails SET body = '' WHERE id IN
                 (SELECT id FROM mails WHERE ended_at <= $1 AND body <> ''
                  ORDER BY ended_at LIMIT $2)",
            until,
            limit,
        )
        .await
    }

    async fn forget(
        &self,
        statement: &'static str,
        until: Moment,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let deleted = sqlx::query(statement)
            .bind(millis(until))
            .bind(i64::from(limit))
            .execute(&mut *write)
            .await
            .attempt("forget what is old")?;
        write.commit().await?;
        Ok(deleted.rows_affected())
    }
}
