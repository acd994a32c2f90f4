//! Tasks: what is to be done, what was, and what went wrong.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::paging::{Paging, mark, page};
use super::responses::{Page, TaskDetails, TaskView, Tasks};
use super::routes::parse_username;
use super::schemas::{KindShape, OfTask};
use crate::app::{App, SharedApp};
use crate::http::error_responses::{AboutOne, ErrorShape, Guarded, Parsed};
use crate::http::{Path, Problem, Query};
use crate::model::task::kinds::SendMail;
use crate::model::task::{Kind, Task, TaskId, TaskState};
use crate::store::TaskFilter;

/// `?state=dead&kind=PROV&username=ada`, each of which may be left out.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FilterQuery {
    /// `waiting`, `running`, `done`, `dead` or `cancelled`.
    state: Option<String>,
    /// Of one kind.
    #[param(value_type = Option<KindShape>, inline)]
    kind: Option<String>,
    username: Option<String>,
}

/// The newest first; `?after=` is the `next` of the page before.
#[utoipa::path(
    get,
    path = "/api/tasks",
    operation_id = "list_tasks",
    tag = "operator",
    security(("admin_key" = [])),
    params(FilterQuery, Paging),
    responses(
        (status = 200, description = "A page of tasks, the newest first", body = Page<TaskView>),
        Parsed,
        Guarded
    )
)]
pub(super) async fn list(
    State(app): State<SharedApp>,
    Query(filter): Query<FilterQuery>,
    Query(paging): Query<Paging>,
) -> Result<Answer<Tasks>, Problem> {
    let limit = paging.limit()?;
    let tasks = app.store.tasks(&filter.parse()?, paging.mark()?, limit).await?;
    let key = |task: &Task| mark(task.created, task.id.as_str());
    let Page { items, next } = page(tasks, limit, key);
    Ok(Answer(Page { items: items.into_iter().map(TaskView::new).collect(), next }))
}

/// One task, its steps, and their errors.
#[utoipa::path(
    get,
    path = "/api/tasks/{id}",
    operation_id = "show_task",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfTask),
    responses(
        (status = 200, description = "The task", body = TaskDetails),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn show(
    State(app): State<SharedApp>,
    Path(id): Path<String>,
) -> Result<Answer<TaskDetails>, Problem> {
    details(&app, &parse_id(&id)?).await
}

/// `?twice=true`
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RetryQuery {
    /// Send a letter that may have been sent before, and would arrive twice.
    #[serde(default)]
    #[param(required = false)]
    pub(super) twice: bool,
}

/// At once, and with all its attempts before it.
#[utoipa::path(
    post,
    path = "/api/tasks/{id}/retry",
    operation_id = "retry_task",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfTask, RetryQuery),
    responses(
        (status = 200, description = "It waits for a worker", body = TaskDetails),
        (
            status = 409,
            description = "It is running or done, or a letter that may arrive twice",
            body = ErrorShape
        ),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn retry(
    State(app): State<SharedApp>,
    Path(id): Path<String>,
    Query(RetryQuery { twice }): Query<RetryQuery>,
) -> Result<Answer<TaskDetails>, Problem> {
    let id = parse_id(&id)?;
    let (task, _) = app.store.task(&id).await?.ok_or_else(|| no_task(&id))?;
    let tried = match doubtful_letter(&app, &task).await? {
        Some(mail) if twice => Some(app.store.send_again(&id, &mail, app.now()).await?),
        Some(_) => {
            let why =
                "It may have been sent, and would arrive twice: say twice=true to have it so.";
            return Err(Problem::new(StatusCode::CONFLICT, "may_arrive_twice", why));
        }
        None => app.store.retry_task(&id, app.now()).await?,
    };
    match tried {
        Some(true) => details(&app, &id).await,
        Some(false) => Err(conflict("A task that is running or done cannot be tried again.")),
        None => Err(no_task(&id)),
    }
}

/// `?reason=…`
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CancelQuery {
    /// Why; needed where somebody has paid, or a machine is to be taken down.
    #[param(max_length = 500)]
    pub(super) reason: Option<String>,
}

/// Calls a task off; what is done of it stays.
#[utoipa::path(
    post,
    path = "/api/tasks/{id}/cancel",
    operation_id = "cancel_task",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfTask, CancelQuery),
    responses(
        (status = 200, description = "It is called off", body = TaskDetails),
        (status = 409, description = "It is done or called off, or an update", body = ErrorShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn cancel(
    State(app): State<SharedApp>,
    Path(id): Path<String>,
    Query(CancelQuery { reason }): Query<CancelQuery>,
) -> Result<Answer<TaskDetails>, Problem> {
    let id = parse_id(&id)?;
    let reason = reason.as_deref().map(parse_reason).transpose()?;
    if reason.is_none() && matches!(id.kind(), Kind::Provision | Kind::Recycle) {
        let rule = "a task of a workspace is called off for a reason: say it";
        return Err(Problem::invalid("reason", rule));
    }
    if id.kind() == Kind::Update {
        return Err(conflict(
            "An update is brought to its end, or back, by itself: called off, it would leave a \
             machine stopped. `control fleet pause` has no more begun.",
        ));
    }
    match app.store.cancel_task(&id, reason, app.now()).await? {
        Some(true) => details(&app, &id).await,
        Some(false) => Err(conflict("A task that is done or called off cannot be called off.")),
        None => Err(no_task(&id)),
    }
}

impl FilterQuery {
    fn parse(&self) -> Result<TaskFilter, Problem> {
        let state = self.state.as_deref().map(TaskState::parse).transpose();
        let kind = self.kind.as_deref().map(Kind::parse).transpose();
        Ok(TaskFilter {
            state: state.map_err(|error| Problem::invalid("state", error))?,
            kind: kind.map_err(|error| Problem::invalid("kind", error))?,
            username: self.username.as_deref().map(parse_username).transpose()?,
        })
    }
}

pub(crate) async fn details(app: &App, id: &TaskId) -> Result<Answer<TaskDetails>, Problem> {
    let (task, steps) = app.store.task(id).await?.ok_or_else(|| no_task(id))?;
    let may_arrive_twice = doubtful_letter(app, &task).await?.is_some();
    Ok(Answer(TaskDetails { may_arrive_twice, ..TaskDetails::new(task, steps) }))
}

/// The id of the letter that a task is to send, if that may arrive twice.
async fn doubtful_letter(app: &App, task: &Task) -> Result<Option<String>, Problem> {
    if task.kind != Kind::Mail {
        return Ok(None);
    }
    let Ok(SendMail { mail, .. }) = task.payload() else { return Ok(None) };
    let letter = app.store.mail(&mail).await?;
    Ok(letter.is_some_and(|letter| letter.may_arrive_twice(app.now())).then_some(mail))
}

pub(crate) fn parse_id(text: &str) -> Result<TaskId, Problem> {
    TaskId::parse(text).map_err(|error| Problem::invalid("id", error))
}

/// Most characters of a reason: it is shown beside a task, and in tickets.
const REASON_MAX_CHARS: usize = 500;

pub(crate) fn parse_reason(text: &str) -> Result<&str, Problem> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > REASON_MAX_CHARS {
        let rule = format!("a reason has one to {REASON_MAX_CHARS} characters");
        return Err(Problem::invalid("reason", rule));
    }
    Ok(text)
}

pub(super) fn no_task(id: &TaskId) -> Problem {
    Problem::not_found(format!("There is no task {id}."))
}

fn conflict(message: &'static str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "conflict", message)
}
