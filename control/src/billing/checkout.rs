//! The way to Stripe's page: one open page for each sign-up, however often it is asked for.

use std::time::Duration;

use super::Till;
use super::follow::{self, FollowError, SIGN_UP};
use crate::app::App;
use crate::base::clock::Moment;
use crate::base::token::Token;
use crate::model::sign_up::{Checkout, SignUp, SignUpId, SignUpState, Wish};
use crate::store::{Reserved, StoreError};
use vendors::IdempotencyKey;
use vendors::stripe::checkout::{CheckoutStatus, Expand, Metadata, Payer};
use vendors::stripe::id::CheckoutSessionId;
use vendors::stripe::{CheckoutSession, NewCheckout, StripeError};

/// A page with less time than this is not shown again: typing a card takes a while.
const WORTH_SHOWING: Duration = Duration::from_secs(5 * 60);

/// How long a name stays reserved after its page has expired: the news of a payment
/// in the last second takes its time.
const AFTERWARDS: Duration = Duration::from_secs(15 * 60);

/// How long a call to Stripe may take, with its retries, while somebody waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where to send the browser.
#[derive(Debug)]
pub enum Way {
    ToPay {
        url: String,
    },
    /// It has been paid, in another tab perhaps.
    Paid {
        checkout: CheckoutSessionId,
    },
}

/// Nothing was charged.
#[derive(Debug, thiserror::Error)]
pub enum NoWay {
    #[error("somebody else has the name")]
    Taken,
    #[error("no page could be made")]
    Stripe(#[from] StripeError),
    #[error("stripe did not answer within {PATIENCE:?}")]
    TooSlow,
    #[error("{object}: {what}")]
    Odd { object: String, what: &'static str },
    /// Whoever asks again finds what the other one made.
    #[error("the same browser is changing its sign-up at the same time")]
    Overtaken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<FollowError> for NoWay {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Stripe(error) | FollowError::Missing(error) => Self::Stripe(error),
            FollowError::Store(error) => Self::Store(error),
            FollowError::Odd { object, what } => Self::Odd { object, what },
        }
    }
}

/// The page at which `wish` is paid for. `browser` is the cookie of who asks.
///
/// The same browser gets the page it has, as long as that fits. Otherwise that one
/// is closed before another is made: nobody can pay at both.
///
/// # Errors
/// No name is reserved then, and nothing can be paid.
pub async fn begin(app: &App, till: &Till, wish: &Wish, browser: &Token) -> Result<Way, NoWay> {
    let known = app.store.signup_of_browser(&browser.hash()).await?;
    let former = match known {
        None => None,
        Some(known) => match take_up(app, till, wish, &known).await? {
            Former::Way(way) => return Ok(way),
            Former::Closed => Some(known),
            Former::Another => None,
        },
    };
    make(app, till, wish, browser, former.as_ref()).await
}

async fn patiently<T>(call: impl Future<Output = Result<T, StripeError>>) -> Result<T, NoWay> {
    Ok(tokio::time::timeout(PATIENCE, call).await.map_err(|_late| NoWay::TooSlow)??)
}

/// What is to be done with a sign-up that the browser began before.
enum Former {
    Way(Way),
    /// Nobody can pay for it any more: it is changed into the new one.
    Closed,
    /// It is somebody else's or for another name, came to nothing or has ended: the new one
    /// begins beside it.
    Another,
}

async fn take_up(app: &App, till: &Till, wish: &Wish, known: &SignUp) -> Result<Former, NoWay> {
    if matches!(known.state, SignUpState::Paid | SignUpState::Unpaid) {
        return Ok(match &known.checkout {
            Some(checkout) if known.is_ordered_again(wish) && !has_ended(app, known).await? => {
                Former::Way(Way::Paid { checkout: checkout.id.clone() })
            }
            _ => Former::Another,
        });
    }
    // A bank refused it: its page counts as paid for at Stripe, and leads nowhere.
    if known.state == SignUpState::Failed {
        return Ok(Former::Another);
    }
    let Some(Checkout { id, url, expires }) = &known.checkout else { return Ok(Former::Closed) };
    let is_open = known.state == SignUpState::Open;
    if is_open && known.fits(wish) && *expires > app.now().after(WORTH_SHOWING) {
        return Ok(Former::Way(Way::ToPay { url: url.clone() }));
    }
    if patiently(close(till, id)).await?.status == Some(CheckoutStatus::Complete) {
        follow::fulfil(app, till, id).await?;
        return Ok(Former::Way(Way::Paid { checkout: id.clone() }));
    }
    Ok(Former::Closed)
}

async fn has_ended(app: &App, known: &SignUp) -> Result<bool, StoreError> {
    let order = app.store.order_of_signup(known.id.as_str()).await?;
    Ok(order.is_some_and(|order| order.has_ended()))
}

/// Sees to it that nobody can pay at a page; one that was paid stays so.
async fn close(till: &Till, id: &CheckoutSessionId) -> Result<CheckoutSession, StripeError> {
    let session = till.stripe.checkout(id, Expand::Nothing).await?;
    if session.status != Some(CheckoutStatus::Open) {
        return Ok(session);
    }
    // Under a key of its own each time: it cannot be done twice.
    let key = key(&format!("expire/{id}/{}", shared::SessionId::random()));
    match till.stripe.expire_checkout(id, &key).await {
        Ok(session) => Ok(session),
        // Paid or expired in this moment.
        Err(StripeError::Refused(_)) => till.stripe.checkout(id, Expand::Nothing).await,
        Err(error) => Err(error),
    }
}

async fn make(
    app: &App,
    till: &Till,
    wish: &Wish,
    browser: &Token,
    former: Option<&SignUp>,
) -> Result<Way, NoWay> {
    let now = app.now();
    let expires = now.after(app.sign_up.checkout);
    let until = expires.after(AFTERWARDS);
    let reserved = app.store.reserve_sign_up(former, wish, &browser.hash(), until, now).await?;
    let signup = match reserved {
        Reserved::SignUp(signup) => signup,
        Reserved::Taken => return Err(NoWay::Taken),
        Reserved::Settled => return present(app, former.map(|former| &former.id)).await,
    };
    let key = key(&format!("checkout/{}/{}", signup.id, signup.attempts));
    let wanted = new_checkout(app, till, &signup, expires);
    let session = match patiently(till.stripe.create_checkout(&wanted, &key)).await {
        Ok(session) => session,
        Err(error) => {
            app.store.give_name_back(&signup.id, signup.attempts).await?;
            return Err(error);
        }
    };
    let url = session.url.unwrap_or_default();
    let checkout =
        Checkout { id: session.id, url, expires: Moment::from_seconds(session.expires_at) };
    let until = checkout.expires.after(AFTERWARDS);
    let attempt = signup.attempts;
    if app.store.keep_checkout(&signup.id, attempt, &checkout, until, app.now()).await? {
        return Ok(Way::ToPay { url: checkout.url });
    }
    // The same browser asked twice at once, and the other one was later.
    patiently(close(till, &checkout.id)).await?;
    present(app, Some(&signup.id)).await
}

/// Where a sign-up leads that somebody else has changed meanwhile.
async fn present(app: &App, id: Option<&SignUpId>) -> Result<Way, NoWay> {
    let signup = match id {
        Some(id) => app.store.signup(id).await?,
        None => None,
    };
    match signup {
        Some(SignUp { state: SignUpState::Open, checkout: Some(checkout), .. }) => {
            Ok(Way::ToPay { url: checkout.url })
        }
        Some(SignUp { state: SignUpState::Paid | SignUpState::Unpaid, checkout, .. }) => {
            checkout.map(|checkout| Way::Paid { checkout: checkout.id }).ok_or(NoWay::Overtaken)
        }
        _ => Err(NoWay::Overtaken),
    }
}

fn new_checkout(app: &App, till: &Till, signup: &SignUp, expires: Moment) -> NewCheckout {
    let site = app.site.site_url();
    // The choice itself may be longer than what Stripe keeps: it is in our database.
    let metadata = Metadata::from([(SIGN_UP.to_owned(), signup.id.to_string())]);
    NewCheckout {
        price: till.price.clone(),
        success_url: format!("{site}/welcome?session_id={{CHECKOUT_SESSION_ID}}"),
        cancel_url: format!("{site}/cancelled?signup={}", signup.id),
        payer: Payer::New { email: signup.email.clone() },
        client_reference_id: signup.id.to_string(),
        subscription_metadata: metadata.clone(),
        metadata,
        allow_promotion_codes: false,
        expires_at: expires.seconds(),
    }
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).expect("ids are short and plain")
}
