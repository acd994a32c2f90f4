//! Everything that is in a workspace, taken out by its customer.
//!
//! Asking for it is a form, which a quarter of an hour long lets this one browser fetch it.
//! The address of the archive is the same for everybody and has no secret in it: who is
//! signed in gets their own, and nobody else's.
//!
//! One that broke off goes on where it was, as browsers ask for it: with a range, and the ETag of
//! what they have. The ETag is the archive's mark, so that nothing is put behind what it does not
//! belong to; a range without it gets the whole archive.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tracing::warn;

use super::account_session::signed_in;
use super::csrf::{self, MissingOrigin};
use super::language::Language;
use super::page::{see_other, sign_in_first};
use super::words::day_and_time;
use crate::app::{App, SharedApp};
use crate::base::date::Date;
use crate::http::Problem;
use crate::machines::export::{self, Mark, Rest};
use crate::machines::export_slots::ExportError;
use crate::model::pool::{Assigned, PoolSprite};
use crate::store::AccountSession;

/// How long it may be begun to be fetched after it was asked for.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// How long the rest of one may be fetched: longer than a machine's process takes at most.
const RESUME_LIFETIME: Duration = Duration::from_secs(6 * 3_600);

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
    language: Language,
) -> Result<Option<ExportSection>, Problem> {
    if machine_of(app, session).await?.is_none() {
        return Ok(None);
    }
    let until = app.store.export_until(&session.id, app.now()).await?;
    Ok(Some(ExportSection { until: until.map(|until| day_and_time(language, until)) }))
}

/// `POST /account/export`
pub(super) async fn ask(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let Some(session) = signed_in(&app, &headers).await? else {
        return Ok(sign_in_first());
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
        return Ok(sign_in_first());
    };
    let rest = match rest(&headers) {
        Some(rest) if may_resume(&app, &session, &rest).await? => Some(rest),
        _ => None,
    };
    let may_begin = app.store.export_until(&session.id, app.now()).await?.is_some();
    if !may_begin && rest.is_none() {
        // A bookmark, a letter's reader, an hour later: it is asked for where its button is.
        return Ok(see_other("/account#export"));
    }
    let machine = machine_of(&app, &session).await?.ok_or_else(nothing)?;
    if method == Method::HEAD {
        // Looking must not wake a machine.
        return Ok((what_it_is(&app, &session), ()).into_response());
    }
    if let Some(rest) = rest {
        match send(&app, &session, &machine, Some(rest)).await {
            // From its beginning, as whoever asks by the ETag expects then.
            Err(ExportError::Changed) if may_begin => {}
            Err(ExportError::Changed) => return Ok(see_other("/account#export")),
            sent => return answer(&app, &session, &machine, sent).await,
        }
    }
    let sent = send(&app, &session, &machine, None).await;
    answer(&app, &session, &machine, sent).await
}

async fn answer(
    app: &App,
    session: &AccountSession,
    machine: &Assigned,
    sent: Result<Sent, ExportError>,
) -> Result<Response, Problem> {
    let username = session.username;
    match sent {
        Ok(Sent { mark, response }) => {
            if let Some(mark) = mark {
                let until = app.now().after(RESUME_LIFETIME);
                app.store.begin_export(&session.id, mark.as_str(), until).await?;
            }
            Ok(response)
        }
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

/// An archive that has begun, or the rest of one.
struct Sent {
    mark: Option<Mark>,
    response: Response,
}

async fn send(
    app: &App,
    session: &AccountSession,
    machine: &Assigned,
    rest: Option<Rest>,
) -> Result<Sent, ExportError> {
    let machines = app.machines.as_ref().expect("without machines nobody has one");
    let from = rest.as_ref().map(|rest| rest.from);
    let begun = export::begin(machines, session.username, machine.name.clone(), rest).await?;
    let body = Body::from_stream(begun.pieces);
    let mut response = (what_it_is(app, session), body).into_response();
    let plain = |text: String| HeaderValue::try_from(text).expect("it is plain ASCII");
    let headers = response.headers_mut();
    if let Some(mark) = &begun.mark {
        headers.insert(header::ETAG, plain(format!("\"{}\"", mark.as_str())));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    if let Some((from, whole)) = from.zip(begun.whole_bytes) {
        let (last, left) = (whole.saturating_sub(1), whole.saturating_sub(from));
        headers.insert(header::CONTENT_RANGE, plain(format!("bytes {from}-{last}/{whole}")));
        headers.insert(header::CONTENT_LENGTH, left.into());
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(Sent { mark: begun.mark, response })
}

/// The rest of an archive, as somebody asks for it who has its beginning. Any other range is
/// answered with the whole, which every reader has to expect.
fn rest(headers: &HeaderMap) -> Option<Rest> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let from = text(header::RANGE)?.strip_prefix("bytes=")?.strip_suffix('-')?;
    let from = from.bytes().all(|byte| byte.is_ascii_digit()).then(|| from.parse().ok())??;
    let mark = text(header::IF_RANGE)?.strip_prefix('"')?.strip_suffix('"')?;
    Some(Rest { mark: Mark::parse(mark)?, from })
}

async fn may_resume(app: &App, session: &AccountSession, rest: &Rest) -> Result<bool, Problem> {
    let mark = rest.mark.as_str();
    Ok(app.store.may_resume_export(&session.id, mark, app.now()).await?)
}

fn what_it_is(app: &App, session: &AccountSession) -> [(header::HeaderName, HeaderValue); 3] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/gzip")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, disposition(app, session)),
    ]
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
        .in_german("Du hast keinen Arbeitsplatz, aus dem sich etwas mitnehmen ließe.")
}

fn refused(error: &ExportError) -> Problem {
    let (code, message, german) = match error {
        ExportError::AgentTooOld => {
            let message = "Your workspace is of an older version that cannot pack an archive. \
                           Nothing in it has changed, and nothing is lost: we have been told, and \
                           get your files to you.";
            return Problem::new(StatusCode::CONFLICT, "agent_too_old", message).in_german(
                "Dein Arbeitsplatz ist von einer älteren Version, die kein Archiv packen kann. \
                 Nichts darin hat sich geändert, und nichts ist verloren: Wir wissen davon und \
                 bringen dir deine Dateien.",
            );
        }
        ExportError::Running => (
            "export_running",
            "Your archive is on its way already. When that download has ended you can fetch it \
             again.",
            "Dein Archiv ist schon unterwegs. Wenn dieser Download zu Ende ist, kannst du es \
             wieder abholen.",
        ),
        ExportError::Busy => (
            "busy",
            "Many archives are being made right now. Please try again in a minute; nothing is \
             lost.",
            "Gerade werden viele Archive gemacht. Bitte versuche es in einer Minute wieder; \
             verloren ist nichts.",
        ),
        ExportError::Failed(_) | ExportError::Changed => (
            "machine_unreachable",
            "Your workspace did not give its archive out. Nothing in it has changed. Please try \
             again in a minute.",
            "Dein Arbeitsplatz hat sein Archiv nicht herausgegeben. Nichts darin hat sich \
             geändert. Bitte versuche es in einer Minute wieder.",
        ),
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, message).in_german(german).retry_after(BUSY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_asked_for_by_a_range_to_the_end_and_the_tag_of_what_is_there() {
        let mark = "0123456789abcdef0123456789abcdef";
        let tag = format!("\"{mark}\"");
        let check = |range: &str, tag: &str, from: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, range.parse().unwrap());
            headers.insert(header::IF_RANGE, tag.parse().unwrap());
            assert_eq!(super::rest(&headers).map(|rest| rest.from), from, "{range} {tag}");
        };
        check("bytes=17-", &tag, Some(17));
        check("bytes=0-", &tag, Some(0));
        for range in ["bytes=17-20", "bytes=-5", "bytes=", "bytes=1-,3-", "bytes=+1-", "lines=1-"] {
            check(range, &tag, None);
        }
        check("bytes=99999999999999999999-", &tag, None);
        for tag in [mark, "W/\"x\"", "Fri, 27 Nov 2026 18:00:00 GMT", "\"x\""] {
            check("bytes=17-", tag, None);
        }
        assert_eq!(super::rest(&HeaderMap::new()), None);
    }
}
