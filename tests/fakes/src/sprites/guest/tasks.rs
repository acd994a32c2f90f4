//! Tasks: while one is live, the sprite does not fall asleep. Spoken of inside only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Guest;
use crate::clock;
use crate::sprites::duration;
use crate::sprites::refusal::Refusal;
use crate::vendor::calendar;

/// More than any program has.
const TASKS_MAX: usize = 100;

#[derive(Debug, Default)]
pub struct Tasks(Mutex<BTreeMap<String, Task>>);

#[derive(Debug, Clone)]
struct Task {
    started_at: String,
    expires: Instant,
    expires_at: String,
}

#[derive(Deserialize)]
struct Wanted {
    name: Option<String>,
    expire: String,
}

impl Tasks {
    /// Those that have not expired.
    fn live(&self) -> MutexGuard<'_, BTreeMap<String, Task>> {
        let mut tasks = self.0.lock().expect("nothing panics while holding it");
        tasks.retain(|_, task| task.expires > Instant::now());
        tasks
    }
}

pub fn router() -> Router<Arc<Guest>> {
    Router::new()
        .route("/tasks", get(list).post(begin))
        .route("/tasks/{name}", put(refresh).delete(end))
}

async fn list(State(guest): State<Arc<Guest>>) -> Json<Value> {
    let tasks: Vec<Value> =
        guest.tasks.live().iter().map(|(name, task)| show(name, task)).collect();
    Json(json!({ "tasks": tasks }))
}

async fn begin(
    State(guest): State<Arc<Guest>>,
    Json(wanted): Json<Wanted>,
) -> Result<Response, Refusal> {
    let name = wanted.name.clone().unwrap_or_default();
    if guest.tasks.live().contains_key(&name) {
        return Err(Refusal::conflict(format!("task already exists: {name}")));
    }
    let task = keep(&guest, &name, &wanted)?;
    Ok((StatusCode::CREATED, Json(task)).into_response())
}

async fn refresh(
    State(guest): State<Arc<Guest>>,
    Path(name): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(keep(&guest, &name, &wanted)?))
}

async fn end(
    State(guest): State<Arc<Guest>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    match guest.tasks.live().remove(&name) {
        Some(_) => Ok(StatusCode::NO_CONTENT),
        None => Err(Refusal::not_found("task not found")),
    }
}

fn keep(guest: &Guest, name: &str, wanted: &Wanted) -> Result<Value, Refusal> {
    let expire = duration::parse(&wanted.expire).filter(|expire| *expire > Duration::ZERO);
    let expire =
        expire.ok_or_else(|| Refusal::bad_request(format!("invalid expire: {}", wanted.expire)))?;
    let mut tasks = guest.tasks.live();
    if name.is_empty() || (tasks.len() >= TASKS_MAX && !tasks.contains_key(name)) {
        return Err(Refusal::bad_request("invalid name"));
    }
    let now = calendar::rfc3339_now();
    let task = tasks.entry(name.to_owned()).or_insert_with(|| Task {
        started_at: now,
        expires: Instant::now(),
        expires_at: String::new(),
    });
    task.expires = Instant::now() + expire;
    task.expires_at = calendar::rfc3339_of(clock::now() + expire);
    Ok(show(name, task))
}

fn show(name: &str, task: &Task) -> Value {
    json!({"name": name, "started_at": task.started_at, "expires_at": task.expires_at})
}
