//! What is left of customers who are gone: nothing but a receipt.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::Username;
use utoipa::ToSchema;

use super::customers;
use super::routes::parse_username;
use super::schemas::OfWorkspace;
use crate::app::SharedApp;
use crate::billing::{self, EraseError};
use crate::http::error_responses::{AboutOne, ErrorShape, Guarded, Parsed};
use crate::http::{Path, Problem};

/// What was deleted at the end of a workspace.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReceiptView {
    #[schema(value_type = String)]
    pub username: Username,
    /// Why it ended: `subscription`, `refund`, `dispute`, `unpaid` or `erasure`.
    pub reason: String,
    /// In the order in which it went.
    pub lines: Vec<ReceiptLineView>,
    /// Unix seconds.
    pub created_at: u64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReceiptLineView {
    pub what: String,
    /// Unix seconds.
    pub at: u64,
    /// How it was checked.
    pub checked: String,
}

/// What an erasure has begun.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ErasureView {
    #[schema(value_type = String)]
    pub username: Username,
    /// The task that takes the workspace down, after which the account is deleted; none
    /// where there was no workspace, and all is deleted.
    pub task: Option<String>,
}

/// The receipt for the latest workspace of a name that has ended.
#[utoipa::path(
    get,
    path = "/api/workspaces/{username}/receipt",
    operation_id = "show_receipt",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace),
    responses(
        (status = 200, description = "What was deleted", body = ReceiptView),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn show(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
) -> Result<Answer<ReceiptView>, Problem> {
    let username = parse_username(&username)?;
    let receipt = app.store.receipt(&username).await?.ok_or_else(|| {
        Problem::not_found(format!("No workspace {username} has ended, as far as is kept."))
    })?;
    let lines = receipt.lines.into_iter().map(|line| ReceiptLineView {
        what: line.what,
        at: line.at,
        checked: line.checked,
    });
    Ok(Answer(ReceiptView {
        username,
        reason: receipt.reason.as_str().to_owned(),
        lines: lines.collect(),
        created_at: receipt.created.seconds(),
    }))
}

/// Deletes everything about a customer, now: access, subscription, machine, account.
#[utoipa::path(
    post,
    path = "/api/customers/{username}/erase",
    operation_id = "erase_customer",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace),
    responses(
        (status = 200, description = "What was begun", body = ErasureView),
        (status = 409, description = "Its subscription cannot be ended without [stripe]", body = ErrorShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn erase(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
) -> Result<Answer<ErasureView>, Problem> {
    let username = parse_username(&username)?;
    let customer = customers::existing(&app, &username).await?;
    let billing = app.billing.as_deref();
    let begun = billing::erase(&app.store, &app.publisher, billing, &customer, app.now()).await;
    let task = begun.map_err(|error| match error {
        EraseError::NoStripe => {
            let message = "Without [stripe] the subscription cannot be ended.";
            Problem::new(StatusCode::CONFLICT, "conflict", message)
        }
        EraseError::Store(error) => error.into(),
    })?;
    let task = task.map(|task| task.to_string());
    Ok(Answer(ErasureView { username, task }))
}
