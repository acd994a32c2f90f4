//! The operator's page, on the private listener: whether all is well, and what to do.
//!
//! Works without scripts; with them it shows itself anew when something changed.

mod act;
mod details;
mod domains;
mod edges;
mod events;
mod lists;
mod page;
mod session;
mod tables;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{any, get, post};

use crate::app::SharedApp;
use crate::http::Problem;
use crate::http::problem::nothing_here;
use crate::site::assets;
use page::{Frame, Link, Notice, Page, PageTemplate, answer};
use session::signed_in;

pub fn router() -> Router<SharedApp> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/console") }))
        .route("/console", get(details::overview))
        .route("/console/sign-in", get(session::show).post(session::submit))
        .route("/console/sign-out", post(session::sign_out))
        .route("/console/workspaces", get(lists::workspaces))
        .route("/console/workspaces/{username}", get(details::workspace))
        .route("/console/pool", get(details::pool))
        .route("/console/tasks", get(lists::tasks))
        .route("/console/tasks/{id}", get(details::task))
        .route("/console/domains", get(domains::list))
        .route("/console/edges", get(edges::list))
        .route("/console/edges/token", post(edges::make_token))
        .route("/console/letters", get(lists::letters))
        .route("/console/tickets", get(lists::tickets))
        .route("/console/pflaster", get(lists::pflaster))
        .route("/console/money", get(lists::money))
        .route("/console/journal", get(lists::journal))
        .route("/console/act", get(act::ask).post(act::submit))
        .route("/console/events", get(events::follow))
        .route("/console/{*unknown}", any(unknown))
        .route("/assets/{name}", get(assets::show))
        .layer(middleware::from_fn(to_page))
}

/// Whoever is not signed in is not told which pages there are.
async fn unknown(State(app): State<SharedApp>, headers: HeaderMap) -> Response {
    match signed_in(&app, &headers).await {
        Ok(_) => nothing_here().into_response(),
        Err(way_in) => way_in,
    }
}

/// A refusal in words, for who looks at it in a browser.
async fn to_page(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let page = Page {
        title: "That cannot be shown".to_owned(),
        notice: Some(Notice { tone: "error", text: problem.message.into_owned() }),
        links: vec![Link { href: "/console".to_owned(), text: "Is all well?", is_here: false }],
        ..Page::default()
    };
    let frame = Frame { operator: None, csrf: String::new(), tab: "" };
    answer(problem.status, &PageTemplate { frame, page })
}
