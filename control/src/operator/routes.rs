//! Routes: listed, put, removed; answered when the edges serve them.

use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::{Deserialize, Serialize};
use shared::{Generation, Route, RouteState, SpriteId, Upstream, Username};
use utoipa::{IntoParams, ToSchema};

use super::paging::{Paging, page};
use super::responses::{Page, Published, Routes};
use super::schemas::OfWorkspace;
use crate::app::{App, SharedApp};
use crate::http::error_responses::{AboutOne, ErrorShape, Guarded, Parsed, WithBody};
use crate::http::{Json, Path, Problem, Query};
use crate::model::route_change::RouteOrder;
use crate::routes::{Revocation, TakenAway};

/// `?wait=all` (default) or `?wait=none`.
#[derive(Deserialize, IntoParams, Default)]
#[into_params(parameter_in = Query)]
pub(super) struct Waiting {
    #[serde(default)]
    #[param(inline, required = false)]
    wait: Wait,
}

#[derive(Deserialize, ToSchema, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wait {
    /// Until every edge that is up serves the change, or `publish.wait_seconds` are over.
    #[default]
    All,
    None,
}

/// Where a workspace is.
#[derive(ToSchema)]
#[schema(as = Route)]
#[expect(dead_code, reason = "described here, made of shared::Route")]
pub(super) struct RouteShape {
    username: String,
    /// An origin.
    upstream: String,
    sprite: String,
    /// Grows each time the sprite is handed out.
    assignment: u64,
    state: RouteStateShape,
    /// Sessions issued under a smaller epoch are over.
    epoch: u64,
}

#[derive(ToSchema)]
#[schema(as = RouteState, rename_all = "snake_case")]
#[expect(dead_code, reason = "described here, made of shared::RouteState")]
pub(super) enum RouteStateShape {
    Preparing,
    Live,
    Suspended,
}

/// What an operator says of a route, to the API and as arguments of `control routes put`.
#[derive(Clone, Serialize, Deserialize, ToSchema, clap::Args)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteBody {
    /// The origin of its sprite, as in `https://arca-1.sprites.app`.
    #[schema(example = "https://ada-1.sprites.app")]
    #[arg(value_parser = origin)]
    pub(crate) upstream: String,
    /// The sprite's id, where it is not the first label of its name.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9._-]{1,63}$")]
    #[arg(long, value_parser = sprite_argument)]
    sprite: Option<SpriteId>,
    /// How often the sprite was handed out; part of its identity keys.
    #[schema(maximum = 9_007_199_254_740_992u64)]
    #[arg(long)]
    assignment: Option<u64>,
    #[schema(value_type = Option<RouteStateShape>)]
    #[arg(long, value_parser = state_argument())]
    state: Option<RouteState>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct CustomerProxyBody {
    username: String,
    sprite_url: String,
}

/// Where each workspace is.
#[utoipa::path(
    get,
    path = "/api/routes",
    operation_id = "list_routes",
    tag = "operator",
    security(("admin_key" = [])),
    params(Paging),
    responses(
        (status = 200, description = "A page of routes, by name", body = Page<RouteShape>),
        Parsed,
        Guarded
    )
)]
pub(super) async fn list(
    State(app): State<SharedApp>,
    Query(paging): Query<Paging>,
) -> Result<Answer<Routes>, Problem> {
    let limit = paging.limit()?;
    let routes = app.store.routes(&paging.after, limit).await?;
    Ok(Answer(page(routes, limit, |route| route.username.to_string())))
}

/// Where one workspace is.
#[utoipa::path(
    get,
    path = "/api/routes/{username}",
    operation_id = "show_route",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace),
    responses(
        (status = 200, description = "The route", body = RouteShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn show(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
) -> Result<Answer<Route>, Problem> {
    let username = parse_username(&username)?;
    let route = app.store.route(&username).await?;
    route.map(Answer).ok_or_else(|| no_route(&username))
}

/// Says where a workspace is, and tells the edges.
#[utoipa::path(
    put,
    path = "/api/routes/{username}",
    operation_id = "put_route",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace, Waiting),
    request_body = RouteBody,
    responses(
        (status = 200, description = "Done; how each edge fared", body = Published),
        (status = 503, description = "What was taken away is not written yet", body = ErrorShape),
        (status = 409, description = "Somebody is paying for the name", body = ErrorShape),
        Parsed,
        WithBody,
        Guarded
    )
)]
pub(super) async fn put(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
    Query(waiting): Query<Waiting>,
    Json(body): Json<RouteBody>,
) -> Result<Answer<Published>, Problem> {
    let order = RouteOrder {
        username: parse_username(&username)?,
        upstream: parse_upstream(&app, &body.upstream, "upstream")?,
        sprite: body.sprite,
        assignment: body.assignment,
        state: body.state,
    };
    put_order(&app, order, waiting.wait).await
}

/// `POST /api/customer-proxy`, as programs of the former system call it.
#[utoipa::path(
    post,
    path = "/api/customer-proxy",
    operation_id = "put_route_by_old_name",
    tag = "operator",
    security(("admin_key" = [])),
    params(Waiting),
    request_body = CustomerProxyBody,
    responses(
        (status = 200, description = "Done; how each edge fared", body = Published),
        (status = 503, description = "What was taken away is not written yet", body = ErrorShape),
        (status = 409, description = "Somebody is paying for the name", body = ErrorShape),
        Parsed,
        WithBody,
        Guarded
    )
)]
pub(super) async fn put_by_old_name(
    State(app): State<SharedApp>,
    Query(waiting): Query<Waiting>,
    Json(body): Json<CustomerProxyBody>,
) -> Result<Answer<Published>, Problem> {
    let username = parse_username(&body.username)?;
    let upstream = parse_upstream(&app, &body.sprite_url, "spriteUrl")?;
    put_order(&app, RouteOrder::new(username, upstream), waiting.wait).await
}

/// Takes a route away, and cuts what is live.
#[utoipa::path(
    delete,
    path = "/api/routes/{username}",
    operation_id = "remove_route",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace, Waiting),
    responses(
        (status = 200, description = "Done; how each edge fared", body = Published),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn remove(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
    Query(waiting): Query<Waiting>,
) -> Result<Answer<Published>, Problem> {
    let username = parse_username(&username)?;
    let none = || no_route(&username);
    take_away(&app, Revocation::RemoveRoute(username), waiting.wait, none).await
}

/// Takes access away: from the edges at once, also where the database takes no writes.
pub(super) async fn take_away(
    app: &App,
    revocation: Revocation,
    wait: Wait,
    none: impl FnOnce() -> Problem,
) -> Result<Answer<Published>, Problem> {
    match app.publisher.take_away(revocation).await? {
        TakenAway::Written(generation) => {
            Ok(publish(app, generation.ok_or_else(none)?, wait).await)
        }
        TakenAway::Told(edges) => {
            let generation = app.store.table_state().await?.generation;
            Ok(Answer(Published { generation, edges, durable: false }))
        }
    }
}

/// What was taken away comes first: gone back on before it is written, it would hold in the end.
pub(super) fn check_written(app: &App, username: &Username) -> Result<(), Problem> {
    if !app.publisher.is_unwritten(username) {
        return Ok(());
    }
    let message = format!(
        "What was taken away from {username} is not in the database yet, which takes no writes: \
         nothing can be given back before. It holds at the edges."
    );
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unwritten", message);
    Err(problem.retry_after(Duration::from_secs(5)))
}

/// Tells the edges, and waits for them if so asked.
pub(super) async fn publish(app: &App, generation: Generation, wait: Wait) -> Answer<Published> {
    let edges = match wait {
        Wait::All => app.publisher.publish(generation).await,
        Wait::None => app.publisher.publish_without_waiting(generation),
    };
    Answer(Published { generation, edges, durable: true })
}

impl Waiting {
    pub(super) fn wait(&self) -> Wait {
        self.wait
    }
}

/// # Errors
/// Says which rule the name in the path breaks.
pub(crate) fn parse_username(text: &str) -> Result<Username, Problem> {
    Username::parse(text).map_err(|error| Problem::invalid("username", error.to_string()))
}

/// Checked on the command line, before anybody is asked.
pub(crate) fn origin(text: &str) -> Result<String, String> {
    Upstream::parse(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn sprite_argument(text: &str) -> Result<SpriteId, &'static str> {
    SpriteId::parse(text).ok_or("a sprite id is one to 63 of A-Z, a-z, 0-9, dot, _ and -")
}

fn state_argument() -> impl TypedValueParser<Value = RouteState> {
    PossibleValuesParser::new(RouteState::ALL.map(RouteState::as_str))
        .try_map(|text| RouteState::parse(&text).ok_or("not a state of a route"))
}

async fn put_order(app: &App, order: RouteOrder, wait: Wait) -> Result<Answer<Published>, Problem> {
    if order.assignment.is_some_and(|number| number > MOST) {
        return Err(Problem::invalid("assignment", "an assignment is at most 2^53"));
    }
    let username = order.username;
    check_written(app, &username)?;
    let Some((_, generation)) = app.store.put_route(order, app.now()).await? else {
        let message =
            format!("Somebody is paying for the name {username}, or had it until lately.");
        return Err(Problem::new(StatusCode::CONFLICT, "taken", message).at_field("username"));
    };
    Ok(publish(app, generation, wait).await)
}

/// The largest number of an edge's table: beyond it, JSON readers in other languages lose
/// digits, and not much later columns do.
pub(super) const MOST: u64 = 1 << 53;

/// Checked before anything is written: edges must never see a change they refuse.
fn parse_upstream(app: &App, text: &str, field: &'static str) -> Result<Upstream, Problem> {
    let upstream =
        Upstream::parse(text).map_err(|error| Problem::invalid(field, error.to_string()))?;
    app.addresses
        .check_upstream(&upstream)
        .map_err(|error| Problem::invalid(field, error.to_string()))?;
    Ok(upstream)
}

fn no_route(username: &Username) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", format!("There is no route for {username}."))
}
