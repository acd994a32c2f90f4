//! Looks at Stripe how something stands, and does what follows from it.
//!
//! The webhook's task, the success page and the hourly look all come here, at
//! the same time if it so happens: each change is made once, in the database.

use tracing::{info, warn};

use super::payment::{Verdict, judge};
use super::{Till, notices};
use crate::app::App;
use crate::base::clock::Moment;
use crate::model::sign_up::{SignUp, SignUpId, SignUpState};
use crate::model::subscription::Billing;
use crate::queue::Trouble;
use crate::store::{Followed, Look, Paid, StoreError};
use vendors::stripe::checkout::Expand;
use vendors::stripe::id::{CheckoutSessionId, SubscriptionId};
use vendors::stripe::{CheckoutSession, StripeError, Subscription};

#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Stripe(#[from] StripeError),
    /// Stripe does not know what was to be looked at.
    #[error("there is no such object")]
    Missing(#[source] StripeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An operator has to look.
    #[error("{object}: {what}")]
    Odd { object: String, what: &'static str },
}

impl FollowError {
    /// Of the look at what everything else follows from.
    fn of_look(error: StripeError) -> Self {
        if error.is_missing() { Self::Missing(error) } else { Self::Stripe(error) }
    }
}

impl From<FollowError> for Trouble {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Stripe(error) | FollowError::Missing(error) => {
                let again = error.again();
                Self::from_client(error, again)
            }
            FollowError::Store(error) => error.into(),
            odd @ FollowError::Odd { .. } => Self::never(odd),
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
pub async fn fulfil(
    app: &App,
    till: &Till,
    id: &CheckoutSessionId,
) -> Result<Option<SignUp>, FollowError> {
    let looked = app.now();
    let session = till.stripe.checkout(id, Expand::SubscriptionAndCustomer).await;
    let session = session.map_err(FollowError::of_look)?;
    let odd = |what| FollowError::Odd { object: format!("checkout session {id}"), what };
    if session.livemode != till.is_live {
        return Err(odd("it is of the other mode"));
    }
    let reference = session.client_reference_id.as_deref().unwrap_or_default();
    let Ok(signup) = SignUpId::parse(reference) else { return Ok(None) };
    for _ in 0..RACES {
        let Some(known) = app.store.signup(&signup).await? else {
            if session.is_settled() {
                let incident = notices::unknown_signup(id, reference);
                app.store.open_incident(&incident, app.now()).await?;
            }
            return Ok(None);
        };
        if settle(app, till, &known, &session, looked, odd).await? {
            app.store.looked_at_signup(&signup, looked).await?;
            return Ok(app.store.signup(&signup).await?);
        }
    }
    Err(odd("its payment is being noted by somebody else all the time"))
}

/// `false` when somebody else noted the payment meanwhile.
async fn settle(
    app: &App,
    till: &Till,
    signup: &SignUp,
    session: &CheckoutSession,
    looked: Moment,
    odd: impl Fn(&'static str) -> FollowError,
) -> Result<bool, FollowError> {
    let now = app.now();
    match judge(signup, session) {
        Verdict::Nothing => {}
        Verdict::Open { payer, subscription } => {
            let object = whole(till, session, &subscription).await?;
            let billing = Billing::after(None, &object, app.sign_up.grace, looked);
            let paid = Paid {
                signup,
                checkout: &session.id,
                payer: &payer,
                subscription: &subscription,
                billing: &billing,
                looked,
                stationery: &app.stationery,
            };
            let Some(workspace) = app.store.open_workspace(&paid, now).await? else {
                return Ok(false);
            };
            info!(username = %workspace.username, "workspace {} is paid for", workspace.username);
            apply(app, &object, looked).await?;
        }
        Verdict::TooLate { subscription } => {
            app.store.paid_too_late(signup, &session.id, &subscription, now).await?;
        }
        Verdict::Wait => {
            let reserved = Some(now.after(app.sign_up.bank));
            app.store.settle_sign_up(&signup.id, SignUpState::Unpaid, reserved, None, now).await?;
        }
        Verdict::GiveUp { subscription } => {
            end(till, &subscription).await?;
            let told = notices::order_failed(signup, &app.stationery, now);
            let failed = SignUpState::Failed;
            app.store.settle_sign_up(&signup.id, failed, None, Some(&told), now).await?;
        }
        Verdict::Expire => {
            app.store.settle_sign_up(&signup.id, SignUpState::Expired, None, None, now).await?;
        }
        Verdict::Surplus { subscription } => {
            warn!("sign-up {} was paid twice; ending subscription {subscription}", signup.id);
            end(till, &subscription).await?;
            app.store.open_incident(&notices::surplus(signup, &subscription), now).await?;
        }
        Verdict::Odd(what) => return Err(odd(what)),
    }
    Ok(true)
}

/// Looks how a subscription stands, and has its workspace follow.
///
/// # Errors
/// As [`fulfil`].
pub async fn follow(app: &App, till: &Till, id: &SubscriptionId) -> Result<(), FollowError> {
    let looked = app.now();
    let subscription = till.stripe.subscription(id).await.map_err(FollowError::of_look)?;
    if apply(app, &subscription, looked).await?.is_some() {
        return Ok(());
    }
    // The news of a subscription can be faster than that of its payment.
    let signup = subscription.metadata.get(SIGN_UP);
    let Some(Ok(signup)) = signup.map(|id| SignUpId::parse(id)) else { return Ok(()) };
    let Some(signup) = app.store.signup(&signup).await? else { return Ok(()) };
    if let (None, Some(checkout)) = (&signup.subscription, &signup.checkout) {
        fulfil(app, till, &checkout.id).await.map_err(|error| match error {
            // The subscription is there.
            FollowError::Missing(error) => FollowError::Stripe(error),
            error => error,
        })?;
    }
    Ok(())
}

/// The key under which Stripe keeps the id of the sign-up.
pub const SIGN_UP: &str = "signup_id";

async fn apply(
    app: &App,
    subscription: &Subscription,
    looked: Moment,
) -> Result<Option<Followed>, FollowError> {
    let look = Look { subscription, looked, grace: app.sign_up.grace, stationery: &app.stationery };
    let followed = app.store.follow_subscription(&look, app.now()).await?;
    if let Some(Followed { workspace, generation: Some(_) }) = &followed {
        info!(
            username = %workspace.username,
            "workspace {} is {} now", workspace.username, workspace.life.as_str()
        );
        app.publisher.wake();
    }
    Ok(followed)
}

/// The subscription of a session, which came with it or is fetched.
async fn whole(
    till: &Till,
    session: &CheckoutSession,
    id: &SubscriptionId,
) -> Result<Subscription, StripeError> {
    match session.subscription.as_ref().and_then(|reference| reference.object()) {
        Some(subscription) => Ok(subscription.clone()),
        None => till.stripe.subscription(id).await,
    }
}

/// Ends a subscription that nobody shall pay for; one that has ended is left alone.
async fn end(till: &Till, id: &SubscriptionId) -> Result<(), StripeError> {
    match till.stripe.cancel_subscription(id).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_missing() => Ok(()),
        Err(error) => Err(error),
    }
}
