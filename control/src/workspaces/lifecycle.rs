//! Workspaces from the payment to their end: each follows its subscription and its task.

use std::time::Duration;

use shared::Username;

use super::transition::{Followed, carry_out};
use crate::base::clock::Moment;
use crate::base::language::Language;
use crate::mail::MailRenderer;
use crate::model::mail::Message;
use crate::model::receipt::Receipt;
use crate::model::subscription::Billing;
use crate::model::task::Lease;
use crate::model::workspace::state::Event;
use crate::model::workspace::{EndReason, Unpaid, UnpaidTimes, Workspace, WorkspaceState};
use crate::store::accounts::customers;
use crate::store::billing::{receipts, usernames, workspaces};
use crate::store::messages::mails;
use crate::store::{Actor, LeaseError, Store, StoreError, Write, journal, tasks};
use vendors::stripe::Subscription;
use vendors::stripe::id::CustomerId;

/// What Stripe said of a subscription.
#[derive(Debug)]
pub struct Look<'a> {
    pub subscription: &'a Subscription,
    /// The workspace when the look began, before Stripe was asked.
    pub before: &'a Workspace,
    /// When it was asked.
    pub looked: Moment,
    /// For how long a failed renewal is forgiven.
    pub grace: Duration,
    /// How an unpaid workspace comes to its end.
    pub unpaid: UnpaidTimes,
    /// What the customer is told is written on.
    pub renderer: &'a MailRenderer,
}

/// Has a workspace follow its subscription.
///
/// `None`, and nothing is changed, when it has followed a look that began later: that
/// one has seen whatever made this one necessary.
///
/// # Errors
/// [`StoreError`]
pub async fn follow_subscription(
    store: &Store,
    look: &Look<'_>,
    now: Moment,
) -> Result<Option<Followed>, StoreError> {
    let mut write = store.begin().await?;
    // The task before the workspace, as its worker locks them.
    if let Some(task) = &look.before.task {
        tasks::lock_row(&mut write, task).await?;
    }
    let locked = workspaces::lock_for_look(
        &mut write,
        &look.before.subscription,
        look.before.looks,
        look.looked,
    )
    .await?;
    let Some(mut workspace) = locked else { return Ok(None) };
    let before = &workspace.billing;
    let billing = Billing::after(Some(before), look.subscription, look.grace, look.looked);
    // Others may have begun meanwhile: what is told is told by this one.
    workspace.looks = look.before.looks;
    let standing = billing.standing(now);
    let (unpaid, step) = if workspace.state.is_owed_for(standing) {
        let (unpaid, step) = Unpaid::after(workspace.unpaid, &look.unpaid, now);
        (Some(unpaid), step)
    } else {
        (None, None)
    };
    let event = Event::Stands {
        standing,
        ends: billing.cancel_at,
        known_end: before.cancel_at,
        unpaid: step,
    };
    if workspace.billing != billing {
        workspace.changed = now;
    }
    workspace.billing = billing;
    if workspace.state.is_over() {
        // Of no consequence any more, but for what there may still be to end at Stripe.
        workspace.billing.status = look.subscription.status.clone();
    } else {
        workspace.unpaid = unpaid;
    }
    carry_out(write, workspace, event, Some(look.renderer), now).await.map(Some)
}

/// Has a workspace go on with another subscription, which `look` is at; `payer` pays it.
///
/// `None`, and nothing is changed, when it has another one by now, or has ended.
///
/// # Errors
/// [`StoreError`]
pub async fn renew_workspace(
    store: &Store,
    look: &Look<'_>,
    payer: &CustomerId,
    now: Moment,
) -> Result<Option<Followed>, StoreError> {
    let mut write = store.begin().await?;
    let Some(mut workspace) = lock_as_before(&mut write, look.before).await? else {
        return Ok(None);
    };
    if workspace.state.is_over() {
        return Ok(None);
    }
    let id = &look.subscription.id;
    workspaces::replace_subscription(&mut write, &workspace.username, id, payer).await?;
    let subject = format!("workspace {}", workspace.username);
    let line = format!("goes on with {id} in place of {}", workspace.subscription);
    let about = (subject.as_str(), Some(&workspace.username));
    journal::note(&mut write, Actor::System("stripe"), about, &line, now).await?;
    let billing = Billing::after(None, look.subscription, look.grace, look.looked);
    let standing = billing.standing(now);
    let event = Event::Stands { standing, ends: billing.cancel_at, known_end: None, unpaid: None };
    workspace.subscription = id.clone();
    workspace.payer = payer.clone();
    workspace.billing = billing;
    workspace.unpaid = None;
    workspace.changed = now;
    carry_out(write, workspace, event, Some(look.renderer), now).await.map(Some)
}

/// Ends a workspace now, whatever its subscription says. `before` was read a moment ago.
///
/// Calling again changes nothing. `None` when somebody else has the name meanwhile.
///
/// # Errors
/// [`StoreError`]
pub async fn end_workspace(
    store: &Store,
    before: &Workspace,
    why: EndReason,
    renderer: &MailRenderer,
    now: Moment,
) -> Result<Option<Followed>, StoreError> {
    let mut write = store.begin().await?;
    let Some(workspace) = lock_as_before(&mut write, before).await? else { return Ok(None) };
    carry_out(write, workspace, Event::Ends(why), Some(renderer), now).await.map(Some)
}

/// `None` when the name is of another subscription meanwhile.
async fn lock_as_before(
    write: &mut Write,
    before: &Workspace,
) -> Result<Option<Workspace>, StoreError> {
    // The task before the workspace, as its worker locks them.
    if let Some(task) = &before.task {
        tasks::lock_row(write, task).await?;
    }
    let locked = workspaces::lock_row(write, &before.username).await?;
    Ok(locked.filter(|workspace| workspace.subscription == before.subscription))
}

/// The machine is ready and every edge leads to it.
///
/// Calling again changes nothing; nor does it when the workspace has ended meanwhile.
///
/// # Errors
/// [`LeaseError`]
pub async fn workspace_is_live(
    store: &Store,
    username: &Username,
    lease: &Lease,
    now: Moment,
) -> Result<Option<Followed>, LeaseError> {
    let Some((write, workspace)) = lock(store, username, lease).await? else { return Ok(None) };
    let event = Event::Prepared(workspace.billing.standing(now));
    Ok(Some(carry_out(write, workspace, event, None, now).await?))
}

/// The machine is gone: nothing is kept of the customer but a receipt, which they get as
/// their last letter, and the name rests for `quarantine`. Calling again changes nothing.
///
/// # Errors
/// [`LeaseError`]
pub async fn workspace_is_ended(
    store: &Store,
    username: &Username,
    (quarantine, renderer): (Duration, &MailRenderer),
    lease: &Lease,
    now: Moment,
) -> Result<Option<Followed>, LeaseError> {
    let Some((mut write, workspace)) = lock(store, username, lease).await? else {
        return Ok(None);
    };
    if workspace.state == WorkspaceState::Ending {
        usernames::quarantine(&mut write, username, now.after(quarantine)).await?;
        let steps = tasks::steps_of(&mut write, &lease.task).await?;
        // What is kept is for operators.
        let receipt = Receipt::of(&workspace, &steps, Language::English, now);
        receipts::insert(&mut write, &receipt).await?;
        if let Some(customer) = customers::find(&mut write, username).await? {
            let to = customer.recipient();
            let receipt = Receipt::of(&workspace, &steps, customer.language, now);
            let id = format!("deleted/{}", receipt.signup);
            let letter = renderer.write(id, to, Message::Deleted { receipt: &receipt }, now);
            mails::enqueue(&mut write, &letter, now).await?;
        }
    }
    Ok(Some(carry_out(write, workspace, Event::TakenDown, None, now).await?))
}

async fn lock(
    store: &Store,
    username: &Username,
    lease: &Lease,
) -> Result<Option<(Write, Workspace)>, LeaseError> {
    let mut write = store.begin().await?;
    tasks::check_lease(&mut write, lease).await?;
    let workspace = workspaces::lock_row(&mut write, username).await?;
    Ok(workspace.map(|workspace| (write, workspace)))
}
