//! Workspaces: each follows its subscription to the end.
//!
//! Every change is one transaction with all that follows from it: tasks, letters,
//! tickets, and the way in.

use std::time::Duration;

use shared::{Generation, Username};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::error::Attempt as _;
use super::routes::valid;
use super::table::TableChange;
use super::{
    Columns as _, LeaseError, Store, StoreError, Write, customers, doors, leases, mails, millis,
    tasks, tickets, usernames,
};
use crate::base::clock::Moment;
use crate::billing::notices;
use crate::mail::MailRenderer;
use crate::model::sign_up::SignUpId;
use crate::model::subscription::Billing;
use crate::model::task::kinds::RecycleWorkspace;
use crate::model::task::{Lease, NewTask, TaskId};
use crate::model::workspace::Workspace;
use crate::model::workspace::state::{Effect, Life, News};
use vendors::stripe::Subscription;
use vendors::stripe::id::{CustomerId, SubscriptionId};
use vendors::stripe::subscription::SubscriptionStatus;

pub(super) const COLUMNS: &str = "username, signup, state, stripe_customer, subscription, \
     subscription_status, period_end_at, cancel_at, grace_until_at, task, created_at, changed_at";

/// What Stripe said of a subscription.
#[derive(Debug)]
pub struct Look<'a> {
    pub subscription: &'a Subscription,
    /// When it was asked: what was asked earlier does not count against it.
    pub looked: Moment,
    /// For how long a failed renewal is forgiven.
    pub grace: Duration,
    /// What the customer is told is written on.
    pub renderer: &'a MailRenderer,
}

/// A workspace after a change, and the route table's number when edges must hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    pub workspace: Workspace,
    pub generation: Option<Generation>,
}

impl Store {
    /// Has the workspace of a subscription follow it.
    ///
    /// `None` when no workspace is of it. What was asked before the latest answer
    /// changes nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn follow_subscription(
        &self,
        look: &Look<'_>,
        now: Moment,
    ) -> Result<Option<Followed>, StoreError> {
        const ATTEMPT: &str = "follow a subscription";
        let mut table = self.change_table().await?;
        let row = sqlx::query(AssertSqlSafe(format!(
            "UPDATE workspaces SET looked_at = $2 WHERE subscription = $1 AND looked_at <= $2
             RETURNING {COLUMNS}"
        )))
        .bind(look.subscription.id.as_str())
        .bind(millis(look.looked))
        .fetch_optional(&mut *table.write)
        .await
        .attempt(ATTEMPT)?;
        let Some(row) = row else {
            drop(table);
            let known = self.workspace_of_subscription(&look.subscription.id).await?;
            return Ok(known.map(|workspace| Followed { workspace, generation: None }));
        };
        let mut workspace = parse(&row).attempt(ATTEMPT)?;
        let before = &workspace.billing;
        let billing = Billing::after(Some(before), look.subscription, look.grace, look.looked);
        let news = News::Stands {
            standing: billing.standing(now),
            ends: billing.cancel_at,
            known_end: before.cancel_at,
        };
        if workspace.billing != billing {
            workspace.changed = now;
        }
        workspace.billing = billing;
        Self::live_on(table, workspace, news, Some(look.renderer), now).await.map(Some)
    }

    /// The machine is ready and every edge leads to it.
    ///
    /// Calling again changes nothing; nor does it when the workspace has ended meanwhile.
    ///
    /// # Errors
    /// When the lease is lost, or the database does not answer.
    pub async fn workspace_is_live(
        &self,
        username: &Username,
        lease: &Lease,
        now: Moment,
    ) -> Result<Option<Followed>, LeaseError> {
        let mut table = self.change_table().await?;
        leases::guard(&mut table.write, lease).await?;
        let Some(workspace) = hold_workspace(&mut table.write, username).await? else {
            return Ok(None);
        };
        let news = News::Prepared(workspace.billing.standing(now));
        Ok(Some(Self::live_on(table, workspace, news, None, now).await?))
    }

    /// The machine is gone: nothing is kept of the customer, and the name rests for
    /// `quarantine`. Calling again changes nothing.
    ///
    /// # Errors
    /// When the lease is lost, or the database does not answer.
    pub async fn workspace_is_ended(
        &self,
        username: &Username,
        quarantine: Duration,
        lease: &Lease,
        now: Moment,
    ) -> Result<Option<Followed>, LeaseError> {
        let mut table = self.change_table().await?;
        leases::guard(&mut table.write, lease).await?;
        let Some(workspace) = hold_workspace(&mut table.write, username).await? else {
            return Ok(None);
        };
        if workspace.life == Life::Ending {
            usernames::quarantine(&mut table.write, username, now.after(quarantine)).await?;
        }
        Ok(Some(Self::live_on(table, workspace, News::TakenDown, None, now).await?))
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn workspace(&self, username: &Username) -> Result<Option<Workspace>, StoreError> {
        self.workspace_where("username = $1", username.as_str()).await
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn workspace_of_signup(
        &self,
        signup: &SignUpId,
    ) -> Result<Option<Workspace>, StoreError> {
        self.workspace_where("signup = $1", signup.as_str()).await
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn workspace_of_subscription(
        &self,
        subscription: &SubscriptionId,
    ) -> Result<Option<Workspace>, StoreError> {
        self.workspace_where("subscription = $1", subscription.as_str()).await
    }

    /// Up to `limit` workspaces that nobody asked Stripe about since `before`, and
    /// those whose grace is over.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn workspaces_to_look_at(
        &self,
        before: Moment,
        now: Moment,
        limit: u32,
    ) -> Result<Vec<Workspace>, StoreError> {
        const ATTEMPT: &str = "list workspaces to look at";
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM workspaces
             WHERE (state IN ('preparing', 'live', 'suspended') AND looked_at < $1)
                 OR (state = 'live' AND grace_until_at <= $2 AND looked_at < grace_until_at)
             ORDER BY looked_at LIMIT $3"
        )))
        .bind(millis(before))
        .bind(millis(now))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// Puts off asking Stripe again about one of which it will not speak.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn looked_at_workspace(
        &self,
        username: &Username,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query("UPDATE workspaces SET looked_at = $2 WHERE username = $1")
            .bind(username.as_str())
            .bind(millis(now))
            .execute(&mut *write)
            .await
            .attempt("note that a workspace was looked at")?;
        write.commit().await
    }

    /// Carries out what `news` means for a workspace whose row is held.
    ///
    /// The route table is held before it, as by everybody who needs both: two who wait
    /// for each other's would wait on.
    async fn live_on(
        mut table: TableChange,
        mut workspace: Workspace,
        news: News,
        renderer: Option<&MailRenderer>,
        now: Moment,
    ) -> Result<Followed, StoreError> {
        let (life, effects) = workspace.life.after(news);
        if workspace.life != life {
            workspace.changed = now;
        }
        workspace.life = life;
        let write = &mut table.write;
        let customer = customers::find(write, &workspace.username).await?;
        let mut door = None;
        for effect in effects {
            match effect {
                Effect::Suspend | Effect::Resume => door = Some(effect),
                Effect::End => {
                    door = Some(effect);
                    workspace.task = Some(take_down(write, &workspace, now).await?);
                }
                Effect::Forget => forget(write, &workspace).await?,
                Effect::Write(letter) => {
                    if let Some((customer, renderer)) = customer.as_ref().zip(renderer) {
                        let mail = notices::letter(&workspace, customer, letter, renderer, now);
                        mails::enqueue_mail(write, &mail, now).await?;
                    }
                }
                Effect::Report(report) => {
                    let incident = notices::incident(&workspace, report);
                    tickets::open_incident(write, &incident, now).await?;
                }
            }
        }
        update(write, &workspace).await?;
        match door {
            None => {
                table.write.commit().await?;
                return Ok(Followed { workspace, generation: None });
            }
            Some(Effect::End) => doors::close(&mut table, &workspace.username).await?,
            Some(door) => {
                let suspended = door == Effect::Suspend;
                doors::suspend(&mut table, &workspace.username, suspended).await?;
            }
        }
        let generation = Some(table.commit().await?.generation);
        Ok(Followed { workspace, generation })
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
            .fetch_optional(&self.pool)
            .await
            .attempt(ATTEMPT)?;
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }
}

async fn hold_workspace(
    write: &mut Write,
    username: &Username,
) -> Result<Option<Workspace>, StoreError> {
    const ATTEMPT: &str = "hold a workspace";
    let row = sqlx::query(AssertSqlSafe(format!(
        "UPDATE workspaces SET state = state WHERE username = $1 RETURNING {COLUMNS}"
    )))
    .bind(username.as_str())
    .fetch_optional(&mut **write)
    .await
    .attempt(ATTEMPT)?;
    row.as_ref().map(parse).transpose().attempt(ATTEMPT)
}

async fn update(write: &mut Write, workspace: &Workspace) -> Result<(), StoreError> {
    let billing = &workspace.billing;
    sqlx::query(
        "UPDATE workspaces SET state = $2, subscription_status = $3, period_end_at = $4,
             cancel_at = $5, grace_until_at = $6, task = $7, changed_at = $8
         WHERE username = $1",
    )
    .bind(workspace.username.as_str())
    .bind(workspace.life.as_str())
    .bind(billing.status.as_str())
    .bind(billing.period_end.map(millis))
    .bind(billing.cancel_at.map(millis))
    .bind(billing.grace_until.map(millis))
    .bind(workspace.task.as_ref().map(TaskId::as_str))
    .bind(millis(workspace.changed))
    .execute(&mut **write)
    .await
    .attempt("write a workspace")?;
    Ok(())
}

/// Files the task that takes the machine down; one that still prepares it is called off.
async fn take_down(
    write: &mut Write,
    workspace: &Workspace,
    now: Moment,
) -> Result<TaskId, StoreError> {
    if let Some(task) = &workspace.task {
        tasks::call_off(write, task, Some("the workspace has ended"), now).await?;
    }
    let payload = RecycleWorkspace { signup: workspace.signup.clone() };
    let dedupe = format!("recycle/{}", workspace.subscription);
    let task = NewTask::new(dedupe, Some(workspace.username), &payload);
    tasks::enqueue(write, &task, now).await
}

/// Takes away what names the customer; what they paid stays on the books.
async fn forget(write: &mut Write, workspace: &Workspace) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM customers WHERE username = $1")
        .bind(workspace.username.as_str())
        .execute(&mut **write)
        .await
        .attempt("forget a customer")?;
    sqlx::query("UPDATE signups SET email = '' WHERE id = $1")
        .bind(workspace.signup.as_str())
        .execute(&mut **write)
        .await
        .attempt("forget a customer's address")?;
    Ok(())
}

pub(super) fn parse(row: &AnyRow) -> Result<Workspace, sqlx::Error> {
    Ok(Workspace {
        username: valid(row, "username", Username::parse)?,
        signup: valid(row, "signup", SignUpId::parse)?,
        life: valid(row, "state", Life::parse)?,
        payer: valid(row, "stripe_customer", |text| CustomerId::parse(text))?,
        subscription: valid(row, "subscription", |text| SubscriptionId::parse(text))?,
        billing: Billing {
            status: SubscriptionStatus::from(row.text("subscription_status")?),
            period_end: row.optional_moment("period_end_at")?,
            cancel_at: row.optional_moment("cancel_at")?,
            grace_until: row.optional_moment("grace_until_at")?,
        },
        task: optional_task(row)?,
        created: row.moment("created_at")?,
        changed: row.moment("changed_at")?,
    })
}

fn optional_task(row: &AnyRow) -> Result<Option<TaskId>, sqlx::Error> {
    match row.optional_text("task")? {
        None => Ok(None),
        Some(_) => valid(row, "task", TaskId::parse).map(Some),
    }
}
