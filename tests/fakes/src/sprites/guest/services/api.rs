//! The service calls.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::book::Registered;
use super::definition::Definition;
use super::supervisor::{Event, Service};
use crate::clock;
use crate::sprites::guest::{Guest, process};
use crate::sprites::refusal::Refusal;
use crate::sprites::{duration, ndjson};

/// How long a start is watched, unless told otherwise.
const WATCHED: Duration = Duration::from_secs(5);

/// How long a stop waits before it becomes a SIGKILL, unless told otherwise.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Lines of log, unless told otherwise, and at most.
const LOG_LINES: usize = 100;
const LOG_LINES_MAX: usize = 10_000;

type Options = Query<HashMap<String, String>>;

pub fn router() -> Router<Arc<Guest>> {
    Router::new()
        .route("/services", get(list))
        .route("/services/signal", post(signal))
        .route("/services/{name}", get(show).put(register).delete(remove))
        .route("/services/{name}/start", post(start))
        .route("/services/{name}/stop", post(stop))
        .route("/services/{name}/restart", post(restart))
        .route("/services/{name}/logs", get(logs))
}

async fn list(State(guest): State<Arc<Guest>>) -> Json<Value> {
    Json(guest.services.list())
}

async fn show(
    State(guest): State<Arc<Guest>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(guest.services.find(&name)?.describe()))
}

async fn register(
    State(guest): State<Arc<Guest>>,
    Path(name): Path<String>,
    Query(options): Options,
    Json(definition): Json<Definition>,
) -> Result<Response, Refusal> {
    let watched = time(&options, "duration", WATCHED)?;
    Ok(match guest.services.put(&name, definition).await? {
        Registered::Started(service, events) => watch(service, events, watched),
        Registered::Running => {
            let message = format!(
                "Service already running with that command, \
                 use POST /v1/services/{name}/restart to restart it"
            );
            Json(json!({"message": message})).into_response()
        }
    })
}

async fn remove(
    State(guest): State<Arc<Guest>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    guest.services.delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn start(
    State(guest): State<Arc<Guest>>,
    Path(name): Path<String>,
    Query(options): Options,
) -> Result<Response, Refusal> {
    let watched = time(&options, "duration", WATCHED)?;
    let (service, events) = guest.services.start(&name).await?;
    Ok(watch(service, events, watched))
}

async fn stop(
    State(guest): State<Arc<Guest>>,
    Path(name): Path<String>,
    Query(options): Options,
) -> Result<Response, Refusal> {
    let grace = time(&options, "timeout", STOP_GRACE)?;
    let service = guest.services.find(&name)?;
    if !service.is_up() {
        return Err(Refusal::conflict(format!("service not running: {name}")));
    }
    let mut events = service.events();
    let (lines, response) = ndjson::channel();
    tokio::spawn(async move {
        service.stop(grace).await;
        service.rested().await;
        // A reader learns of a stop that could not be remembered.
        if let Err(refusal) = guest.services.save() {
            let data = refusal.body["error"].as_str().unwrap_or_default().to_owned();
            return lines.send(&Event::Error { data, timestamp: clock::unix_millis() }).await;
        }
        while let Ok(event) = events.try_recv() {
            lines.send(&event).await?;
        }
        lines.send(&complete(&service)).await
    });
    Ok(response)
}

async fn restart(
    State(guest): State<Arc<Guest>>,
    Path(name): Path<String>,
    Query(options): Options,
) -> Result<Response, Refusal> {
    let watched = time(&options, "duration", WATCHED)?;
    let service = guest.services.find(&name)?;
    let events = service.events();
    if service.is_up() {
        service.stop(STOP_GRACE).await;
        service.rested().await;
    }
    guest.services.start(&name).await?;
    Ok(watch(service, events, watched))
}

async fn logs(
    State(guest): State<Arc<Guest>>,
    Path(name): Path<String>,
    Query(options): Options,
) -> Result<Response, Refusal> {
    let watched = time(&options, "duration", Duration::ZERO)?;
    let count = options.get("lines").and_then(|lines| lines.parse().ok()).unwrap_or(LOG_LINES);
    let service = guest.services.find(&name)?;
    let events = service.events();
    let said = service.log.tail(count.min(LOG_LINES_MAX));
    let (lines, response) = ndjson::channel();
    tokio::spawn(async move {
        for data in said {
            lines.send(&Event::Stdout { data, timestamp: clock::unix_millis() }).await?;
        }
        follow(&lines, events, watched).await?;
        lines.send(&complete(&service)).await
    });
    Ok(response)
}

#[derive(Deserialize)]
struct SignalBody {
    name: String,
    signal: String,
}

async fn signal(
    State(guest): State<Arc<Guest>>,
    Json(SignalBody { name, signal }): Json<SignalBody>,
) -> Result<StatusCode, Refusal> {
    let known = process::signal_named(&signal)
        .ok_or_else(|| Refusal::bad_request(format!("invalid signal: {signal}")))?;
    if !guest.services.find(&name)?.signal(known) {
        return Err(Refusal::conflict(format!("service not running: {name}")));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The stream of a start: its events for a while, then `complete`.
fn watch(service: Arc<Service>, events: Receiver<Event>, watched: Duration) -> Response {
    let (lines, response) = ndjson::channel();
    tokio::spawn(async move {
        follow(&lines, events, watched).await?;
        lines.send(&complete(&service)).await
    });
    response
}

/// Ends early with a service that cannot be started at all.
async fn follow(
    lines: &ndjson::Lines,
    mut events: Receiver<Event>,
    watched: Duration,
) -> Result<(), ndjson::ReaderGone> {
    let until = Instant::now() + watched;
    loop {
        match timeout_at(until, events.recv()).await {
            Ok(Ok(event)) => {
                lines.send(&event).await?;
                if matches!(event, Event::Error { .. }) {
                    return Ok(());
                }
            }
            // Some lines were missed; the log has them.
            Ok(Err(RecvError::Lagged(_))) => {}
            Ok(Err(RecvError::Closed)) | Err(_) => return Ok(()),
        }
    }
}

fn complete(service: &Service) -> Value {
    json!({
        "type": "complete",
        "timestamp": clock::unix_millis(),
        "log_files": service.log.files(),
    })
}

fn time(
    options: &HashMap<String, String>,
    key: &str,
    default: Duration,
) -> Result<Duration, Refusal> {
    let Some(text) = options.get(key) else { return Ok(default) };
    duration::parse(text).ok_or_else(|| Refusal::bad_request(format!("invalid {key}: {text}")))
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_program_that_is_not_there_ends_the_stream_with_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (guest, _) = Guest::in_folder(folder.path()).unwrap();
        let definition = json!({"cmd": "/no/such/program", "dir": "/tmp"});
        let definition = serde_json::from_value(definition).unwrap();
        let Ok(Registered::Started(service, mut events)) =
            guest.services.put("web", definition).await
        else {
            panic!("the service was not taken");
        };
        let event = timeout(Duration::from_secs(10), events.recv()).await.unwrap().unwrap();
        assert!(matches!(event, Event::Error { .. }), "{event:?}");
        service.rested().await;
        assert_eq!(service.describe()["state"]["status"], "failed");
    }

    #[tokio::test]
    async fn a_stop_holds_over_a_cold_start_and_a_crash_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (guest, wanted) = Guest::in_folder(folder.path()).unwrap();
        assert!(wanted.is_empty());
        for name in ["stays", "stops"] {
            let definition = json!({"cmd": "sleep", "args": ["600"], "dir": "/tmp"});
            let definition = serde_json::from_value(definition).unwrap();
            guest.services.put(name, definition).await.ok().unwrap();
        }
        let stops = guest.services.find("stops").unwrap();
        stops.stop(STOP_GRACE).await;
        stops.rested().await;
        assert_eq!(stops.describe()["state"]["error"], "exited with code 143");
        guest.services.save().unwrap();
        let (_, wanted) = Guest::in_folder(folder.path()).unwrap();
        assert_eq!(wanted, ["stays"]);
    }
}
