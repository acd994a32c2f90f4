//! What is served now.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{self, Path, Query};
use axum::http::StatusCode;
use serde::Deserialize;
use shared::wire::{GenerationState, RoutesPage};
use shared::{Route, Username};

use super::reply::Failure;
use super::state::State;
use crate::limits::{PAGE_DEFAULT, PAGE_MAX};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    after: Option<Username>,
    limit: Option<usize>,
}

pub(super) async fn generation(
    extract::State(state): extract::State<State>,
) -> Json<GenerationState> {
    Json(state.0.routes.state())
}

pub(super) async fn list(
    extract::State(state): extract::State<State>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<RoutesPage>, Failure> {
    let Query(page) = page?;
    let limit = page.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        let message = format!("limit is between 1 and {PAGE_MAX}");
        return Err(Failure::bad_request("query", message).at_field("limit"));
    }
    let routes = Arc::clone(&state.0.routes);
    let page = tokio::task::spawn_blocking(move || routes.page(page.after.as_ref(), limit)).await;
    Ok(Json(page.expect("listing does not panic")?))
}

pub(super) async fn find(
    extract::State(state): extract::State<State>,
    username: Result<Path<String>, PathRejection>,
) -> Result<Json<Route>, Failure> {
    let refuse = |reason: String| Failure::bad_request("username", reason).at_field("username");
    let Path(username) = username.map_err(|_| refuse("it cannot be read".to_owned()))?;
    let username = Username::parse(&username).map_err(|error| refuse(error.to_string()))?;
    let route = state.0.routes.find(&username).ok_or_else(|| {
        Failure::new(StatusCode::NOT_FOUND, "no_route", format!("{username} has no route here"))
    })?;
    Ok(Json(Route::clone(&route)))
}
