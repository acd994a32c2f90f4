//! `/auth/*` on a workspace host: where signing in begins and ends.

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cookie::SameSite;
use serde::Deserialize;
use shared::session::SESSION_COOKIE;
use shared::{ReturnPath, Session, Username};

use super::page::{self, Frame, Message, see_other};
use super::{Workspace, cookies};
use crate::app::{App, SharedApp};
use crate::base::token::Token;
use crate::http::{Problem, RequestContext};
use crate::model::handover::{self, NONCE_LIFETIME, Nonce};

#[derive(Deserialize)]
pub(super) struct Begin {
    #[serde(default, rename = "return")]
    return_path: String,
}

#[derive(Deserialize)]
pub(super) struct Callback {
    #[serde(default)]
    code: String,
}

/// `GET /auth/login?return=/x`: gives the browser a nonce and sends it to the site.
pub(super) async fn begin(
    State(app): State<SharedApp>,
    Extension(Workspace(workspace)): Extension<Workspace>,
    Query(begin): Query<Begin>,
    headers: HeaderMap,
) -> Response {
    // Two tabs may be signing in: both must find the nonce they began with.
    let present = cookies::read(&headers, cookies::NONCE).and_then(Nonce::parse);
    let nonce = present.unwrap_or_else(Nonce::random);
    let return_path = ReturnPath::or_root(&begin.return_path);
    let login = handover::login_url(&app.site, &workspace, &nonce.challenge(), &return_path);
    let mut response = see_other(&login);
    let cookie = cookies::set(cookies::NONCE, nonce.expose(), SameSite::Lax, NONCE_LIFETIME);
    page::add_cookie(&mut response, cookie);
    response
}

/// `GET /auth/callback?code=…`: takes the code and opens the session.
pub(super) async fn finish(
    State(app): State<SharedApp>,
    Extension(Workspace(workspace)): Extension<Workspace>,
    Extension(context): Extension<RequestContext>,
    method: Method,
    Query(callback): Query<Callback>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if method == Method::HEAD {
        // Whoever only looks must not use the code up.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let nonce = cookies::read(&headers, cookies::NONCE).and_then(Nonce::parse);
    let Some((nonce, code)) = nonce.zip(Token::parse(&callback.code)) else {
        return Ok(not_valid(&app, &workspace, context));
    };
    let now = app.now();
    let expires = now.after(app.sessions.workspace);
    let challenge = nonce.challenge();
    let redeemed =
        app.store.redeem_code(&code.hash(), &workspace, &challenge, now, expires).await?;
    let Some(redeemed) = redeemed else { return Ok(not_valid(&app, &workspace, context)) };
    let session = Session {
        username: workspace,
        id: redeemed.session,
        issued: now.seconds(),
        expires: expires.seconds(),
        epoch: redeemed.epoch,
    };
    let token = app.keys.present().sessions.sign(&session);
    let mut response = see_other(redeemed.return_path.as_str());
    let lifetime = app.sessions.workspace;
    let cookie = cookies::set(SESSION_COOKIE, &token, SameSite::Strict, lifetime);
    page::add_cookie(&mut response, cookie);
    page::add_cookie(&mut response, cookies::clear(cookies::NONCE));
    Ok(response)
}

/// The same answer whatever was wrong with the code.
fn not_valid(app: &App, workspace: &Username, context: RequestContext) -> Response {
    let text = "It was used already, is older than a minute, or was opened in another browser. \
                Signing in again takes a moment.";
    if !context.wants_page {
        return Problem::new(StatusCode::BAD_REQUEST, "invalid_code", text).into_response();
    }
    let link = handover::workspace_login_url(&app.site, workspace, &ReturnPath::or_root("/"));
    let page = Message {
        frame: Frame::new(app),
        title: "That sign-in link is not valid any more",
        text,
        link: &link,
        link_text: "Sign in again",
        request: None,
    };
    page::answer(StatusCode::BAD_REQUEST, &page)
}
