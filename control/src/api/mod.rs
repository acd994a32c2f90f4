//! The operator's API, health and metrics. A private listener of its own.

pub mod answers;
mod customers;
mod edges;
mod health;
mod locks;
mod mails;
mod paging;
mod pool;
mod routes;
mod tasks;
mod tickets;

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::SharedApp;
use crate::http::Problem;
use crate::http::arrival::{self, Arrivals, text};
use crate::http::problem::{unknown, wrong_method};

/// The longest body is an upstream and a few names.
const BODY_MAX_BYTES: usize = 64 * 1024;

/// What somebody is told who came while all places were taken.
pub(crate) const RETRY_WHEN_BUSY: Duration = Duration::from_secs(2);

pub fn router(app: &SharedApp) -> Router {
    let arrivals =
        Arrivals { listener: "api", keys: app.keys.clone(), metrics: app.metrics.clone() };
    let operator = Router::new()
        .route("/api/routes", get(routes::list))
        .route("/api/routes/{username}", get(routes::show).put(routes::put).delete(routes::remove))
        .route("/api/customer-proxy", post(routes::put_by_old_name))
        .route("/api/customers", get(customers::list).post(customers::add))
        .route("/api/customers/{username}", get(customers::show))
        .route("/api/customers/{username}/password", post(customers::set_password))
        .route(
            "/api/customers/{username}/sign-out-everywhere",
            post(customers::sign_out_everywhere),
        )
        .route("/api/customers/{username}/suspend", post(customers::suspend))
        .route("/api/customers/{username}/resume", post(customers::resume))
        .route("/api/edges", get(edges::list))
        .route("/api/locks", get(locks::list))
        .route("/api/locks/{username}", put(locks::put_workspace).delete(locks::remove_workspace))
        .route(
            "/api/locks/{username}/{session}",
            put(locks::put_session).delete(locks::remove_session),
        )
        .route("/api/mails", get(mails::list))
        .route("/api/tickets", get(tickets::list))
        .route("/api/pool", get(pool::show))
        .route("/api/pool/sprites", get(pool::list))
        .route("/api/pool/prepare", post(pool::prepare))
        .route("/api/pool/resume", post(pool::resume))
        .route("/api/tasks", get(tasks::list))
        .route("/api/tasks/{id}", get(tasks::show))
        .route("/api/tasks/{id}/retry", post(tasks::retry))
        .route("/api/tasks/{id}/cancel", post(tasks::cancel))
        // Whoever has no key is not told which paths there are.
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(app.clone(), require_key));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .merge(operator)
        .with_state(app.clone())
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(CatchPanicLayer::custom(|_| Problem::internal().into_response()))
        .layer(middleware::from_fn_with_state(arrivals, arrival::layer))
}

async fn require_key(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    if app.admin_key.matches_bearer(text(&headers, "authorization")) {
        return next.run(request).await;
    }
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "This needs the header authorization: Bearer with the admin key.",
    );
    let mut response = problem.into_response();
    let challenge = axum::http::HeaderValue::from_static("Bearer");
    response.headers_mut().insert(axum::http::header::WWW_AUTHENTICATE, challenge);
    response
}
