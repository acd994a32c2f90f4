//! The pool: how it stands, sprite by sprite, and what an operator may ask of it.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::paging::{Paging, page};
use super::responses::{Page, PauseView, Pool, PoolSprites, Preparations, Resumed, SpriteView};
use super::tasks::parse_reason;
use super::workspaces::WhyQuery;
use crate::app::{App, SharedApp};
use crate::http::error_responses::{AboutOne, ErrorShape, Guarded, Parsed, WithBody};
use crate::http::{Json, Path, Problem, Query};
use crate::machines::context::Machines;
use crate::model::pool::{Counts, PoolSprite, Situation, SpriteState, Standing, plan};
use vendors::sprites::SpriteName;

/// Most that one call may ask for: an operator's typing error must not empty the plan.
const PREPARED_A_CALL: u64 = 10;

/// The keeper keeps fewer.
const QUARANTINED_SHOWN: u32 = 50;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PrepareBody {
    #[schema(minimum = 1, maximum = 10)]
    count: u64,
}

/// How the pool stands.
#[utoipa::path(
    get,
    path = "/api/pool",
    operation_id = "show_pool",
    tag = "operator",
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "How it stands", body = Pool),
        (status = 404, description = "No provider is configured", body = ErrorShape),
        Guarded
    )
)]
pub(crate) async fn show(State(app): State<SharedApp>) -> Result<Answer<Pool>, Problem> {
    let machines = machines(&app)?;
    let standing = app.store.pool_standing().await?;
    let survey = machines.pool.survey();
    let pause = standing.pause;
    let quarantined = app.store.sprites_in(SpriteState::Quarantined, QUARANTINED_SHOWN).await?;
    Ok(Answer(Pool {
        counts: app.store.count_sprites().await?,
        target_available: machines.target.available,
        wanted: machines.wanted(),
        target_at_once: machines.target.at_once,
        base: machines.base.hash().to_owned(),
        failures: standing.failures,
        failure_limit: machines.failure_limit,
        paused: pause.map(|it| PauseView { since: it.since.seconds(), why: it.why }),
        room: survey.room,
        orphans: survey.orphans.iter().map(ToString::to_string).collect(),
        surveyed_at: survey.at.map(crate::base::clock::Moment::seconds),
        survey_error: survey.error,
        quarantined: quarantined.into_iter().map(SpriteView::new).collect(),
        quarantined_hours: machines.quarantined.as_secs() / 3_600,
    }))
}

/// Sprite by sprite.
#[utoipa::path(
    get,
    path = "/api/pool/sprites",
    operation_id = "list_sprites",
    tag = "operator",
    security(("admin_key" = [])),
    params(Paging),
    responses(
        (status = 200, description = "A page of sprites, by name", body = Page<SpriteView>),
        Parsed,
        Guarded
    )
)]
pub(super) async fn list(
    State(app): State<SharedApp>,
    Query(paging): Query<Paging>,
) -> Result<Answer<PoolSprites>, Problem> {
    let limit = paging.limit()?;
    let sprites = app.store.sprites(&paging.after, limit).await?;
    let sprites = sprites.into_iter().map(SpriteView::new).collect();
    Ok(Answer(page(sprites, limit, |sprite| sprite.name.clone())))
}

/// Begins preparations beyond the target, also while the pool is paused.
#[utoipa::path(
    post,
    path = "/api/pool/prepare",
    operation_id = "prepare_sprites",
    tag = "operator",
    security(("admin_key" = [])),
    request_body = PrepareBody,
    responses(
        (status = 200, description = "The tasks that were begun", body = Preparations),
        (status = 404, description = "No provider is configured", body = ErrorShape),
        Parsed,
        WithBody,
        Guarded
    )
)]
pub(super) async fn prepare(
    State(app): State<SharedApp>,
    Json(body): Json<PrepareBody>,
) -> Result<Answer<Preparations>, Problem> {
    let machines = machines(&app)?;
    if !(1..=PREPARED_A_CALL).contains(&body.count) {
        let rule = format!("count must be between 1 and {PREPARED_A_CALL}");
        return Err(Problem::invalid("count", rule));
    }
    let room = machines.pool.survey().room;
    let decide = |counts: Counts, standing: &Standing| {
        let situation = Situation {
            counts,
            is_paused: standing.pause.is_some(),
            failures_left: machines.failure_limit.saturating_sub(standing.failures),
            room,
        };
        plan::allowed(body.count, machines.target, &situation)
    };
    let base = machines.base.hash();
    let begun = app.store.begin_preparations(decide, &machines.labels, base, app.now()).await?;
    Ok(Answer(Preparations { tasks: begun.iter().map(ToString::to_string).collect() }))
}

/// Ends a pause of the pool.
#[utoipa::path(
    post,
    path = "/api/pool/resume",
    operation_id = "resume_pool",
    tag = "operator",
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "It is not paused", body = Resumed),
        (status = 404, description = "No provider is configured", body = ErrorShape),
        Guarded
    )
)]
pub(super) async fn resume(State(app): State<SharedApp>) -> Result<Answer<Resumed>, Problem> {
    let machines = machines(&app)?;
    let was_paused = app.store.resume_pool().await?;
    machines.wake_pool();
    Ok(Answer(Resumed { was_paused }))
}

/// Has a quarantined machine destroyed. Another one is not touched.
#[utoipa::path(
    post,
    path = "/api/pool/sprites/{name}/destroy",
    operation_id = "destroy_sprite",
    tag = "operator",
    security(("admin_key" = [])),
    params(("name" = String, Path, description = "The machine's name"), WhyQuery),
    responses(
        (status = 200, description = "It is being destroyed", body = SpriteView),
        (status = 409, description = "It is not in quarantine", body = ErrorShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn destroy(
    State(app): State<SharedApp>,
    Path(name): Path<String>,
    Query(WhyQuery { reason }): Query<WhyQuery>,
) -> Result<Answer<SpriteView>, Problem> {
    let (name, reason) = (parse_sprite_name(&name)?, parse_reason(&reason)?);
    let none = || Problem::not_found("There is no such machine.");
    let row = app.store.sprite(&name).await?.ok_or_else(none)?;
    let (why, now) = (format!("by hand: {reason}"), app.now());
    if !app.store.destroy_quarantined(&name, &why, now).await? {
        let state = row.state.as_str();
        let message = format!("The machine is {state}: only a quarantined one is destroyed.");
        return Err(Problem::new(StatusCode::CONFLICT, "conflict", message));
    }
    if let Some(machines) = &app.machines {
        machines.wake_pool();
    }
    Ok(Answer(SpriteView::new(PoolSprite { state: SpriteState::Failed, changed: now, ..row })))
}

/// # Errors
/// 422 when it is no name of a machine.
pub(super) fn parse_sprite_name(name: &str) -> Result<SpriteName, Problem> {
    SpriteName::parse(name).map_err(|_rule| Problem::invalid("name", "This is no machine's name."))
}

pub(super) fn machines(app: &App) -> Result<&Arc<Machines>, Problem> {
    app.machines.as_ref().ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "not_configured",
            "No provider of sprites is configured: [sprites] is missing in control.toml.",
        )
    })
}
