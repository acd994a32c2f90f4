//! `GET /api/workspaces/{username}/events`: how far an order is, as it changes.
//!
//! Each event tells everything, and is named by what it tells: whoever comes back
//! with `Last-Event-ID` hears nothing twice and misses nothing. Whose stream breaks
//! asks again, also at another of our processes.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use shared::Username;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::error;

use crate::app::SharedApp;
use crate::http::error_responses::ErrorShape;
use crate::http::request_context::text;
use crate::http::sse_connections::SseConnection;
use crate::http::{Path, Problem, RequestContext};
use crate::model::progress::Progress;
use crate::site::language::{self, Language};
use crate::site::signup_access;
use crate::store::StoreError;

/// After so long without news the order is looked at all the same.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Changes come in bursts: a task ends a step and begins the next.
const SETTLE: Duration = Duration::from_millis(100);

/// A stream that is longer is ended; the browser asks again by itself.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// How soon a browser asks again.
const RETRY: Duration = Duration::from_secs(2);

/// A word from time to time keeps proxies from taking silence for the end.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One browser that follows one order.
struct Watch {
    app: SharedApp,
    signup: String,
    language: Language,
    place: SseConnection,
    /// Wakes with every change of any task.
    changes: watch::Receiver<u64>,
    /// The name of what it was told last.
    told: String,
    until: Instant,
    is_over: bool,
}

#[utoipa::path(
    get,
    path = "/api/workspaces/{username}/events",
    operation_id = "follow_order",
    tag = "site",
    params(
        ("username" = String, Path, example = "ada"),
        ("last-event-id" = Option<String>, Header, description = "The id of the last event heard")
    ),
    responses(
        (
            status = 200,
            description = "How far the order is, as it changes; for the browser that began it",
            body = String,
            content_type = "text/event-stream"
        ),
        (status = 204, description = "There is nothing more to hear"),
        (status = 400, description = "The address cannot be read", body = ErrorShape),
        (status = 403, description = "It is not this browser's, whether it is there or not", body = ErrorShape),
        (status = 429, description = "Too many follow already", body = ErrorShape),
        (status = 500, description = "Something of ours failed", body = ErrorShape)
    )
)]
pub(in crate::site) async fn follow(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    Path(username): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let username = Username::parse(&username).map_err(|_| not_yours())?;
    let order =
        signup_access::of_username(&app, &username, &headers).await?.ok_or_else(not_yours)?;
    let told = text(&headers, "last-event-id").unwrap_or_default().to_owned();
    let language = language::of(&headers);
    let progress = Progress::of(&order, &app.site, true, language, app.now());
    if progress.is_final && progress.fingerprint() == told {
        // To an EventSource this says: do not ask again.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let place = app.sse.enter(context.address, &order.signup).ok_or_else(too_many)?;
    let until = Instant::now() + LONGEST;
    let changes = app.queue.changes();
    let signup = order.signup;
    let watch = Watch { app, signup, language, place, changes, told, until, is_over: false };
    let events = stream::unfold(watch, |mut watch| async move {
        let event = watch.next().await?;
        Some((Ok::<_, Infallible>(event), watch))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    let buffering = HeaderName::from_static("x-accel-buffering");
    response.headers_mut().insert(buffering, HeaderValue::from_static("no"));
    Ok(response)
}

impl Watch {
    /// Waits until there is something new to tell; `None` when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.is_over {
                return None;
            }
            // Marked as seen before the look: what changes during it wakes us again.
            self.changes.mark_unchanged();
            let progress = match self.look().await {
                Ok(progress) => progress?,
                Err(cause) => {
                    error!("{:#}", anyhow::Error::from(cause));
                    return None;
                }
            };
            self.is_over = progress.is_final;
            let name = progress.fingerprint();
            if name != self.told {
                let json = serde_json::to_string(&progress).expect("words and numbers");
                self.told.clone_from(&name);
                return Some(Event::default().id(name).retry(RETRY).data(json));
            }
            tokio::select! {
                Ok(()) = self.changes.changed() => tokio::time::sleep(SETTLE).await,
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = self.place.closed() => return None,
                () = tokio::time::sleep_until(self.until) => return None,
            }
        }
    }

    async fn look(&self) -> Result<Option<Progress>, StoreError> {
        let order = self.app.store.order_of_signup(&self.signup).await?;
        let now = self.app.now();
        Ok(order.map(|order| Progress::of(&order, &self.app.site, true, self.language, now)))
    }
}

/// The same for a name that nobody has: it must not tell which there are.
fn not_yours() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "not_yours",
        "Only the browser that ordered it, or is signed in to it, can follow a workspace.",
    )
    .in_german(
        "Nur der Browser, der ihn bestellt hat oder angemeldet ist, kann einem Arbeitsplatz folgen.",
    )
}

fn too_many() -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_streams",
        "Too many pages are following workspaces from your address. Please close some.",
    )
    .in_german(
        "Von deiner Adresse folgen zu viele Seiten einem Arbeitsplatz. Bitte schließ welche.",
    )
    .retry_after(Duration::from_secs(15))
}
