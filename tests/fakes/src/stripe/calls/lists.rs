//! Looking things up, one or many.

use serde_json::{Value, json};

use super::super::account::Account;
use super::super::error::ApiError;
use super::super::params::Params;

/// Rows of a page: 1 to 100, by default 10.
const LIMIT_DEFAULT: u64 = 10;
const LIMIT_MAX: u64 = 100;

pub(super) fn session(account: &Account, id: &str) -> Result<Value, ApiError> {
    let found = account.sessions.get(id).map(|session| session.body());
    found.ok_or_else(|| ApiError::missing("checkout.session", id))
}

pub(super) fn subscription(account: &Account, id: &str) -> Result<Value, ApiError> {
    let found = account.subscriptions.get(id).map(|subscription| subscription.body());
    found.ok_or_else(|| ApiError::missing("subscription", id))
}

pub(super) fn customer(account: &Account, id: &str) -> Result<Value, ApiError> {
    let found = account.customers.get(id).map(|customer| customer.body());
    found.ok_or_else(|| ApiError::missing("customer", id))
}

pub(super) fn invoice(account: &Account, id: &str) -> Result<Value, ApiError> {
    let found = account.invoices.get(id).map(|invoice| invoice.body());
    found.ok_or_else(|| ApiError::missing("invoice", id))
}

pub(super) fn price(account: &Account, id: &str) -> Result<Value, ApiError> {
    let found = account.prices.get(id).map(|price| price.body());
    found.ok_or_else(|| ApiError::missing("price", id))
}

pub(super) fn event(account: &Account, id: &str) -> Result<Value, ApiError> {
    let found = account.events().find(|event| event.id == id);
    let found = found.ok_or_else(|| ApiError::missing("event", id))?;
    Ok(found.snapshot(false, 0))
}

pub(super) fn core_event(account: &Account, id: &str) -> Result<Value, ApiError> {
    let found = account.events().find(|event| event.thin_id() == id);
    let found = found.ok_or_else(|| ApiError::missing("event", id))?;
    Ok(found.thin(false))
}

pub(super) fn sessions(account: &Account, params: &Params) -> Result<Value, ApiError> {
    let bodies = account.sessions.values().map(|session| session.body());
    let found = bodies.filter(|body| fits(body, params, &["customer", "subscription", "status"]));
    page("/v1/checkout/sessions", found.collect(), params)
}

/// Without a status canceled ones are left out, as at Stripe.
pub(super) fn subscriptions(account: &Account, params: &Params) -> Result<Value, ApiError> {
    let status = params.value("status");
    let price = params.value("price");
    let found = account.subscriptions.values().filter(|subscription| {
        let terminal = subscription.status.is_terminal();
        price.is_none_or(|price| subscription.price.id == price)
            && match status {
                None => !terminal,
                Some("all") => true,
                Some("ended") => terminal,
                Some(name) => subscription.status.name() == name,
            }
    });
    let bodies = found.map(|subscription| subscription.body());
    let found = bodies.filter(|body| fits(body, params, &["customer"]));
    page("/v1/subscriptions", found.collect(), params)
}

pub(super) fn invoice_payments(account: &Account, params: &Params) -> Result<Value, ApiError> {
    let intent = params.value("payment[payment_intent]");
    let charges = account.charges.values();
    let wanted =
        charges.filter(|charge| intent.is_none_or(|intent| charge.payment_intent == intent));
    let bodies = wanted.filter_map(|charge| charge.payment_body());
    let found = bodies.filter(|body| fits(body, params, &["invoice", "status"]));
    page("/v1/invoice_payments", found.collect(), params)
}

pub(super) fn charges(account: &Account, params: &Params) -> Result<Value, ApiError> {
    let bodies = account.charges.values().map(|charge| charge.body());
    let found = bodies.filter(|body| fits(body, params, &["customer", "payment_intent"]));
    page("/v1/charges", found.collect(), params)
}

pub(super) fn prices(account: &Account, params: &Params) -> Result<Value, ApiError> {
    let keys = params.list("lookup_keys");
    let found = account.prices.values().filter(|price| {
        params.flag("active") != Some(false)
            && (keys.is_empty()
                || price.lookup_key.as_ref().is_some_and(|key| keys.contains(&key.as_str())))
    });
    page("/v1/prices", found.map(|price| price.body()).collect(), params)
}

pub(super) fn events(account: &Account, params: &Params) -> Result<Value, ApiError> {
    let kind = params.value("type");
    let found = account.events().filter(|event| kind.is_none_or(|kind| event.kind == kind));
    page("/v1/events", found.map(|event| event.snapshot(false, 0)).collect(), params)
}

fn fits(body: &Value, params: &Params, names: &[&str]) -> bool {
    names.iter().all(|name| params.value(name).is_none_or(|wanted| body[*name] == wanted))
}

/// Newest first.
fn page(url: &str, mut rows: Vec<Value>, params: &Params) -> Result<Value, ApiError> {
    let limit = params.number("limit").unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let message = format!("This value must be between 1 and {LIMIT_MAX}.");
        return Err(ApiError::invalid(message).param("limit"));
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row["created"].as_u64()));
    if let Some(after) = params.value("starting_after") {
        let position = rows.iter().position(|row| row["id"] == after);
        let position =
            position.ok_or_else(|| ApiError::missing_in("starting_after", "object", after))?;
        rows.drain(..=position);
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok(json!({"object": "list", "data": rows, "has_more": has_more, "url": url}))
}
