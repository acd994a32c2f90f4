//! The operator's API, health and metrics. A private listener of its own.

pub mod acts;
mod customers;
pub mod domains;
pub(crate) mod edges;
pub mod fleet;
mod health;
pub mod journal;
mod locks;
pub mod logs;
mod mails;
pub mod money;
pub mod openapi;
mod paging;
pub mod pflaster;
pub(crate) mod pool;
pub mod receipts;
pub mod reinstatement;
pub mod responses;
pub(crate) mod routes;
mod schemas;
pub(crate) mod status;
pub(crate) mod support;
pub mod support_views;
pub(crate) mod tasks;
mod tickets;
mod workspaces;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Extension, FromRequest as _, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::Value;
use shared::Username;
use tokio::task::JoinError;
use tokio::time::timeout;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::warn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::operators::{Operator, Role};
use crate::app::{App, SharedApp};
use crate::base::hourly_limit::HourlyLimit;
use crate::http::problem::{unknown, wrong_method};
use crate::http::request_context::{self, ContextLayer, RequestContext, text};
use crate::http::{Problem, Whole};
use crate::routes::check_edge_name;
use crate::store::{ActBegun, Actor, Store, StoreError};

/// The longest body is an upstream and a few names.
const BODY_MAX_BYTES: usize = 64 * 1024;

/// `pages` are of the same listener, and have sessions of their own.
pub fn router(app: &SharedApp, pages: Router<SharedApp>) -> Router {
    let layer =
        ContextLayer { listener: "api", keys: app.keys.clone(), metrics: app.metrics.clone() };
    let operator = Router::from(operator())
        // Whoever has no key is not told which paths there are.
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(app.clone(), require_key));
    let noted = (app.clone(), Arc::new(HourlyLimit::new(REFUSALS_NOTED_AN_HOUR)));
    let guarded = pages.merge(operator).layer(middleware::from_fn_with_state(noted, note_refusal));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .merge(guarded)
        .with_state(app.clone())
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(middleware::from_fn_with_state(app.clone(), say_the_time))
        .layer(CatchPanicLayer::custom(|_| Problem::internal().into_response()))
        .layer(middleware::from_fn_with_state(layer, request_context::layer))
}

/// What needs the admin key, with its description.
fn operator() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::default()
        .routes(routes!(routes::list))
        .routes(routes!(routes::show, routes::put, routes::remove))
        .routes(routes!(routes::put_by_old_name))
        .routes(routes!(customers::list, customers::add))
        .routes(routes!(customers::show))
        .routes(routes!(customers::set_password))
        .routes(routes!(customers::set_email))
        .routes(routes!(customers::sign_out_everywhere))
        .routes(routes!(customers::suspend))
        .routes(routes!(customers::resume))
        .routes(routes!(domains::remove))
        .routes(routes!(receipts::show))
        .routes(routes!(receipts::erase))
        .routes(routes!(reinstatement::reinstate))
        .routes(routes!(edges::list, edges::add))
        .routes(routes!(edges::remove))
        .routes(routes!(edges::make_token))
        .routes(routes!(status::show))
        .routes(routes!(money::show))
        .routes(routes!(journal::list))
        .routes(routes!(locks::list))
        .routes(routes!(locks::put_workspace, locks::remove_workspace))
        .routes(routes!(locks::put_session, locks::remove_session))
        .routes(routes!(pool::show))
        .routes(routes!(pool::list))
        .routes(routes!(pool::prepare))
        .routes(routes!(pool::resume))
        .routes(routes!(pool::destroy))
        .routes(routes!(fleet::show))
        .routes(routes!(fleet::pause))
        .routes(routes!(fleet::resume))
        .routes(routes!(fleet::retry))
        .routes(routes!(pflaster::checks))
        .routes(routes!(pflaster::log))
        .routes(routes!(pflaster::export))
        .routes(routes!(pflaster::rehearse))
        .routes(routes!(mails::list))
        .routes(routes!(tickets::list))
        .routes(routes!(tasks::list))
        .routes(routes!(tasks::show))
        .routes(routes!(tasks::retry))
        .routes(routes!(tasks::cancel))
        .routes(routes!(support::list))
        .routes(routes!(support::show))
        .routes(routes!(logs::show))
        .routes(routes!(workspaces::provision))
        .routes(routes!(workspaces::end))
        .routes(routes!(workspaces::replace_machine))
}

/// By our own clock, which ages and next attempts are counted by.
async fn say_the_time(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(app.now().millis()));
    let date = HeaderValue::try_from(date).expect("a date is plain ASCII");
    response.headers_mut().insert(header::DATE, date);
    response
}

/// Who may only look changes nothing; whoever changes something is in the journal.
async fn guarded(app: &App, operator: &Operator, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    if operator.role == Role::Read {
        let message = "You may look, and change nothing: your role is \"read\".";
        return Problem::new(StatusCode::FORBIDDEN, "read_only", message).into_response();
    }
    let act = format!("{} {}", request.method(), request.uri().path());
    let (request, subject) = match with_subject(request).await {
        Ok(it) => it,
        Err(problem) => return problem.into_response(),
    };
    let (store, name, now) = (app.store.clone(), operator.name.clone(), app.now());
    // A task of its own: one that is late is noted all the same.
    let mut noting = tokio::spawn(async move {
        let begun = store.begin_act(&name, &subject, &act, None, now).await;
        (store, begun)
    });
    let early = timeout(JOURNAL_WAIT, &mut noting).await;
    let response = next.run(request).await;
    let outcome = response.status().as_u16().to_string();
    // What cannot be noted is done all the same: access is taken away also while the disk is
    // full.
    match early {
        Ok(noted) => note_end(noted, &outcome).await,
        Err(_) => drop(tokio::spawn(async move { note_end(noting.await, &outcome).await })),
    }
    response
}

/// How long an act waits for its line in the journal; most take milliseconds.
const JOURNAL_WAIT: Duration = Duration::from_secs(1);

type Noted = (Store, Result<ActBegun, StoreError>);

async fn note_end(noted: Result<Noted, JoinError>, outcome: &str) {
    let (store, begun) = noted.expect("noting does not panic");
    let ended = match begun {
        Ok(ActBegun::Yes(id)) => store.end_act(&id, outcome).await,
        Ok(ActBegun::Overtaken(_)) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        warn!("the journal lacks an act, or its end: {:#}", anyhow::Error::from(error));
    }
}

/// In the journal. The first of them say that somebody tries keys; the counter of requests has all.
const REFUSALS_NOTED_AN_HOUR: usize = 20;

/// Of what was asked; a path can be as long as a head.
const REFUSED_MAX_CHARS: usize = 120;

/// Whoever has no key, no right or no form of ours is in the journal, too.
async fn note_refusal(
    State((app, noted)): State<(SharedApp, Arc<HourlyLimit>)>,
    Extension(context): Extension<RequestContext>,
    request: Request,
    next: Next,
) -> Response {
    let asked = format!("{} {}", request.method(), request.uri().path());
    let response = next.run(request).await;
    let is_refused = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if is_refused && noted.take(app.now()) {
        let asked: String = asked.chars().take(REFUSED_MAX_CHARS).collect();
        let status = response.status().as_u16();
        let act = format!("refused {asked} to {} with {status}", context.address);
        let actor = Actor::System("private API");
        let noted = app.store.note_act(actor, ("operators", None), &act, app.now()).await;
        if let Err(error) = noted {
            warn!("the journal lacks a refusal: {:#}", anyhow::Error::from(error));
        }
    }
    response
}

/// Where the body says what is changed, it is read for the journal first.
async fn with_subject(request: Request) -> Result<(Request, String), Problem> {
    let (is_workspace, field) = match request.uri().path() {
        "/api/customers" | "/api/customer-proxy" => (true, "username"),
        "/api/edges" | "/api/edge-tokens" => (false, "name"),
        path => {
            let subject = subject(path);
            return Ok((request, subject));
        }
    };
    let (parts, body) = request.into_parts();
    let whole = Request::from_parts(parts.clone(), body);
    let Whole(bytes) = Whole::from_request(whole, &()).await?;
    let body = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
    let named = match body[field].as_str() {
        Some(name) if is_workspace => {
            Username::parse(name).ok().map(|name| format!("workspace {name}"))
        }
        Some(name) => check_edge_name(name).is_ok().then(|| format!("edge {name}")),
        None => None,
    };
    let subject = named.unwrap_or_else(|| subject(parts.uri.path()));
    Ok((Request::from_parts(parts, Body::from(bytes)), subject))
}

/// What a call of the API changes, as the page names it.
fn subject(path: &str) -> String {
    let mut segments = path.split('/').skip(2);
    match (segments.next(), segments.next()) {
        (Some("tasks"), Some(id)) => format!("task {id}"),
        (Some("edges"), Some(name)) => format!("edge {name}"),
        (Some("pool"), _) => "pool".to_owned(),
        (Some("fleet"), _) => "fleet".to_owned(),
        (Some(_), Some(name)) => format!("workspace {name}"),
        (Some(what), None) => what.to_owned(),
        (None, _) => path.to_owned(),
    }
}

async fn require_key(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    if let Some(operator) = app.operators.of_bearer(text(&headers, "authorization")) {
        return guarded(&app, operator, request, next).await;
    }
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "This needs the header authorization: Bearer with the admin key.",
    );
    let mut response = problem.into_response();
    let challenge = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}
