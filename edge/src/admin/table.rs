//! `PUT /v1/table`: everything at once, as lines of JSON.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{self, Query};
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use serde::Deserialize;
use shared::wire::Applied;
use tokio::time::timeout;

use super::reply::Failure;
use super::state::State;
use crate::limits::BODY_WAIT_MAX;
use crate::routes::Upload;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    /// A table without routes is meant so; otherwise it is taken for a mistake.
    #[serde(default)]
    empties: bool,
}

pub(super) async fn put(
    extract::State(state): extract::State<State>,
    query: Result<Query<Options>, QueryRejection>,
    body: Body,
) -> Result<Json<Applied>, Failure> {
    let Query(Options { empties }) =
        query.map_err(|error| Failure::bad_request("query", error.body_text()))?;
    let busy = |_| Failure::busy("another table is being read");
    let _permit = state.0.uploads.try_acquire().map_err(busy)?;
    let routes = Arc::clone(&state.0.routes);
    let mut upload = Upload::new(routes.policy().clone(), empties);
    let mut pieces = body.into_data_stream();
    loop {
        let piece = timeout(BODY_WAIT_MAX, pieces.next()).await.map_err(|_| {
            Failure::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the table paused too long")
        })?;
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|_| Failure::bad_request("body", "the table broke off"))?;
        upload.push(&piece)?;
    }
    let applied = tokio::task::spawn_blocking(move || {
        // Comparing names and looking for differences may take a second.
        let whole = upload.finish()?;
        Ok::<_, Failure>(routes.replace(whole)?)
    });
    Ok(Json(applied.await.expect("replacing does not panic")?))
}
