//! What a test may say to the fake, besides the faults.
//!
//! - `POST /_fake/clock` `{"advance_seconds": n}`, `GET /_fake/clock`
//! - `POST /_fake/webhooks` any part of a [`Manner`], `GET /_fake/webhooks`
//! - `POST /_fake/webhooks/release` lets held events go
//! - `GET /_fake/deliveries`, `GET /_fake/events`
//! - `POST /_fake/events/{id}/resend`
//! - `POST /_fake/sessions/{id}/settle` `{"succeeded": true}`: the bank answers
//! - `POST /_fake/customers/{id}` `{"pays": false}`: the card is declined
//! - `POST /_fake/charges/{id}/dispute` `{"reason": "fraudulent", "is_inquiry": false}`
//! - `POST /_fake/disputes/{id}/close` `{"is_won": true}`: the bank has decided
//! - `POST /_fake/charges/{id}/warn`: the card's network expects a dispute
//! - `POST /_fake/settings` any part of the [`Settings`], `GET` them
//! - `GET /_fake/state`: everything there is

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Stripe;
use super::account::{Account, Settings};
use super::billing::ADVANCE_MAX_SECONDS;
use super::webhook::Manner;
use crate::vendor::door::complain;

pub(super) fn router() -> Router<Arc<Stripe>> {
    Router::new()
        .route("/_fake/clock", get(clock).post(advance))
        .route("/_fake/webhooks", get(manner).post(behave))
        .route("/_fake/webhooks/release", post(release))
        .route("/_fake/deliveries", get(deliveries))
        .route("/_fake/events", get(events))
        .route("/_fake/events/{id}/resend", post(resend))
        .route("/_fake/sessions/{id}/settle", post(settle))
        .route("/_fake/customers/{id}", post(customer))
        .route("/_fake/charges/{id}/dispute", post(dispute))
        .route("/_fake/charges/{id}/warn", post(warn))
        .route("/_fake/disputes/{id}/close", post(close))
        .route("/_fake/settings", get(settings).post(set))
        .route("/_fake/state", get(state))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settle {
    succeeded: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Card {
    pays: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDispute {
    #[serde(default = "fraudulent")]
    reason: String,
    #[serde(default)]
    is_inquiry: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdict {
    is_won: bool,
}

fn fraudulent() -> String {
    "fraudulent".to_owned()
}

async fn clock(State(stripe): State<Arc<Stripe>>) -> Json<Value> {
    Json(json!({"now": stripe.now()}))
}

/// When it answers, everything due has happened and is on its way.
async fn advance(State(stripe): State<Arc<Stripe>>, Json(advance): Json<Advance>) -> Response {
    if advance.advance_seconds > ADVANCE_MAX_SECONDS {
        let message = format!("advance_seconds is at most {ADVANCE_MAX_SECONDS}");
        return complain(StatusCode::BAD_REQUEST, &message);
    }
    stripe.run_ahead(advance.advance_seconds);
    let now = stripe.act(|_, now| now).0;
    Json(json!({"now": now})).into_response()
}

async fn manner(State(stripe): State<Arc<Stripe>>) -> Json<Manner> {
    Json(stripe.sender.manner())
}

async fn behave(State(stripe): State<Arc<Stripe>>, Json(change): Json<Value>) -> Response {
    let manner: Manner = match merged(&json!(stripe.sender.manner()), &change) {
        Ok(manner) => manner,
        Err(error) => return complain(StatusCode::BAD_REQUEST, &error),
    };
    if let Err(error) = manner.check() {
        return complain(StatusCode::BAD_REQUEST, &error);
    }
    stripe.sender.behave(manner.clone());
    Json(manner).into_response()
}

async fn release(State(stripe): State<Arc<Stripe>>) -> Json<Value> {
    Json(json!({"released": stripe.sender.release()}))
}

async fn deliveries(State(stripe): State<Arc<Stripe>>) -> Json<Value> {
    Json(json!({"deliveries": stripe.sender.deliveries()}))
}

async fn events(State(stripe): State<Arc<Stripe>>) -> Json<Value> {
    let events = |account: &mut Account, _| {
        account.events().map(|event| event.snapshot(false, 0)).collect::<Vec<_>>()
    };
    Json(json!({"events": stripe.act(events).0}))
}

async fn resend(State(stripe): State<Arc<Stripe>>, Path(id): Path<String>) -> StatusCode {
    let find = |account: &mut Account, _| {
        account.events().find(|event| event.id == id || event.thin_id() == id).cloned()
    };
    match stripe.act(find).0 {
        Some(event) => {
            stripe.sender.send_again(event);
            StatusCode::ACCEPTED
        }
        None => StatusCode::NOT_FOUND,
    }
}

async fn settle(
    State(stripe): State<Arc<Stripe>>,
    Path(id): Path<String>,
    Json(settle): Json<Settle>,
) -> Response {
    let settled = stripe.act(|account, now| account.settle_session(&id, settle.succeeded, now)).0;
    if settled {
        StatusCode::NO_CONTENT.into_response()
    } else {
        complain(StatusCode::CONFLICT, &format!("session {id} does not wait for a bank"))
    }
}

async fn dispute(
    State(stripe): State<Arc<Stripe>>,
    Path(id): Path<String>,
    Json(new): Json<NewDispute>,
) -> Response {
    let made = stripe.act(|account, now| account.dispute(&id, &new.reason, new.is_inquiry, now)).0;
    made_of(&id, made)
}

async fn warn(State(stripe): State<Arc<Stripe>>, Path(id): Path<String>) -> Response {
    made_of(&id, stripe.act(|account, now| account.warn_of_fraud(&id, now)).0)
}

fn made_of(charge: &str, made: Option<String>) -> Response {
    match made {
        Some(id) => Json(json!({ "id": id })).into_response(),
        None => complain(StatusCode::NOT_FOUND, &format!("there is no charge {charge}")),
    }
}

async fn close(
    State(stripe): State<Arc<Stripe>>,
    Path(id): Path<String>,
    Json(verdict): Json<Verdict>,
) -> Response {
    if stripe.act(|account, now| account.close_dispute(&id, verdict.is_won, now)).0 {
        StatusCode::NO_CONTENT.into_response()
    } else {
        complain(StatusCode::CONFLICT, &format!("{id} is no open dispute"))
    }
}

async fn customer(
    State(stripe): State<Arc<Stripe>>,
    Path(id): Path<String>,
    Json(card): Json<Card>,
) -> StatusCode {
    stripe
        .act(|account, _| match account.customers.get_mut(&id) {
            Some(customer) => {
                customer.pays = card.pays;
                StatusCode::NO_CONTENT
            }
            None => StatusCode::NOT_FOUND,
        })
        .0
}

async fn settings(State(stripe): State<Arc<Stripe>>) -> Json<Settings> {
    Json(stripe.act(|account, _| account.settings.clone()).0)
}

async fn set(State(stripe): State<Arc<Stripe>>, Json(change): Json<Value>) -> Response {
    let set = |account: &mut Account, _| {
        account.settings = merged(&json!(account.settings), &change)?;
        Ok::<_, serde_json::Error>(account.settings.clone())
    };
    match stripe.act(set).0 {
        Ok(settings) => Json(settings).into_response(),
        Err(error) => complain(StatusCode::BAD_REQUEST, &error),
    }
}

async fn state(State(stripe): State<Arc<Stripe>>) -> Json<Value> {
    let bodies = |account: &mut Account, now| {
        json!({
            "now": now,
            "sessions": account.sessions.values().map(|one| one.body()).collect::<Vec<_>>(),
            "customers": account.customers.values().map(|one| one.body()).collect::<Vec<_>>(),
            "subscriptions":
                account.subscriptions.values().map(|one| one.body()).collect::<Vec<_>>(),
            "charges": account.charges.values().map(|one| one.body()).collect::<Vec<_>>(),
            "refunds": account.refunds.values().map(|one| one.body()).collect::<Vec<_>>(),
            "disputes": account.disputes.values().map(|one| one.body()).collect::<Vec<_>>(),
            "invoices": account.invoices.values().map(|one| one.body()).collect::<Vec<_>>(),
        })
    };
    Json(stripe.act(bodies).0)
}

/// What `change` names is replaced, the rest stays.
fn merged<T: DeserializeOwned>(whole: &Value, change: &Value) -> Result<T, serde_json::Error> {
    let mut whole = whole.clone();
    if let (Some(members), Some(changes)) = (whole.as_object_mut(), change.as_object()) {
        members.extend(changes.clone());
    }
    serde_json::from_value(whole)
}
