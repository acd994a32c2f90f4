//! Workspaces, listed and found; and everything about one of them at once.

use axum::Json as Answer;
use axum::extract::State;
use serde::Deserialize;
use shared::Username;
use utoipa::IntoParams;

use super::customers;
use super::domains::DomainView;
use super::money::AwakeView;
use super::paging::{Paging, page};
use super::pflaster::RoundView;
use super::responses::{MailView, Page, SpriteView, TaskDetails, TicketView};
use super::routes::parse_username;
use super::schemas::OfWorkspace;
use super::support_views::{PlanView, SessionView, WorkspaceDetails, WorkspaceView};
use crate::app::{App, SharedApp};
use crate::http::error_responses::{AboutOne, Guarded, Parsed};
use crate::http::{Path, Problem, Query};
use crate::model::workspace::WorkspaceState;
use crate::model::workspace::listing::ListedWorkspace;
use crate::store::{MailFilter, TaskFilter, WorkspaceFilter};

/// Of each kind of thing that belongs to a workspace: more than a question is about.
const LATEST: u32 = 20;

/// Longest that is searched for: an address.
const SEARCH_MAX_CHARS: usize = 254;

/// `?search=ada&state=live`, each of which may be left out.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FilterQuery {
    /// A part of a name, an address or a machine's name, or a whole id of Stripe's.
    #[param(max_length = 254)]
    search: Option<String>,
    /// `preparing`, `live`, `suspended`, `ending` or `ended`.
    state: Option<String>,
}

/// Workspaces by name, also those that have ended and those that nobody has paid for.
#[utoipa::path(
    get,
    path = "/api/workspaces",
    operation_id = "list_workspaces",
    tag = "operator",
    security(("admin_key" = [])),
    params(FilterQuery, Paging),
    responses(
        (status = 200, description = "A page of workspaces, by name", body = Page<WorkspaceView>),
        Parsed,
        Guarded
    )
)]
pub(super) async fn list(
    State(app): State<SharedApp>,
    Query(filter): Query<FilterQuery>,
    Query(paging): Query<Paging>,
) -> Result<Answer<Page<WorkspaceView>>, Problem> {
    let limit = paging.limit()?;
    Ok(Answer(find(&app, &filter.parse()?, &paging.after, limit).await?))
}

/// Everything about one workspace: plan, route, machine, sessions, tasks, letters, checks.
#[utoipa::path(
    get,
    path = "/api/workspaces/{username}",
    operation_id = "show_workspace",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace),
    responses(
        (status = 200, description = "The workspace", body = WorkspaceDetails),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn show(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
) -> Result<Answer<WorkspaceDetails>, Problem> {
    Ok(Answer(details(&app, &parse_username(&username)?).await?))
}

pub(crate) async fn find(
    app: &App,
    filter: &WorkspaceFilter,
    after: &str,
    limit: u32,
) -> Result<Page<WorkspaceView>, Problem> {
    let found = app.store.list_workspaces(filter, after, limit).await?;
    let view = |listed: ListedWorkspace| {
        let workspace_url = app.site.workspace_url(&listed.username);
        WorkspaceView::new(listed, workspace_url)
    };
    let found = found.into_iter().map(view).collect();
    Ok(page(found, limit, |it: &WorkspaceView| it.username.to_string()))
}

/// # Errors
/// 404 when nothing is known under this name.
pub(crate) async fn details(app: &App, username: &Username) -> Result<WorkspaceDetails, Problem> {
    let store = &app.store;
    let customer = store.customer(username).await?.map(|it| customers::view(app, it));
    let workspace = store.workspace(username).await?;
    let route = store.route(username).await?;
    if customer.is_none() && workspace.is_none() && route.is_none() {
        return Err(Problem::not_found(format!("Nothing is known under the name {username}.")));
    }
    let order = store.workspace_order(username).await?;
    let skills = order.map(|order| order.skills.ids().map(str::to_owned).collect());
    let filter = TaskFilter { username: Some(*username), ..TaskFilter::default() };
    let mut tasks = Vec::new();
    for task in store.tasks(&filter, None, LATEST).await? {
        if let Some((task, steps)) = store.task(&task.id).await? {
            tasks.push(TaskDetails::new(task, steps));
        }
    }
    let filter = MailFilter { username: Some(*username), ..MailFilter::default() };
    let mails = store.mails(&filter, None, LATEST).await?;
    let tickets = store.tickets(Some(*username), None, LATEST).await?;
    let rounds = store.healing_rounds_of(username, LATEST).await?;
    let domains = store.domains_of(username).await?;
    let now = app.now();
    let sessions = store.open_sessions(username, now).await?;
    let awake = store.awake_time(username).await?.and_then(|time| time.this_month(now));
    Ok(WorkspaceDetails {
        username: *username,
        workspace_url: app.site.workspace_url(username),
        customer,
        plan: workspace.map(|it| PlanView::new(it, skills.unwrap_or_default())),
        route,
        locks: store.locks_of(username).await?,
        machine: store.sprite_of(username).await?.map(SpriteView::new),
        awake: awake.map(|awake| AwakeView::new(app, *username, awake, now)),
        domains: domains.iter().map(|own| DomainView::new(own, now)).collect(),
        sessions: sessions.iter().map(SessionView::new).collect(),
        tasks,
        mails: mails.into_iter().map(MailView::new).collect(),
        tickets: tickets.into_iter().map(TicketView::new).collect(),
        pflaster: rounds.into_iter().map(RoundView::new).collect(),
    })
}

impl FilterQuery {
    fn parse(&self) -> Result<WorkspaceFilter, Problem> {
        let state = self.state.as_deref().map(WorkspaceState::parse).transpose();
        let state = state.map_err(|error| Problem::invalid("state", error))?;
        if self.search.as_ref().is_some_and(|it| it.chars().count() > SEARCH_MAX_CHARS) {
            let rule = format!("search has at most {SEARCH_MAX_CHARS} characters");
            return Err(Problem::invalid("search", rule));
        }
        Ok(WorkspaceFilter { state, search: self.search.clone() })
    }
}
