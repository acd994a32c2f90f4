//! Another e-mail address: asked for with the password, and theirs once the link that is sent
//! there was used.
//!
//! Looking at the link takes nothing, for mail programs open links before people do. Whoever
//! has it may use it in any browser: the letter came to the address, and the password was
//! asked for before it was sent.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;

use super::account::{check_password, signed_in_customer};
use super::csrf::{self, MissingOrigin};
use super::language::{self, Language};
use super::page::{self, Faults, Frame, Message, see_other, sign_in_for};
use super::query::Query;
use super::words::email_change::EmailChangeText;
use super::words::field;
use crate::accounts::EmailChangeRequested;
use crate::app::{App, SharedApp};
use crate::base::email_address::Email;
use crate::http::{Form, Problem, RequestContext};
use crate::model::email_change::OpenEmailChange;
use crate::store::Customer;

#[derive(Template)]
#[template(path = "change_email.html")]
struct ChangeEmail<'a> {
    frame: Frame,
    text: &'static EmailChangeText,
    customer: &'a Customer,
    /// As typed, where it is to be typed again.
    typed: &'a str,
    /// Whom a letter waits at.
    pending: Option<OpenEmailChange>,
    faults: Faults<'a>,
}

#[derive(Template)]
#[template(path = "confirm_email.html")]
struct ConfirmEmail<'a> {
    frame: Frame,
    text: &'static EmailChangeText,
    host: String,
    email: &'a str,
    token: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Change {
    #[serde(default)]
    email: String,
    #[serde(default)]
    current: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Link {
    #[serde(default)]
    token: String,
}

/// Where the form is.
const PLACE: &str = "/account/email";

/// `GET /account/email`
pub(super) async fn show(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(customer) = signed_in_customer(&app, &headers).await? else {
        return Ok(sign_in_for(PLACE));
    };
    render(&app, &customer, language::of(&headers), "", &[]).await
}

/// `POST /account/email`
pub(super) async fn ask(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Form(change): Form<Change>,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let Some(customer) = signed_in_customer(&app, &headers).await? else {
        return Ok(sign_in_for(PLACE));
    };
    let language = language::answering(context, &headers);
    let typed = change.email.clone();
    match request(&app, &customer, change, context, language).await {
        Ok(()) => Ok(see_other("/account/email")),
        Err(problem) => {
            let problem = page::for_the_form(problem, context)?;
            render(&app, &customer, language, &typed, &[problem]).await
        }
    }
}

async fn request(
    app: &App,
    customer: &Customer,
    change: Change,
    context: RequestContext,
    language: Language,
) -> Result<(), Problem> {
    let text = EmailChangeText::of(language);
    let email = Email::parse(&change.email)
        .map_err(|error| Problem::invalid("email", field::email(language, error)))?;
    if email.as_str() == customer.email {
        return Err(Problem::invalid("email", text.same));
    }
    check_password(app, &customer.username, change.current, context, language).await?;
    match app.accounts.request_email_change(customer, email).await? {
        EmailChangeRequested::Taken => Ok(()),
        EmailChangeRequested::TooMany { retry_after } => {
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", text.too_many)
                .retry_after(retry_after))
        }
    }
}

async fn render(
    app: &App,
    customer: &Customer,
    language: Language,
    typed: &str,
    problems: &[Problem],
) -> Result<Response, Problem> {
    let faults = Faults(problems);
    let page = ChangeEmail {
        frame: Frame::of_form(app, language, "/account/email", faults),
        text: EmailChangeText::of(language),
        customer,
        typed,
        pending: app.store.email_change_of(&customer.username, app.now()).await?,
        faults,
    };
    Ok(page::answer_again(faults, &page))
}

/// `GET /confirm-email`
pub(super) async fn look(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Query(Link { token }): Query<Link>,
) -> Result<Response, Problem> {
    let language = language::answering(context, &headers);
    let Some(change) = app.accounts.open_email_change(&token).await? else {
        return over(&app, &token, context, language).await;
    };
    let page = ConfirmEmail {
        // Without a way to the other language: it would carry the token.
        frame: Frame::in_language(&app, language),
        text: EmailChangeText::of(language),
        host: app.site.workspace_host(&change.username),
        email: change.email.as_str(),
        token: &token,
    };
    let mut response = page::answer(StatusCode::OK, &page);
    // The address holds the token: not even to ourselves.
    let origin_only = HeaderValue::from_static("strict-origin");
    response.headers_mut().insert(header::REFERRER_POLICY, origin_only);
    Ok(response)
}

/// `POST /confirm-email`
pub(super) async fn confirm(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Form(Link { token }): Form<Link>,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let language = language::answering(context, &headers);
    let Some(change) = app.accounts.confirm_email_change(&token).await? else {
        return over(&app, &token, context, language).await;
    };
    let text = EmailChangeText::of(language);
    let told = text.done_how.replace("{email}", change.email.as_str());
    let page = Message {
        frame: Frame::in_language(&app, language),
        title: text.done,
        text: &told,
        link: "/account",
        link_text: text.to_account,
        request: None,
    };
    Ok(page::answer(StatusCode::OK, &page))
}

/// Of a link that has done its work, or never will: which of the other reasons it is, nobody is told.
async fn over(
    app: &App,
    token: &str,
    context: RequestContext,
    language: Language,
) -> Result<Response, Problem> {
    let text = EmailChangeText::of(language);
    let (title, how, link, link_text) = if app.accounts.has_changed_email(token).await? {
        (text.done, text.used_how, "/account", text.to_account)
    } else {
        (text.over, text.over_how, "/account/email", text.again)
    };
    if !context.wants_page {
        return Err(Problem::new(StatusCode::GONE, "link_over", how));
    }
    let frame = Frame::in_language(app, language);
    let page = Message { frame, title, text: how, link, link_text, request: None };
    Ok(page::answer(StatusCode::GONE, &page))
}
