//! Events of Stripe's that were taken.

use super::error::Attempt as _;
use super::tasks::enqueue;
use super::{Store, StoreError, millis};
use crate::billing::Hint;
use crate::clock::Moment;

impl Store {
    /// Keeps that the event came, together with the task to look at what it is about.
    ///
    /// `false` when it came before: then nothing is done. Its task is there.
    ///
    /// # Errors
    /// When the database does not answer; nothing is kept then.
    pub async fn take_event(&self, hint: &Hint, now: Moment) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let inserted = sqlx::query(
            "INSERT INTO stripe_events (id, kind, object, received_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(hint.event.as_str())
        .bind(hint.kind.as_str())
        .bind(hint.subject.object())
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("keep an event of Stripe's")?;
        if inserted.rows_affected() == 0 {
            return Ok(false);
        }
        enqueue(&mut write, &hint.task(), now).await?;
        write.commit().await?;
        Ok(true)
    }
}
