//! The fleet: which base is wanted, where it stands, and who has what.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::Username;
use utoipa::ToSchema;

use super::pool::machines;
use crate::app::SharedApp;
use crate::http::Problem;
use crate::http::error_responses::{ErrorShape, Guarded};
use crate::model::fleet::{Trial, UpdateState};

/// Bases that are remembered, and updates that are shown.
const SHOWN: u32 = 1_000;

/// How the fleet stands. Moments are in unix seconds.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FleetView {
    /// Of OpenClaw in the base that is wanted; without it the fleet is not looked after.
    pub version: Option<String>,
    /// The hash of the base that is wanted.
    pub base: String,
    /// Where it stands; `null` before it was looked at.
    pub trial: Option<Trial>,
    /// Why it was refused.
    pub why: Option<String>,
    /// Since when nothing new is begun.
    pub paused_since: Option<u64>,
    /// Workspaces that have another base, and were not tried with this one.
    pub waiting: u64,
    pub updating: u64,
    pub updated: u64,
    /// Were tried with it, and have what they had before.
    pub went_back: u64,
    /// Of those that wait or are updating: were in use when it was their turn.
    pub put_off: u64,
    /// What the workspaces have, the most first.
    pub bases: Vec<BaseView>,
    /// Of the wanted base, those that changed last first.
    pub updates: Vec<UpdateView>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BaseView {
    pub base: String,
    /// Where it was wanted since the fleet is looked after.
    pub version: Option<String>,
    pub workspaces: u64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UpdateView {
    #[schema(value_type = String)]
    pub username: Username,
    pub state: UpdateState,
    pub why: Option<String>,
    pub task: String,
    pub changed_at: u64,
}

/// What a change of the fleet found.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FleetChanged {
    /// Whether it was so before.
    pub was_so: bool,
}

/// How the fleet stands.
#[utoipa::path(
    get,
    path = "/api/fleet",
    operation_id = "show_fleet",
    tag = "operator",
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "How it stands", body = FleetView),
        (status = 404, description = "No provider is configured", body = ErrorShape),
        Guarded
    )
)]
pub(super) async fn show(State(app): State<SharedApp>) -> Result<Answer<FleetView>, Problem> {
    let base = &machines(&app)?.base;
    let store = &app.store;
    let known = store.fleet_bases(SHOWN).await?;
    let wanted = known.iter().find(|it| it.base == base.hash());
    let fleet = store.count_fleet(base.hash()).await?;
    let version = |base: &str| Some(known.iter().find(|it| it.base == base)?.version.clone());
    let bases = store.count_bases().await?.into_iter().map(|(base, workspaces)| BaseView {
        version: version(&base),
        base,
        workspaces,
    });
    let updates = store.workspace_updates(base.hash(), SHOWN).await?;
    let updates = updates.into_iter().map(|it| UpdateView {
        username: it.username,
        state: it.state,
        why: it.why,
        task: it.task.to_string(),
        changed_at: it.changed.seconds(),
    });
    Ok(Answer(FleetView {
        version: base.gateway_version.clone(),
        base: base.hash().to_owned(),
        trial: wanted.map(|it| it.trial),
        why: wanted.and_then(|it| it.why.clone()),
        paused_since: store.fleet_paused().await?.map(crate::base::clock::Moment::seconds),
        waiting: fleet.waiting,
        updating: fleet.updating,
        updated: fleet.updated,
        went_back: fleet.went_back,
        put_off: fleet.put_off,
        bases: bases.collect(),
        updates: updates.collect(),
    }))
}

/// Begins nothing new; what has begun is brought to its end.
#[utoipa::path(
    post,
    path = "/api/fleet/pause",
    operation_id = "pause_fleet",
    tag = "operator",
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "It is paused", body = FleetChanged),
        (status = 404, description = "No provider is configured", body = ErrorShape),
        Guarded
    )
)]
pub(super) async fn pause(State(app): State<SharedApp>) -> Result<Answer<FleetChanged>, Problem> {
    machines(&app)?;
    let was_so = app.store.pause_fleet(Some(app.now())).await?;
    Ok(Answer(FleetChanged { was_so }))
}

/// Goes on.
#[utoipa::path(
    post,
    path = "/api/fleet/resume",
    operation_id = "resume_fleet",
    tag = "operator",
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "It is not paused", body = FleetChanged),
        (status = 404, description = "No provider is configured", body = ErrorShape),
        Guarded
    )
)]
pub(super) async fn resume(State(app): State<SharedApp>) -> Result<Answer<FleetChanged>, Problem> {
    machines(&app)?;
    let was_paused = app.store.pause_fleet(None).await?;
    Ok(Answer(FleetChanged { was_so: !was_paused }))
}

/// Tries the wanted base again where it was refused, and those that went back from it.
#[utoipa::path(
    post,
    path = "/api/fleet/retry",
    operation_id = "retry_fleet",
    tag = "operator",
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "It is not refused", body = FleetChanged),
        (status = 404, description = "No provider is configured", body = ErrorShape),
        Guarded
    )
)]
pub(super) async fn retry(State(app): State<SharedApp>) -> Result<Answer<FleetChanged>, Problem> {
    let base = machines(&app)?.base.hash();
    let was_refused = app.store.retry_base(base).await?;
    Ok(Answer(FleetChanged { was_so: !was_refused }))
}
