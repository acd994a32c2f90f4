//! Updating and canceling subscriptions.

use serde_json::Value;

use super::super::account::Account;
use super::super::error::ApiError;
use super::super::params::Params;
use super::super::subscription::Subscription;

pub(super) fn update(
    account: &mut Account,
    id: &str,
    params: &Params,
    now: u64,
) -> Result<Value, ApiError> {
    let subscription =
        account.subscriptions.get(id).ok_or_else(|| ApiError::missing("subscription", id))?;
    if subscription.status.is_terminal()
        && (params.has("cancel_at") || params.has("cancel_at_period_end"))
    {
        return Err(ApiError::invalid(
            "A canceled subscription can only update its cancellation_details and metadata.",
        ));
    }
    if params.has("cancel_at") && params.has("cancel_at_period_end") {
        return Err(ApiError::invalid(
            "You may only specify one of these parameters: cancel_at, cancel_at_period_end.",
        ));
    }
    if params.number("cancel_at").is_some_and(|at| at <= now) {
        let message = "The `cancel_at` timestamp must be in the future.";
        return Err(ApiError::invalid(message).param("cancel_at"));
    }
    account.change_subscription(id, now, |subscription| apply(subscription, params, now));
    Ok(account.subscriptions[id].body())
}

pub(super) fn cancel(
    account: &mut Account,
    id: &str,
    params: &Params,
    now: u64,
) -> Result<Value, ApiError> {
    // A canceled subscription cannot be canceled again: to Stripe it is gone.
    let alive = account.subscriptions.get(id).filter(|found| !found.status.is_terminal());
    alive.ok_or_else(|| ApiError::missing("subscription", id))?;
    account.change_subscription(id, now, |subscription| {
        take_details(subscription, params);
        subscription.end("cancellation_requested", now);
    });
    Ok(account.subscriptions[id].body())
}

fn apply(subscription: &mut Subscription, params: &Params, now: u64) {
    for (key, value) in params.map("metadata") {
        // An empty value takes the key away.
        if value.is_empty() {
            subscription.metadata.remove(&key);
        } else {
            subscription.metadata.insert(key, value);
        }
    }
    match params.flag("cancel_at_period_end") {
        Some(true) if !subscription.cancel_at_period_end => {
            subscription.cancel_at_period_end(now);
        }
        Some(false) => subscription.resume(),
        Some(true) | None => {}
    }
    match params.value("cancel_at") {
        Some("") => subscription.resume(),
        Some(_) => {
            let at = params.number("cancel_at").expect("the schema takes numbers only");
            subscription.cancel_at_period_end = false;
            subscription.cancel_at(at, now);
        }
        None => {}
    }
    take_details(subscription, params);
}

fn take_details(subscription: &mut Subscription, params: &Params) {
    let given = |name| params.value(name).map(ToOwned::to_owned);
    let details = &mut subscription.cancellation;
    details.comment = given("cancellation_details[comment]").or(details.comment.take());
    details.feedback = given("cancellation_details[feedback]").or(details.feedback.take());
}
