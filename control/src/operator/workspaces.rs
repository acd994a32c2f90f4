//! What an operator may do to a workspace that does not come to rest by itself.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::Username;
use utoipa::IntoParams;

use super::responses::TaskDetails;
use super::routes::parse_username;
use super::schemas::OfWorkspace;
use super::tasks::{details, parse_reason};
use crate::app::{App, SharedApp};
use crate::billing::sync;
use crate::http::error_responses::{AboutOne, ErrorShape, Guarded, Parsed};
use crate::http::{Path, Problem, Query};
use crate::store::Given;

/// `?reason=…`
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WhyQuery {
    /// Why; kept with the machine.
    #[param(min_length = 1, max_length = 500)]
    pub(super) reason: String,
}

/// Has a workspace prepared that was paid for: its task is tried again, or another one made.
#[utoipa::path(
    post,
    path = "/api/workspaces/{username}/provision",
    operation_id = "provision_workspace",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace),
    responses(
        (status = 200, description = "The task that prepares it", body = TaskDetails),
        (status = 409, description = "It has a machine, or has ended", body = ErrorShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn provision(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
) -> Result<Answer<TaskDetails>, Problem> {
    let username = parse_username(&username)?;
    let workspace = app.store.workspace(&username).await?.ok_or_else(|| none(&username))?;
    if workspace.state.is_over() {
        return Err(conflict("The workspace has ended: nothing is prepared for it any more."));
    }
    let given = app.store.give_task(&username, app.now()).await?;
    task_of(&app, &username, given, "The workspace has a machine.").await
}

/// Ends a workspace now, and its subscription; one that is ending already is taken down.
#[utoipa::path(
    post,
    path = "/api/workspaces/{username}/end",
    operation_id = "end_workspace",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace),
    responses(
        (status = 200, description = "The task that takes it down", body = TaskDetails),
        (status = 409, description = "It has ended", body = ErrorShape),
        (status = 502, description = "Stripe does not end the subscription", body = ErrorShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn end(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
) -> Result<Answer<TaskDetails>, Problem> {
    let username = parse_username(&username)?;
    let workspace = app.store.workspace(&username).await?.ok_or_else(|| none(&username))?;
    if !workspace.state.is_over() {
        let Some(billing) = &app.billing else {
            return Err(conflict("Without [stripe] the subscription cannot be ended."));
        };
        let subscription = &workspace.subscription;
        match billing.stripe.client.cancel_subscription(subscription).await {
            Ok(_) => {}
            // Whether it is over or unknown there: what follows is decided by a look.
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(stripe_refuses(&error.to_string())),
        }
        let synced = sync::sync_subscription(billing, subscription).await;
        synced.map_err(|error| is_looked_at_later(&error.to_string()))?;
    }
    let given = app.store.give_task(&username, app.now()).await?;
    task_of(&app, &username, given, "The workspace has ended, and nothing is left of it.").await
}

/// Gives a workspace another machine. What was in the old one is lost.
#[utoipa::path(
    post,
    path = "/api/workspaces/{username}/replace-machine",
    operation_id = "replace_machine",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace, WhyQuery),
    responses(
        (status = 200, description = "The task that prepares the other machine", body = TaskDetails),
        (status = 409, description = "It has ended", body = ErrorShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn replace_machine(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
    Query(WhyQuery { reason }): Query<WhyQuery>,
) -> Result<Answer<TaskDetails>, Problem> {
    let username = parse_username(&username)?;
    let reason = parse_reason(&reason)?;
    let given = app.store.replace_machine(&username, reason, app.now()).await?;
    if let Some(machines) = &app.machines {
        machines.wake_pool();
    }
    task_of(&app, &username, given, "The workspace has ended.").await
}

async fn task_of(
    app: &App,
    username: &Username,
    given: Given,
    at_rest: &'static str,
) -> Result<Answer<TaskDetails>, Problem> {
    match given {
        Given::Task(id) => details(app, &id).await,
        Given::AtRest => Err(conflict(at_rest)),
        Given::NoWorkspace => Err(none(username)),
    }
}

fn none(username: &Username) -> Problem {
    Problem::not_found(format!("There is no workspace {username} that was paid for."))
}

fn conflict(message: &'static str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "conflict", message)
}

fn is_looked_at_later(why: &str) -> Problem {
    let message = format!(
        "The subscription has ended at Stripe. The workspace has not yet: it ends with the next \
         look, which comes by itself or by asking again: {why}."
    );
    Problem::new(StatusCode::BAD_GATEWAY, "stripe", message)
}

fn stripe_refuses(why: &str) -> Problem {
    let message = format!("The subscription was not ended, and nothing was changed: {why}.");
    Problem::new(StatusCode::BAD_GATEWAY, "stripe", message)
}
