//! Where a mailed link leads: a new password, the first or another one.
//!
//! Looking takes nothing, for mail programs open links before people do. Sending
//! the form takes the link.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use shared::Username;
use utoipa::ToSchema;

use super::account_session::open_session;
use super::csrf::{self, MissingOrigin};
use super::language::{self, Language};
use super::page::{self, Faults, Frame, Message, see_other};
use super::query::Query;
use super::words::set_password::SetPasswordText;
use super::words::{field, login};
use crate::accounts::sign_in::Attempt;
use crate::accounts::{Redeemed, SetPasswordError};
use crate::app::{App, SharedApp};
use crate::http::error_responses::ErrorShape;
use crate::http::{Form, Json, Problem, RequestContext};
use crate::model::password_link::{OpenLink, Purpose};

#[derive(Default, Deserialize)]
pub(super) struct PageQuery {
    #[serde(default)]
    token: String,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NewPassword {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
}

#[derive(Template)]
#[template(path = "set_password.html")]
struct SetPassword<'a> {
    frame: Frame,
    text: &'static SetPasswordText,
    title: &'static str,
    button: &'static str,
    host: String,
    username: Username,
    token: &'a str,
    faults: Faults<'a>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Set {
    #[schema(value_type = String)]
    username: Username,
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = language::answering(context, &headers);
    match app.accounts.open_link(&query.token).await? {
        Some(link) => Ok(render(&app, &link, &query.token, language, &[])),
        None => Ok(over(&app, context, language)),
    }
}

pub(super) async fn submit(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Form(NewPassword { token, password }): Form<NewPassword>,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let typed = password.clone();
    let redeemed = match app.accounts.redeem_link(&token, password, context.address).await {
        Err(SetPasswordError::Over) => {
            sent_before(&app, &token, typed, context).await?.ok_or(SetPasswordError::Over)
        }
        redeemed => redeemed,
    };
    let refusal = match redeemed {
        // After the first time it is friendly to be signed in; after a reset, who
        // came by a link of somebody else's should at least have to type.
        Ok(redeemed) if redeemed.purpose == Purpose::FirstTime => {
            let (_, cookie) = open_session(&app, &redeemed.proven, &headers).await?;
            // With the session it leads on; without, it says that the browser kept none.
            let mut response = see_other("/login?again=1");
            page::add_cookie(&mut response, cookie);
            return Ok(response);
        }
        Ok(redeemed) => {
            return Ok(see_other(&format!(
                "/login?workspace={}&reset=1",
                redeemed.proven.username
            )));
        }
        Err(refusal) => refusal,
    };
    let language = language::answering(context, &headers);
    let is_over = matches!(refusal, SetPasswordError::Over);
    let problem = refused(refusal, language);
    if problem.status == StatusCode::INTERNAL_SERVER_ERROR || !context.wants_page {
        return Err(problem);
    }
    match app.accounts.open_link(&token).await? {
        Some(link) if !is_over => Ok(render(&app, &link, &token, language, &[problem])),
        _ => Ok(over(&app, context, language)),
    }
}

/// The form was sent twice, by a double click or by a browser that was asked to load its answer
/// again: what it brings is the password already. Wrong ones are counted as at signing in.
async fn sent_before(
    app: &App,
    token: &str,
    password: String,
    context: RequestContext,
) -> Result<Option<Redeemed>, Problem> {
    let Some(link) = app.accounts.spent_link(token).await? else { return Ok(None) };
    let username = link.username.to_string();
    let attempt = Attempt { username, password, address: context.address };
    let proven = app.sign_in.check(attempt, app.now(), &app.metrics).await.ok();
    Ok(proven.map(|proven| Redeemed { proven, purpose: link.purpose }))
}

/// `POST /api/set-password {token, password}`: the same for programs.
#[utoipa::path(
    post,
    path = "/api/set-password",
    operation_id = "set_password_by_link",
    tag = "site",
    request_body = NewPassword,
    responses(
        (status = 200, description = "It is set", body = Set),
        (status = 400, description = "The body cannot be read", body = ErrorShape),
        (status = 403, description = "Another origin sent it", body = ErrorShape),
        (status = 410, description = "The link works no more", body = ErrorShape),
        (status = 413, description = "The body is too large", body = ErrorShape),
        (status = 415, description = "The body is not said to be JSON", body = ErrorShape),
        (status = 422, description = "The password is too weak, or a member of the wrong type", body = ErrorShape),
        (status = 500, description = "Something of ours failed", body = ErrorShape),
        (status = 503, description = "Too many passwords are being checked", body = ErrorShape)
    )
)]
pub(super) async fn submit_as_json(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Json(NewPassword { token, password }): Json<NewPassword>,
) -> Result<axum::Json<Set>, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Allow)?;
    let redeemed = app.accounts.redeem_link(&token, password, context.address).await?;
    Ok(axum::Json(Set { username: redeemed.proven.username }))
}

/// Faults of the password are at the field `password`.
pub(super) fn refused(refusal: SetPasswordError, language: Language) -> Problem {
    match refusal {
        SetPasswordError::Weak(weakness) => {
            Problem::invalid("password", field::password(language, weakness))
        }
        refusal => {
            let mut problem = Problem::from(refusal);
            problem.message = login::refusal(language, &problem).into_owned().into();
            problem
        }
    }
}

fn render(
    app: &App,
    link: &OpenLink,
    token: &str,
    language: Language,
    problems: &[Problem],
) -> Response {
    let text = SetPasswordText::of(language);
    let (title, button) = match link.purpose {
        Purpose::FirstTime => (text.first, text.first_button),
        Purpose::Reset => (text.another, text.another_button),
    };
    let faults = Faults(problems);
    let page = SetPassword {
        // Without a way to the other language: it would carry the token.
        frame: Frame::in_language(app, language),
        text,
        title,
        button,
        host: app.site.workspace_host(&link.username),
        username: link.username,
        token,
        faults,
    };
    let mut response = page::answer_again(faults, &page);
    // The address holds the token: not even to ourselves.
    let origin_only = HeaderValue::from_static("strict-origin");
    response.headers_mut().insert(header::REFERRER_POLICY, origin_only);
    response
}

/// The same whatever was wrong with the link.
fn over(app: &App, context: RequestContext, language: Language) -> Response {
    if !context.wants_page {
        return Problem::from(SetPasswordError::Over).into_response();
    }
    let text = SetPasswordText::of(language);
    let page = Message {
        frame: Frame::in_language(app, language),
        title: text.over,
        text: text.over_how,
        link: "/forgot-password",
        link_text: text.again,
        request: None,
    };
    page::answer(StatusCode::GONE, &page)
}
