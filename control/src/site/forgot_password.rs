//! Asks for a link with which a password is set. The answer never tells whether
//! there is such a customer.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::csrf::{self, MissingOrigin};
use super::language::{self, Language};
use super::page::{self, Faults, Frame};
use super::words::forgot_password::ForgotPasswordText;
use super::workspace_host::name_of_address;
use crate::accounts::LinkRequested;
use crate::app::{App, SharedApp};
use crate::base::typed;
use crate::http::{Form, Problem, RequestContext};

const HERE: &str = "/forgot-password";

#[derive(Deserialize)]
pub(super) struct Asking {
    /// A name or an e-mail address.
    #[serde(default)]
    account: String,
}

#[derive(Template)]
#[template(path = "forgot_password.html")]
struct ForgotPassword<'a> {
    frame: Frame,
    text: &'static ForgotPasswordText,
    account: &'a str,
    error: Option<&'a str>,
    is_sent: bool,
}

pub(super) async fn show(State(app): State<SharedApp>, headers: HeaderMap) -> Response {
    page::answer(StatusCode::OK, &blank(&app, language::of(&headers)))
}

pub(super) async fn submit(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Form(asking): Form<Asking>,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let language = language::answering(context, &headers);
    let text = ForgotPasswordText::of(language);
    let account = typed::trim(&asking.account);
    let problem = if account.is_empty() {
        Problem::invalid("account", text.empty)
    } else {
        match app.accounts.request_link(&name_of_address(&app, account), context.address).await? {
            LinkRequested::Taken => {
                return Ok(page::answer(
                    StatusCode::OK,
                    &ForgotPassword { is_sent: true, ..blank(&app, language) },
                ));
            }
            LinkRequested::TooMany { retry_after } => {
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", text.too_many)
                    .retry_after(retry_after)
            }
        }
    };
    if !context.wants_page {
        return Err(problem);
    }
    let faults = Faults(std::slice::from_ref(&problem));
    let page = ForgotPassword {
        frame: Frame::of_form(&app, language, HERE, faults),
        account,
        error: Some(&problem.message),
        ..blank(&app, language)
    };
    Ok(page::answer_again(faults, &page))
}

fn blank(app: &App, language: Language) -> ForgotPassword<'_> {
    ForgotPassword {
        frame: Frame::speaking(app, language, HERE),
        text: ForgotPasswordText::of(language),
        account: "",
        error: None,
        is_sent: false,
    }
}
