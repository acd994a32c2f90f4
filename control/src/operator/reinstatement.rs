//! Customers who were ended for money that is ours again: they may have their name back.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::Username;
use utoipa::ToSchema;

use super::routes::parse_username;
use super::schemas::OfWorkspace;
use crate::app::SharedApp;
use crate::http::error_responses::{AboutOne, ErrorShape, Guarded, Parsed};
use crate::http::{Path, Problem};
use crate::model::workspace::{EndReason, WorkspaceState};

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReinstatementView {
    #[schema(value_type = String)]
    pub username: Username,
    /// Where they order again.
    pub order_at: String,
    /// `false` when the name had been free before.
    pub was_resting: bool,
}

/// Gives the name back to be ordered at once: of a customer whose workspace ended by a dispute
/// that was won, or a refund that a false warning of fraud had caused. What was in the
/// workspace is gone, and so is their address: write to them yourself.
#[utoipa::path(
    post,
    path = "/api/customers/{username}/reinstate",
    operation_id = "reinstate_customer",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace),
    responses(
        (status = 200, description = "The name is free", body = ReinstatementView),
        (status = 409, description = "It has not ended, or not for its money", body = ErrorShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn reinstate(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
) -> Result<Answer<ReinstatementView>, Problem> {
    let username = parse_username(&username)?;
    let conflict = |message| Problem::new(StatusCode::CONFLICT, "conflict", message);
    let workspace = app.store.workspace(&username).await?.ok_or_else(|| {
        Problem::not_found(format!("No workspace {username} has ended, as far as is kept."))
    })?;
    match workspace.state {
        WorkspaceState::Ended => {}
        WorkspaceState::Ending => {
            return Err(conflict("It is being taken down: say this again when it has ended."));
        }
        _ => return Err(conflict("It has not ended: there is nothing to give back.")),
    }
    if !matches!(workspace.end_reason, Some(EndReason::Dispute | EndReason::Refund)) {
        return Err(conflict(
            "It did not end by a dispute or a refund: its name rests, so that nobody else is \
             taken for its former customer.",
        ));
    }
    let was_resting = app.store.end_quarantine(&username).await?;
    let order_at = app.site.site_url().to_string();
    Ok(Answer(ReinstatementView { username, order_at, was_resting }))
}
