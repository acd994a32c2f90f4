//! Payments: each opens a workspace, once.
//!
//! One transaction with all that follows from it: the name, the task, the letter and
//! the ticket.

use shared::Username;
use sqlx::AssertSqlSafe;

use super::error::Attempt as _;
use super::{
    NewCustomer, Store, StoreError, Write, customers, mails, millis, signups, tasks, tickets,
    usernames, workspaces,
};
use crate::base::clock::Moment;
use crate::billing::notices;
use crate::mail::MailRenderer;
use crate::model::sign_up::SignUp;
use crate::model::subscription::Billing;
use crate::model::task::NewTask;
use crate::model::task::kinds::ProvisionWorkspace;
use crate::model::workspace::{Workspace, names};
use vendors::stripe::id::{CheckoutSessionId, CustomerId, SubscriptionId};

/// A payment that has come.
#[derive(Debug)]
pub struct Paid<'a> {
    pub signup: &'a SignUp,
    /// The page it was paid at.
    pub checkout: &'a CheckoutSessionId,
    pub payer: &'a CustomerId,
    pub subscription: &'a SubscriptionId,
    pub billing: &'a Billing,
    /// When Stripe was asked.
    pub looked: Moment,
    /// What the customer is told is written on.
    pub renderer: &'a MailRenderer,
}

impl Store {
    /// Makes the workspace that was paid for, the task that prepares it, and the letter
    /// for a customer who has to wait for it.
    ///
    /// `None` when the sign-up has been paid for before; nothing is changed then.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_workspace(
        &self,
        paid: &Paid<'_>,
        now: Moment,
    ) -> Result<Option<Workspace>, StoreError> {
        const ATTEMPT: &str = "open a workspace";
        let mut write = self.write().await?;
        let Some(signup) =
            take_payment(&mut write, paid.signup, paid.checkout, paid.subscription, now).await?
        else {
            return Ok(None);
        };
        let username = settle_name(&mut write, &signup, now).await?;
        usernames::release(&mut write, &signup.id, None).await?;
        // Of whoever had the name before, and whose quarantine is over.
        sqlx::query("DELETE FROM workspaces WHERE username = $1 AND state = 'ended'")
            .bind(username.as_str())
            .execute(&mut *write)
            .await
            .attempt(ATTEMPT)?;
        let payload = ProvisionWorkspace { signup: signup.id.clone() };
        let task = NewTask::new(format!("prov/{}", paid.checkout), Some(username), &payload);
        let task = tasks::enqueue(&mut write, &task, now).await?;
        let row = sqlx::query(AssertSqlSafe(format!(
            "INSERT INTO workspaces (username, signup, state, stripe_customer, subscription,
                 subscription_status, period_end_at, cancel_at, grace_until_at, task,
                 looked_at, created_at, changed_at)
             VALUES ($1, $2, 'preparing', $3, $4, $5, $6, NULL, $7, $8, $9, $10, $10)
             RETURNING {}",
            workspaces::COLUMNS
        )))
        .bind(username.as_str())
        .bind(signup.id.as_str())
        .bind(paid.payer.as_str())
        .bind(paid.subscription.as_str())
        .bind(paid.billing.status.as_str())
        .bind(paid.billing.period_end.map(millis))
        .bind(paid.billing.grace_until.map(millis))
        .bind(task.as_str())
        .bind(millis(paid.looked))
        .bind(millis(now))
        .fetch_one(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        let workspace = workspaces::parse(&row).attempt(ATTEMPT)?;
        let incident = notices::signed_up(&workspace, &signup);
        tickets::open_incident(&mut write, &incident, now).await?;
        let letter = notices::order_received(&workspace, &signup, paid.renderer, now);
        mails::enqueue_mail(&mut write, &letter, now).await?;
        write.commit().await?;
        Ok(Some(workspace))
    }

    /// Notes what was paid for without opening anything: it has ended already.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn paid_too_late(
        &self,
        signup: &SignUp,
        checkout: &CheckoutSessionId,
        subscription: &SubscriptionId,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        if take_payment(&mut write, signup, checkout, subscription, now).await?.is_some() {
            usernames::release(&mut write, &signup.id, None).await?;
            let incident = notices::paid_too_late(signup, subscription);
            tickets::open_incident(&mut write, &incident, now).await?;
        }
        write.commit().await
    }
}

/// Notes what was paid for; `None` when that was noted before. Whoever has the same
/// payment to note waits here.
async fn take_payment(
    write: &mut Write,
    signup: &SignUp,
    checkout: &CheckoutSessionId,
    subscription: &SubscriptionId,
    now: Moment,
) -> Result<Option<SignUp>, StoreError> {
    const ATTEMPT: &str = "note a payment";
    // The page may be an earlier one, paid while a later one was being made.
    let row = sqlx::query(AssertSqlSafe(format!(
        "UPDATE signups SET state = 'paid', checkout = $4, subscription = $2, changed_at = $3
         WHERE id = $1 AND subscription IS NULL RETURNING {}",
        signups::COLUMNS
    )))
    .bind(signup.id.as_str())
    .bind(subscription.as_str())
    .bind(millis(now))
    .bind(checkout.as_str())
    .fetch_optional(&mut **write)
    .await
    .attempt(ATTEMPT)?;
    row.as_ref().map(signups::parse).transpose().attempt(ATTEMPT)
}

/// The name that was reserved; another one where the money came after the
/// reservation had ended and somebody else has it.
async fn settle_name(
    write: &mut Write,
    signup: &SignUp,
    now: Moment,
) -> Result<Username, StoreError> {
    const ATTEMPT: &str = "settle a name";
    for username in names::for_payment(signup) {
        if !usernames::hold(write, &username, &signup.id, now).await? {
            continue;
        }
        let email = signup.email.as_str();
        let customer = NewCustomer { username, email, password_hash: None };
        if !customers::insert(write, &customer, now).await? {
            continue;
        }
        if username != signup.username {
            sqlx::query("UPDATE signups SET username = $2 WHERE id = $1")
                .bind(signup.id.as_str())
                .bind(username.as_str())
                .execute(&mut **write)
                .await
                .attempt(ATTEMPT)?;
        }
        return Ok(username);
    }
    Err(StoreError::corrupt(ATTEMPT, signup.id.as_str()))
}
