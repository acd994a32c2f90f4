//! The way to Stripe's page: one open page for each sign-up, however often it is asked for.

use std::time::Duration;

use super::offer::SIGN_UP;
use super::sync::{self, SyncError};
use super::{BillingService, incidents};
use crate::base::clock::Moment;
use crate::base::date::Date;
use crate::base::token::Token;
use crate::model::sign_up::{Checkout, SignUp, SignUpId, SignUpRequest, SignUpState};
use crate::store::{Reserved, StoreError};
use vendors::stripe::checkout::{CheckoutStatus, Expand, Payer};
use vendors::stripe::id::CheckoutSessionId;
use vendors::stripe::metadata::Metadata;
use vendors::stripe::{CheckoutSession, NewCheckout, StripeError};
use vendors::{Again, IdempotencyKey};

/// A page with less time than this is not shown again: typing a card takes a while.
const WORTH_SHOWING: Duration = Duration::from_secs(5 * 60);

/// How long a name stays reserved after its page has expired: the news of a payment
/// in the last second takes its time.
const AFTERWARDS: Duration = Duration::from_secs(15 * 60);

/// Stripe takes 30 minutes to 24 hours, by its own clock and when the call arrives there:
/// a minute is left for both.
const SHORTEST_PAGE: Duration = Duration::from_secs(31 * 60);
const LONGEST_PAGE: Duration = Duration::from_secs((24 * 60 - 1) * 60);

/// How long a call to Stripe may take, with its retries, while somebody waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where to send the browser.
#[derive(Debug)]
pub enum CheckoutOutcome {
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
pub enum CheckoutError {
    #[error("somebody else has the name")]
    Taken,
    #[error("no page could be made")]
    Stripe(#[from] StripeError),
    /// At the field of the address.
    #[error("stripe does not take the e-mail address")]
    Email(#[source] StripeError),
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

impl From<SyncError> for CheckoutError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Stripe(error) | SyncError::Missing(error) => Self::Stripe(error),
            SyncError::Store(error) => Self::Store(error),
            SyncError::Overtaken(_) | SyncError::Held(_) => Self::Overtaken,
            SyncError::Odd { object, what } => Self::Odd { object, what },
        }
    }
}

/// The page at which `request` is paid for. `browser` is the cookie of who asks.
///
/// The same browser gets the page it has, as long as that fits. Otherwise that one
/// is closed before another is made: nobody can pay at both.
///
/// # Errors
/// No name is reserved then, and nothing can be paid.
pub async fn begin(
    billing: &BillingService,
    request: &SignUpRequest,
    browser: &Token,
) -> Result<CheckoutOutcome, CheckoutError> {
    let known = billing.store.signup_of_browser(&browser.hash()).await?;
    let former = match known {
        None => None,
        Some(known) => match take_up(billing, request, &known).await? {
            PreviousCheckout::Outcome(way) => return Ok(way),
            PreviousCheckout::Closed => Some(known),
            PreviousCheckout::Another => None,
        },
    };
    make(billing, request, browser, former.as_ref()).await
}

async fn patiently<T>(
    call: impl Future<Output = Result<T, StripeError>>,
) -> Result<T, CheckoutError> {
    Ok(tokio::time::timeout(PATIENCE, call).await.map_err(|_late| CheckoutError::TooSlow)??)
}

/// What is to be done with a sign-up that the browser began before.
enum PreviousCheckout {
    Outcome(CheckoutOutcome),
    /// Nobody can pay for it any more: it is changed into the new one.
    Closed,
    /// It is somebody else's or for another name, came to nothing or has ended: the new one
    /// begins beside it.
    Another,
}

async fn take_up(
    billing: &BillingService,
    request: &SignUpRequest,
    known: &SignUp,
) -> Result<PreviousCheckout, CheckoutError> {
    if matches!(known.state, SignUpState::Paid | SignUpState::Unpaid) {
        return Ok(match &known.checkout {
            Some(checkout)
                if known.is_ordered_again(request) && !has_ended(billing, known).await? =>
            {
                PreviousCheckout::Outcome(CheckoutOutcome::Paid { checkout: checkout.id.clone() })
            }
            _ => PreviousCheckout::Another,
        });
    }
    // A bank refused it: its page counts as paid for at Stripe, and leads nowhere.
    if known.state == SignUpState::Failed {
        return Ok(PreviousCheckout::Another);
    }
    let Some(Checkout { id, url, expires }) = &known.checkout else {
        return Ok(PreviousCheckout::Closed);
    };
    let is_open = known.state == SignUpState::Open;
    if is_open && known.fits(request) && *expires > billing.now().after(WORTH_SHOWING) {
        return Ok(PreviousCheckout::Outcome(CheckoutOutcome::ToPay { url: url.clone() }));
    }
    if patiently(close(billing, id)).await?.status == Some(CheckoutStatus::Complete) {
        sync::sync_checkout(billing, id).await?;
        return Ok(PreviousCheckout::Outcome(CheckoutOutcome::Paid { checkout: id.clone() }));
    }
    Ok(PreviousCheckout::Closed)
}

async fn has_ended(billing: &BillingService, known: &SignUp) -> Result<bool, StoreError> {
    let order = billing.store.order_of_signup(known.id.as_str()).await?;
    Ok(order.is_some_and(|order| order.has_ended()))
}

/// Sees to it that nobody can pay at a page; one that was paid stays so.
async fn close(
    billing: &BillingService,
    id: &CheckoutSessionId,
) -> Result<CheckoutSession, StripeError> {
    let session = billing.stripe.client.checkout(id, Expand::Nothing).await?;
    if session.status != Some(CheckoutStatus::Open) {
        return Ok(session);
    }
    // Under a key of its own each time: it cannot be done twice.
    let key = key(&format!("expire/{id}/{}", shared::SessionId::random()));
    match billing.stripe.client.expire_checkout(id, &key).await {
        Ok(session) => Ok(session),
        // Paid or expired in this moment.
        Err(StripeError::Refused(_)) => billing.stripe.client.checkout(id, Expand::Nothing).await,
        Err(error) => Err(error),
    }
}

async fn make(
    billing: &BillingService,
    request: &SignUpRequest,
    browser: &Token,
    former: Option<&SignUp>,
) -> Result<CheckoutOutcome, CheckoutError> {
    let now = billing.now();
    let expires = now.after(billing.settings.checkout.clamp(SHORTEST_PAGE, LONGEST_PAGE));
    let until = expires.after(AFTERWARDS);
    let reserved =
        billing.store.reserve_sign_up(former, request, &browser.hash(), until, now).await?;
    let signup = match reserved {
        Reserved::SignUp(signup) => signup,
        Reserved::Taken => return Err(CheckoutError::Taken),
        Reserved::Settled => return present(billing, former.map(|former| &former.id)).await,
    };
    let key = key(&format!("checkout/{}/{}", signup.id, signup.attempts));
    let wanted = new_checkout(billing, &signup, expires);
    let session = match patiently(billing.stripe.client.create_checkout(&wanted, &key)).await {
        Ok(session) => session,
        Err(error) => {
            billing.store.give_name_back(&signup.id, signup.attempts).await?;
            return Err(refused(billing, error).await?);
        }
    };
    let url = session.url.unwrap_or_default();
    let checkout =
        Checkout { id: session.id, url, expires: Moment::from_seconds(session.expires_at) };
    let until = checkout.expires.after(AFTERWARDS);
    let attempt = signup.attempts;
    if billing.store.keep_checkout(&signup.id, attempt, &checkout, until, billing.now()).await? {
        return Ok(CheckoutOutcome::ToPay { url: checkout.url });
    }
    // The same browser asked twice at once, and the other one was later.
    patiently(close(billing, &checkout.id)).await?;
    present(billing, Some(&signup.id)).await
}

/// What a customer is to hear of a page that could not be made; what only we can mend is
/// told to an operator.
async fn refused(
    billing: &BillingService,
    error: CheckoutError,
) -> Result<CheckoutError, StoreError> {
    let CheckoutError::Stripe(error) = error else { return Ok(error) };
    if error.refused_param() == Some("customer_email") {
        return Ok(CheckoutError::Email(error));
    }
    if matches!(error, StripeError::Refused(_)) && error.again() == Again::Never {
        let now = billing.now();
        let incident = incidents::refused_checkout(&error, &Date::of(now).iso());
        billing.store.open_incident(&incident, now).await?;
    }
    Ok(CheckoutError::Stripe(error))
}

impl CheckoutError {
    /// As metrics name it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Email(_) => "email_refused",
            Self::Stripe(error) if error.again() == Again::Never => "refused",
            Self::Stripe(_) | Self::TooSlow => "unavailable",
            Self::Odd { .. } => "odd",
            Self::Overtaken => "overtaken",
            Self::Store(_) => "failed",
        }
    }
}

/// Where a sign-up leads that somebody else has changed meanwhile.
async fn present(
    billing: &BillingService,
    id: Option<&SignUpId>,
) -> Result<CheckoutOutcome, CheckoutError> {
    let signup = match id {
        Some(id) => billing.store.signup(id).await?,
        None => None,
    };
    match signup {
        Some(SignUp { state: SignUpState::Open, checkout: Some(checkout), .. }) => {
            Ok(CheckoutOutcome::ToPay { url: checkout.url })
        }
        Some(SignUp { state: SignUpState::Paid | SignUpState::Unpaid, checkout, .. }) => checkout
            .map(|checkout| CheckoutOutcome::Paid { checkout: checkout.id })
            .ok_or(CheckoutError::Overtaken),
        _ => Err(CheckoutError::Overtaken),
    }
}

fn new_checkout(billing: &BillingService, signup: &SignUp, expires: Moment) -> NewCheckout {
    let site = billing.site.site_url();
    // The choice itself may be longer than what Stripe keeps: it is in our database.
    let metadata = Metadata::from([(SIGN_UP.to_owned(), signup.id.to_string())]);
    NewCheckout {
        price: billing.stripe.price.clone(),
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
