//! Where Stripe's page leads whoever leaves it without paying.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::order;
use super::page::{self, Frame};
use crate::app::SharedApp;
use crate::http::Problem;
use crate::model::progress::Payment;

#[derive(Deserialize)]
pub(super) struct Shown {
    #[serde(default)]
    signup: String,
}

#[derive(Template)]
#[template(path = "cancelled.html")]
struct Cancelled {
    frame: Frame,
    /// Shown to the browser that made it only.
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
    Query(shown): Query<Shown>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let order = order::of_signup(&app, &shown.signup, &headers).await?;
    if let Some(order) = &order
        && matches!(order.payment, Payment::Paid | Payment::Pending)
    {
        // Paid in another tab: to say that nothing was charged would be wrong.
        return Ok(page::see_other("/login?to=account"));
    }
    let choice = order.map(|order| Choice {
        host: app.site.workspace_host(&order.username),
        signup: order.signup,
        email: order.email,
        username: order.username.to_string(),
        ids: order.skills.ids().collect(),
        skills: order.skills.iter().map(|skill| skill.name).collect::<Vec<_>>().join(", "),
    });
    Ok(page::answer(StatusCode::OK, &Cancelled { frame: Frame::new(&app), choice }))
}
