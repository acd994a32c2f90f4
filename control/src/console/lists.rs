//! Pages that are a list: workspaces, tasks, letters, tickets, checks, money, journal.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::page::{Cell, Fact, Link, Page, PageTemplate, Table, answer};
use super::session::signed_in;
use super::tables;
use crate::app::SharedApp;
use crate::base::date::iso_time;
use crate::http::{Problem, Query};
use crate::model::mail::MailState;
use crate::model::task::TaskState;
use crate::model::workspace::WorkspaceState;
use crate::operator::{money, support};
use crate::store::{
    ActorKind, JournalEntry, JournalFilter, MailFilter, TaskFilter, WorkspaceFilter,
};

/// Rows of one page: what a phone can scroll through.
pub(super) const ROWS: u32 = 50;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ListQuery {
    search: String,
    state: String,
    pub(super) after: String,
}

/// Links to the same list in each of its states, and to all of it.
fn states(path: &str, names: &[&'static str], present: &str) -> Vec<Link> {
    let link = |state: &'static str| Link {
        href: format!("{path}?state={state}"),
        text: state,
        is_here: state == present,
    };
    let all = Link { href: path.to_owned(), text: "all", is_here: present.is_empty() };
    std::iter::once(all).chain(names.iter().copied().map(link)).collect()
}

pub(super) fn failed(error: impl Into<Problem>) -> Response {
    error.into().into_response()
}

pub(super) async fn workspaces(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let search = Some(query.search.trim().to_owned()).filter(|it| !it.is_empty());
    // A word that is no state is as if it had not been said.
    let filter = WorkspaceFilter { state: WorkspaceState::parse(&query.state).ok(), search };
    let found = support::find(&app, &filter, &query.after, ROWS).await.map_err(failed)?;
    let next = found.next.map(|after| {
        let pairs = [("search", &query.search), ("state", &query.state), ("after", &after)];
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("/console/workspaces?{query}")
    });
    let names = ["preparing", "live", "suspended", "ending", "ended"];
    let page = Page {
        title: "Workspaces".to_owned(),
        search: Some(query.search),
        links: states("/console/workspaces", &names, &query.state),
        tables: vec![tables::workspaces(&found.items, app.now())],
        next,
        ..Page::default()
    };
    let frame = session.frame("/console/workspaces");
    Ok(answer(StatusCode::OK, &PageTemplate { frame, page }))
}

pub(super) async fn tasks(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let state = TaskState::parse(&query.state).ok();
    let filter = TaskFilter { state, ..TaskFilter::default() };
    let tasks = app.store.tasks(&filter, None, ROWS).await.map_err(failed)?;
    let tasks: Vec<_> = tasks.into_iter().map(crate::operator::responses::TaskView::new).collect();
    let page = Page {
        title: "Tasks".to_owned(),
        links: states("/console/tasks", &["waiting", "running", "dead", "done"], &query.state),
        tables: vec![tables::tasks("The newest", tasks.iter(), app.now())],
        ..Page::default()
    };
    let frame = session.frame("/console/tasks");
    Ok(answer(StatusCode::OK, &PageTemplate { frame, page }))
}

pub(super) async fn letters(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let filter = MailFilter { state: MailState::parse(&query.state).ok(), ..MailFilter::default() };
    let mails = app.store.mails(&filter, None, ROWS).await.map_err(failed)?;
    let mails: Vec<_> = mails.into_iter().map(crate::operator::responses::MailView::new).collect();
    let names = ["waiting", "sent", "dropped", "unsent", "failed"];
    let page = Page {
        title: "Letters".to_owned(),
        links: states("/console/letters", &names, &query.state),
        tables: vec![tables::mails(&mails, app.now())],
        ..Page::default()
    };
    let frame = session.frame("/console/letters");
    Ok(answer(StatusCode::OK, &PageTemplate { frame, page }))
}

pub(super) async fn tickets(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let tickets = app.store.tickets(None, None, ROWS).await.map_err(failed)?;
    let tickets: Vec<_> =
        tickets.into_iter().map(crate::operator::responses::TicketView::new).collect();
    let tables = vec![tables::tickets(&tickets, app.now())];
    let page = Page { title: "Tickets".to_owned(), tables, ..Page::default() };
    let frame = session.frame("/console/tickets");
    Ok(answer(StatusCode::OK, &PageTemplate { frame, page }))
}

pub(super) async fn pflaster(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let rounds = app.store.healing_rounds(ROWS).await.map_err(failed)?;
    let rounds: Vec<_> =
        rounds.into_iter().map(crate::operator::pflaster::RoundView::new).collect();
    let tables = vec![tables::pflaster(&rounds)];
    let page = Page { title: "Pflaster".to_owned(), tables, ..Page::default() };
    let frame = session.frame("/console/pflaster");
    Ok(answer(StatusCode::OK, &PageTemplate { frame, page }))
}

pub(super) async fn money(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let money = money::money(&app).await.map_err(failed)?;
    let row = |it: &money::CountView| {
        vec![
            it.state.as_str().into(),
            it.subscription_status.as_str().into(),
            it.count.to_string().into(),
        ]
    };
    let facts = vec![
        Fact::new("Comes in", format!("{} a month", money.monthly)),
        Fact::new("From", format!("{} at {}", money.paying, money.price)),
        Fact::new(
            "Overdue",
            format!("{} more a month, from {}", money.monthly_overdue, money.overdue),
        ),
        Fact::new("Machines awake", format!("{} hours this month", money.awake_hours)),
        Fact::new(
            "Machines cost",
            format!("{} in the whole month, if it goes on like that", money.machine_cost),
        ),
        Fact::new("Left", format!("{} a month", money.margin)),
        Fact::new("Cost more than they pay", money.costing_more_than_paid.to_string()),
    ];
    let table = Table {
        title: "Workspaces by subscription",
        header: vec!["Workspace", "Subscription", "Count"],
        rows: money.workspaces.iter().map(row).collect(),
        none: "No workspace was sold yet.",
    };
    let longest = |it: &money::AwakeView| {
        vec![
            Cell::link(it.username.as_str(), format!("/console/workspaces/{}", it.username)),
            it.hours.to_string().into(),
            it.cost.as_str().into(),
            it.margin.as_str().into(),
        ]
    };
    let awake = Table {
        title: "Longest awake this month",
        header: vec!["Workspace", "Hours", "Cost a month", "Left"],
        rows: money.longest_awake.iter().map(longest).collect(),
        none: "No agent has said yet for how long its machine was awake.",
    };
    let tables = vec![table, awake];
    let page = Page { title: "Money".to_owned(), facts, tables, ..Page::default() };
    let frame = session.frame("/console/money");
    Ok(answer(StatusCode::OK, &PageTemplate { frame, page }))
}

pub(super) async fn journal(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let entries = app.store.journal(&JournalFilter::default(), ROWS).await.map_err(failed)?;
    let tables = vec![journal_table(&entries)];
    let page = Page { title: "Journal".to_owned(), tables, ..Page::default() };
    let frame = session.frame("/console/journal");
    Ok(answer(StatusCode::OK, &PageTemplate { frame, page }))
}

/// By name; what is no operator says what it is.
fn who(entry: &JournalEntry) -> String {
    match entry.kind {
        ActorKind::Operator => entry.actor.clone(),
        ActorKind::System => format!("system: {}", entry.actor),
        ActorKind::Customer => format!("customer {}", entry.actor),
    }
}

pub(super) fn journal_table(entries: &[JournalEntry]) -> Table {
    let row = |entry: &JournalEntry| {
        vec![
            iso_time(entry.at).into(),
            who(entry).into(),
            entry.act.as_str().into(),
            entry.subject.as_str().into(),
            Cell::from(entry.outcome.as_deref().unwrap_or("under way, or its end was lost")),
        ]
    };
    Table {
        title: "Journal",
        header: vec!["Time", "Who", "What", "To", "Outcome"],
        rows: entries.iter().map(row).collect(),
        none: "Nothing yet.",
    }
}
