//! Locks: of a whole workspace, or of one session of it.

use axum::Json as Answer;
use axum::extract::State;
use serde::Deserialize;
use shared::{Lock, LockKey, SessionId};
use utoipa::ToSchema;

use super::paging::{Paging, page};
use super::responses::{Locks, Page, Published};
use super::routes::{MOST, Waiting, check_written, parse_username, publish, take_away};
use super::schemas::{LockShape, OfSession, OfWorkspace};
use crate::app::{App, SharedApp};
use crate::http::body::json;
use crate::http::error_responses::{AboutOne, ErrorShape, Guarded, Parsed};
use crate::http::{Path, Problem, Query, Whole};
use crate::routes::Revocation;

#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct LockBody {
    /// Unix seconds; without it the lock holds until it is taken away.
    #[schema(maximum = 9_007_199_254_740_992u64)]
    until: Option<u64>,
}

/// `?after=ada` or `?after=ada/<session>`, as `next` of the page before says it.
#[utoipa::path(
    get,
    path = "/api/locks",
    operation_id = "list_locks",
    tag = "operator",
    security(("admin_key" = [])),
    params(Paging),
    responses(
        (status = 200, description = "A page of locks", body = Page<LockShape>),
        Parsed,
        Guarded
    )
)]
pub(super) async fn list(
    State(app): State<SharedApp>,
    Query(paging): Query<Paging>,
) -> Result<Answer<Locks>, Problem> {
    let limit = paging.limit()?;
    let after = paging.after.split_once('/').unwrap_or((&paging.after, ""));
    let locks = app.store.locks(after, limit).await?;
    let key = |lock: &Lock| match lock.session {
        Some(session) => format!("{}/{session}", lock.username),
        None => lock.username.to_string(),
    };
    Ok(Answer(page(locks, limit, key)))
}

/// Refuses a workspace, and cuts what is live.
#[utoipa::path(
    put,
    path = "/api/locks/{username}",
    operation_id = "lock_workspace",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace, Waiting),
    request_body = Option<LockBody>,
    responses(
        (status = 200, description = "Done; how each edge fared", body = Published),
        (status = 413, description = "The body is too large", body = ErrorShape),
        Parsed,
        Guarded
    )
)]
pub(super) async fn put_workspace(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
    Query(waiting): Query<Waiting>,
    Whole(body): Whole,
) -> Result<Answer<Published>, Problem> {
    put(&app, &username, None, waiting, &body).await
}

/// Refuses one session of a workspace, and cuts what is live.
#[utoipa::path(
    put,
    path = "/api/locks/{username}/{session}",
    operation_id = "lock_session",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace, OfSession, Waiting),
    request_body = Option<LockBody>,
    responses(
        (status = 200, description = "Done; how each edge fared", body = Published),
        (status = 413, description = "The body is too large", body = ErrorShape),
        Parsed,
        Guarded
    )
)]
pub(super) async fn put_session(
    State(app): State<SharedApp>,
    Path((username, session)): Path<(String, String)>,
    Query(waiting): Query<Waiting>,
    Whole(body): Whole,
) -> Result<Answer<Published>, Problem> {
    put(&app, &username, Some(&session), waiting, &body).await
}

/// Takes a lock away.
#[utoipa::path(
    delete,
    path = "/api/locks/{username}",
    operation_id = "unlock_workspace",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace, Waiting),
    responses(
        (status = 200, description = "Done; how each edge fared", body = Published),
        (status = 503, description = "What was taken away is not written yet", body = ErrorShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn remove_workspace(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
    Query(waiting): Query<Waiting>,
) -> Result<Answer<Published>, Problem> {
    remove(&app, &username, None, waiting).await
}

/// Takes a lock away.
#[utoipa::path(
    delete,
    path = "/api/locks/{username}/{session}",
    operation_id = "unlock_session",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace, OfSession, Waiting),
    responses(
        (status = 200, description = "Done; how each edge fared", body = Published),
        (status = 503, description = "What was taken away is not written yet", body = ErrorShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn remove_session(
    State(app): State<SharedApp>,
    Path((username, session)): Path<(String, String)>,
    Query(waiting): Query<Waiting>,
) -> Result<Answer<Published>, Problem> {
    remove(&app, &username, Some(&session), waiting).await
}

async fn put(
    app: &App,
    username: &str,
    session: Option<&str>,
    waiting: Waiting,
    body: &[u8],
) -> Result<Answer<Published>, Problem> {
    let LockKey { username, session } = parse_key(username, session)?;
    let LockBody { until } = parse_body(body)?;
    let possible = app.now().seconds() + 1..=MOST;
    if until.is_some_and(|until| !possible.contains(&until)) {
        let rule = "until must be in the future, in unix seconds, and at most 2^53";
        return Err(Problem::invalid("until", rule));
    }
    let lock = Lock { username, session, until };
    let none = || Problem::not_found("There is no such lock.");
    take_away(app, Revocation::Lock(lock), waiting.wait(), none).await
}

async fn remove(
    app: &App,
    username: &str,
    session: Option<&str>,
    waiting: Waiting,
) -> Result<Answer<Published>, Problem> {
    let key = parse_key(username, session)?;
    check_written(app, &key.username)?;
    let generation = app.store.remove_lock(&key).await?;
    let generation = generation.ok_or_else(|| Problem::not_found("There is no such lock."))?;
    Ok(publish(app, generation, waiting.wait()).await)
}

fn parse_key(username: &str, session: Option<&str>) -> Result<LockKey, Problem> {
    let refused =
        || Problem::invalid("session", "a session id is 32 lower-case hexadecimal digits");
    let session = session.map(|text| SessionId::parse(text).ok_or_else(refused)).transpose()?;
    Ok(LockKey { username: parse_username(username)?, session })
}

/// An empty body is a lock without an end.
fn parse_body(body: &[u8]) -> Result<LockBody, Problem> {
    if body.is_empty() {
        return Ok(LockBody::default());
    }
    json(body)
}
