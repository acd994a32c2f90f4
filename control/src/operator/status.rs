//! Is all well, and if not, what is to be done?

use axum::Json as Answer;
use axum::extract::State;

use super::responses::{EdgeView, Status};
use crate::app::{App, SharedApp};
use crate::certificates::CERTIFICATE;
use crate::http::Problem;
use crate::http::error_responses::Guarded;
use crate::model::promise::{
    CertificateFacts, EdgeFacts, Facts, MachineFacts, RouteFacts, StripeFacts, TaskLoad,
    WaitingFacts, is_well, judge,
};
use crate::model::task::{Kind, TaskState};
use crate::model::workspace::WorkspaceState;
use crate::routes::CertificateStanding;
use crate::store::{StoreError, TaskCount};

/// Workspaces that are looked through for those who wait, the longest first.
const WAITING_MAX: u32 = 1_000;

/// Every promise of the system, how it stands, and what to do where it is not kept.
#[utoipa::path(
    get,
    path = "/api/status",
    operation_id = "show_status",
    tag = "operator",
    security(("admin_key" = [])),
    responses((status = 200, description = "How all stands", body = Status), Guarded)
)]
pub(super) async fn show(State(app): State<SharedApp>) -> Result<Answer<Status>, Problem> {
    Ok(Answer(status(&app).await?))
}

/// # Errors
/// When the database does not answer.
pub(crate) async fn status(app: &App) -> Result<Status, StoreError> {
    let now = app.now();
    let generation = app.store.table_state().await?.generation;
    let edges: Vec<_> =
        app.publisher.edges().into_iter().map(|edge| EdgeView::new(edge, generation)).collect();
    let facts = facts(app, &edges).await?;
    let promises = judge(&facts, now);
    Ok(Status { well: is_well(&promises), at: now.seconds(), promises, generation, edges })
}

async fn facts(app: &App, edges: &[EdgeView]) -> Result<Facts, StoreError> {
    let store = &app.store;
    let edge = |edge: &EdgeView| EdgeFacts {
        name: edge.name.clone(),
        is_reachable: edge.reachable,
        is_in_step: edge.in_step,
        lag: edge.lag,
    };
    Ok(Facts {
        takes_writes: store.try_write().await.is_ok(),
        unreadable_rows: store.unreadable_rows().len(),
        disk: store.disk(),
        machines: machines(app).await?,
        waiting: waiting(app).await?,
        loads: loads(&store.count_tasks().await?),
        edges: edges.iter().map(edge).collect(),
        certificate: certificate(app).await?,
        routes: RouteFacts {
            count: store.count_routes().await?,
            unrouted: store.count_unrouted().await?,
        },
        sends_mail: app.installed.sends_mail,
        opens_tickets: app.installed.opens_tickets,
        stripe: match app.billing {
            Some(_) => Some(StripeFacts {
                last_event: store.last_stripe_event().await?,
                list: store.subscription_list().await?,
            }),
            None => None,
        },
    })
}

async fn machines(app: &App) -> Result<Option<MachineFacts>, StoreError> {
    let Some(machines) = &app.machines else { return Ok(None) };
    let survey = machines.pool.survey();
    let standing = app.store.pool_standing().await?;
    Ok(Some(MachineFacts {
        counts: app.store.count_sprites().await?,
        target: machines.wanted(),
        paused: standing.pause.map(|pause| (pause.since, pause.why)),
        orphans: survey.orphans.len(),
        answered: survey.at,
        error: survey.error,
    }))
}

async fn certificate(app: &App) -> Result<Option<CertificateFacts>, StoreError> {
    if !app.installed.obtains_certificates {
        return Ok(None);
    }
    let lacking = app.publisher.edges().into_iter().filter_map(|edge| match edge.certificates {
        CertificateStanding::Lacking(why) => Some(format!("{}: {why}", edge.name)),
        _ => None,
    });
    let lacking = lacking.collect();
    Ok(Some(CertificateFacts { state: app.store.certificate(CERTIFICATE).await?, lacking }))
}

async fn waiting(app: &App) -> Result<WaitingFacts, StoreError> {
    let unsettled = app.store.unsettled_workspaces(WAITING_MAX).await?;
    let waiting = unsettled.iter().filter(|it| it.state == WorkspaceState::Preparing);
    let since: Vec<_> = waiting.map(|it| it.since).collect();
    Ok(WaitingFacts {
        count: since.len(),
        oldest: since.into_iter().min(),
        patience: app.installed.patience,
    })
}

fn loads(counts: &[TaskCount]) -> Vec<TaskLoad> {
    let load = |kind: Kind| {
        let of = |state| counts.iter().find(|it| it.kind == kind && it.state == state);
        let waiting = of(TaskState::Waiting);
        TaskLoad {
            kind,
            waiting: waiting.map_or(0, |it| it.count),
            oldest_due: waiting.map(|it| it.oldest_due),
            dead: of(TaskState::Dead).map_or(0, |it| it.count),
        }
    };
    Kind::ALL.into_iter().map(load).collect()
}
