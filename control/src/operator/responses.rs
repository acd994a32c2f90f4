//! Bodies of the operator's API, read by the command line as well.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{Generation, Lock, Route, Username};
use utoipa::ToSchema;

use crate::base::clock::Moment;
use crate::model::incident::Ticket;
use crate::model::mail::MailRecord;
use crate::model::pool::{Counts, PoolSprite, SpriteState};
use crate::model::promise::Promise;
use crate::model::task::{Step, Task};
use crate::routes::Acknowledgement;
use crate::store::Customer;

/// What a change of routes, locks or epochs is answered with.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Published {
    #[schema(value_type = u64)]
    pub generation: Generation,
    pub edges: Vec<Acknowledgement>,
    /// Is it in the database? What takes access away is told to the edges also while that takes
    /// no writes; control goes on trying, and forgets it when it stops before.
    #[serde(default = "durable")]
    pub durable: bool,
}

/// A control that does not say has written what it answers for.
fn durable() -> bool {
    true
}

/// A page of a list; `next` is the `after` of the page that follows.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<String>,
}

pub type Routes = Page<Route>;
pub type Locks = Page<Lock>;
pub type Customers = Page<CustomerView>;
pub type PoolSprites = Page<SpriteView>;
pub type Tasks = Page<TaskView>;
pub type Mails = Page<MailView>;
pub type Tickets = Page<TicketView>;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CustomerView {
    #[schema(value_type = String)]
    pub username: Username,
    pub email: String,
    /// Of the letters to them: `en` or `de`.
    #[serde(default)]
    pub language: String,
    pub workspace_url: String,
    pub has_password: bool,
    pub suspended: bool,
    /// Why, while it is: `operator`, `non_payment`, `paused` or `ended`.
    #[serde(default)]
    pub suspended_for: Vec<String>,
    /// Unix seconds.
    pub created_at: u64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Edges {
    #[schema(value_type = u64)]
    pub generation: Generation,
    pub edges: Vec<EdgeView>,
}

/// Whether all is well, and what to do where it is not.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// No promise is broken.
    pub well: bool,
    /// When this was so; unix seconds.
    pub at: u64,
    pub promises: Vec<Promise>,
    #[schema(value_type = u64)]
    pub generation: Generation,
    pub edges: Vec<EdgeView>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EdgeView {
    pub name: String,
    pub url: String,
    /// What it said it serves; `None` before it was heard of.
    #[schema(value_type = Option<u64>)]
    pub generation: Option<Generation>,
    /// Generations it is behind.
    pub lag: Option<u64>,
    pub in_step: bool,
    pub reachable: bool,
    /// Unix seconds.
    pub last_heard: Option<u64>,
    pub error: Option<String>,
    /// The configuration of control names it; others are removed by a call.
    #[serde(default)]
    pub configured: bool,
}

/// Lets one machine join as an edge, once.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct EdgeToken {
    /// For standard input of `command`, on the machine. It is not told again.
    pub token: String,
    pub command: String,
    /// Unix seconds.
    pub expires_at: u64,
}

/// How the pool stands. Moments are in unix seconds.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Pool {
    pub counts: Counts,
    pub target_available: u64,
    /// As many are to stand ready now: more than `target_available` when many sign up.
    #[serde(default)]
    pub wanted: u64,
    pub target_at_once: u64,
    /// The hash of what is installed in new ones.
    pub base: String,
    /// Preparations that failed since one went well.
    pub failures: u64,
    pub failure_limit: u64,
    pub paused: Option<PauseView>,
    /// Sprites that may run beside those that do, as far as the provider says.
    pub room: Option<u64>,
    /// With our prefix, and known to nobody here.
    pub orphans: Vec<String>,
    /// When the provider's list was compared with ours.
    pub surveyed_at: Option<u64>,
    pub survey_error: Option<String>,
    /// Kept from everybody for a person to look at; `error` says why, `changed_at` since when.
    #[serde(default)]
    pub quarantined: Vec<SpriteView>,
    /// How long they are kept, in hours.
    #[serde(default)]
    pub quarantined_hours: u64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PauseView {
    pub since: u64,
    pub why: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SpriteView {
    pub name: String,
    pub state: SpriteState,
    pub upstream: Option<String>,
    pub base: String,
    pub username: Option<String>,
    /// Prepares it; then, the one of whose it is.
    pub task: Option<String>,
    pub error: Option<String>,
    /// When it was last seen to do what a workspace needs of it, in unix seconds.
    pub proved_at: Option<u64>,
    /// Since when it is in its state, in unix seconds.
    pub changed_at: u64,
    /// Unix seconds.
    pub created_at: u64,
}

/// Tasks that were begun.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Preparations {
    pub tasks: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Resumed {
    pub was_paused: bool,
}

impl SpriteView {
    pub(crate) fn new(sprite: PoolSprite) -> Self {
        Self {
            name: sprite.name.to_string(),
            state: sprite.state,
            upstream: sprite.upstream.map(|upstream| upstream.to_string()),
            base: sprite.base,
            username: sprite.username.map(|username| username.to_string()),
            task: sprite.task.map(|task| task.to_string()),
            error: sprite.last_error,
            proved_at: sprite.proved.map(Moment::seconds),
            changed_at: sprite.changed.seconds(),
            created_at: sprite.created.seconds(),
        }
    }
}

/// All moments are in unix seconds.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    pub id: String,
    pub kind: String,
    pub state: String,
    /// What made it necessary.
    pub cause: String,
    #[schema(value_type = Option<String>)]
    pub username: Option<Username>,
    pub attempts: u32,
    pub max_attempts: u32,
    /// Not before this, while it waits.
    pub run_at: u64,
    /// Since when it could be worked at for the first time.
    pub due_at: u64,
    pub last_error: Option<String>,
    pub created_at: u64,
    pub changed_at: u64,
    pub finished_at: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TaskDetails {
    #[serde(flatten)]
    pub task: TaskView,
    pub payload: Value,
    pub steps: Vec<StepView>,
    /// Of a letter: it may have been sent, and tried again would arrive twice.
    #[serde(default)]
    pub may_arrive_twice: bool,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    pub name: String,
    pub state: String,
    pub attempts: u32,
    pub result: Option<Value>,
    pub error: Option<String>,
    pub started_at: Option<u64>,
    pub finished_at: Option<u64>,
}

/// A letter, without what it says. All moments are in unix seconds.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MailView {
    pub id: String,
    pub kind: String,
    #[schema(value_type = Option<String>)]
    pub username: Option<Username>,
    pub state: String,
    /// Resend's number of it.
    pub receipt: Option<String>,
    pub created_at: u64,
    /// When it was sent, or given up.
    pub ended_at: Option<u64>,
    /// Why it was not sent, or not yet.
    #[serde(default)]
    pub why: Option<String>,
    /// When it is tried next, while it waits; unix seconds.
    #[serde(default)]
    pub next_attempt_at: Option<u64>,
}

/// An incident, and the ticket it became. All moments are in unix seconds.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TicketView {
    pub incident: String,
    pub title: String,
    pub body: String,
    pub priority: String,
    /// At Linear.
    pub identifier: Option<String>,
    pub url: Option<String>,
    pub created_at: u64,
    pub opened_at: Option<u64>,
    /// Why there is no ticket, or not yet.
    #[serde(default)]
    pub why: Option<String>,
    /// When it is tried next, while it waits; unix seconds.
    #[serde(default)]
    pub next_attempt_at: Option<u64>,
}

impl MailView {
    pub(crate) fn new(mail: MailRecord) -> Self {
        Self {
            id: mail.id,
            kind: mail.kind.as_str().to_owned(),
            username: mail.username,
            state: mail.state.as_str().to_owned(),
            receipt: mail.provider_id,
            created_at: mail.created.seconds(),
            ended_at: mail.ended.map(Moment::seconds),
            why: mail.why,
            next_attempt_at: mail.next_attempt.map(Moment::seconds),
        }
    }
}

impl TicketView {
    pub(crate) fn new(ticket: Ticket) -> Self {
        Self {
            incident: ticket.incident.key,
            title: ticket.incident.title,
            body: ticket.incident.body,
            priority: ticket.incident.priority.as_str().to_owned(),
            identifier: ticket.identifier,
            url: ticket.url,
            created_at: ticket.created.seconds(),
            opened_at: ticket.opened.map(Moment::seconds),
            why: ticket.why,
            next_attempt_at: ticket.next_attempt.map(Moment::seconds),
        }
    }
}

impl CustomerView {
    pub(super) fn new(customer: Customer, workspace_url: String) -> Self {
        Self {
            username: customer.username,
            email: customer.email,
            language: customer.language.tag().to_owned(),
            workspace_url,
            has_password: customer.has_password,
            suspended: !customer.suspensions.is_empty(),
            suspended_for: customer
                .suspensions
                .iter()
                .map(|reason| reason.as_str().to_owned())
                .collect(),
            created_at: customer.created.seconds(),
        }
    }
}

impl EdgeView {
    pub(super) fn new(edge: crate::routes::EdgeView, ours: Generation) -> Self {
        let status = edge.status;
        Self {
            name: edge.name,
            url: edge.url,
            generation: status.generation,
            lag: status.generation.map(|theirs| ours.0.saturating_sub(theirs.0)),
            in_step: status.proven == ours,
            reachable: status.heard.is_some() && status.error.is_none(),
            last_heard: status.heard.map(Moment::seconds),
            error: status.error,
            configured: edge.is_configured,
        }
    }
}

impl TaskView {
    pub(crate) fn new(task: Task) -> Self {
        Self {
            id: task.id.to_string(),
            kind: task.kind.as_str().to_owned(),
            state: task.state.as_str().to_owned(),
            cause: task.dedupe,
            username: task.username,
            attempts: task.attempts,
            max_attempts: task.max_attempts,
            run_at: task.run_at.seconds(),
            due_at: task.due.seconds(),
            last_error: task.last_error,
            created_at: task.created.seconds(),
            changed_at: task.changed.seconds(),
            finished_at: task.finished.map(Moment::seconds),
        }
    }
}

impl TaskDetails {
    pub(super) fn new(mut task: Task, steps: Vec<Step>) -> Self {
        let payload = std::mem::take(&mut task.payload);
        let steps = steps.into_iter().map(StepView::new).collect();
        Self { task: TaskView::new(task), payload, steps, may_arrive_twice: false }
    }
}

impl StepView {
    fn new(step: Step) -> Self {
        Self {
            name: step.name,
            state: step.state.as_str().to_owned(),
            attempts: step.attempts,
            result: step.result,
            error: step.error,
            started_at: step.started.map(Moment::seconds),
            finished_at: step.finished.map(Moment::seconds),
        }
    }
}
