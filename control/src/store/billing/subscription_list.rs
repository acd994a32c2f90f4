//! How Stripe's list of subscriptions compares with the workspaces here.

use std::time::Duration;

use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::model::subscription_list::{Compared, Served};
use crate::model::workspace::WorkspaceState;
use crate::store::connection::{Attempt as _, Columns as _, bigint, millis, shortened, valid};
use crate::store::{Store, StoreError};
use vendors::stripe::id::SubscriptionId;
use vendors::stripe::subscription::SubscriptionStatus;

impl Store {
    /// Takes it upon itself to read the list; it is due again after `every`. `false` when it
    /// is not due: one that is due in more than `every` was noted by a clock that was ahead.
    pub async fn claim_subscription_list(
        &self,
        every: Duration,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let claimed = sqlx::query(
            "UPDATE subscription_list SET next_at = $2
             WHERE id = 1 AND (next_at <= $1 OR next_at > $2)",
        )
        .bind(millis(now))
        .bind(millis(now.after(every)))
        .execute(&mut *write)
        .await
        .attempt("claim the reading of Stripe's list")?;
        write.commit().await?;
        Ok(claimed.rows_affected() > 0)
    }

    /// Notes that it could not be read, and when it is tried again.
    pub async fn note_list_unread(&self, error: &str, next: Moment) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query("UPDATE subscription_list SET error = $1, next_at = $2 WHERE id = 1")
            .bind(shortened(error))
            .bind(millis(next))
            .execute(&mut *write)
            .await
            .attempt("note that Stripe's list was not read")?;
        write.commit().await
    }

    pub async fn note_subscription_list(&self, compared: &Compared) -> Result<(), StoreError> {
        let Compared { whole, listed, served, strangers, lacking, error } = compared;
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE subscription_list SET whole_at = $1, listed = $2, served = $3, strangers = $4,
                 lacking = $5, error = $6
             WHERE id = 1",
        )
        .bind(whole.map(millis))
        .bind(bigint(*listed))
        .bind(bigint(*served))
        .bind(bigint(*strangers))
        .bind(bigint(*lacking))
        .bind(error.as_deref().map(shortened))
        .execute(&mut *write)
        .await
        .attempt("note how Stripe's list compares")?;
        write.commit().await
    }

    /// How the last comparison came out.
    pub async fn subscription_list(&self) -> Result<Compared, StoreError> {
        const ATTEMPT: &str = "read how Stripe's list compares";
        let row = sqlx::query(
            "SELECT whole_at, listed, served, strangers, lacking, error FROM subscription_list
             WHERE id = 1",
        )
        .fetch_one(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let compared = |row: &AnyRow| {
            Ok(Compared {
                whole: row.optional_moment("whole_at")?,
                listed: row.number("listed")?,
                served: row.number("served")?,
                strangers: row.number("strangers")?,
                lacking: row.number("lacking")?,
                error: row.optional_text("error")?,
            })
        };
        compared(&row).attempt(ATTEMPT)
    }

    /// Up to `limit` subscriptions of workspaces whose name comes after `after`, and the last
    /// of these names; `None` when there are no more.
    pub async fn subscriptions_after(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<(Vec<(SubscriptionId, Served)>, Option<String>), StoreError> {
        const ATTEMPT: &str = "list the subscriptions of workspaces";
        let rows = sqlx::query(
            "SELECT username, state, subscription, subscription_status FROM workspaces
             WHERE username > $1 ORDER BY username LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let last = rows.last().map(|row| row.text("username")).transpose().attempt(ATTEMPT)?;
        Ok((self.readable("workspaces", "username", &rows, served), last))
    }
}

/// Of a row whose other columns need not be readable: it has a subscription all the same.
fn served(row: &AnyRow) -> Result<(SubscriptionId, Served), sqlx::Error> {
    let is_over = WorkspaceState::parse(&row.text("state")?).is_ok_and(WorkspaceState::is_over);
    let status = SubscriptionStatus::from(row.text("subscription_status")?);
    // One that Stripe gave up after failed retries is canceled there, and `unpaid` here.
    let is_known_over = status.is_terminal() || status == SubscriptionStatus::Unpaid;
    Ok((
        valid(row, "subscription", |text| SubscriptionId::parse(text))?,
        Served { is_over, is_known_over },
    ))
}
