//! HTML pages, out of the templates.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tracing::error;

use super::assets;
use crate::app::App;
use crate::http::Problem;

/// What the frame around every page needs.
pub(super) struct Frame {
    pub(super) site_url: String,
    /// Absolute: pages on workspace hosts have no stylesheet of their own.
    pub(super) stylesheet: String,
    pub(super) icon: String,
}

impl Frame {
    pub(super) fn new(app: &App) -> Self {
        let site_url = app.site.site_url().to_owned();
        Self {
            stylesheet: assets::url(&site_url, &assets::STYLE),
            icon: assets::url(&site_url, &assets::ICON),
            site_url,
        }
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

/// 303, so that what follows is a `GET` and a reload sends no form again.
pub(super) fn see_other(location: &str) -> Response {
    let location = HeaderValue::try_from(location).expect("URLs of ours are escaped");
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

pub(super) fn add_cookie(response: &mut Response, cookie: HeaderValue) {
    response.headers_mut().append(header::SET_COOKIE, cookie);
}
