//! `POST /api/portal`: signing in for programs.

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use shared::{Session, SessionId};
use utoipa::ToSchema;

use super::csrf::{self, MissingOrigin};
use super::workspace_host::name_of_address;
use crate::accounts::sign_in::Attempt;
use crate::app::SharedApp;
use crate::http::error_responses::ErrorShape;
use crate::http::{Json, Problem, RequestContext};
use crate::model::sign_in::Proven;

#[derive(Deserialize, ToSchema)]
pub(super) struct Credentials {
    username: String,
    password: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Opened {
    /// The workspace's session token, for its cookie.
    session: String,
    /// Unix seconds.
    expires_at: u64,
}

/// Signs a program in to a workspace.
#[utoipa::path(
    post,
    path = "/api/portal",
    operation_id = "open_session",
    tag = "site",
    request_body = Credentials,
    responses(
        (status = 200, description = "A session of the workspace", body = Opened),
        (status = 400, description = "The body cannot be read", body = ErrorShape),
        (status = 401, description = "Name and password do not belong together", body = ErrorShape),
        (status = 403, description = "Another origin sent it", body = ErrorShape),
        (status = 413, description = "The body is too large", body = ErrorShape),
        (status = 415, description = "The body is not said to be JSON", body = ErrorShape),
        (status = 422, description = "A member is missing or of the wrong type", body = ErrorShape),
        (status = 429, description = "Too many attempts; retry-after says when", body = ErrorShape),
        (status = 500, description = "Something of ours failed", body = ErrorShape),
        (status = 503, description = "Too many passwords are being checked", body = ErrorShape)
    )
)]
pub(super) async fn submit(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Json(credentials): Json<Credentials>,
) -> Result<axum::Json<Opened>, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Allow)?;
    let Credentials { username, password } = credentials;
    let username = name_of_address(&app, &username);
    let attempt = Attempt { username, password, address: context.address };
    let now = app.now();
    let Proven { username, epoch } = app.sign_in.check(attempt, now, &app.metrics).await?;
    let session = Session {
        username,
        id: SessionId::random(),
        issued: now.seconds(),
        expires: now.after(app.sessions.workspace).seconds(),
        epoch,
    };
    let token = app.keys.present().sessions.sign(&session);
    Ok(axum::Json(Opened { session: token, expires_at: session.expires }))
}
