//! What an agent and its gateway have logged, fetched from the machine. Wakes it.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::VmSecret;
use url::form_urlencoded::Serializer;
use utoipa::{IntoParams, ToSchema};
use vendors::sprites::address::Probe;

use super::routes::parse_username;
use super::schemas::OfWorkspace;
use crate::app::SharedApp;
use crate::http::error_responses::{AboutOne, ErrorShape, Guarded, Parsed};
use crate::http::{Path, Problem, Query};
use crate::machines::vm::layout;
use crate::model::pool::PoolSprite;

/// `?log=agent&since=2026-02-14T15:45:28&after=…`
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LogQuery {
    /// `gateway`, which is meant when nothing is said, or `agent`.
    #[param(max_length = 16)]
    log: Option<String>,
    /// From the first line of this time on, in UTC; without it, the end.
    #[param(max_length = 32)]
    since: Option<String>,
    /// The `cursor` of an earlier answer: what came after it.
    #[param(max_length = 64)]
    after: Option<String>,
}

/// A piece of a log.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LogPiece {
    /// Whole lines, without secrets.
    pub text: String,
    /// For `after`.
    pub cursor: String,
    /// There is more already.
    pub more: bool,
}

/// A piece of what the agent of a workspace, or its gateway, has logged. Wakes the machine.
#[utoipa::path(
    get,
    path = "/api/workspaces/{username}/logs",
    operation_id = "workspace_logs",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace, LogQuery),
    responses(
        (status = 200, description = "Lines", body = LogPiece),
        (status = 502, description = "The machine does not answer", body = ErrorShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn show(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
    Query(query): Query<LogQuery>,
) -> Result<Answer<LogPiece>, Problem> {
    let username = parse_username(&username)?;
    let none = || Problem::not_found(format!("There is no machine of {username}."));
    let sprite = app.store.sprite_of(&username).await?;
    let machine = sprite.and_then(PoolSprite::assigned).ok_or_else(none)?;
    let machines = app.machines.as_ref().ok_or_else(none)?;
    let path = path(&query)?;
    let ring = &app.keys.present().ring;
    let token = VmSecret::Health.derive(ring, &machine.id(), machine.assignment);
    match machines.sprites.probe(&machine.upstream, &path, &token).await {
        Probe::Answered { status, body } if status == reqwest::StatusCode::OK => {
            let piece = serde_json::from_slice(&body);
            piece.map(Answer).map_err(|_| silent("The machine's answer cannot be read."))
        }
        Probe::Answered { status, .. } => {
            Err(silent(&format!("The machine answers with status {status}.")))
        }
        Probe::Walled => Err(silent("The machine's URL is not public.")),
        Probe::Silent(lost) => Err(silent(&format!("The machine does not answer: {lost}."))),
    }
}

fn path(query: &LogQuery) -> Result<String, Problem> {
    let log = query.log.as_deref().unwrap_or("gateway");
    if !matches!(log, "gateway" | "agent") {
        let message = "`log` is gateway or agent.";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_request", message));
    }
    let mut pairs = Serializer::new(String::new());
    pairs.append_pair("log", log);
    for (name, value) in [("since", &query.since), ("after", &query.after)] {
        if let Some(value) = value {
            pairs.append_pair(name, value);
        }
    }
    Ok(format!("{}?{}", layout::LOGS_PATH, pairs.finish()))
}

fn silent(message: &str) -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, "machine_unreachable", message.to_owned())
}
