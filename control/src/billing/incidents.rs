//! What an operator is told when Stripe says something that we did not arrange. Pure.
//!
//! Each has a key that names what it is about: told again, it is the same.

use crate::model::incident::Incident;
use crate::model::sign_up::SignUp;
use vendors::linear::Priority;
use vendors::stripe::StripeError;
use vendors::stripe::id::{CheckoutSessionId, SubscriptionId};

/// Somebody paid under a sign-up's id for what we do not sell.
pub(super) fn foreign_payment(
    signup: &SignUp,
    checkout: &CheckoutSessionId,
    what: &str,
) -> Incident {
    Incident::new(
        format!("foreign/{checkout}"),
        format!("{}: a payment that opens no workspace", signup.username),
        format!(
            "Checkout session `{checkout}` names sign-up `{}`, but {what}. No workspace was made. \
             Look who made the session, and give the money back in Stripe's dashboard if it was \
             a customer.",
            signup.id
        ),
        Priority::Urgent,
    )
}

/// The subscription of a workspace is not to what we sell any more.
///
/// The workspace stays: a price that is missing in the configuration must not close
/// everybody's.
pub(super) fn foreign_subscription(
    username: &str,
    subscription: &SubscriptionId,
    what: &str,
) -> Incident {
    Incident::new(
        format!("foreign/{subscription}/{what}"),
        format!("{username}: pays for something else"),
        format!(
            "Subscription `{subscription}` of `{username}`: {what}. The workspace stays as it is. \
             If the price is an older one of ours, add it to `stripe.former_prices`."
        ),
        Priority::Urgent,
    )
}

/// A workspace is open, and Stripe does not know what it is paid by.
pub(super) fn unknown_subscription(username: &str, subscription: &SubscriptionId) -> Incident {
    Incident::new(
        format!("unknown/{subscription}"),
        format!("{username}: Stripe does not know the subscription"),
        format!(
            "Stripe does not know subscription `{subscription}` of `{username}`: does \
             `stripe.secret_key` belong to another account? The workspace stays as it is."
        ),
        Priority::Urgent,
    )
}

/// Somebody paid again for a workspace that is paid for, or has ended.
pub(super) fn surplus_renewal(
    checkout: &CheckoutSessionId,
    subscription: &SubscriptionId,
) -> Incident {
    Incident::new(
        format!("surplus/{subscription}"),
        "A payment for a workspace that needs none",
        format!(
            "Checkout session `{checkout}` was to pay for a workspace again, which is paid for \
             or has ended. Its subscription, `{subscription}`, is cancelled.\n\nGive the money \
             back in Stripe's dashboard."
        ),
        Priority::High,
    )
}

/// Stripe will not make a payment page, and will not change its mind.
pub(super) fn refused_checkout(error: &StripeError, day: &str) -> Incident {
    Incident::new(
        format!("checkout/refused/{day}"),
        "Nobody can buy: Stripe refuses to make payment pages",
        format!("Customers are told to try again later.\n\n{error}"),
        Priority::Urgent,
    )
}
