//! `GET /console/events`: says when something may have changed. What, the page itself knows.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::session::signed_in;
use crate::app::SharedApp;
use crate::http::sse_connections::SseConnection;
use crate::http::{Problem, RequestContext};

/// Edges, letters and the disk change without a task.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Changes come in bursts, and a page is made anew for each look.
const SETTLE: Duration = Duration::from_secs(1);

/// Then the browser asks again, and is asked whether it is signed in.
const LONGEST: Duration = Duration::from_secs(10 * 60);

const KEEP_ALIVE: Duration = Duration::from_secs(15);

struct Watch {
    changes: watch::Receiver<u64>,
    place: SseConnection,
    until: Instant,
}

pub(super) async fn follow(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let whose = format!("operator {}", session.operator.name);
    let too_many = || {
        let message = "Too many pages are open. Please close some.";
        let status = axum::http::StatusCode::TOO_MANY_REQUESTS;
        Problem::new(status, "too_many_streams", message).retry_after(KEEP_ALIVE).into_response()
    };
    let place = app.sse.enter(context.address, &whose).ok_or_else(too_many)?;
    let watch = Watch { changes: app.queue.changes(), place, until: Instant::now() + LONGEST };
    let events = stream::unfold(watch, |mut watch| async move {
        watch.wait().await?;
        Some((Ok::<_, Infallible>(Event::default().event("changed").data("")), watch))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

impl Watch {
    /// `None` when the stream ends.
    async fn wait(&mut self) -> Option<()> {
        tokio::select! {
            Ok(()) = self.changes.changed() => sleep(SETTLE).await,
            () = sleep(LOOK_AGAIN) => {}
            () = self.place.closed() => return None,
            () = sleep_until(self.until) => return None,
        }
        self.changes.mark_unchanged();
        Some(())
    }
}
