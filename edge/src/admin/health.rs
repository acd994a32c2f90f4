//! Alive, ready, and in numbers.

use axum::Json;
use axum::extract;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::reply::Failure;
use super::state::State;

pub(super) async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// 200 once the edge knows what to serve, be it from its own disk, until it drains.
pub(super) async fn ready(
    extract::State(state): extract::State<State>,
) -> Result<Json<Value>, Failure> {
    if !state.0.lifecycle.is_serving() {
        let message = "the edge takes no new connections";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "draining", message));
    }
    if !state.0.routes.is_ready() {
        let message = "no route table has come yet";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "no_table", message));
    }
    let generation = state.0.routes.state().generation;
    Ok(Json(json!({ "status": "ready", "generation": generation })))
}

pub(super) async fn metrics(extract::State(state): extract::State<State>) -> impl IntoResponse {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], (state.0.metrics)())
}
