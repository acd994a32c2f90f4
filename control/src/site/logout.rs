//! Signing out: on the site, and on a workspace host.
//!
//! Either one ends both sessions of the browser. What changes something is a
//! `POST`; a link can at most show the question.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde_json::json;
use shared::session::SESSION_COOKIE;
use shared::{Departure, Username};

use super::account_session::{end, signed_in};
use super::cookies;
use super::csrf::{self, MissingOrigin};
use super::language;
use super::page::{self, Frame, see_other};
use super::words::logout::LogoutText;
use crate::app::{App, SharedApp};
use crate::http::Problem;
use crate::http::request_context::text;
use crate::model::handover::{self, WorkspaceHost};
use crate::routes::PAGE_WAIT;

#[derive(Template)]
#[template(path = "logout.html")]
struct LogoutPage {
    frame: Frame,
    text: &'static LogoutText,
    username: String,
}

pub(super) async fn ask(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(session) = signed_in(&app, &headers).await? else {
        return Ok(see_other("/login"));
    };
    let language = language::of(&headers);
    let page = LogoutPage {
        frame: Frame::speaking(&app, language, "/logout"),
        text: LogoutText::of(language),
        username: session.username.to_string(),
    };
    Ok(page::answer(StatusCode::OK, &page))
}

pub(super) async fn submit(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let departure = Departure::SignedOut;
    let Some(session) = signed_in(&app, &headers).await? else {
        return Ok(signed_out_to(&departure.page_url(&app.site)));
    };
    end(&app, &session).await?;
    Ok(depart(&app, departure, &session.username))
}

/// On by way of the workspace's host, where the browser forgets what the chat page kept in it.
pub(super) fn depart(app: &App, departure: Departure, username: &Username) -> Response {
    signed_out_to(&departure.url(&app.site, username))
}

fn signed_out_to(url: &str) -> Response {
    let mut response = see_other(url);
    page::add_cookie(&mut response, cookies::clear(cookies::ACCOUNT));
    response
}

/// `POST /auth/logout` of a workspace host.
pub(super) async fn submit_on_workspace(
    State(app): State<SharedApp>,
    Extension(workspace): Extension<WorkspaceHost>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    csrf::check(&headers, &workspace.origin(&app.site), MissingOrigin::Refuse)?;
    let keys = app.keys.present();
    let token = cookies::read(&headers, SESSION_COOKIE);
    let WorkspaceHost { username, domain } = &workspace;
    let (sessions, now) = (&keys.sessions, app.now().seconds());
    let session =
        token.and_then(|token| sessions.verify_at(domain.as_ref(), token, username, now).ok());
    if let Some(session) = session {
        let generation = app.store.end_workspace_session(&session).await?;
        app.publisher.publish_within(generation, PAGE_WAIT).await;
    }
    // Whoever has no session gets the same answer: they are signed out.
    let wants_json = text(&headers, "accept").is_some_and(|it| it.contains("application/json"));
    let mut response = if wants_json {
        Json(json!({ "signed_out": true })).into_response()
    } else {
        see_other(&handover::signed_out_url(&app.site, username))
    };
    page::add_cookie(&mut response, cookies::clear(SESSION_COOKIE));
    page::add_cookie(&mut response, cookies::clear(cookies::NONCE));
    // Not "cookies": browsers take it for the whole domain, and would sign the
    // visitor out of the site and of every other workspace.
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"storage\""),
    );
    Ok(response)
}
