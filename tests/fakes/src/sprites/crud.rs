//! The calls about sprites as a whole: create, list, show, change, delete.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::fleet::{Fleet, Wanted};
use super::life::Status;
use super::record::UrlSettings;
use super::refusal::Refusal;
use super::sprite::Sprite;
use crate::vendor::calendar;

/// Rows of a page, unless fewer are asked for.
const PAGE_MAX: usize = 50;

pub fn router() -> Router<Arc<Fleet>> {
    Router::new()
        .route("/v1/sprites", get(list).post(create))
        .route("/v1/sprites/{name}", get(show).put(update).delete(delete))
        .route("/v1/sprites/{name}/check", get(check))
        .route("/v1/sprites/{name}/restart", post(restart))
        .route("/v1/sprites/{name}/upgrade", post(upgrade))
}

type Checked<T> = Result<Json<T>, JsonRejection>;

async fn create(
    State(fleet): State<Arc<Fleet>>,
    body: Checked<Wanted>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let sprite = fleet.create(valid(body)?).await?;
    Ok((StatusCode::CREATED, Json(sprite.show())))
}

#[derive(Deserialize)]
struct Listing {
    #[serde(default)]
    prefix: String,
    max_results: Option<usize>,
    continuation_token: Option<String>,
}

async fn list(
    State(fleet): State<Arc<Fleet>>,
    Query(listing): Query<Listing>,
) -> Result<Json<Value>, Refusal> {
    let max = listing.max_results.unwrap_or(PAGE_MAX);
    if max == 0 {
        return Err(Refusal::bad_request("max_results must be at least 1"));
    }
    // Two of the clients ask for 100, which is more than there is.
    let max = max.min(PAGE_MAX);
    let after = listing.continuation_token.unwrap_or_default();
    let sprites = fleet.all();
    let is_listed = |row: &&Arc<Sprite>| {
        row.name.starts_with(&listing.prefix) && row.name > after && !row.trouble().hidden
    };
    let mut matching = sprites.iter().filter(is_listed);
    let page: Vec<&Arc<Sprite>> = matching.by_ref().take(max).collect();
    let next = matching.next().and(page.last()).map(|last| &last.name);
    let mut body = fleet.counts();
    body["has_more"] = next.is_some().into();
    body["next_continuation_token"] = json!(next);
    body["sprites"] = page.iter().map(|sprite| sprite.show()).collect();
    Ok(Json(body))
}

async fn show(
    State(fleet): State<Arc<Fleet>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(fleet.find(&name)?.show()))
}

#[derive(Deserialize)]
struct Update {
    url_settings: Option<UrlSettings>,
    labels: Option<Vec<String>>,
    #[serde(default)]
    clear_labels: bool,
}

async fn update(
    State(fleet): State<Arc<Fleet>>,
    Path(name): Path<String>,
    body: Checked<Update>,
) -> Result<Json<Value>, Refusal> {
    let sprite = fleet.find(&name)?;
    let update = valid(body)?;
    sprite.change(|record| {
        record.url_settings = update.url_settings.unwrap_or(record.url_settings);
        if update.clear_labels {
            record.labels.clear();
        }
        if let Some(labels) = update.labels {
            record.labels = labels;
        }
    })?;
    Ok(Json(sprite.show()))
}

async fn delete(
    State(fleet): State<Arc<Fleet>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    fleet.delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn check(
    State(fleet): State<Arc<Fleet>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let sprite = fleet.find(&name)?;
    let is_broken = sprite.trouble().broken;
    Ok(Json(json!({
        "sprite_name": name,
        "sprite_id": sprite.record().id,
        "status": if is_broken { "unhealthy" } else { "healthy" },
        "reason": is_broken.then_some("it does not start"),
        "checked_at": calendar::rfc3339_now(),
        "elapsed": null,
    })))
}

async fn restart(
    State(fleet): State<Arc<Fleet>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let sprite = fleet.find(&name)?;
    sprite.sleep(Status::Cold).await;
    sprite.wake().await?;
    let id = sprite.record().id;
    Ok(Json(json!({"sprite_name": name, "machine_id": id, "message": "Sprite restarted"})))
}

/// There is only one version.
async fn upgrade(
    State(fleet): State<Arc<Fleet>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    fleet.find(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

fn valid<T>(body: Checked<T>) -> Result<T, Refusal> {
    match body {
        Ok(Json(body)) => Ok(body),
        Err(rejection) => Err(Refusal::bad_request(rejection.body_text())),
    }
}
