//! Looks at Stripe how something stands, and does what follows from it.
//!
//! The webhook's task, the success page and the hourly look all come here, at
//! the same time if it so happens: each change is made once, in the database.

use tracing::{info, warn};

use super::offer::{RENEWS, SIGN_UP};
use super::payment::{PaymentDecision, decide};
use super::{BillingService, incidents};
use crate::base::clock::Moment;
use crate::model::mail::NewMail;
use crate::model::sign_up::{SignUp, SignUpId, SignUpState};
use crate::model::subscription::{Billing, Standing};
use crate::model::workspace::Workspace;
use crate::queue::JobError;
use crate::store::StoreError;
use crate::workspaces::{self, Followed, Look, Paid, notices};
use vendors::stripe::checkout::Expand;
use vendors::stripe::id::{CheckoutSessionId, SubscriptionId};
use vendors::stripe::{CheckoutSession, StripeError, Subscription};

#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    #[error(transparent)]
    Stripe(#[from] StripeError),
    /// Stripe does not know what was to be looked at.
    #[error("there is no such object")]
    Missing(#[source] StripeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too many have ended by looks of this program's own within an hour.
    #[error("{0} would end its workspace, as too many have within an hour")]
    Held(SubscriptionId),
    /// Its workspace is opened in this moment.
    #[error("the workspace of {0} comes and goes")]
    Overtaken(SubscriptionId),
    /// An operator has to look.
    #[error("{object}: {what}")]
    Odd { object: String, what: &'static str },
}

impl SyncError {
    /// Of the look at what everything else follows from.
    pub(super) fn of_look(error: StripeError) -> Self {
        if error.is_missing() { Self::Missing(error) } else { Self::Stripe(error) }
    }
}

impl From<SyncError> for JobError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Stripe(error) | SyncError::Missing(error) => {
                let again = error.again_with_another_secret();
                Self::from_client(error, again)
            }
            SyncError::Store(error) => error.into(),
            later @ (SyncError::Overtaken(_) | SyncError::Held(_)) => Self::retry(later),
            odd @ SyncError::Odd { .. } => Self::permanent(odd),
        }
    }
}

/// How often somebody else may be faster in noting the same payment. Once is enough:
/// then it is noted.
const RACES: u32 = 3;

/// Looks how a checkout session stands, and settles its sign-up.
///
/// May be called again and again, and by several at once. `None` when the session
/// is not of a sign-up of ours.
///
/// # Errors
/// When Stripe or the database does not answer: then nothing is settled, or all of it.
pub async fn sync_checkout(
    billing: &BillingService,
    id: &CheckoutSessionId,
) -> Result<Option<SignUp>, SyncError> {
    let looked = billing.now();
    let session = billing.stripe.client.checkout(id, Expand::SubscriptionAndCustomer).await;
    let session = session.map_err(SyncError::of_look)?;
    let odd = |what| SyncError::Odd { object: format!("checkout session {id}"), what };
    if session.livemode != billing.stripe.is_live {
        return Err(odd("it is of the other mode"));
    }
    if let Some(former) = session.metadata.get(RENEWS) {
        settle_renewal(billing, &session, former, looked).await?;
        return Ok(None);
    }
    let reference = session.client_reference_id.as_deref().unwrap_or_default();
    let Ok(signup) = SignUpId::parse(reference) else { return Ok(None) };
    for _ in 0..RACES {
        let Some(known) = billing.store.signup(&signup).await? else {
            if session.is_settled() {
                let incident = notices::unknown_signup(id, reference);
                billing.store.open_incident(&incident, billing.now()).await?;
            }
            return Ok(None);
        };
        if settle(billing, &known, &session, looked, odd).await? {
            billing.store.looked_at_signup(&signup, looked).await?;
            return Ok(billing.store.signup(&signup).await?);
        }
    }
    Err(odd("its payment is being noted by somebody else all the time"))
}

/// `false` when somebody else noted the payment meanwhile.
async fn settle(
    billing: &BillingService,
    signup: &SignUp,
    session: &CheckoutSession,
    looked: Moment,
    odd: impl Fn(&'static str) -> SyncError,
) -> Result<bool, SyncError> {
    let now = billing.now();
    let settle_sign_up = async |state, reserved, letter: Option<&NewMail>| {
        workspaces::settle_sign_up(&billing.store, &signup.id, state, reserved, letter, now).await
    };
    match decide(&billing.offer, signup, session) {
        PaymentDecision::Nothing => {}
        PaymentDecision::Open { payer, subscription } => {
            let object = whole(billing, session, &subscription).await?;
            if let Some(what) = billing.offer.fault_of_subscription(&object) {
                let incident = incidents::foreign_payment(signup, &session.id, &what);
                billing.store.open_incident(&incident, now).await?;
                return Ok(true);
            }
            let state = Billing::after(None, &object, billing.settings.grace, looked);
            let paid = Paid {
                signup,
                checkout: &session.id,
                payer: &payer,
                subscription: &subscription,
                billing: &state,
                looked,
                renderer: &billing.renderer,
            };
            let opened = workspaces::open_workspace(&billing.store, &paid, now).await?;
            let Some(workspace) = opened else { return Ok(false) };
            info!(username = %workspace.username, "workspace {} is paid for", workspace.username);
            apply(billing, &object, &workspace, looked, Cause::Told).await?;
        }
        PaymentDecision::TooLate { subscription } => {
            let (store, checkout) = (&billing.store, &session.id);
            workspaces::paid_too_late(store, signup, checkout, &subscription, now).await?;
        }
        PaymentDecision::Wait => {
            let reserved = Some(now.after(billing.settings.bank));
            settle_sign_up(SignUpState::Unpaid, reserved, None).await?;
        }
        PaymentDecision::GiveUp { subscription } => {
            end(billing, &subscription).await?;
            let told = notices::order_failed(signup, &billing.renderer, now);
            settle_sign_up(SignUpState::Failed, None, Some(&told)).await?;
        }
        PaymentDecision::Expire => {
            settle_sign_up(SignUpState::Expired, None, None).await?;
        }
        PaymentDecision::Surplus { subscription } => {
            warn!("sign-up {} was paid twice; ending subscription {subscription}", signup.id);
            end(billing, &subscription).await?;
            billing.store.open_incident(&notices::surplus(signup, &subscription), now).await?;
        }
        PaymentDecision::Foreign(what) => {
            warn!("checkout {} names sign-up {}: {what}", session.id, signup.id);
            let incident = incidents::foreign_payment(signup, &session.id, &what);
            billing.store.open_incident(&incident, now).await?;
        }
        PaymentDecision::Odd(what) => return Err(odd(what)),
    }
    Ok(true)
}

/// Has a workspace go on with the subscription that was paid in place of the one that
/// Stripe has given up. One that nobody needs any more is ended.
async fn settle_renewal(
    billing: &BillingService,
    session: &CheckoutSession,
    former: &str,
    looked: Moment,
) -> Result<(), SyncError> {
    let (Some(reference), Some(payer)) = (&session.subscription, &session.customer) else {
        return Ok(());
    };
    let id = reference.id();
    let object = whole(billing, session, id).await?;
    if !session.is_settled() || object.status.is_terminal() {
        return Ok(());
    }
    if billing.store.workspace_of_subscription(id).await?.is_some() {
        return Ok(());
    }
    let former = SubscriptionId::parse(former).ok();
    let before = match &former {
        Some(former) => billing.store.workspace_of_subscription(former).await?,
        None => None,
    };
    let is_ours = billing.offer.fault_of_subscription(&object).is_none();
    if let Some(before) = before.filter(|before| is_ours && !before.state.is_over()) {
        let look = look(billing, &object, &before, looked);
        let renewed =
            workspaces::renew_workspace(&billing.store, &look, payer.id(), billing.now()).await?;
        if let Some(Followed { workspace, .. }) = &renewed {
            info!(username = %workspace.username, "{} pays again", workspace.username);
            billing.publisher.wake();
            return Ok(());
        }
        // Paid at two pages at once, or ended in this moment.
    }
    end(billing, id).await?;
    billing
        .store
        .open_incident(&incidents::surplus_renewal(&session.id, id), billing.now())
        .await?;
    Ok(())
}

/// Looks how a subscription stands, and has its workspace follow.
///
/// # Errors
/// As [`sync_checkout`].
pub async fn sync_subscription(
    billing: &BillingService,
    id: &SubscriptionId,
) -> Result<(), SyncError> {
    sync_because(billing, id, Cause::Told).await
}

/// As [`sync_subscription`], where nobody told of a change and we look by ourselves.
///
/// # Errors
/// Also `Held`: so many workspaces have ended by such looks that a person has to look first.
pub(super) async fn look_again(
    billing: &BillingService,
    id: &SubscriptionId,
) -> Result<(), SyncError> {
    sync_because(billing, id, Cause::Round).await
}

/// Why Stripe is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// An event, a customer or an operator says that something has happened.
    Told,
    /// A reconciler's turn.
    Round,
}

async fn sync_because(
    billing: &BillingService,
    id: &SubscriptionId,
    cause: Cause,
) -> Result<(), SyncError> {
    let Some(subscription) = follow(billing, id, cause).await? else { return Ok(()) };
    // A subscription can be told of before its payment is.
    let signup = subscription.metadata.get(SIGN_UP);
    let Some(Ok(signup)) = signup.map(|id| SignUpId::parse(id)) else { return Ok(()) };
    let Some(signup) = billing.store.signup(&signup).await? else { return Ok(()) };
    if let (None, Some(checkout)) = (&signup.subscription, &signup.checkout) {
        // It comes back here once it has opened the workspace.
        Box::pin(sync_checkout(billing, &checkout.id)).await.map_err(|error| match error {
            // The subscription is there.
            SyncError::Missing(error) => SyncError::Stripe(error),
            error => error,
        })?;
    }
    Ok(())
}

/// Has the workspace of a subscription follow it. Returns the subscription when no
/// workspace is of it.
async fn follow(
    billing: &BillingService,
    id: &SubscriptionId,
    cause: Cause,
) -> Result<Option<Subscription>, SyncError> {
    for _ in 0..RACES {
        // Before Stripe is asked: looks are ordered by when they began.
        let before = billing.store.begin_look(id).await?;
        let looked = billing.now();
        let subscription = billing.stripe.client.subscription(id).await;
        let subscription = subscription.map_err(SyncError::of_look)?;
        if let Some(before) = before {
            apply(billing, &subscription, &before, looked, cause).await?;
            return Ok(None);
        }
        if billing.store.workspace_of_subscription(id).await?.is_none() {
            return Ok(Some(subscription));
        }
        // Opened meanwhile, perhaps by an older answer.
    }
    Err(SyncError::Overtaken(id.clone()))
}

async fn apply(
    billing: &BillingService,
    subscription: &Subscription,
    before: &Workspace,
    looked: Moment,
    cause: Cause,
) -> Result<(), SyncError> {
    let look = look(billing, subscription, before, looked);
    if cause == Cause::Round && would_end(&look) && !billing.ends.take(billing.now()) {
        let incident = incidents::too_many_ends(billing.now());
        billing.store.open_incident(&incident, billing.now()).await?;
        return Err(SyncError::Held(subscription.id.clone()));
    }
    let followed = workspaces::follow_subscription(&billing.store, &look, billing.now()).await?;
    let fault = billing.offer.fault_of_subscription(subscription);
    if let Some((Followed { workspace, .. }, what)) = followed.as_ref().zip(fault) {
        let username = workspace.username.as_str();
        let incident = incidents::foreign_subscription(username, &subscription.id, &what);
        billing.store.open_incident(&incident, billing.now()).await?;
    }
    if let Some(Followed { workspace, generation: Some(_) }) = &followed {
        info!(
            username = %workspace.username,
            "workspace {} is {} now", workspace.username, workspace.state.as_str()
        );
        billing.publisher.wake();
    }
    // Ended by us, whatever Stripe says of it: nothing more may be charged.
    let is_over = followed.is_some_and(|followed| followed.workspace.state.is_over());
    if is_over && !subscription.status.is_terminal() {
        end(billing, &subscription.id).await?;
    }
    Ok(())
}

/// Whether Stripe says that the subscription of an open workspace is over.
fn would_end(look: &Look<'_>) -> bool {
    let billing = &look.before.billing;
    let after = Billing::after(Some(billing), look.subscription, look.grace, look.looked);
    !look.before.state.is_over() && after.standing(look.looked) == Standing::Over
}

fn look<'a>(
    billing: &'a BillingService,
    subscription: &'a Subscription,
    before: &'a Workspace,
    looked: Moment,
) -> Look<'a> {
    let (grace, unpaid) = (billing.settings.grace, billing.settings.unpaid);
    Look { subscription, before, looked, grace, unpaid, renderer: &billing.renderer }
}

/// The subscription of a session, which came with it or is fetched.
async fn whole(
    billing: &BillingService,
    session: &CheckoutSession,
    id: &SubscriptionId,
) -> Result<Subscription, StripeError> {
    match session.subscription.as_ref().and_then(|reference| reference.object()) {
        Some(subscription) => Ok(subscription.clone()),
        None => billing.stripe.client.subscription(id).await,
    }
}

/// Ends a subscription that nobody shall pay for; one that has ended is left alone.
pub(super) async fn end(billing: &BillingService, id: &SubscriptionId) -> Result<(), StripeError> {
    match billing.stripe.client.cancel_subscription(id).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_missing() => Ok(()),
        Err(error) => Err(error),
    }
}
