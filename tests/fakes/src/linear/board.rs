//! The tickets, for a person and for a test.
//!
//! - `GET /_fake/issues`, oldest first
//! - `POST /_fake/limits` `{"requests_per_hour": n}`; a new hour begins

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Linear;
use super::issue::{Issue, STATES};
use crate::vendor::calendar::rfc3339;
use crate::vendor::lock;
use crate::vendor::page::{Width, escape, page, table};

/// Tickets listed, the newest.
const ROWS_MAX: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    requests_per_hour: u32,
}

pub async fn list(State(linear): State<Arc<Linear>>) -> Response {
    let workspace = lock(&linear.workspace);
    let rows = workspace.issues.iter().rev().take(ROWS_MAX).map(|issue| {
        let identifier = issue.identifier();
        vec![
            format!("<a href=\"/issue/{identifier}\">{identifier}</a>"),
            escape(&issue.title),
            issue.priority_label().to_owned(),
            STATES[issue.state].1.to_owned(),
            rfc3339(issue.created),
        ]
    });
    let table = table(&["Ticket", "Title", "Priority", "State", "Time"], rows);
    let hint =
        if workspace.issues.is_empty() { "<p class=\"soft\">No ticket yet.</p>" } else { "" };
    page(
        "Tickets",
        Width::Table,
        &format!("<h1>Tickets</h1>{hint}<div class=\"card\">{table}</div>"),
    )
}

pub async fn show(State(linear): State<Arc<Linear>>, Path(identifier): Path<String>) -> Response {
    let workspace = lock(&linear.workspace);
    match workspace.issue(&identifier) {
        Some(issue) => page(&issue.title, Width::Table, &ticket(issue)),
        None => {
            let body = "<h1>There is no such ticket</h1><p><a href=\"/\">Tickets</a></p>";
            (StatusCode::NOT_FOUND, page("Not found", Width::Form, body)).into_response()
        }
    }
}

fn ticket(issue: &Issue) -> String {
    format!(
        "<p><a href=\"/\">Tickets</a></p><p class=\"badge\">{} · {} · {}</p><h1>{}</h1>\
         <pre class=\"card\">{}</pre>",
        issue.identifier(),
        STATES[issue.state].1,
        issue.priority_label(),
        escape(&issue.title),
        escape(issue.description.as_deref().unwrap_or("No description."))
    )
}

pub async fn issues(State(linear): State<Arc<Linear>>) -> Json<Value> {
    let workspace = lock(&linear.workspace);
    Json(json!({"issues": workspace.issues.iter().map(Issue::body).collect::<Vec<_>>()}))
}

pub async fn limit(State(linear): State<Arc<Linear>>, Json(limit): Json<Limit>) -> StatusCode {
    linear.requests_per_hour.store(limit.requests_per_hour, Ordering::Release);
    lock(&linear.quota).reset();
    StatusCode::NO_CONTENT
}
