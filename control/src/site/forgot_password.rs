//! Asks for a link with which a password is set. The answer never tells whether
//! there is such a customer.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::csrf::{self, MissingOrigin};
use super::page::{self, Faults, Frame};
use crate::accounts::LinkRequested;
use crate::app::{App, SharedApp};
use crate::http::{Form, Problem, RequestContext};

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
    account: &'a str,
    error: Option<&'a str>,
    is_sent: bool,
}

pub(super) async fn show(State(app): State<SharedApp>) -> Response {
    page::answer(StatusCode::OK, &blank(&app))
}

pub(super) async fn submit(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Form(asking): Form<Asking>,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let account = asking.account.trim();
    let problem = if account.is_empty() {
        Problem::invalid("account", "Please type your name or your e-mail address.")
    } else {
        match app.accounts.request_link(account, context.address).await? {
            LinkRequested::Taken => {
                return Ok(page::answer(
                    StatusCode::OK,
                    &ForgotPassword { is_sent: true, ..blank(&app) },
                ));
            }
            LinkRequested::TooMany { retry_after } => Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                "That was asked for very often. Please wait a while and try again.",
            )
            .retry_after(retry_after),
        }
    };
    if !context.wants_page {
        return Err(problem);
    }
    let page = ForgotPassword { account, error: Some(&problem.message), ..blank(&app) };
    Ok(page::answer_again(Faults(std::slice::from_ref(&problem)), &page))
}

fn blank(app: &App) -> ForgotPassword<'_> {
    ForgotPassword { frame: Frame::new(app), account: "", error: None, is_sent: false }
}
