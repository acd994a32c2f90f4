//! Payments: each opens a workspace, once.
//!
//! One transaction with all that follows from it: the name, the task, the letter and
//! the ticket.

use shared::Username;

use super::notices;
use crate::base::clock::Moment;
use crate::mail::MailRenderer;
use crate::model::mail::Message;
use crate::model::sign_up::SignUp;
use crate::model::subscription::Billing;
use crate::model::task::NewTask;
use crate::model::task::kinds::ProvisionWorkspace;
use crate::model::workspace::{Workspace, WorkspaceState, names};
use crate::store::accounts::customers;
use crate::store::billing::{signups, usernames, workspaces};
use crate::store::messages::{mails, tickets};
use crate::store::{Actor, NewCustomer, Store, StoreError, Write, journal, tasks};
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

/// Makes the workspace that was paid for, the task that prepares it, and the letter
/// for a customer who has to wait for it.
///
/// `None` when the sign-up has been paid for before; nothing is changed then.
///
/// # Errors
/// [`StoreError`]
pub async fn open_workspace(
    store: &Store,
    paid: &Paid<'_>,
    now: Moment,
) -> Result<Option<Workspace>, StoreError> {
    let Paid { signup, checkout, payer, subscription, billing, looked, renderer } = *paid;
    let mut write = store.begin().await?;
    let taken = signups::take_payment(&mut write, &signup.id, checkout, subscription, now).await?;
    let Some(signup) = taken else { return Ok(None) };
    let username = settle_name(&mut write, &signup, now).await?;
    usernames::release(&mut write, &signup.id, None).await?;
    workspaces::forget_ended(&mut write, &username).await?;
    let payload = ProvisionWorkspace { signup: signup.id.clone() };
    let task = NewTask::new(format!("prov/{checkout}"), Some(username), &payload);
    let workspace = Workspace {
        username,
        signup: signup.id.clone(),
        state: WorkspaceState::Preparing,
        payer: payer.clone(),
        subscription: subscription.clone(),
        // An end that is arranged already is news of the first look.
        billing: Billing { cancel_at: None, ..billing.clone() },
        task: Some(tasks::enqueue(&mut write, &task, now).await?),
        // The first is the one that saw the payment.
        looks: 1,
        unpaid: None,
        end_reason: None,
        created: now,
        changed: now,
    };
    workspaces::insert(&mut write, &workspace, looked).await?;
    let subject = format!("workspace {username}");
    let line = format!("paid with {subscription}: it is being prepared");
    let about = (subject.as_str(), Some(&username));
    journal::note(&mut write, Actor::System("stripe"), about, &line, now).await?;
    tickets::open(&mut write, &notices::signed_up(&workspace, &signup), now).await?;
    let letter = notices::order_received(&workspace, &signup, renderer, now);
    mails::enqueue(&mut write, &letter, now).await?;
    // Said by letter only: the form must not tell strangers who has a workspace.
    let others = customers::others_of_email(&mut write, &signup.email, &username).await?;
    if !others.is_empty() {
        let to = notices::of_signup(&signup, username);
        let message = Message::AnotherWorkspace { others: &others };
        let letter = renderer.write(format!("another/{}", signup.id), to, message, now);
        mails::enqueue(&mut write, &letter, now).await?;
    }
    write.commit().await?;
    Ok(Some(workspace))
}

/// Notes what was paid for without opening anything: it has ended already.
///
/// # Errors
/// [`StoreError`]
pub async fn paid_too_late(
    store: &Store,
    signup: &SignUp,
    checkout: &CheckoutSessionId,
    subscription: &SubscriptionId,
    now: Moment,
) -> Result<(), StoreError> {
    let mut write = store.begin().await?;
    let taken = signups::take_payment(&mut write, &signup.id, checkout, subscription, now).await?;
    if taken.is_some() {
        usernames::release(&mut write, &signup.id, None).await?;
        tickets::open(&mut write, &notices::paid_too_late(signup, subscription), now).await?;
    }
    write.commit().await
}

/// The name that was reserved; another one where the money came after the
/// reservation had ended and somebody else has it.
async fn settle_name(
    write: &mut Write,
    signup: &SignUp,
    now: Moment,
) -> Result<Username, StoreError> {
    for username in names::for_payment(signup) {
        if !usernames::hold(write, &username, &signup.id, now).await? {
            continue;
        }
        let SignUp { email, language, .. } = signup;
        let customer = NewCustomer { username, email, password_hash: None, language: *language };
        if !customers::insert(write, &customer, now).await? {
            continue;
        }
        if username != signup.username {
            signups::rename(write, &signup.id, &username).await?;
        }
        return Ok(username);
    }
    Err(StoreError::corrupt("settle a name", signup.id.as_str()))
}
