//! What a test may say to the fake, besides the faults.
//!
//! - `GET /_fake/emails?to=ada@example.com`, oldest first; `DELETE` them
//! - `POST /_fake/limits` all of the [`Limits`] that differ from the default
//! - `POST /_fake/clock` `{"advance_seconds": n}`

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Resend;
use super::quota::Limits;
use crate::vendor::lock;

pub(super) fn router() -> Router<Arc<Resend>> {
    Router::new()
        .route("/_fake/emails", get(emails).delete(forget))
        .route("/_fake/limits", get(limits).post(set))
        .route("/_fake/clock", post(advance))
}

#[derive(Deserialize)]
struct Filter {
    to: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u32,
}

async fn emails(State(resend): State<Arc<Resend>>, Query(filter): Query<Filter>) -> Json<Value> {
    let mails = lock(&resend.mails);
    let fits = |to: &Option<String>, sent: &super::Sent| {
        to.as_ref().is_none_or(|address| sent.mail.is_for(address))
    };
    let found: Vec<_> = mails.iter().filter(|sent| fits(&filter.to, sent)).collect();
    Json(json!({"emails": found}))
}

async fn forget(State(resend): State<Arc<Resend>>) -> StatusCode {
    lock(&resend.mails).clear();
    StatusCode::NO_CONTENT
}

async fn limits(State(resend): State<Arc<Resend>>) -> Json<Limits> {
    Json(lock(&resend.limits).clone())
}

async fn set(State(resend): State<Arc<Resend>>, Json(limits): Json<Limits>) -> Json<Limits> {
    lock(&resend.limits).clone_from(&limits);
    Json(limits)
}

async fn advance(State(resend): State<Arc<Resend>>, Json(advance): Json<Advance>) -> Json<Value> {
    resend.advance(u64::from(advance.advance_seconds));
    Json(json!({"now": resend.now()}))
}
