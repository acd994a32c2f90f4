//! The session of a browser at the site: begun, known again, ended.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use cookie::SameSite;

use super::cookies;
use super::language;
use crate::accounts::sign_in::SignInError;
use crate::app::App;
use crate::base::token::Token;
use crate::http::Problem;
use crate::http::request_context::text;
use crate::model::sign_in::Proven;
use crate::model::user_agent::UserAgent;
use crate::routes::PAGE_WAIT;
use crate::store::AccountSession;

/// The account session of the browser that sent these headers. Letters come in the language of
/// its pages from then on.
pub(super) async fn signed_in(
    app: &App,
    headers: &HeaderMap,
) -> Result<Option<AccountSession>, Problem> {
    let Some(token) = cookies::read(headers, cookies::ACCOUNT).and_then(Token::parse) else {
        return Ok(None);
    };
    let (language, idle) = (language::asked(headers), app.sessions.account_idle);
    Ok(app.store.account_session(&token.hash(), language, app.now(), idle).await?)
}

/// An account session of this customer, and the cookie that carries it. The oldest
/// ends where there are too many.
///
/// # Errors
/// Also when the password is not theirs any more.
pub(super) async fn open_session(
    app: &App,
    proven: &Proven,
    headers: &HeaderMap,
) -> Result<(AccountSession, HeaderValue), Problem> {
    let token = Token::random();
    let session = AccountSession { id: token.hash(), username: proven.username };
    let lifetime: Duration = app.sessions.account;
    let user_agent = text(headers, "user-agent").map(UserAgent::of).unwrap_or_default();
    let now = app.now();
    if !app.store.open_account_session(&session.id, proven, user_agent, now, lifetime).await? {
        return Err(SignInError::Wrong.into());
    }
    for oldest in app.store.surplus_account_sessions(&session).await? {
        end(app, &oldest).await?;
    }
    Ok((session, cookies::set(cookies::ACCOUNT, token.expose(), SameSite::Lax, lifetime)))
}

/// Ends an account session and the workspace session it handed over.
pub(super) async fn end(app: &App, session: &AccountSession) -> Result<(), Problem> {
    if let Some(generation) = app.store.end_account_session(&session.id, app.now()).await? {
        app.publisher.publish_within(generation, PAGE_WAIT).await;
    }
    Ok(())
}
