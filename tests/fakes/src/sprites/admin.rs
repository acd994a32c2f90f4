//! What a test or a person may do to the provider's machinery, and a page to look at it.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use serde_json::{Value, json};

use super::fleet::Fleet;
use super::inward;
use super::life::Status;
use super::refusal::Refusal;
use super::sprite::{Sprite, Trouble};
use crate::vendor::page::{self, Width, escape};

/// Longest list of processes that is looked at.
const PROCESSES_BYTES_MAX: usize = 1024 * 1024;

pub fn router() -> Router<Arc<Fleet>> {
    Router::new()
        .route("/_fake", get(overview))
        .route("/_fake/sprites", get(list))
        .route("/_fake/sprites/{name}/sleep", post(sleep))
        .route("/_fake/sprites/{name}/trouble", put(trouble))
}

/// With the processes of those that run; wakes nobody.
async fn list(State(fleet): State<Arc<Fleet>>) -> Json<Value> {
    let mut rows = Vec::new();
    for sprite in fleet.all() {
        let mut row = sprite.show();
        row["processes"] = processes(&sprite).await;
        row["trouble"] = json!(sprite.trouble());
        rows.push(row);
    }
    Json(json!({"sprites": rows}))
}

/// Only a page: Bearer tokens and the like are nowhere on it.
async fn overview(State(fleet): State<Arc<Fleet>>) -> Response {
    let mut rows = Vec::new();
    for sprite in fleet.all() {
        let url = escape(&sprite.record().url);
        let mut running = String::new();
        for process in processes(&sprite).await.as_array().into_iter().flatten() {
            let command = escape(process["command"].as_str().unwrap_or_default());
            let _ = writeln!(running, "{} {command}", process["pid"]);
        }
        rows.push(vec![
            escape(&sprite.name),
            format!("{:?}", sprite.status()).to_lowercase(),
            format!("<a href=\"{url}\">{url}</a>"),
            escape(&sprite.record().labels.join(", ")),
            format!("<pre>{running}</pre>"),
        ]);
    }
    let counts = fleet.counts();
    let table = page::table(&["Sprite", "Status", "URL", "Labels", "Processes"], rows);
    let body = format!(
        "<h1>Sprites</h1><p class=\"soft\">{} running of {}, {} warm, {} cold</p>{table}",
        counts["running"], counts["running_limit"], counts["warm"], counts["cold"],
    );
    page::page("Sprites", Width::Table, &body)
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Depth {
    Warm,
    Cold,
}

#[derive(Deserialize)]
struct Sleep {
    to: Depth,
}

async fn sleep(
    State(fleet): State<Arc<Fleet>>,
    Path(name): Path<String>,
    Json(Sleep { to }): Json<Sleep>,
) -> Result<Json<Value>, Refusal> {
    let sprite = fleet.find(&name)?;
    let to = match to {
        Depth::Warm => Status::Warm,
        Depth::Cold => Status::Cold,
    };
    sprite.sleep(to).await;
    Ok(Json(sprite.show()))
}

async fn trouble(
    State(fleet): State<Arc<Fleet>>,
    Path(name): Path<String>,
    Json(trouble): Json<Trouble>,
) -> Result<StatusCode, Refusal> {
    fleet.find(&name)?.set_trouble(trouble);
    Ok(StatusCode::NO_CONTENT)
}

/// An empty list for one that sleeps. Looking keeps nobody awake.
async fn processes(sprite: &Sprite) -> Value {
    let none = json!([]);
    let Some(sockets) = sprite.sockets().await else { return none };
    let request = Request::builder().uri("/machine/processes").body(Body::empty());
    let request = request.expect("a plain request");
    let Ok(response) = inward::send(&sockets.api(), request).await else { return none };
    let body = Limited::new(response.into_body(), PROCESSES_BYTES_MAX).collect().await;
    body.ok().and_then(|body| serde_json::from_slice(&body.to_bytes()).ok()).unwrap_or(none)
}
