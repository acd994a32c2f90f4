//! Where Stripe's page leads whoever leaves it without paying.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::language::{self, Language};
use super::page::{self, Frame};
use super::query::Query;
use super::signup_access;
use super::words::cancelled::CancelledText;
use super::words::skills::SkillText;
use crate::app::SharedApp;
use crate::http::Problem;
use crate::model::progress::Payment;
use crate::model::skills::Skills;

#[derive(Default, Deserialize)]
pub(super) struct PageQuery {
    #[serde(default)]
    signup: String,
}

#[derive(Template)]
#[template(path = "cancelled.html")]
struct Cancelled {
    frame: Frame,
    text: &'static CancelledText,
    /// Shown only to the browser that made it.
    choice: Option<Choice>,
}

struct Choice {
    signup: String,
    host: String,
    email: String,
    username: String,
    ids: Vec<&'static str>,
    skills: String,
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let order = signup_access::of_signup(&app, &query.signup, &headers).await?;
    if let Some(order) = &order
        && matches!(order.payment, Payment::Paid | Payment::Pending)
    {
        // Paid in another tab: to say that nothing was charged would be wrong.
        return Ok(page::sign_in_first());
    }
    let language = language::of(&headers);
    let here = format!("/cancelled?signup={}", order.as_ref().map_or("", |order| &order.signup));
    let choice = order.map(|order| Choice {
        host: app.site.workspace_host(&order.username),
        signup: order.signup,
        email: order.email,
        username: order.username.to_string(),
        ids: order.skills.ids().collect(),
        skills: names(language, &order.skills),
    });
    let frame = Frame::speaking(&app, language, &here);
    let page = Cancelled { frame, text: CancelledText::of(language), choice };
    Ok(page::answer(StatusCode::OK, &page))
}

fn names(language: Language, skills: &Skills) -> String {
    let names = skills.iter().map(|skill| SkillText::of(language, skill).name);
    names.collect::<Vec<_>>().join(", ")
}
