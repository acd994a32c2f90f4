//! `POST /api/portal`: signing in for programs.

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use shared::{Session, SessionId};

use super::csrf::{self, Unsaid};
use crate::app::SharedApp;
use crate::http::{Json, Problem, Visitor};
use crate::sign_in::{Attempt, Proven};

#[derive(Deserialize)]
pub(super) struct Credentials {
    username: String,
    password: String,
}

#[derive(Serialize)]
pub(super) struct Opened {
    /// The workspace's session token, for its cookie.
    session: String,
    /// Unix seconds.
    expires_at: u64,
}

pub(super) async fn submit(
    State(app): State<SharedApp>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    Json(credentials): Json<Credentials>,
) -> Result<axum::Json<Opened>, Problem> {
    csrf::check(&headers, app.site.site_url(), Unsaid::Allow)?;
    let Credentials { username, password } = credentials;
    let attempt = Attempt { username, password, address: visitor.address };
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
