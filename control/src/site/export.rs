//! Everything that is in a workspace, taken out by its customer.
//!
//! Asking for it is a form, which a quarter of an hour long lets this one browser fetch it.
//! The address of the archive is the same for everybody and has no secret in it: who is
//! signed in gets their own, and nobody else's.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tracing::warn;

use super::account_session::signed_in;
use super::csrf::{self, MissingOrigin};
use super::page::see_other;
use crate::app::{App, SharedApp};
use crate::base::clock::Moment;
use crate::base::date::{Date, DateTime};
use crate::http::Problem;
use crate::machines::export;
use crate::machines::export_slots::ExportError;
use crate::model::pool::{Assigned, PoolSprite};
use crate::store::AccountSession;

/// How long it may be begun to be fetched after it was asked for.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// When it is worth coming back while too many are under way.
const BUSY: Duration = Duration::from_secs(60);

/// What the account page says of it.
pub(super) struct ExportSection {
    /// It may be fetched until then.
    pub(super) until: Option<String>,
}

/// `None` where there is no machine to take anything out of.
pub(super) async fn section(
    app: &App,
    session: &AccountSession,
) -> Result<Option<ExportSection>, Problem> {
    if machine_of(app, session).await?.is_none() {
        return Ok(None);
    }
    let until = app.store.export_until(&session.id, app.now()).await?;
    Ok(Some(ExportSection { until: until.map(|until: Moment| DateTime::of(until).to_string()) }))
}

/// `POST /account/export`
pub(super) async fn ask(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let Some(session) = signed_in(&app, &headers).await? else {
        return Ok(see_other("/login?to=account"));
    };
    machine_of(&app, &session).await?.ok_or_else(nothing)?;
    app.store.allow_export(&session.id, app.now().after(LIFETIME)).await?;
    Ok(see_other("/account#export"))
}

/// `GET /account/export`
pub(super) async fn fetch(
    State(app): State<SharedApp>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(session) = signed_in(&app, &headers).await? else {
        return Ok(see_other("/login?to=account"));
    };
    if app.store.export_until(&session.id, app.now()).await?.is_none() {
        // A bookmark, a letter's reader, an hour later: it is asked for where its button is.
        return Ok(see_other("/account#export"));
    }
    let machine = machine_of(&app, &session).await?.ok_or_else(nothing)?;
    let machines = app.machines.as_ref().ok_or_else(nothing)?;
    let username = session.username;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/gzip")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, disposition(&app, &session)),
    ];
    if method == Method::HEAD {
        // Looking must not wake a machine.
        return Ok((headers, ()).into_response());
    }
    match export::begin(machines, username, machine.name.clone()).await {
        Ok(archive) => Ok((headers, Body::from_stream(archive)).into_response()),
        Err(error) => {
            warn!("{username}: {error}");
            if matches!(error, ExportError::AgentTooOld) {
                let incident = export::agent_too_old(&username, &machine.name);
                app.store.open_incident(&incident, app.now()).await?;
            }
            Err(refused(&error))
        }
    }
}

fn disposition(app: &App, session: &AccountSession) -> HeaderValue {
    let day = Date::of(app.now()).iso();
    let name = format!("attachment; filename=\"{}-{day}.tar.gz\"", session.username);
    HeaderValue::try_from(name).expect("names and dates are plain ASCII")
}

async fn machine_of(app: &App, session: &AccountSession) -> Result<Option<Assigned>, Problem> {
    let workspace = app.store.workspace(&session.username).await?;
    if workspace.is_none_or(|workspace| workspace.state.is_over()) || app.machines.is_none() {
        return Ok(None);
    }
    Ok(app.store.sprite_of(&session.username).await?.and_then(PoolSprite::assigned))
}

fn nothing() -> Problem {
    Problem::not_found("There is no workspace of yours from which anything could be taken.")
}

fn refused(error: &ExportError) -> Problem {
    let (code, message) = match error {
        ExportError::AgentTooOld => {
            let message = "Your workspace is of an older version that cannot pack an archive. \
                           Nothing in it has changed, and nothing is lost: we have been told, and \
                           get your files to you.";
            return Problem::new(StatusCode::CONFLICT, "agent_too_old", message);
        }
        ExportError::Running => (
            "export_running",
            "Your archive is on its way already. When that download has ended you can fetch it \
             again.",
        ),
        ExportError::Busy => (
            "busy",
            "Many archives are being made right now. Please try again in a minute; nothing is \
             lost.",
        ),
        ExportError::Failed(_) => (
            "machine_unreachable",
            "Your workspace did not give its archive out. Nothing in it has changed. Please try \
             again in a minute.",
        ),
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, message).retry_after(BUSY)
}
