//! Which edge serves which generation; edges added and removed, and tokens by which they join.

use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::Secret;
use shared::join::JoinToken;
use utoipa::ToSchema;

use super::responses::{EdgeToken, EdgeView, Edges};
use crate::app::{App, SharedApp};
use crate::base::token::Token;
use crate::http::error_responses::{AboutOne, ErrorShape, Guarded, Parsed, WithBody};
use crate::http::{Json, Path, Problem};
use crate::joining;
use crate::routes::{EdgeConfig, NewEdge, check_edge_name};

/// How long a token is good when nobody says: as long as an installation takes.
const TOKEN_MINUTES: u64 = 60;

/// The longest: what lies about for days is found by others.
const TOKEN_MINUTES_MAX: u64 = 24 * 60;

/// Checked on the command line, before anybody is asked.
pub(crate) fn edge_name(text: &str) -> Result<String, String> {
    check_edge_name(text).map_err(|rule| format!("a name {rule}")).map(|()| text.to_owned())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EdgeBody {
    name: String,
    /// Of its private API.
    url: String,
    /// What its private API takes from control.
    token: String,
    /// Where visitors reach it.
    #[serde(default)]
    visitors: Option<String>,
    /// The only certificates that its private API is believed by, in PEM.
    #[serde(default)]
    certificate: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenBody {
    /// What the edge will be called.
    name: String,
    /// How long the token is good.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1440, default = 60)]
    minutes: Option<u64>,
}

/// Which edge serves which generation.
#[utoipa::path(
    get,
    path = "/api/edges",
    operation_id = "list_edges",
    tag = "operator",
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "All edges", body = Edges),
        Guarded
    )
)]
pub(super) async fn list(State(app): State<SharedApp>) -> Result<Answer<Edges>, Problem> {
    let generation = app.store.table_state().await?.generation;
    let edges = app.publisher.edges();
    let edges = edges.into_iter().map(|edge| EdgeView::new(edge, generation)).collect();
    Ok(Answer(Edges { generation, edges }))
}

/// Adds an edge that was configured by hand; it is sent the whole table at once.
#[utoipa::path(
    post,
    path = "/api/edges",
    operation_id = "add_edge",
    tag = "operator",
    security(("admin_key" = [])),
    request_body = EdgeBody,
    responses(
        (status = 200, description = "All edges", body = Edges),
        (status = 409, description = "There is one of this name", body = ErrorShape),
        Parsed,
        WithBody,
        Guarded
    )
)]
pub(super) async fn add(
    State(app): State<SharedApp>,
    Json(body): Json<EdgeBody>,
) -> Result<Answer<Edges>, Problem> {
    let token = Secret::new(body.token);
    let edge = NewEdge {
        name: &body.name,
        url: &body.url,
        visitors: body.visitors.as_deref(),
        certificate: body.certificate.as_deref(),
        token: &token,
        added: app.now(),
    };
    let ring = &app.keys.present().ring;
    let row = edge.to_row(ring).map_err(|(part, why)| Problem::invalid(part, why))?;
    let config = EdgeConfig::of_row(&row, ring).map_err(|why| Problem::invalid("url", why))?;
    if app.installed.obtains_certificates && !config.is_confidential() {
        let why = "must begin with https:// or be of control's machine: it is sent private keys";
        return Err(Problem::invalid("url", why));
    }
    if is_there(&app, &body.name) || !app.store.add_edge(&row).await? {
        return Err(taken());
    }
    app.publisher.look_for_edges().await?;
    list(State(app)).await
}

/// Removes an edge: it is sent nothing more. Its token, and one that it was to join by, are
/// worth nothing from then on.
#[utoipa::path(
    delete,
    path = "/api/edges/{name}",
    operation_id = "remove_edge",
    tag = "operator",
    security(("admin_key" = [])),
    params(("name" = String, Path, description = "The edge's name")),
    responses(
        (status = 200, description = "Those that are left", body = Edges),
        (status = 409, description = "The configuration names it", body = ErrorShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn remove(
    State(app): State<SharedApp>,
    Path(name): Path<String>,
) -> Result<Answer<Edges>, Problem> {
    parse_name(&name)?;
    if app.publisher.edges().iter().any(|edge| edge.is_configured && edge.name == name) {
        let message = "It stands in [[edges]] of control.toml: take it out there, and restart \
                       control.";
        return Err(Problem::new(StatusCode::CONFLICT, "configured", message));
    }
    if !app.store.remove_edge(&name).await? {
        return Err(Problem::not_found("There is no such edge."));
    }
    app.publisher.look_for_edges().await?;
    list(State(app)).await
}

/// Makes a token by which one machine joins as this edge, once. A former one for it is worth
/// nothing any more.
#[utoipa::path(
    post,
    path = "/api/edge-tokens",
    operation_id = "make_edge_token",
    tag = "operator",
    security(("admin_key" = [])),
    request_body = TokenBody,
    responses(
        (status = 200, description = "The token; it is not told again", body = EdgeToken),
        (status = 404, description = "No machine may join", body = ErrorShape),
        (status = 409, description = "There is an edge of this name", body = ErrorShape),
        Parsed,
        WithBody,
        Guarded
    )
)]
pub(super) async fn make_token(
    State(app): State<SharedApp>,
    Json(body): Json<TokenBody>,
) -> Result<Answer<EdgeToken>, Problem> {
    let minutes = body.minutes.unwrap_or(TOKEN_MINUTES);
    if !(1..=TOKEN_MINUTES_MAX).contains(&minutes) {
        let rule = format!("minutes must be between 1 and {TOKEN_MINUTES_MAX}");
        return Err(Problem::invalid("minutes", rule));
    }
    token(&app, &body.name, minutes).await.map(Answer)
}

/// As [`make_token`], for the page.
pub(crate) async fn token_for(app: &App, name: &str) -> Result<EdgeToken, Problem> {
    token(app, name, TOKEN_MINUTES).await
}

async fn token(app: &App, name: &str, minutes: u64) -> Result<EdgeToken, Problem> {
    let Some(join) = &app.join else {
        let message = "No machine may join: [join] is missing in control.toml.";
        return Err(Problem::new(StatusCode::NOT_FOUND, "not_configured", message));
    };
    parse_name(name)?;
    if is_there(app, name) {
        return Err(taken());
    }
    let pin = joining::pin(&app.keys.present().ring).map_err(|error| {
        tracing::error!("no token can be made: {error:#}");
        Problem::internal()
    })?;
    let token = Token::random();
    let expires = app.now().after(Duration::from_secs(60 * minutes));
    app.store.put_edge_token(name, &token.hash(), expires).await?;
    let secret = Secret::new(token.expose().to_owned());
    let text = JoinToken { edge: name.to_owned(), secret, pin }.to_text();
    Ok(EdgeToken {
        token: text.expose().clone(),
        command: format!("edge join {}", join.url),
        expires_at: expires.seconds(),
    })
}

/// # Errors
/// 422 when it cannot be an edge's name.
pub(super) fn parse_name(name: &str) -> Result<(), Problem> {
    check_edge_name(name).map_err(|rule| Problem::invalid("name", format!("a name {rule}")))
}

fn is_there(app: &App, name: &str) -> bool {
    app.publisher.edges().iter().any(|edge| edge.name == name)
}

fn taken() -> Problem {
    Problem::new(StatusCode::CONFLICT, "taken", "There is an edge of this name: remove it first.")
}
