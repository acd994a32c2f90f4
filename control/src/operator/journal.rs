//! The journal: who did what to which workspace, machine, route and price, and when.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::paging::{Paging, page};
use super::responses::Page;
use super::routes::parse_username;
use crate::app::SharedApp;
use crate::base::clock::Moment;
use crate::http::error_responses::{Guarded, Parsed};
use crate::http::{Problem, Query};
use crate::store::{JournalEntry, JournalFilter};

/// `?workspace=ada&since=1771083928`, each of which may be left out.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// What was done to this workspace, its route and its machines.
    #[param(max_length = 63)]
    workspace: Option<String>,
    /// Only what was done from then on, in unix seconds.
    since: Option<u64>,
}

/// What somebody did.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct JournalView {
    /// For `after`; grows with time.
    pub id: String,
    /// Unix seconds.
    pub at: u64,
    /// `operator`, `system` or `customer`.
    pub kind: String,
    /// The name of the operator, of the task or reconciler, or of the customer.
    pub who: String,
    /// As in `workspace ada`, `machine arca-1`, `route ada`, `pool`, `price`.
    pub subject: String,
    pub act: String,
    /// `null` while it is being done, or when its end was lost.
    pub outcome: Option<String>,
}

pub type JournalPage = Page<JournalView>;

/// Who did what, the newest first; `?after=` is the `next` of the page before.
#[utoipa::path(
    get,
    path = "/api/journal",
    operation_id = "show_journal",
    tag = "operator",
    security(("admin_key" = [])),
    params(Which, Paging),
    responses(
        (status = 200, description = "A page of it, the newest first", body = Page<JournalView>),
        Parsed,
        Guarded
    )
)]
pub(super) async fn list(
    State(app): State<SharedApp>,
    Query(which): Query<Which>,
    Query(paging): Query<Paging>,
) -> Result<Answer<JournalPage>, Problem> {
    let limit = paging.limit()?;
    let workspace = which.workspace.as_deref().map(parse_username).transpose()?;
    let filter = JournalFilter {
        subject: None,
        workspace: workspace.as_ref().map(|username| username.as_str()),
        since: which.since.map(|since| Moment::from_millis(since.saturating_mul(1_000))),
        before: Some(paging.after.as_str()),
    };
    let entries = app.store.journal(&filter, limit).await?;
    let Page { items, next } = page(entries, limit, |entry: &JournalEntry| entry.id.clone());
    Ok(Answer(Page { items: items.into_iter().map(JournalView::new).collect(), next }))
}

impl JournalView {
    fn new(entry: JournalEntry) -> Self {
        let JournalEntry { id, at, kind, actor, subject, act, outcome } = entry;
        let kind = kind.as_str().to_owned();
        Self { id, at: at.seconds(), kind, who: actor, subject, act, outcome }
    }
}
