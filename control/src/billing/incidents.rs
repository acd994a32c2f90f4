//! What an operator is told when Stripe says something that we did not arrange. Pure.
//!
//! Each has a key that names what it is about: told again, it is the same.

use super::ENDS_AN_HOUR;
use crate::base::clock::Moment;
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

/// More workspaces would end than do so by themselves. Told again in each hour in which they
/// would.
pub(super) fn too_many_ends(now: Moment) -> Incident {
    const HOUR_SECONDS: u64 = 3_600;
    Incident::new(
        format!("ends/{}", now.seconds() / HOUR_SECONDS),
        "Stripe says of many subscriptions at once that they are over",
        format!(
            "{ENDS_AN_HOUR} workspaces have ended within an hour because a look at Stripe found \
             their subscriptions over, of which no event had come. Nothing more is ended by such \
             looks within this hour; what stays open is open.\n\nDoes `stripe.secret_key` belong \
             to another account, or to the other mode? Did somebody cancel them in Stripe's \
             dashboard while our webhook was away? Then nothing is to be done: they end by \
             {ENDS_AN_HOUR} an hour, or at once by `control workspaces end NAME`."
        ),
        Priority::Urgent,
    )
}

/// Money is taken for a subscription, and nobody here is served for it.
pub(super) fn stranger(id: &SubscriptionId) -> Incident {
    Incident::new(
        format!("stranger/{id}"),
        "A subscription at Stripe that no workspace is served for",
        format!(
            "Subscription `{id}` is to what we sell, and its customer pays. No workspace here \
             is of it, and none could be opened by looking at its payment: was the database \
             restored from a backup, or the subscription made by hand? Find the customer in \
             Stripe's dashboard; cancel it there, and give the money back, if nobody is to be \
             served. Nothing was changed."
        ),
        Priority::Urgent,
    )
}

/// Too many to be looked at one by one. Told once a day.
pub(super) fn many_differ(what: &str, ids: &[SubscriptionId], day: &str) -> Incident {
    const NAMED: usize = 20;
    let named: Vec<_> = ids.iter().take(NAMED).map(|id| format!("`{id}`")).collect();
    let count = ids.len();
    Incident::new(
        format!("subscriptions/{what}/{day}"),
        format!("Stripe's list and the workspaces differ in {count} subscriptions"),
        format!(
            "{count} subscriptions are {what}, too many to follow from the list. Nothing was \
             changed because of it. Does `stripe.secret_key` belong to another account, or was \
             the database restored from a backup?\n\nThe first of them: {}",
            named.join(", ")
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
