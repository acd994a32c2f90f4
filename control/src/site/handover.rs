//! `/auth/*` on a workspace host: where signing in begins and ends.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cookie::SameSite;
use serde::Deserialize;
use shared::session::SESSION_COOKIE;
use shared::{ReturnPath, Session};

use super::cookies;
use super::language::{self, Language};
use super::page::{self, Frame, Message, see_other};
use super::query::Query;
use super::words::handover::HandoverText;
use crate::app::{App, SharedApp};
use crate::base::token::Token;
use crate::http::{Problem, RequestContext, request_context};
use crate::model::handover::{
    self, MissedCallback, NONCE_LIFETIME, Nonce, SignInRequest, WorkspaceHost,
};

/// The query, where a sign-in begins and where it ends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HandoverQuery {
    code: String,
    #[serde(rename = "return")]
    return_path: String,
    /// See [`SECOND_TRY`](handover::SECOND_TRY).
    again: String,
}

impl HandoverQuery {
    fn is_second_try(&self) -> bool {
        self.again == "1"
    }

    fn return_path(&self) -> ReturnPath {
        ReturnPath::or_root(&self.return_path)
    }
}

/// `GET /auth/login?return=/x`: gives the browser a nonce and sends it to the site.
pub(super) async fn begin(
    State(app): State<SharedApp>,
    Extension(workspace): Extension<WorkspaceHost>,
    Query(query): Query<HandoverQuery>,
    headers: HeaderMap,
) -> Response {
    // Two tabs may be signing in: both must find the nonce they began with.
    let present = cookies::read(&headers, cookies::NONCE).and_then(Nonce::parse);
    let nonce = present.unwrap_or_else(Nonce::random);
    let request = SignInRequest {
        challenge: Some(nonce.challenge()),
        workspace: Some(workspace.username),
        domain: workspace.domain,
        return_path: query.return_path(),
        to_account: false,
        is_second_try: query.is_second_try(),
    };
    let mut response = see_other(&format!("{}{}", app.site.site_url(), request.page()));
    let cookie = cookies::set(cookies::NONCE, nonce.expose(), SameSite::Lax, NONCE_LIFETIME);
    page::add_cookie(&mut response, cookie);
    response
}

/// `GET /auth/callback?code=…&return=/x`: takes the code and opens the session.
pub(super) async fn finish(
    State(app): State<SharedApp>,
    Extension(workspace): Extension<WorkspaceHost>,
    Extension(context): Extension<RequestContext>,
    method: Method,
    Query(query): Query<HandoverQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if method == Method::HEAD {
        // A client that only looks must not use the code up.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let nonce = cookies::read(&headers, cookies::NONCE).and_then(Nonce::parse);
    let Some((nonce, code)) = nonce.zip(Token::parse(&query.code)) else {
        return missed(&app, &workspace, &query, context, &headers).await;
    };
    let now = app.now();
    let expires = now.after(app.sessions.workspace);
    let WorkspaceHost { username, domain } = &workspace;
    let challenge = nonce.challenge().at(domain.as_ref());
    let redeemed = app.store.redeem_code(&code.hash(), username, &challenge, now, expires).await?;
    let Some(redeemed) = redeemed else {
        return missed(&app, &workspace, &query, context, &headers).await;
    };
    let session = Session {
        username: *username,
        id: redeemed.session,
        issued: now.seconds(),
        expires: expires.seconds(),
        epoch: redeemed.epoch,
    };
    let token = app.keys.present().sessions.sign_at(domain.as_ref(), &session);
    let mut response = go_on(&app, &redeemed.return_path, &headers);
    let lifetime = app.sessions.workspace;
    let cookie = cookies::set(SESSION_COOKIE, &token, SameSite::Strict, lifetime);
    page::add_cookie(&mut response, cookie);
    page::add_cookie(&mut response, cookies::clear(cookies::NONCE));
    Ok(response)
}

#[derive(Template)]
#[template(path = "signed_in.html")]
struct SignedIn<'a> {
    frame: Frame,
    text: &'static HandoverText,
    path: &'a ReturnPath,
}

/// To the page that was asked for, with the strict cookie.
///
/// A browser sends strict cookies nowhere in a chain of redirects that began on another
/// site. Where it does not say that the chain began on ours, the chain ends in a page
/// that goes on by itself: what that page opens comes from our own host.
fn go_on(app: &App, path: &ReturnPath, headers: &HeaderMap) -> Response {
    let began_here = matches!(
        request_context::text(headers, "sec-fetch-site"),
        Some("same-origin" | "same-site" | "none")
    );
    if began_here {
        return see_other(path.as_str());
    }
    let language = language::of(headers);
    let (frame, text) = (Frame::in_language(app, language), HandoverText::of(language));
    page::answer(StatusCode::OK, &SignedIn { frame, text, path })
}

/// The code or the nonce is not good. The same whatever was wrong with them.
async fn missed(
    app: &App,
    workspace: &WorkspaceHost,
    query: &HandoverQuery,
    context: RequestContext,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    if !context.wants_page {
        let text = "It was used already, is older than a minute, or was opened in another browser.";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_code", text));
    }
    let has_session = has_session(app, workspace, headers).await?;
    let path = query.return_path();
    Ok(match handover::missed_callback(has_session, query.is_second_try()) {
        MissedCallback::GoOn => go_on(app, &path, headers),
        MissedCallback::BeginAnew => {
            see_other(&handover::workspace_login_url(&app.site, workspace, &path, true))
        }
        MissedCallback::Explain => explain(app, workspace, &path, language::of(headers)),
    })
}

/// A session that the edges let in: signed, not expired, and of the present epoch.
pub(super) async fn has_session(
    app: &App,
    workspace: &WorkspaceHost,
    headers: &HeaderMap,
) -> Result<bool, Problem> {
    let keys = app.keys.present();
    let token = cookies::read(headers, SESSION_COOKIE);
    let WorkspaceHost { username, domain } = workspace;
    let (sessions, now) = (&keys.sessions, app.now().seconds());
    let session =
        token.and_then(|token| sessions.verify_at(domain.as_ref(), token, username, now).ok());
    let Some(session) = session else { return Ok(false) };
    let credentials = app.store.credentials(username).await?;
    Ok(credentials.is_some_and(|credentials| session.epoch >= credentials.epoch))
}

fn explain(
    app: &App,
    workspace: &WorkspaceHost,
    path: &ReturnPath,
    language: Language,
) -> Response {
    let text = HandoverText::of(language);
    let link = handover::workspace_login_url(&app.site, workspace, path, false);
    let page = Message {
        frame: Frame::in_language(app, language),
        title: text.failed,
        text: text.no_cookie,
        link: &link,
        link_text: text.again,
        request: None,
    };
    page::answer(StatusCode::BAD_REQUEST, &page)
}
