//! What is checked around tasks, what was done about it, and what would be done now.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::schemas::OfTask;
use super::tasks::{no_task, parse_id};
use crate::app::SharedApp;
use crate::base::date::iso_time;
use crate::http::error_responses::{AboutOne, ErrorShape, Guarded, Parsed};
use crate::http::{Path, Problem, Query};
use crate::model::healing::{Phase, Round, StoredEntry};
use crate::pflaster::{Finding, Pflaster, table};

/// Rounds that an export holds.
const EXPORTED: u32 = 200;

/// One line of the table.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CheckView {
    pub check: String,
    /// Before an attempt at a task, or after it.
    pub when: Phase,
    pub kinds: Vec<String>,
    pub looks: String,
    /// `patch`, `fix` or `note`.
    pub action: String,
    pub does: String,
    pub why: String,
    pub hourly_limit: u64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Checks {
    pub items: Vec<CheckView>,
}

/// What was found before or after one attempt.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RoundView {
    pub task_id: String,
    pub phase: Phase,
    /// In UTC, to the second.
    #[schema(example = "2026-02-14T15:45:28Z")]
    pub timestamp: String,
    pub entries: Vec<EntryView>,
}

/// A check that was not well. One of `patch`, `fix` and `note` is there.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EntryView {
    #[serde(rename = "type")]
    pub check: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub patch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub fix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub note: Option<String>,
}

/// A patch that was not taken off yet.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PatchView {
    #[serde(rename = "type")]
    pub check: String,
    pub task_id: String,
    pub timestamp: String,
    pub patch: String,
}

/// The patches that stand, and the last 200 rounds, the oldest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HealingExport {
    pub patches: Vec<PatchView>,
    pub log: Vec<RoundView>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HealingLog {
    pub items: Vec<RoundView>,
}

/// What would be done around an attempt at a task now.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RehearsedView {
    pub check: String,
    pub when: Phase,
    pub is_well: bool,
    /// What is wrong, where something is.
    pub found: Option<String>,
    /// What would be done, where something would.
    pub would: Option<String>,
    pub why: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Rehearsal {
    pub items: Vec<RehearsedView>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LogQuery {
    /// How many rounds at most; 50 if it is not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Every check, what is done about it, and why.
#[utoipa::path(
    get,
    path = "/api/pflaster/checks",
    operation_id = "list_checks",
    tag = "operator",
    security(("admin_key" = [])),
    responses((status = 200, description = "The table", body = Checks), Guarded)
)]
pub(super) async fn checks() -> Answer<Checks> {
    let view = |check: &crate::model::healing::Check| CheckView {
        check: check.name.as_str().to_owned(),
        when: check.phase,
        kinds: check.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
        looks: check.looks.to_owned(),
        action: check.action.as_str().to_owned(),
        does: check.heals.to_owned(),
        why: check.why.to_owned(),
        hourly_limit: check.hourly_limit,
    };
    Answer(Checks { items: table::CHECKS.iter().map(view).collect() })
}

/// What was found and done, the newest first.
#[utoipa::path(
    get,
    path = "/api/pflaster/log",
    operation_id = "list_healings",
    tag = "operator",
    security(("admin_key" = [])),
    params(LogQuery),
    responses((status = 200, description = "The last rounds", body = HealingLog), Parsed, Guarded)
)]
pub(super) async fn log(
    State(app): State<SharedApp>,
    Query(LogQuery { limit }): Query<LogQuery>,
) -> Result<Answer<HealingLog>, Problem> {
    let limit = limit.unwrap_or(50);
    if !(1..=EXPORTED).contains(&limit) {
        return Err(Problem::invalid("limit", format!("limit must be between 1 and {EXPORTED}")));
    }
    let rounds = app.store.healing_rounds(limit).await?;
    Ok(Answer(HealingLog { items: rounds.into_iter().map(RoundView::new).collect() }))
}

/// The patches that stand, and the last 200 rounds.
#[utoipa::path(
    get,
    path = "/api/pflaster/export",
    operation_id = "export_healings",
    tag = "operator",
    security(("admin_key" = [])),
    responses((status = 200, description = "Patches and log", body = HealingExport), Guarded)
)]
pub(super) async fn export(State(app): State<SharedApp>) -> Result<Answer<HealingExport>, Problem> {
    let mut rounds = app.store.healing_rounds(EXPORTED).await?;
    rounds.reverse();
    let patches = app.store.standing_patches(EXPORTED).await?;
    Ok(Answer(HealingExport {
        patches: patches.into_iter().map(PatchView::new).collect(),
        log: rounds.into_iter().map(RoundView::new).collect(),
    }))
}

/// Looks at everything that is checked around a task, and touches nothing.
#[utoipa::path(
    get,
    path = "/api/pflaster/rehearse/{id}",
    operation_id = "rehearse_task",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfTask),
    responses(
        (status = 200, description = "What would be done now", body = Rehearsal),
        (status = 409, description = "No provider is configured", body = ErrorShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn rehearse(
    State(app): State<SharedApp>,
    Path(id): Path<String>,
) -> Result<Answer<Rehearsal>, Problem> {
    let id = parse_id(&id)?;
    let (task, _) = app.store.task(&id).await?.ok_or_else(|| no_task(&id))?;
    let Some(context) = app.job_context() else {
        let message = "No provider of sprites is configured, and nothing is checked.";
        return Err(Problem::new(StatusCode::CONFLICT, "not_configured", message));
    };
    let pflaster = Pflaster::new(context);
    let mut items = Vec::new();
    for phase in [Phase::Pre, Phase::Post] {
        for check in Pflaster::checks(phase, &task) {
            let found = match pflaster.look(check, &task).await {
                Ok(Finding::Well) => None,
                Ok(Finding::Ill(why)) => Some(why),
                Err(error) => Some(format!("it cannot be said: {error}")),
            };
            items.push(RehearsedView {
                check: check.name.as_str().to_owned(),
                when: phase,
                is_well: found.is_none(),
                would: found.is_some().then(|| check.heals.to_owned()),
                found,
                why: check.why.to_owned(),
            });
        }
    }
    Ok(Answer(Rehearsal { items }))
}

impl RoundView {
    pub(crate) fn new(round: Round) -> Self {
        Self {
            task_id: round.task.to_string(),
            phase: round.phase,
            timestamp: iso_time(round.at),
            entries: round.entries.into_iter().map(EntryView::new).collect(),
        }
    }
}

impl EntryView {
    fn new(entry: StoredEntry) -> Self {
        let StoredEntry { check, action, detail, .. } = entry;
        let only = |word: &str| (action == word).then(|| detail.clone());
        Self { patch: only("patch"), fix: only("fix"), note: only("note"), check }
    }
}

impl PatchView {
    fn new(entry: StoredEntry) -> Self {
        Self {
            check: entry.check,
            task_id: entry.task,
            timestamp: iso_time(entry.at),
            patch: entry.detail,
        }
    }
}
