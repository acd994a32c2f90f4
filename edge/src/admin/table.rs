//! `PUT /v1/table`, `GET /v1/table`: everything at once, as lines of JSON.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{self, Query};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use shared::wire::{Applied, GenerationState, TableHead, TableLine};
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
    let Query(Options { empties }) = query?;
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

/// Routes or locks that are made into text at once.
const PIECE: usize = 1_000;

/// What is served, as [`put`] takes it: for a control that was restored from a backup, which
/// learns here what came after it.
pub(super) async fn get(extract::State(state): extract::State<State>) -> impl IntoResponse {
    let served = state.0.routes.served();
    let GenerationState { generation, routes, locks, checksum } = served.state();
    let head = line(&TableHead { generation, routes, locks, checksum });
    let rows: Vec<_> = served.routes().cloned().collect();
    let locks: Vec<_> = served.locks().collect();
    let rows = stream::iter(pieces(rows)).map(|piece| {
        let lines = piece.iter().map(|route| line(&TableLine::Route((**route).clone())));
        lines.collect::<String>()
    });
    let locks = stream::iter(pieces(locks)).map(|piece| {
        piece.into_iter().map(|lock| line(&TableLine::Lock(lock))).collect::<String>()
    });
    let lines =
        stream::iter([head]).chain(rows).chain(locks).map(Ok::<_, std::convert::Infallible>);
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines))
}

fn pieces<T>(mut all: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    std::iter::from_fn(move || {
        let rest = all.len().saturating_sub(PIECE);
        let piece = all.split_off(rest);
        (!piece.is_empty()).then_some(piece)
    })
}

fn line<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("routes and locks are plain data") + "\n"
}
