//! The start page.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::account::signed_in;
use super::page::{self, Frame};
use crate::app::SharedApp;
use crate::http::Problem;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    /// Name and address of the workspace of whoever is signed in.
    workspace: Option<(String, String)>,
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let session = signed_in(&app, &headers).await?;
    let workspace = session
        .map(|session| (session.username.to_string(), app.site.workspace_url(&session.username)));
    Ok(page::answer(StatusCode::OK, &Home { frame: Frame::new(&app), workspace }))
}

/// What somebody chose, as typed.
#[derive(Debug, Clone, Default)]
pub(super) struct SignUpForm {
    pub(super) email: String,
    pub(super) username: String,
    /// Ids of skills.
    pub(super) skills: Vec<String>,
}

/// The page with the form filled in, and at its fields what is wrong with them.
pub(super) async fn page(
    _app: &crate::app::App,
    _headers: &HeaderMap,
    _form: &SignUpForm,
    problems: &[Problem],
) -> Result<Response, Problem> {
    Err(problems[0].clone())
}
