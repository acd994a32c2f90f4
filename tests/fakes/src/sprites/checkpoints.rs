//! The checkpoint calls. Failures come as a line of a 200.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::fleet::Fleet;
use super::forward::hang_if_wedged;
use super::ndjson;
use super::ndjson::Lines;
use super::record::Checkpoint;
use super::refusal::Refusal;
use super::sprite::Sprite;
use crate::vendor::calendar;

/// What the live service said when a restore failed for good.
const RESTORE_FAILURE: &str = "failed to start overlay service tree";

/// Checkpoints of one sprite. Each is a whole copy here.
const CHECKPOINTS_MAX: usize = 32;

/// The state of the disk as it is: listed, but not to be restored.
const CURRENT: &str = "Current";

pub fn router() -> Router<Arc<Fleet>> {
    Router::new()
        .route("/v1/sprites/{name}/checkpoint", post(create))
        .route("/v1/sprites/{name}/checkpoints", get(list))
        .route("/v1/sprites/{name}/checkpoints/{id}", get(show).delete(remove))
        .route("/v1/sprites/{name}/checkpoints/{id}/restore", post(restore))
}

#[derive(Deserialize, Default)]
struct Wanted {
    comment: Option<String>,
}

async fn create(
    State(fleet): State<Arc<Fleet>>,
    Path(name): Path<String>,
    body: axum::body::Bytes,
) -> Result<Response, Refusal> {
    let sprite = fleet.find(&name)?;
    hang_if_wedged(&sprite).await?;
    let wanted: Wanted = match body.is_empty() {
        true => Wanted::default(),
        false => serde_json::from_slice(&body)
            .map_err(|error| Refusal::bad_request(format!("invalid body: {error}")))?,
    };
    let awake = sprite.wake().await?;
    let (lines, response) = ndjson::channel();
    tokio::spawn(async move {
        tell(&lines, line("info", "Creating checkpoint...")).await;
        let made = make(&sprite, wanted.comment).await;
        drop(awake);
        match made {
            Ok(id) => {
                tell(&lines, line("info", &format!("  ID: {id}"))).await;
                let done = format!("Checkpoint {id} created successfully");
                tell(&lines, line("complete", &done)).await;
            }
            Err(reason) => tell(&lines, json!({"type": "error", "error": reason})).await,
        }
    });
    Ok(response)
}

async fn make(sprite: &Sprite, comment: Option<String>) -> Result<String, String> {
    if sprite.trouble().checkpoint_fails {
        return Err("failed to create checkpoint: storage is not available".to_owned());
    }
    if sprite.record().checkpoints.len() >= CHECKPOINTS_MAX {
        return Err("too many checkpoints".to_owned());
    }
    let number = sprite.change(|record| {
        record.checkpoints_made += 1;
        record.checkpoints_made
    });
    let id = format!("v{}", number.map_err(|refusal| refusal.body.to_string())?);
    let copied = sprite.folder.copy_disk(&id).await;
    copied.map_err(|error| format!("failed to create checkpoint: {error:#}"))?;
    let recorded = sprite.change(|record| {
        record.checkpoints.push(Checkpoint {
            id: id.clone(),
            create_time: calendar::rfc3339_now(),
            comment,
            source_id: record.checkpoints.last().map(|earlier| earlier.id.clone()),
            is_auto: false,
            health: String::new(),
        });
    });
    recorded.map_err(|refusal| refusal.body.to_string())?;
    Ok(id)
}

async fn list(
    State(fleet): State<Arc<Fleet>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let sprite = fleet.find(&name)?;
    hang_if_wedged(&sprite).await?;
    let record = sprite.record();
    let current = Checkpoint {
        id: CURRENT.to_owned(),
        create_time: calendar::rfc3339_now(),
        comment: None,
        source_id: record.checkpoints.last().map(|last| last.id.clone()),
        is_auto: false,
        health: String::new(),
    };
    // Newest first, and a bare array.
    let rows = std::iter::once(current).chain(record.checkpoints.into_iter().rev());
    Ok(Json(rows.map(|row| json!(row)).collect()))
}

async fn show(
    State(fleet): State<Arc<Fleet>>,
    Path((name, id)): Path<(String, String)>,
) -> Result<Json<Checkpoint>, Refusal> {
    let sprite = fleet.find(&name)?;
    hang_if_wedged(&sprite).await?;
    known(&sprite, &id).map(Json).ok_or_else(|| Refusal::not_found("checkpoint not found"))
}

async fn remove(
    State(fleet): State<Arc<Fleet>>,
    Path((name, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let sprite = fleet.find(&name)?;
    hang_if_wedged(&sprite).await?;
    known(&sprite, &id).ok_or_else(|| Refusal::not_found("checkpoint not found"))?;
    sprite.change(|record| record.checkpoints.retain(|checkpoint| checkpoint.id != id))?;
    let removed = sprite.folder.remove_checkpoint(&id).await;
    removed.map_err(|error| Refusal::internal(format!("cannot delete {id}: {error:#}")))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn restore(
    State(fleet): State<Arc<Fleet>>,
    Path((name, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let sprite = fleet.find(&name)?;
    hang_if_wedged(&sprite).await?;
    let (lines, response) = ndjson::channel();
    tokio::spawn(async move {
        tell(&lines, line("info", &format!("Restoring from checkpoint {id}..."))).await;
        match bring_back(&sprite, &id).await {
            Ok(()) => {
                tell(&lines, line("info", "Container components started successfully")).await;
                tell(&lines, line("complete", &format!("Restore from {id} complete"))).await;
            }
            Err(reason) => tell(&lines, json!({"type": "error", "error": reason})).await,
        }
    });
    Ok(response)
}

async fn bring_back(sprite: &Arc<Sprite>, id: &str) -> Result<(), String> {
    if known(sprite, id).is_none() {
        return Err(format!("checkpoint not found: {id}"));
    }
    let mut trouble = sprite.trouble();
    if trouble.restore_fails {
        trouble.broken = true;
        sprite.set_trouble(trouble);
        sprite.sleep(super::life::Status::Cold).await;
        return Err(RESTORE_FAILURE.to_owned());
    }
    if trouble.restore_lies {
        return Ok(());
    }
    sprite.restore(id).await.map_err(|error| format!("{RESTORE_FAILURE}: {error:#}"))
}

/// Ids are the sprite's own: another sprite's `v1` is not known here.
fn known(sprite: &Sprite, id: &str) -> Option<Checkpoint> {
    sprite.record().checkpoints.into_iter().find(|checkpoint| checkpoint.id == id)
}

/// What was begun goes on without its reader.
async fn tell(lines: &Lines, line: Value) {
    let _ = lines.send(&line).await;
}

fn line(kind: &str, data: &str) -> Value {
    json!({"type": kind, "data": data, "time": calendar::rfc3339_now()})
}
