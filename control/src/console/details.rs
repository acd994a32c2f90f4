//! Pages about one thing: how all stands, a workspace, a task, the pool.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::lists::journal_table;
use super::page::{
    Button, Cell, Fact, Notice, Page, PageTemplate, PromiseRow, Table, age, answer, next_attempt,
    until,
};
use super::session::signed_in;
use super::tables;
use crate::app::{App, SharedApp};
use crate::base::clock::Moment;
use crate::base::date::iso_time;
use crate::http::{Path, Problem, Query};
use crate::model::promise::{Promise, Standing};
use crate::operator::responses::{SpriteView, StepView, TaskDetails};
use crate::operator::support_views::{PlanView, SessionView, WorkspaceDetails};
use crate::operator::{pool as api_pool, status, support, tasks as api_tasks};
use crate::store::{JournalFilter, StoreError};

/// Entries of the journal on the page of a thing.
const JOURNAL_ROWS: u32 = 10;

/// Machines on the page of the pool.
const SPRITES: u32 = 200;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct DoneQuery {
    /// What came of what was done just now, by its word.
    done: String,
}

impl DoneQuery {
    pub(super) fn notice(&self) -> Option<Notice> {
        let text = super::act::said(&self.done)?.to_owned();
        Some(Notice { tone: "note", text })
    }
}

fn failed(error: impl Into<Problem>) -> Response {
    error.into().into_response()
}

pub(super) async fn overview(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let status = status::status(&app).await.map_err(failed)?;
    let mut promises: Vec<_> = status.promises.iter().collect();
    // What is to be done stands on top; the order is kept otherwise.
    promises.sort_by_key(|promise| std::cmp::Reverse(promise.standing));
    let to_look_at = promises.iter().filter(|it| it.standing != Standing::Kept).count();
    let title = match (status.well, to_look_at) {
        (true, 0) => "All is well".to_owned(),
        (true, 1) => "All is well; one thing to look at".to_owned(),
        (true, count) => format!("All is well; {count} things to look at"),
        (false, 1) => "Not well: one thing to do".to_owned(),
        (false, count) => format!("Not well: {count} things to do"),
    };
    let page = Page {
        title,
        search: Some(String::new()),
        promises: promises.into_iter().map(promise).collect(),
        ..Page::default()
    };
    Ok(answer(StatusCode::OK, &PageTemplate { frame: session.frame("/console"), page }))
}

fn promise(promise: &Promise) -> PromiseRow {
    let (tone, mark) = match promise.standing {
        Standing::Kept => ("kept", "ok"),
        Standing::AtRisk => ("at_risk", "look"),
        Standing::Broken => ("broken", "broken"),
    };
    let href = match promise.name.as_str() {
        "pool" | "provider" => Some("/console/pool"),
        "paid" => Some("/console/workspaces?state=preparing"),
        "tasks" => Some("/console/tasks?state=dead"),
        "edges" => Some("/console/edges"),
        "mail" => Some("/console/letters?state=failed"),
        "tickets" => Some("/console/tickets"),
        "routes" => Some("/console/workspaces?state=live"),
        _ => None,
    };
    PromiseRow {
        name: promise.name.clone(),
        tone,
        mark,
        says: promise.says.clone(),
        // The page has no shell: what a command does there is behind the link.
        todo: promise.todo.as_ref().map(|todo| todo.replace('`', "")),
        href,
    }
}

pub(super) async fn workspace(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Path(username): Path<String>,
    Query(done): Query<DoneQuery>,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let username = crate::operator::routes::parse_username(&username).map_err(failed)?;
    let details = support::details(&app, &username).await.map_err(failed)?;
    let now = app.now();
    let subject = format!("workspace {username}");
    let filter = JournalFilter { workspace: Some(username.as_str()), ..JournalFilter::default() };
    let journal = app.store.journal(&filter, JOURNAL_ROWS).await.map_err(failed)?;
    let tasks = details.tasks.iter().map(|details| &details.task);
    let steps = details.tasks.iter().flat_map(|it| failed_steps(it, now)).collect();
    let tables = vec![
        tables::tasks("Tasks", tasks, now),
        step_table("Steps that went wrong", steps),
        tables::mails(&details.mails, now),
        sessions(&details.sessions, now),
        tables::tickets(&details.tickets, now),
        tables::pflaster(&details.pflaster),
        journal_table(&journal),
    ];
    let page = Page {
        title: username.to_string(),
        notice: done.notice(),
        facts: workspace_facts(&details, now),
        buttons: workspace_buttons(&details),
        seen: seen(&app, &subject).await.map_err(failed)?,
        tables,
        ..Page::default()
    };
    let frame = session.frame("/console/workspaces");
    Ok(answer(StatusCode::OK, &PageTemplate { frame, page }))
}

/// The last entry about `subject`; of everything after it, who acts is told.
async fn seen(app: &App, subject: &str) -> Result<String, StoreError> {
    let last = app.store.last_act(subject).await?;
    Ok(last.map_or_else(|| "0".to_owned(), |entry| entry.id))
}

fn workspace_facts(details: &WorkspaceDetails, now: Moment) -> Vec<Fact> {
    let link = Fact {
        href: Some(details.workspace_url.clone()),
        ..Fact::new("Address", details.workspace_url.clone())
    };
    let mut facts = vec![link];
    match &details.customer {
        None => facts.push(Fact::new("Customer", "none (any more)")),
        Some(customer) => {
            let since = age(customer.created_at, now);
            facts.push(Fact::new("Customer", format!("{}, for {since}", customer.email)));
            let password = if customer.has_password { "set" } else { "none: nobody can sign in" };
            facts.push(Fact::new("Password", password));
            if customer.suspended {
                facts.push(Fact::new("Closed for", customer.suspended_for.join(", ")));
            }
        }
    }
    match &details.plan {
        None => facts.push(Fact::new("Plan", "none: nobody has paid")),
        Some(plan) => facts.extend(plan_facts(plan, now)),
    }
    let route = details.route.as_ref().map_or_else(
        || "none: nobody reaches it".to_owned(),
        |route| format!("{} to {}", route.state.as_str(), route.upstream),
    );
    facts.push(Fact::new("Route", route));
    for own in &details.domains {
        let why = own.why.as_ref().map(|why| format!(", {why}")).unwrap_or_default();
        let text = format!("{}: {}{why}", own.domain, own.state.replace('_', " "));
        facts.push(Fact { href: Some("/console/domains".to_owned()), ..Fact::new("Domain", text) });
    }
    let machine = details.machine.as_ref();
    facts.push(Fact::new(
        "Machine",
        machine.map_or_else(|| "none".to_owned(), |it| machine_text(it, now)),
    ));
    facts.extend(details.awake.as_ref().map(|awake| Fact::new("Awake", awake.told())));
    for lock in &details.locks {
        let what =
            lock.session.map_or_else(|| "all of it".to_owned(), |it| format!("session {it}"));
        let end = lock.until.map(|until| iso_time(Moment::from_seconds(until)));
        let end = end.map_or_else(String::new, |end| format!(" until {end}"));
        facts.push(Fact::new("Locked", format!("{what}{end}")));
    }
    facts
}

fn machine_text(machine: &SpriteView, now: Moment) -> String {
    let proved = machine
        .proved_at
        .map_or_else(|| "never proved".to_owned(), |at| format!("proved {} ago", age(at, now)));
    let error = machine.error.as_ref().map(|error| format!(", {error}")).unwrap_or_default();
    format!("{}, {}, {proved}{error}", machine.name, machine.state.as_str())
}

fn plan_facts(plan: &PlanView, now: Moment) -> Vec<Fact> {
    let date = |seconds: u64| iso_time(Moment::from_seconds(seconds))[..10].to_owned();
    let mut facts = vec![
        Fact::new("State", format!("{}, for {}", plan.state, age(plan.changed_at, now))),
        Fact::new("Plan", format!("{}, {}", plan.subscription_status, plan.subscription)),
        Fact::new("Payer", plan.stripe_customer.clone()),
    ];
    facts.extend(plan.period_end_at.map(|at| Fact::new("Paid until", date(at))));
    facts.extend(plan.cancel_at.map(|at| Fact::new("Ends", date(at))));
    facts.extend(plan.grace_until_at.map(|at| Fact::new("Forgiven until", date(at))));
    facts.push(Fact::new("Skills", plan.skills.join(", ")));
    facts
}

fn workspace_buttons(details: &WorkspaceDetails) -> Vec<Button> {
    let button = |label: &'static str, act, asks| {
        let on = details.username.to_string();
        Button { label: label.into(), act, on, asks }
    };
    let mut buttons = Vec::new();
    if let Some(customer) = &details.customer {
        let is_ours = customer.suspended_for.iter().any(|reason| reason == "operator");
        if is_ours {
            buttons.push(button("Open it again", "resume", false));
        }
        if !details.sessions.is_empty() {
            buttons.push(button("Sign out everywhere", "sign-out", true));
        }
        if !is_ours {
            buttons.push(button("Close it", "suspend", true));
        }
        buttons.push(button("Set another e-mail address", "set-email", true));
    }
    if details.locks.iter().any(|lock| lock.session.is_none()) {
        buttons.push(button("Unlock it", "unlock", false));
    }
    if let Some(plan) = &details.plan {
        let is_over = matches!(plan.state.as_str(), "ending" | "ended");
        if plan.state == "preparing" || (!is_over && details.machine.is_none()) {
            buttons.push(button("Prepare it now", "provision", false));
        }
        if !is_over && details.machine.is_some() {
            buttons.push(button("Replace its machine", "replace-machine", true));
        }
        if plan.state != "ended" {
            buttons.push(button("End it", "end", true));
        }
    }
    buttons
}

fn sessions(sessions: &[SessionView], now: Moment) -> Table {
    let row = |session: &SessionView| {
        vec![
            age(session.last_seen_at, now).into(),
            age(session.created_at, now).into(),
            until(session.expires_at, now).into(),
        ]
    };
    Table {
        title: "Sessions",
        header: vec!["Last seen", "Age", "Expires"],
        rows: sessions.iter().map(row).collect(),
        none: "Nobody is signed in.",
    }
}

fn failed_steps(details: &TaskDetails, now: Moment) -> Vec<Vec<Cell>> {
    let is_wrong = |step: &&StepView| step.error.is_some() && step.state != "done";
    let wrong = details.steps.iter().filter(is_wrong);
    wrong.map(|step| step_row(&details.task.id, step, now)).collect()
}

fn step_row(task: &str, step: &StepView, now: Moment) -> Vec<Cell> {
    let seconds = step.started_at.zip(step.finished_at);
    vec![
        Cell::link(task, format!("/console/tasks/{task}")),
        step.name.as_str().into(),
        Cell::toned(step.state.as_str(), if step.state == "failed" { "bad" } else { "" }),
        step.attempts.to_string().into(),
        Cell::maybe(step.started_at.map(|at| format!("{} ago", age(at, now)))),
        Cell::maybe(seconds.map(|(began, ended)| format!("{} s", ended.saturating_sub(began)))),
        Cell::maybe(step.error.as_deref()),
    ]
}

fn step_table(title: &'static str, rows: Vec<Vec<Cell>>) -> Table {
    let header = vec!["Task", "Step", "State", "Attempts", "Began", "Took", "Error"];
    Table { title, header, rows, none: "None." }
}

pub(super) async fn task(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(done): Query<DoneQuery>,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let id = api_tasks::parse_id(&id).map_err(failed)?;
    let TaskDetails { task, payload, steps, may_arrive_twice } =
        api_tasks::details(&app, &id).await.map_err(failed)?.0;
    let now = app.now();
    let subject = format!("task {id}");
    let filter = JournalFilter { subject: Some(&subject), ..JournalFilter::default() };
    let journal = app.store.journal(&filter, JOURNAL_ROWS).await.map_err(failed)?;
    let mut facts = vec![
        Fact::new("State", task.state.clone()),
        Fact::new("Attempts", format!("{} of {}", task.attempts, task.max_attempts)),
        Fact::new("Age", age(task.created_at, now)),
    ];
    if let Some(username) = task.username {
        let href = Some(format!("/console/workspaces/{username}"));
        facts.push(Fact { href, ..Fact::new("For", username.to_string()) });
    }
    let next = next_attempt(&task.state, task.run_at, now);
    if !next.is_empty() {
        facts.push(Fact::new("Next", next));
    }
    facts.push(Fact::new("Cause", task.cause.clone()));
    facts.push(Fact::new("Payload", payload.to_string()));
    facts.extend(task.last_error.clone().map(|error| Fact::new("Error", error)));
    let button = |label: &'static str, act, asks| Button {
        label: label.into(),
        act,
        on: id.to_string(),
        asks,
    };
    let retry = || match may_arrive_twice {
        true => button("Send it again", "send-again", true),
        false => button("Try it now", "retry", false),
    };
    let buttons = match task.state.as_str() {
        "waiting" | "dead" => vec![retry(), button("Call it off", "cancel", true)],
        "running" => vec![button("Call it off", "cancel", true)],
        "cancelled" => vec![retry()],
        _ => Vec::new(),
    };
    let rows = steps.iter().map(|step| step_row(id.as_str(), step, now)).collect();
    let page = Page {
        title: id.to_string(),
        notice: done.notice(),
        facts,
        buttons,
        seen: seen(&app, &subject).await.map_err(failed)?,
        tables: vec![step_table("Steps", rows), journal_table(&journal)],
        ..Page::default()
    };
    let frame = session.frame("/console/tasks");
    Ok(answer(StatusCode::OK, &PageTemplate { frame, page }))
}

pub(super) async fn pool(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Query(done): Query<DoneQuery>,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let now = app.now();
    let mut page = Page { title: "Pool".to_owned(), notice: done.notice(), ..Page::default() };
    match api_pool::show(State(app.clone())).await {
        Err(problem) => {
            page.notice = Some(Notice { tone: "warning", text: problem.message.into_owned() });
        }
        Ok(pool) => {
            let (facts, buttons) = pool_facts(&pool.0, now);
            (page.facts, page.buttons) = (facts, buttons);
            page.seen = seen(&app, "pool").await.map_err(failed)?;
        }
    }
    let sprites = app.store.sprites("", SPRITES).await.map_err(failed)?;
    let sprites: Vec<_> = sprites.into_iter().map(SpriteView::new).collect();
    page.tables = vec![sprite_table(&sprites, now)];
    let frame = session.frame("/console/pool");
    Ok(answer(StatusCode::OK, &PageTemplate { frame, page }))
}

fn pool_facts(pool: &crate::operator::responses::Pool, now: Moment) -> (Vec<Fact>, Vec<Button>) {
    let counts = &pool.counts;
    let mut facts = vec![
        Fact::new("Stand ready", format!("{} of {}", counts.available, pool.target_available)),
        Fact::new("In work", counts.preparing.to_string()),
        Fact::new("Assigned", counts.assigned.to_string()),
        Fact::new("Being recycled", counts.recycling.to_string()),
        Fact::new("Unreachable", counts.unreachable.to_string()),
        Fact::new("Quarantined", counts.quarantined.to_string()),
        Fact::new("Of no use", counts.failed.to_string()),
        Fact::new("Failures in a row", format!("{} of {}", pool.failures, pool.failure_limit)),
    ];
    facts.extend(pool.room.map(|room| Fact::new("Room at the provider", room.to_string())));
    let asked = pool.surveyed_at.map(|at| format!("{} ago", age(at, now)));
    facts.push(Fact::new("Provider asked", asked.unwrap_or_else(|| "never".to_owned())));
    facts.extend(pool.survey_error.clone().map(|error| Fact::new("Provider says", error)));
    if !pool.orphans.is_empty() {
        facts.push(Fact::new("Nobody's", pool.orphans.join(", ")));
    }
    let mut buttons = Vec::new();
    if let Some(pause) = &pool.paused {
        facts.push(Fact::new("PAUSED", format!("for {}: {}", age(pause.since, now), pause.why)));
        let on = String::new();
        let label = "Prepare again".into();
        buttons.push(Button { label, act: "resume-pool", on, asks: false });
    }
    for machine in &pool.quarantined {
        let why = machine.error.as_deref().unwrap_or("for no reason that is known");
        let since = age(machine.changed_at, now);
        facts.push(Fact::new("Quarantine", format!("{}, for {since}: {why}", machine.name)));
        let label = format!("Destroy {}", machine.name).into();
        let on = machine.name.clone();
        buttons.push(Button { label, act: "destroy-machine", on, asks: true });
    }
    (facts, buttons)
}

fn sprite_table(sprites: &[SpriteView], now: Moment) -> Table {
    let row = |sprite: &SpriteView| {
        let tone = match sprite.state.as_str() {
            "available" => "good",
            "failed" | "unreachable" | "quarantined" => "bad",
            "preparing" | "recycling" => "warn",
            _ => "",
        };
        let whose = sprite.username.as_ref().map_or_else(
            || Cell::from(""),
            |name| Cell::link(name.as_str(), format!("/console/workspaces/{name}")),
        );
        let task = sprite.task.as_ref().map_or_else(
            || Cell::from(""),
            |task| Cell::link(task.as_str(), format!("/console/tasks/{task}")),
        );
        vec![
            sprite.name.as_str().into(),
            Cell::toned(sprite.state.as_str(), tone),
            age(sprite.changed_at, now).into(),
            Cell::maybe(sprite.proved_at.map(|at| format!("{} ago", age(at, now)))),
            whose,
            task,
            Cell::maybe(sprite.error.as_deref()),
        ]
    };
    Table {
        title: "Machines",
        header: vec!["Machine", "State", "For", "Proved", "Whose", "Task", "Error"],
        rows: sprites.iter().map(row).collect(),
        none: "There is none.",
    }
}
