//! The private API: how control changes what is served, and what operators and
//! Prometheus may ask.
//!
//! `/v1/…` wants the bearer token. `/healthz`, `/readyz` and `/metrics` do not:
//! they tell no secret, and the listener is not public. Every answer carries an
//! `x-request-id`, every error is JSON.

use axum::Router;
use axum::extract::{self, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post, put};
use shared::RequestId;
use shared::request_id::REQUEST_ID_HEADER;

use super::reply::Failure;
use super::serve::Trust;
use super::state::State;
use super::{certificates, challenges, changes, domains, health, table, view};

pub(crate) fn router(state: State) -> Router {
    let private = Router::new()
        .route("/v1/generation", get(view::generation))
        .route("/v1/certificates", put(certificates::put).get(certificates::get))
        .route("/v1/challenges/{token}", put(challenges::put).delete(challenges::delete))
        .route("/v1/domains", get(domains::list))
        .route("/v1/domains/{domain}", put(domains::put).delete(domains::delete))
        .route("/v1/changes", post(changes::post))
        .route("/v1/table", put(table::put).get(table::get))
        .route("/v1/routes", get(view::list))
        .route("/v1/routes/{username}", get(view::find))
        .route_layer(middleware::from_fn_with_state(state.clone(), require_token));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .merge(private)
        .fallback(async || Failure::new(StatusCode::NOT_FOUND, "not_found", "no such call"))
        .method_not_allowed_fallback(async || {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            Failure::new(status, "method_not_allowed", "this call wants another method")
        })
        .layer(middleware::from_fn(name_request))
        .with_state(state)
}

async fn require_token(
    extract::State(state): extract::State<State>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let header = request.headers().get(header::AUTHORIZATION);
    let header = header.and_then(|value| value.to_str().ok());
    if state.0.token.matches_bearer(header) {
        if let Some(trust) = request.extensions().get::<Trust>() {
            trust.earn();
        }
        return Ok(next.run(request).await);
    }
    let message = "this call wants the edge's bearer token";
    Err(Failure::new(StatusCode::UNAUTHORIZED, "unauthorized", message))
}

/// Keeps the caller's request id, or gives one.
async fn name_request(request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok());
    let id = given.and_then(RequestId::parse).unwrap_or_else(RequestId::random);
    let mut response = next.run(request).await;
    let value = HeaderValue::try_from(id.to_string()).expect("hexadecimal digits");
    response.headers_mut().insert(REQUEST_ID_HEADER, value);
    response
}
