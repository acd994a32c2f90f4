//! Is it alive, is it ready, and how does it do.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tracing::warn;

use super::responses::EdgeView;
use crate::app::{App, SharedApp};
use crate::http::Problem;
use crate::model::pool::SpriteState;
use crate::model::task::TaskState;
use crate::store::{StoreError, TaskCount};

/// The process answers, whatever state the rest is in.
pub(super) async fn alive() -> Json<Value> {
    Json(json!({ "alive": true }))
}

/// Requests can be served: the database takes a write. Edges serve without us.
pub(super) async fn ready(State(app): State<SharedApp>) -> Result<Json<Value>, Problem> {
    match app.store.try_write().await {
        Ok(()) => Ok(Json(json!({ "ready": true }))),
        Err(error) => {
            warn!("not ready: {:#}", anyhow::Error::from(error));
            Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "not_ready",
                "The database takes no writes.",
            ))
        }
    }
}

pub(super) async fn metrics(State(app): State<SharedApp>) -> Response {
    if let Err(error) = measure(&app).await {
        // The counters are still worth having.
        warn!("some metrics are old: {:#}", anyhow::Error::from(error));
    }
    let text_format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, text_format)], app.metrics.render()).into_response()
}

/// Reads what is not counted as it happens.
async fn measure(app: &App) -> Result<(), StoreError> {
    let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let waiting = u64::try_from(app.sign_in.passwords().occupied()).unwrap_or(u64::MAX);
    app.metrics.passwords_occupied.set(gauge(waiting));
    let unreadable = u64::try_from(app.store.unreadable_rows().len()).unwrap_or(u64::MAX);
    app.metrics.corrupt_rows.set(gauge(unreadable));
    app.metrics.database_writable.set(i64::from(app.store.takes_writes()));
    let generation = app.store.table_state().await?.generation;
    app.metrics.generation.set(gauge(generation.0));
    // Of those that were removed nothing is told.
    app.metrics.edge_reachable.reset();
    app.metrics.edge_lag.reset();
    for edge in app.publisher.edges() {
        let edge = EdgeView::new(edge, generation);
        let labels = [edge.name.as_str()];
        app.metrics.edge_reachable.with_label_values(&labels).set(i64::from(edge.reachable));
        if let Some(lag) = edge.lag {
            app.metrics.edge_lag.with_label_values(&labels).set(gauge(lag));
        }
    }
    measure_tasks(app, gauge).await?;
    app.metrics.routes.set(gauge(app.store.count_routes().await?));
    app.metrics.locks.set(gauge(app.store.count_locks().await?));
    let counts = app.store.count_sprites().await?;
    for state in SpriteState::ALL {
        let sprites = app.metrics.sprites.with_label_values(&[state.as_str()]);
        sprites.set(gauge(counts.of(state)));
    }
    Ok(())
}

/// Kinds and states that no task has any more are not told of.
async fn measure_tasks(app: &App, gauge: impl Fn(u64) -> i64) -> Result<(), StoreError> {
    let counts = app.store.count_tasks().await?;
    let now = app.now();
    app.metrics.tasks.reset();
    app.metrics.tasks_oldest.reset();
    for TaskCount { kind, state, count, oldest_due } in counts {
        let labels = [kind.as_str(), state.as_str()];
        app.metrics.tasks.with_label_values(&labels).set(gauge(count));
        if state == TaskState::Waiting {
            let waited = now.since(oldest_due).as_secs();
            app.metrics.tasks_oldest.with_label_values(&[kind.as_str()]).set(gauge(waited));
        }
    }
    Ok(())
}
