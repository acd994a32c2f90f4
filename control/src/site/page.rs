//! HTML pages, out of the templates.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use shared::RequestId;
use tracing::error;
use url::form_urlencoded::Serializer;

use super::assets;
use super::language::{Language, choice_url};
use super::words::frame::FrameText;
use crate::app::App;
use crate::http::problem::retry_after;
use crate::http::{Problem, RequestContext};

/// What the frame around every page needs.
pub(super) struct Frame {
    pub(super) site_url: String,
    pub(super) language: Language,
    pub(super) text: &'static FrameText,
    /// Leads to this page in the other language, where there is one.
    pub(super) switch: Option<String>,
}

impl Frame {
    /// With a way to the other language; `here` is the page's path with its query.
    pub(super) fn speaking(app: &App, language: Language, here: &str) -> Self {
        let switch = choice_url(app.site.site_url(), language.other(), here);
        Self::with(app, language, Some(switch))
    }

    /// [`Self::speaking`], unless the page shows a form again: on the way to the other language
    /// what was typed would be lost.
    pub(super) fn of_form(app: &App, language: Language, here: &str, faults: Faults<'_>) -> Self {
        if faults.is_empty() {
            Self::speaking(app, language, here)
        } else {
            Self::in_language(app, language)
        }
    }

    /// Without a way to the other language: of a page that is an answer to a form, or whose
    /// address is a secret.
    pub(super) fn in_language(app: &App, language: Language) -> Self {
        Self::with(app, language, None)
    }

    fn with(app: &App, language: Language, switch: Option<String>) -> Self {
        let (site_url, text) = (app.site.site_url().to_owned(), FrameText::of(language));
        Self { site_url, language, text, switch }
    }

    /// Absolute: pages on workspace hosts have no stylesheet of their own.
    pub(super) fn asset(&self, name: &str) -> String {
        assets::url(&self.site_url, name)
    }
}

/// A page that says one thing and offers one way on.
#[derive(Template)]
#[template(path = "message.html")]
pub(super) struct Message<'a> {
    pub(super) frame: Frame,
    pub(super) title: &'a str,
    pub(super) text: &'a str,
    pub(super) link: &'a str,
    pub(super) link_text: &'a str,
    /// Under which the log has it, where something of ours failed.
    pub(super) request: Option<RequestId>,
}

/// What is said in the page whose form was sent; the error where something of ours failed, or a
/// program asks.
pub(super) fn for_the_form(problem: Problem, context: RequestContext) -> Result<Problem, Problem> {
    let is_ours = problem.status == StatusCode::INTERNAL_SERVER_ERROR;
    if is_ours || !context.wants_page { Err(problem) } else { Ok(problem) }
}

/// What is wrong with a form, said where it is.
#[derive(Clone, Copy, Default)]
pub(super) struct Faults<'a>(pub(super) &'a [Problem]);

impl<'a> Faults<'a> {
    pub(super) fn at(self, field: &str) -> Option<&'a str> {
        let problem = self.0.iter().find(|problem| problem.field.as_deref() == Some(field))?;
        Some(&problem.message)
    }

    /// What belongs to no field.
    pub(super) fn general(self) -> Option<&'a str> {
        let problem = self.0.iter().find(|problem| problem.field.is_none())?;
        Some(&problem.message)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Fields and what is wrong with them.
    pub(super) fn fields(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let field = |problem: &'a Problem| Some((problem.field.as_deref()?, &*problem.message));
        self.0.iter().filter_map(field)
    }

    /// Of the page that shows the form again.
    pub(super) fn status(self) -> StatusCode {
        self.0.first().map_or(StatusCode::OK, |problem| problem.status)
    }
}

/// The answer with this page; a template that fails is an error of ours.
pub(super) fn answer(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => {
            let html_type = HeaderValue::from_static("text/html; charset=utf-8");
            (status, [(header::CONTENT_TYPE, html_type)], html).into_response()
        }
        Err(cause) => {
            error!("a page could not be rendered: {cause}");
            Problem::internal().into_response()
        }
    }
}

/// [`answer`] for a form that is shown again, with when to try it where that is known.
pub(super) fn answer_again(faults: Faults<'_>, page: &impl Template) -> Response {
    let mut response = answer(faults.status(), page);
    if let Some(wait) = faults.0.iter().find_map(|problem| problem.retry_after) {
        response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait));
    }
    response
}

/// 303, so that what follows is a `GET` and a reload sends no form again.
pub(super) fn see_other(location: &str) -> Response {
    let location = HeaderValue::try_from(location).expect("URLs of ours are escaped");
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// To whoever opens a page of the account without being signed in; from there it goes on to it.
pub(super) fn sign_in_first() -> Response {
    see_other("/login?to=account")
}

/// [`sign_in_first`] for a page below the account's.
pub(super) fn sign_in_for(page: &str) -> Response {
    let mut query = Serializer::new(String::new());
    query.append_pair("to", "account").append_pair("return", page);
    see_other(&format!("/login?{}", query.finish()))
}

/// [`sign_in_first`] for a browser that was signed in a moment ago.
pub(super) fn sign_in_again() -> Response {
    see_other("/login?to=account&again=1")
}

pub(super) fn add_cookie(response: &mut Response, cookie: HeaderValue) {
    response.headers_mut().append(header::SET_COOKIE, cookie);
}
