//! `GET /language`: keeps the language that somebody chose, and goes back to where they were.

use std::time::Duration;

use axum::extract::Query;
use axum::response::Response;
use cookie::SameSite;
use serde::Deserialize;
use shared::ReturnPath;

use super::cookies;
use super::language::Language;
use super::page::{add_cookie, see_other};

/// Until it is chosen otherwise.
const KEPT: Duration = Duration::from_secs(365 * 86_400);

#[derive(Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    to: String,
    #[serde(default)]
    back: String,
}

/// One that is not spoken here changes nothing.
pub(super) async fn choose(Query(Choice { to, back }): Query<Choice>) -> Response {
    let mut response = see_other(ReturnPath::or_root(&back).as_str());
    if let Some(language) = Language::parse(&to) {
        add_cookie(
            &mut response,
            cookies::set(cookies::LANGUAGE, language.tag(), SameSite::Lax, KEPT),
        );
    }
    response
}
