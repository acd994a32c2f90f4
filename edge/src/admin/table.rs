//! `PUT /v1/table`: everything at once, as lines of JSON.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract;
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use shared::wire::Applied;
use tokio::time::timeout;

use super::reply::Failure;
use super::state::State;
use crate::limits::BODY_WAIT_MAX;
use crate::routes::Upload;

pub(super) async fn put(
    extract::State(state): extract::State<State>,
    body: Body,
) -> Result<Json<Applied>, Failure> {
    let busy = |_| Failure::busy("another table is being read");
    let _permit = state.0.uploads.try_acquire().map_err(busy)?;
    let routes = Arc::clone(&state.0.routes);
    let mut upload = Upload::new(routes.policy().clone());
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
