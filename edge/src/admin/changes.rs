//! `POST /v1/changes`: from one generation to the next.

use std::sync::Arc;

use axum::Json;
use axum::body::{self, Body};
use axum::extract;
use axum::http::StatusCode;
use shared::wire::Applied;
use tokio::time::timeout;

use super::reply::Failure;
use super::state::State;
use crate::limits::{BODY_WAIT_MAX, CHANGES_MAX_BYTES};
use crate::routes::Batch;

pub(super) async fn post(
    extract::State(state): extract::State<State>,
    body: Body,
) -> Result<Json<Applied>, Failure> {
    let busy = |_| Failure::busy("other changes are being applied");
    let _permit = state.0.changes.try_acquire().map_err(busy)?;
    let body = timeout(BODY_WAIT_MAX, body::to_bytes(body, CHANGES_MAX_BYTES)).await;
    let body = body.map_err(|_| {
        Failure::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not come in time")
    })?;
    let body = body.map_err(|_| {
        let message = format!("the body broke off or has more than {CHANGES_MAX_BYTES} bytes");
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "body", message)
    })?;
    let batch = Batch::parse(&body).map_err(|error| {
        let message = format!("the body is no batch of changes: {error}");
        Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "malformed", message)
    })?;
    let routes = Arc::clone(&state.0.routes);
    let applied = tokio::task::spawn_blocking(move || routes.apply(batch)).await;
    Ok(Json(applied.expect("applying does not panic")?))
}
