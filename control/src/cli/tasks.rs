//! `control tasks …`

use clap::Subcommand;
use reqwest::Method;
use shared::Username;
use url::form_urlencoded::Serializer;

use super::client::ApiClient;
use super::output::{Output, age, dash, list, one_line, table, until};
use crate::base::clock::Moment;
use crate::model::task::{Kind, TaskId, TaskState};
use crate::operator::acts::sending_again;
use crate::operator::responses::{StepView, TaskDetails, TaskView, Tasks};

#[derive(Subcommand, Clone)]
pub(super) enum Command {
    /// Tasks, the newest first.
    List {
        /// Only those that are waiting, running, done, dead or cancelled.
        #[arg(long, value_parser = TaskState::parse)]
        state: Option<TaskState>,
        #[arg(long, value_parser = Kind::parse, help = format!("Only of this kind: {}", Kind::names()))]
        kind: Option<Kind>,
        /// Only those that are for this customer.
        #[arg(long)]
        username: Option<Username>,
        /// How many at most, 1 to 1000.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
    },
    /// One task, its steps, and their errors.
    Show {
        #[arg(value_parser = TaskId::parse)]
        id: TaskId,
    },
    /// Try one that is dead, called off or waiting again, now.
    Retry {
        #[arg(value_parser = TaskId::parse)]
        id: TaskId,
    },
    /// Call one off; what is done of it stays.
    Cancel {
        #[arg(value_parser = TaskId::parse)]
        id: TaskId,
        /// Why; needed for PROV and RECYCLE, and shown as the task's error.
        #[arg(long)]
        reason: Option<String>,
    },
}

pub(super) async fn run(command: Command, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    match command {
        Command::List { state, kind, username, limit } => {
            let mut query = Serializer::new(String::new());
            query.append_pair("limit", &limit.to_string());
            query.extend_pairs(state.map(|state| ("state", state.as_str())));
            query.extend_pairs(kind.map(|kind| ("kind", kind.as_str())));
            query.extend_pairs(username.map(|username| ("username", username.to_string())));
            let tasks: Tasks = api.show(&format!("/api/tasks?{}", query.finish())).await?;
            output.print(&tasks.items, |tasks| {
                let rows: Vec<_> = tasks.iter().map(|task| row(task, api.now())).collect();
                list("no tasks", &HEADER, &rows)
            })
        }
        Command::Show { id } => {
            let details = api.show(&format!("/api/tasks/{id}")).await?;
            print(&details, api.now(), output)
        }
        Command::Retry { id } => {
            let shown: TaskDetails = api.show(&format!("/api/tasks/{id}")).await?;
            let twice = shown.may_arrive_twice;
            let what = format!("{id}, which is {}, would be tried again now.", shown.task.state);
            let goes_on = if twice {
                output.confirms(&sending_again(&id))?
            } else {
                output.is_meant(&what)?
            };
            if !goes_on {
                return Ok(());
            }
            change(api, &id, "retry", twice.then_some(("twice", "true".to_owned())), output).await
        }
        Command::Cancel { id, reason } => {
            let shown: TaskDetails = api.show(&format!("/api/tasks/{id}")).await?;
            let consequence = cancelling(&id, &shown.task);
            if !output.confirms(&consequence)? {
                return Ok(());
            }
            change(api, &id, "cancel", reason.map(|reason| ("reason", reason)), output).await
        }
    }
}

async fn change(
    api: &ApiClient,
    id: &TaskId,
    what: &str,
    word: Option<(&str, String)>,
    output: Output,
) -> anyhow::Result<()> {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(word);
    let path = format!("/api/tasks/{id}/{what}?{}", query.finish());
    print(&api.call(Method::POST, &path, None).await?, api.now(), output)
}

/// What calling it off would mean.
fn cancelling(id: &TaskId, task: &TaskView) -> String {
    let whose = task.username.map_or_else(|| "nobody".to_owned(), |name| name.to_string());
    let then = id.kind().spec().called_off;
    format!("This calls off {id} ({}), which is for {whose}: {then}.", task.state)
}

pub(super) fn print(details: &TaskDetails, now: Moment, output: Output) -> anyhow::Result<()> {
    output.print(details, |TaskDetails { task, payload, steps, may_arrive_twice }| {
        let mut text = format!("{} is {}", task.id, task.state);
        text += &format!(", attempt {} of {}\n", task.attempts, task.max_attempts);
        text += &format!("age      {}\n", age(task.created_at, now));
        text += &format!("next     {}\n", next_attempt(task, now));
        text += &format!("cause    {}\n", task.cause);
        if let Some(username) = task.username {
            text += &format!("for      {username}\n");
        }
        text += &format!("payload  {payload}\n");
        if let Some(error) = &task.last_error {
            text += &format!("error    {error}\n");
        }
        if *may_arrive_twice {
            text += "note     it may have been sent, and tried again would arrive twice\n";
        }
        let rows: Vec<_> = steps.iter().map(step_row).collect();
        text + "\n" + &table(&["STEP", "STATE", "ATTEMPTS", "SECONDS", "ERROR"], &rows)
    })
}

const HEADER: [&str; 8] = ["ID", "STATE", "FOR", "AGE", "ATTEMPTS", "NEXT", "CAUSE", "ERROR"];

fn row(task: &TaskView, now: Moment) -> Vec<String> {
    vec![
        task.id.clone(),
        task.state.clone(),
        task.username.map_or_else(dash, |username| username.to_string()),
        age(task.created_at, now),
        format!("{}/{}", task.attempts, task.max_attempts),
        next_attempt(task, now),
        task.cause.clone(),
        task.last_error.as_deref().map(one_line).unwrap_or_default(),
    ]
}

fn step_row(step: &StepView) -> Vec<String> {
    let seconds = step.started_at.zip(step.finished_at);
    vec![
        step.name.clone(),
        step.state.clone(),
        step.attempts.to_string(),
        seconds.map_or_else(dash, |(began, ended)| ended.saturating_sub(began).to_string()),
        step.error.as_deref().map(one_line).unwrap_or_default(),
    ]
}

/// When it is tried next, where it will be.
pub(super) fn next_attempt(task: &TaskView, now: Moment) -> String {
    match task.state.as_str() {
        "waiting" => until(task.run_at, now),
        "running" => "running".to_owned(),
        _ => dash(),
    }
}
