//! The site, and sign-in on workspace hosts. Reached through the edges.
//!
//! The `Host` decides: the site's own pages, or `/auth/*` of one workspace. Works
//! without JavaScript; passwords are typed on the site's origin only.

mod account;
mod account_session;
pub(crate) mod assets;
mod billing;
mod cancelled;
mod checkout;
mod cookies;
pub(crate) mod csrf;
mod deletion;
mod domain;
mod domain_section;
mod email_change;
mod export;
mod forgot_password;
mod handover;
mod home;
mod language;
mod language_choice;
mod login;
mod logout;
mod notice;
mod page;
mod portal;
mod query;
mod response_layer;
mod set_password;
mod signup_access;
mod skill_icon;
mod static_page;
mod subscription_summary;
mod webhook;
mod welcome;
mod words;
mod workspace_host;
mod wrong_turn;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use shared::{Host, ReturnPath};
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::accounts::passwords;
use crate::app::{App, SharedApp};
use crate::http::Problem;
use crate::http::request_context::{self, ContextLayer};
use crate::model::handover::WorkspaceHost;
use workspace_host::at_domain;
use wrong_turn::{unknown, wrong_method};

/// Escaped, each byte of a field can become three.
const ESCAPED: usize = 3;

/// All fields of a form but a password and a return path, with their names.
const OTHER_FIELDS_MAX_BYTES: usize = 2 * 1024;

/// The largest form: whatever page somebody wanted to see, they can sign in to it.
const FORM_MAX_BYTES: usize =
    ESCAPED * (passwords::MAX_BYTES + ReturnPath::MAX_BYTES + OTHER_FIELDS_MAX_BYTES);

pub fn router(app: &SharedApp) -> Router {
    let hosts = Hosts {
        app: app.clone(),
        site: site_routes().with_state(app.clone()),
        workspace: workspace_routes().with_state(app.clone()),
    };
    let layer =
        ContextLayer { listener: "site", keys: app.keys.clone(), metrics: app.metrics.clone() };
    Router::new()
        .fallback(dispatch)
        .with_state(hosts)
        .layer(DefaultBodyLimit::max(FORM_MAX_BYTES))
        .layer(CatchPanicLayer::custom(|_| Problem::internal().into_response()))
        .layer(middleware::from_fn_with_state(app.clone(), response_layer::layer))
        .layer(middleware::from_fn_with_state(layer, request_context::layer))
}

/// What programs may ask the site.
fn site_api() -> OpenApiRouter<SharedApp> {
    // No form of ours: it has its own proof of where it comes from, and its own size.
    let webhook = routes!(webhook::take).layer(DefaultBodyLimit::max(webhook::BODY_MAX_BYTES));
    OpenApiRouter::default()
        .routes(routes!(portal::submit))
        .routes(routes!(checkout::submit))
        .routes(routes!(checkout::check_name))
        .routes(routes!(set_password::submit_as_json))
        .routes(routes!(welcome::events::follow))
        .routes(webhook)
}

/// The description of what programs may ask the site.
pub(crate) fn openapi() -> OpenApi {
    site_api().into_openapi()
}

/// What is the same for everybody, or tells nobody's secrets, and so may be compressed:
/// how small an answer becomes tells something of what is in it.
fn public_routes() -> Router<SharedApp> {
    Router::new()
        .route("/", get(home::show))
        .route("/legal", get(static_page::legal))
        .route("/privacy", get(static_page::privacy))
        .route("/contact", get(static_page::contact))
        .route("/assets/{name}", get(assets::show))
        .layer(CompressionLayer::new())
}

fn site_routes() -> Router<SharedApp> {
    Router::from(site_api())
        .merge(public_routes())
        .route("/welcome", get(welcome::show).post(welcome::set_password))
        .route("/cancelled", get(cancelled::show))
        .route("/set-password", get(set_password::show).post(set_password::submit))
        .route("/forgot-password", get(forgot_password::show).post(forgot_password::submit))
        .route("/language/{to}/", get(language_choice::choose))
        .route("/language/{to}/{*page}", get(language_choice::choose))
        .route("/login", get(login::show).post(login::submit))
        .route("/logout", get(logout::ask).post(logout::submit))
        .route("/account", get(account::show))
        .route("/account/billing", post(billing::open))
        .route("/account/delete", get(deletion::show).post(deletion::confirm))
        .route("/account/deleted", get(deletion::goodbye))
        .route("/account/cancel", post(billing::cancel))
        .route("/account/keep", post(billing::keep))
        .route("/account/export", get(export::fetch).post(export::ask))
        .route("/account/email", get(email_change::show).post(email_change::ask))
        .route("/account/domain", post(domain::add))
        .route("/account/domain/remove", post(domain::remove))
        .route("/confirm-email", get(email_change::look).post(email_change::confirm))
        .route("/account/password", post(account::change_password))
        .route("/account/sign-out-one", post(account::sign_out_one))
        .route("/account/sign-out-everywhere", post(account::sign_out_everywhere))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
}

fn workspace_routes() -> Router<SharedApp> {
    Router::new()
        .route("/auth/login", get(handover::begin))
        .route("/auth/callback", get(handover::finish))
        .route("/auth/logout", post(logout::submit_on_workspace))
        .route("/auth/notice", get(notice::show))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
}

#[derive(Clone)]
struct Hosts {
    app: SharedApp,
    site: Router,
    workspace: Router,
}

async fn dispatch(State(hosts): State<Hosts>, mut request: Request) -> Response {
    let host = request_context::text(request.headers(), header::HOST.as_str()).unwrap_or_default();
    let router = match hosts.app.site.classify(host) {
        // One address for each page, or cookies and forms would have two.
        Host::Site if is_www(host) != is_www(hosts.app.site_host()) => {
            return to_the_site(&hosts.app, request.uri());
        }
        Host::Site => hosts.site,
        Host::Workspace(username) => {
            request.extensions_mut().insert(WorkspaceHost::own(username));
            hosts.workspace
        }
        Host::Unknown => match at_domain(&hosts.app, host).await {
            Ok(Some(workspace)) => {
                request.extensions_mut().insert(workspace);
                hosts.workspace
            }
            Ok(None) => return misdirected().into_response(),
            Err(problem) => return problem.into_response(),
        },
    };
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn is_www(host: &str) -> bool {
    host.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."))
}

/// 308: a form that was sent to the other name is sent again, to be judged there.
fn to_the_site(app: &App, uri: &Uri) -> Response {
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let location = format!("{}{path}", app.site.site_url());
    match HeaderValue::try_from(location) {
        Ok(location) => {
            (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response()
        }
        Err(_) => misdirected().into_response(),
    }
}

fn misdirected() -> Problem {
    Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        "unknown_host",
        "This is not one of our addresses.",
    )
    .in_german("Das ist keine unserer Adressen.")
}
