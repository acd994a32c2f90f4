//! Rows of the workspaces table. What follows from a change is not known here.

use shared::Username;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::model::sign_up::SignUpId;
use crate::model::subscription::Billing;
use crate::model::task::TaskId;
use crate::model::workspace::unpaid::{Unpaid, Warnings};
use crate::model::workspace::{EndReason, Workspace, WorkspaceState};
use crate::store::connection::{Attempt as _, Columns as _, bigint, millis, valid};
use crate::store::{Store, StoreError, Write};
use vendors::stripe::id::{CustomerId, SubscriptionId};
use vendors::stripe::subscription::SubscriptionStatus;

/// What every read of a workspace selects.
const COLUMNS: &str = "username, signup, state, stripe_customer, subscription, \
     subscription_status, period_end_at, cancel_at, grace_until_at, task, looks, unpaid_since_at, \
     unpaid_warnings, unpaid_due_at, end_reason, \
     created_at, changed_at";

impl Store {
    pub async fn workspace(&self, username: &Username) -> Result<Option<Workspace>, StoreError> {
        self.workspace_where("username = $1", username.as_str()).await
    }

    pub async fn workspace_of_subscription(
        &self,
        subscription: &SubscriptionId,
    ) -> Result<Option<Workspace>, StoreError> {
        self.workspace_where("subscription = $1", subscription.as_str()).await
    }

    /// Up to `limit` workspaces that nobody asked Stripe about since `before`, those whose
    /// grace or time is over, and those that have ended while their subscription has not.
    pub async fn workspaces_to_look_at(
        &self,
        before: Moment,
        now: Moment,
        limit: u32,
    ) -> Result<Vec<Workspace>, StoreError> {
        const ATTEMPT: &str = "list workspaces to look at";
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM workspaces
             WHERE (state IN ('preparing', 'live', 'suspended')
                     AND (looked_at < $1 OR looked_at > $4))
                 OR (state = 'live' AND grace_until_at <= $2 AND looked_at < grace_until_at)
                 OR (state = 'suspended' AND unpaid_due_at <= $2 AND looked_at < unpaid_due_at)
                 OR (state IN ('ending', 'ended') AND looked_at < $1
                     AND subscription_status NOT IN ('canceled', 'incomplete_expired'))
             ORDER BY looked_at LIMIT $3"
        )))
        .bind(millis(before))
        .bind(millis(now))
        .bind(i64::from(limit))
        // By a clock that was ahead: it is not believed.
        .bind(millis(now.after(now.since(before))))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        Ok(self.readable("workspaces", "username", &rows, parse))
    }

    /// Puts off asking Stripe again about one of which it will not speak.
    pub async fn looked_at_workspace(
        &self,
        username: &Username,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query("UPDATE workspaces SET looked_at = $2 WHERE username = $1")
            .bind(username.as_str())
            .bind(millis(now))
            .execute(&mut *write)
            .await
            .attempt("note that a workspace was looked at")?;
        write.commit().await
    }

    /// Begins a look at Stripe: it has the number [`Workspace::looks`]. `None` when no
    /// workspace is of this subscription.
    pub async fn begin_look(
        &self,
        subscription: &SubscriptionId,
    ) -> Result<Option<Workspace>, StoreError> {
        const ATTEMPT: &str = "begin a look at a subscription";
        let mut write = self.begin().await?;
        let row = sqlx::query(AssertSqlSafe(format!(
            "UPDATE workspaces SET looks = looks + 1 WHERE subscription = $1 RETURNING {COLUMNS}"
        )))
        .bind(subscription.as_str())
        .fetch_optional(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        let Some(row) = row else { return Ok(None) };
        let workspace = parse(&row).attempt(ATTEMPT)?;
        write.commit().await?;
        Ok(Some(workspace))
    }

    /// Is the customer's workspace still being prepared?
    pub async fn awaits_workspace(&self, username: &Username) -> Result<bool, StoreError> {
        const ATTEMPT: &str = "look whether a workspace is prepared";
        let row = sqlx::query("SELECT state FROM workspaces WHERE username = $1")
            .bind(username.as_str())
            .fetch_optional(&mut self.read().await?)
            .await
            .attempt(ATTEMPT)?;
        let state = |row| valid(row, "state", WorkspaceState::parse);
        let state = row.as_ref().map(state).transpose().attempt(ATTEMPT)?;
        Ok(state == Some(WorkspaceState::Preparing))
    }

    async fn workspace_where(
        &self,
        condition: &'static str,
        value: &str,
    ) -> Result<Option<Workspace>, StoreError> {
        const ATTEMPT: &str = "read a workspace";
        let text = format!("SELECT {COLUMNS} FROM workspaces WHERE {condition}");
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(value)
            .fetch_optional(&mut self.read().await?)
            .await
            .attempt(ATTEMPT)?;
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }
}

/// Nobody else changes this workspace before `write` is over.
pub async fn lock_row(
    write: &mut Write,
    username: &Username,
) -> Result<Option<Workspace>, StoreError> {
    const ATTEMPT: &str = "lock a workspace";
    let row = sqlx::query(AssertSqlSafe(format!(
        "UPDATE workspaces SET state = state WHERE username = $1 RETURNING {COLUMNS}"
    )))
    .bind(username.as_str())
    .fetch_optional(&mut **write)
    .await
    .attempt(ATTEMPT)?;
    row.as_ref().map(parse).transpose().attempt(ATTEMPT)
}

/// As [`lock_row`], for the answer of look number `look`. `None`, and nothing is locked,
/// when the workspace has followed one that began later.
pub async fn lock_for_look(
    write: &mut Write,
    subscription: &SubscriptionId,
    look: u64,
    looked: Moment,
) -> Result<Option<Workspace>, StoreError> {
    const ATTEMPT: &str = "lock the workspace of a subscription";
    let row = sqlx::query(AssertSqlSafe(format!(
        "UPDATE workspaces SET followed_look = $2, looked_at = $3
         WHERE subscription = $1 AND followed_look < $2 RETURNING {COLUMNS}"
    )))
    .bind(subscription.as_str())
    .bind(bigint(look))
    .bind(millis(looked))
    .fetch_optional(&mut **write)
    .await
    .attempt(ATTEMPT)?;
    row.as_ref().map(parse).transpose().attempt(ATTEMPT)
}

/// `looked` is when Stripe was asked about it last.
pub async fn insert(
    write: &mut Write,
    workspace: &Workspace,
    looked: Moment,
) -> Result<(), StoreError> {
    let Workspace {
        username,
        signup,
        state,
        payer,
        subscription,
        billing,
        task,
        looks,
        unpaid,
        end_reason,
        created,
        changed,
    } = workspace;
    let Billing { status, period_end, cancel_at, grace_until } = billing;
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO workspaces ({COLUMNS}, looked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
             $16, $17, $18)"
    )))
    .bind(username.as_str())
    .bind(signup.as_str())
    .bind(state.as_str())
    .bind(payer.as_str())
    .bind(subscription.as_str())
    .bind(status.as_str())
    .bind(period_end.map(millis))
    .bind(cancel_at.map(millis))
    .bind(grace_until.map(millis))
    .bind(task.as_ref().map(TaskId::as_str))
    .bind(bigint(*looks))
    .bind(unpaid.map(|unpaid| millis(unpaid.since)))
    .bind(bigint(unpaid.map_or(0, |unpaid| unpaid.warnings.count())))
    .bind(unpaid.map(|unpaid| millis(unpaid.due)))
    .bind(end_reason.map(EndReason::as_str))
    .bind(millis(*created))
    .bind(millis(*changed))
    .bind(millis(looked))
    .execute(&mut **write)
    .await
    .attempt("open a workspace")?;
    Ok(())
}

/// What a payment settled for good is not written again: whose it is, and who pays.
/// Looks are counted by [`Store::begin_look`].
pub async fn update(write: &mut Write, workspace: &Workspace) -> Result<(), StoreError> {
    let Workspace {
        username,
        signup: _,
        state,
        payer: _,
        subscription: _,
        billing,
        task,
        looks: _,
        unpaid,
        end_reason,
        created: _,
        changed,
    } = workspace;
    let Billing { status, period_end, cancel_at, grace_until } = billing;
    sqlx::query(
        "UPDATE workspaces SET state = $2, subscription_status = $3, period_end_at = $4,
             cancel_at = $5, grace_until_at = $6, task = $7, end_reason = $8,
             changed_at = $9, unpaid_since_at = $10, unpaid_warnings = $11, unpaid_due_at = $12
         WHERE username = $1",
    )
    .bind(username.as_str())
    .bind(state.as_str())
    .bind(status.as_str())
    .bind(period_end.map(millis))
    .bind(cancel_at.map(millis))
    .bind(grace_until.map(millis))
    .bind(task.as_ref().map(TaskId::as_str))
    .bind(end_reason.map(EndReason::as_str))
    .bind(millis(*changed))
    .bind(unpaid.map(|unpaid| millis(unpaid.since)))
    .bind(bigint(unpaid.map_or(0, |unpaid| unpaid.warnings.count())))
    .bind(unpaid.map(|unpaid| millis(unpaid.due)))
    .execute(&mut **write)
    .await
    .attempt("write a workspace")?;
    Ok(())
}

/// By another one, which is paid in place of the former.
pub async fn replace_subscription(
    write: &mut Write,
    username: &Username,
    subscription: &SubscriptionId,
    payer: &CustomerId,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE workspaces SET subscription = $2, stripe_customer = $3 WHERE username = $1",
    )
    .bind(username.as_str())
    .bind(subscription.as_str())
    .bind(payer.as_str())
    .execute(&mut **write)
    .await
    .attempt("replace the subscription of a workspace")?;
    Ok(())
}

/// Of whoever had the name before, and whose quarantine is over.
pub async fn forget_ended(write: &mut Write, username: &Username) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM workspaces WHERE username = $1 AND state = 'ended'")
        .bind(username.as_str())
        .execute(&mut **write)
        .await
        .attempt("forget an ended workspace")?;
    Ok(())
}

fn unpaid(row: &AnyRow) -> Result<Option<Unpaid>, sqlx::Error> {
    let (since, due) =
        (row.optional_moment("unpaid_since_at")?, row.optional_moment("unpaid_due_at")?);
    let warnings = Warnings::of_count(row.number("unpaid_warnings")?);
    Ok(since.zip(due).map(|(since, due)| Unpaid { since, warnings, due }))
}

fn parse(row: &AnyRow) -> Result<Workspace, sqlx::Error> {
    Ok(Workspace {
        username: valid(row, "username", Username::parse)?,
        signup: valid(row, "signup", SignUpId::parse)?,
        state: valid(row, "state", WorkspaceState::parse)?,
        payer: valid(row, "stripe_customer", |text| CustomerId::parse(text))?,
        subscription: valid(row, "subscription", |text| SubscriptionId::parse(text))?,
        billing: Billing {
            status: SubscriptionStatus::from(row.text("subscription_status")?),
            period_end: row.optional_moment("period_end_at")?,
            cancel_at: row.optional_moment("cancel_at")?,
            grace_until: row.optional_moment("grace_until_at")?,
        },
        task: row.optional("task", TaskId::parse)?,
        looks: row.number("looks")?,
        unpaid: unpaid(row)?,
        end_reason: row.optional("end_reason", EndReason::parse)?,
        created: row.moment("created_at")?,
        changed: row.moment("changed_at")?,
    })
}
