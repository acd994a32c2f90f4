//! Who is signed in to the operator's page, and whether a form is theirs.
//!
//! The listener speaks plain HTTP on a private network, so the cookie cannot demand TLS. It is
//! sent by no other site, and a form must come from our own page and bring a token back that
//! only our pages have.

use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use shared::Secret;
use tracing::{info, warn};

use super::page::{Frame, SignInTemplate, answer, see_other};
use crate::accounts::operators::{Operator, Role};
use crate::app::{App, SharedApp};
use crate::base::token::{Token, sha256_hex};
use crate::http::request_context::text;
use crate::http::{Form, Problem, RequestContext};
use crate::site::csrf::{self, MissingOrigin};
use crate::store::OperatorSession;

const COOKIE: &str = "arca_operator";

/// A working day and its evening.
const LIFETIME: Duration = Duration::from_secs(12 * 3_600);

/// Somebody who is signed in.
pub(super) struct SignedIn<'a> {
    pub(super) operator: &'a Operator,
    token: Token,
}

impl SignedIn<'_> {
    /// For the forms of a page; says nothing of the session.
    pub(super) fn csrf(&self) -> String {
        sha256_hex(format!("operator form\0{}", self.token.expose()))
    }

    pub(super) fn frame(&self, tab: &'static str) -> Frame<'_> {
        Frame { operator: Some(self.operator), csrf: self.csrf(), tab }
    }

    /// # Errors
    /// 403 for a form of another origin or page.
    pub(super) fn check_form(&self, headers: &HeaderMap, csrf: &str) -> Result<(), Problem> {
        check_origin(headers)?;
        if Secret::new(self.csrf()).matches(csrf) {
            return Ok(());
        }
        warn!("a form without our token was refused");
        let message = "This form is not of this session. Please open the page and try again.";
        Err(Problem::new(StatusCode::FORBIDDEN, "foreign_form", message))
    }

    /// # Errors
    /// 403 for who may only look.
    pub(super) fn check_role(&self) -> Result<(), Problem> {
        match self.operator.role {
            Role::Act => Ok(()),
            Role::Read => {
                let message = "You may look, and change nothing: your role is \"read\".";
                Err(Problem::new(StatusCode::FORBIDDEN, "read_only", message))
            }
        }
    }
}

fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let host = text(headers, header::HOST.as_str()).unwrap_or_default();
    csrf::check(headers, &format!("http://{host}"), MissingOrigin::Refuse)
}

/// # Errors
/// The way to the form, where nobody is; or that the database does not answer.
pub(super) async fn signed_in<'a>(
    app: &'a App,
    headers: &HeaderMap,
) -> Result<SignedIn<'a>, Response> {
    let to_the_form = || see_other("/console/sign-in");
    let lines = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    let token = shared::cookies::value(lines, COOKIE).and_then(Token::parse);
    let token = token.ok_or_else(to_the_form)?;
    let session = app.store.operator_session(&token.hash(), app.now()).await;
    let session = session.map_err(|error| Problem::from(error).into_response())?;
    let operator = session.as_ref().and_then(|it| app.operators.named(&it.operator));
    // Another key since: whoever had the former one is out.
    let is_of_its_key = |operator: &&Operator| {
        session.as_ref().is_some_and(|session| session.fingerprint == operator.fingerprint())
    };
    let operator = operator.filter(is_of_its_key).ok_or_else(to_the_form)?;
    Ok(SignedIn { operator, token })
}

#[derive(Deserialize)]
pub(super) struct KeyForm {
    #[serde(default)]
    key: String,
}

pub(super) async fn show(State(app): State<SharedApp>, headers: HeaderMap) -> Response {
    match signed_in(&app, &headers).await {
        Ok(_) => see_other("/console"),
        Err(_) => form(StatusCode::OK, None),
    }
}

pub(super) async fn submit(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Form(KeyForm { key }): Form<KeyForm>,
) -> Result<Response, Problem> {
    check_origin(&headers)?;
    let Some(operator) = app.operators.of_key(key.trim()) else {
        warn!("nobody's key was tried on the operator's page from {}", context.address);
        return Ok(form(StatusCode::UNAUTHORIZED, Some("Nobody has this key.")));
    };
    let token = Token::random();
    let now = app.now();
    let session =
        OperatorSession { operator: operator.name.clone(), fingerprint: operator.fingerprint() };
    app.store.open_operator_session(&token.hash(), &session, now, now.after(LIFETIME)).await?;
    info!("operator {} signed in from {}", operator.name, context.address);
    let mut response = see_other("/console");
    let cookie = cookie(token.expose(), LIFETIME);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

#[derive(Deserialize)]
pub(super) struct SignOutForm {
    #[serde(default)]
    csrf: String,
}

pub(super) async fn sign_out(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Form(SignOutForm { csrf }): Form<SignOutForm>,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    session.check_form(&headers, &csrf).map_err(Problem::into_response)?;
    let closed = app.store.close_operator_session(&session.token.hash()).await;
    closed.map_err(|error| Problem::from(error).into_response())?;
    let mut response = see_other("/console/sign-in");
    response.headers_mut().append(header::SET_COOKIE, cookie("", Duration::ZERO));
    Ok(response)
}

fn form(status: StatusCode, error: Option<&'static str>) -> Response {
    let frame = Frame { operator: None, csrf: String::new(), tab: "" };
    answer(status, &SignInTemplate { frame, error })
}

fn cookie(value: &str, lifetime: Duration) -> HeaderValue {
    let seconds = lifetime.as_secs();
    let text = format!("{COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}");
    HeaderValue::try_from(text).expect("tokens of ours are plain ASCII")
}
