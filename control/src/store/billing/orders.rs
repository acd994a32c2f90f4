//! Orders as the page of a customer shows them: read together, never written here.

use shared::Username;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::base::token::TokenHash;
use crate::model::mail::MailState;
use crate::model::progress::{
    Order, OrderedStep, OrderedTask, OrderedWorkspace, Payment, WorkspaceStatus,
};
use crate::model::sign_up::SignUpState;
use crate::model::skills::Skills;
use crate::model::task::{Step, StepState, TaskId, TaskState};
use crate::model::workspace::WorkspaceState;
use crate::store::connection::{Attempt as _, Columns as _, valid};
use crate::store::tasks::steps;
use crate::store::{Store, StoreError};

const ATTEMPT: &str = "read an order";

/// The sign-up with its customer, its workspace, and the task that prepares it.
const SELECT: &str = "
    SELECT signups.id, signups.username, signups.email, signups.skills, signups.browser_hash, signups.state,
        signups.checkout_url, signups.checkout_expires_at, signups.looked_at, signups.created_at,
        customers.password_hash,
        workspaces.state AS workspace, workspaces.created_at AS paid_at,
        tasks.id AS task, tasks.state AS task_state, tickets.identifier AS ticket,
        mails.state AS letter
    FROM signups
    LEFT JOIN workspaces ON workspaces.signup = signups.id
    LEFT JOIN customers ON customers.username = workspaces.username
    LEFT JOIN tasks ON tasks.dedupe_key = 'prov/' || signups.checkout
    LEFT JOIN tickets ON tickets.incident = 'task/' || tasks.id
    LEFT JOIN mails ON mails.id = 'welcome/' || signups.id";

impl Store {
    /// The order that is paid at this checkout.
    pub async fn order_of_checkout(&self, checkout: &str) -> Result<Option<Order>, StoreError> {
        self.order("signups.checkout = $1", &[checkout]).await
    }

    pub async fn order_of_signup(&self, signup: &str) -> Result<Option<Order>, StoreError> {
        self.order("signups.id = $1", &[signup]).await
    }

    /// The latest order for this name.
    pub async fn order_of_username(
        &self,
        username: &Username,
    ) -> Result<Option<Order>, StoreError> {
        self.order("signups.username = $1", &[username.as_str()]).await
    }

    /// The latest order for this name that this browser began.
    pub async fn order_of_browser(
        &self,
        username: &Username,
        browser: &TokenHash,
    ) -> Result<Option<Order>, StoreError> {
        let which = "signups.username = $1 AND signups.browser_hash = $2";
        self.order(which, &[username.as_str(), browser.as_str()]).await
    }

    /// `which` is one of the texts above.
    async fn order(
        &self,
        which: &'static str,
        values: &[&str],
    ) -> Result<Option<Order>, StoreError> {
        let text = format!("{SELECT} WHERE {which} ORDER BY signups.created_at DESC LIMIT 1");
        let mut query = sqlx::query(AssertSqlSafe(text));
        for value in values {
            query = query.bind((*value).to_owned());
        }
        let Some(row) = query.fetch_optional(&mut self.read().await?).await.attempt(ATTEMPT)?
        else {
            return Ok(None);
        };
        let mut order = parse(&row).attempt(ATTEMPT)?;
        if let Some(task) = row.optional("task", TaskId::parse).attempt(ATTEMPT)? {
            let state = valid(&row, "task_state", TaskState::parse).attempt(ATTEMPT)?;
            let steps = steps::of(&mut self.read().await?, &task).await?;
            order.task = Some(OrderedTask {
                // Called off while somebody waits for it, it is as good as dead to them.
                is_dead: matches!(state, TaskState::Dead | TaskState::Cancelled),
                is_over: !matches!(state, TaskState::Waiting | TaskState::Running),
                steps: steps.into_iter().map(step).collect(),
            });
        }
        Ok(Some(order))
    }
}

fn step(step: Step) -> OrderedStep {
    OrderedStep {
        name: step.name,
        is_done: step.state == StepState::Done,
        attempts: u64::from(step.attempts),
        started: step.started,
        finished: step.finished,
    }
}

/// Without its task.
fn parse(row: &AnyRow) -> Result<Order, sqlx::Error> {
    let workspace = match row.optional("workspace", WorkspaceState::parse)? {
        None => None,
        Some(state) => {
            Some(OrderedWorkspace { status: status(state), since: row.moment("paid_at")? })
        }
    };
    Ok(Order {
        signup: row.text("id")?,
        username: valid(row, "username", Username::parse)?,
        email: row.text("email")?,
        skills: Skills::from_stored(&row.text("skills")?),
        browser: valid(row, "browser_hash", TokenHash::parse)?,
        payment: payment(valid(row, "state", SignUpState::parse)?),
        checkout_url: row.optional_text("checkout_url")?,
        checkout_expires: row.optional_moment("checkout_expires_at")?,
        looked: row.moment("looked_at")?,
        began: row.moment("created_at")?,
        workspace,
        task: None,
        ticket: row.optional_text("ticket")?,
        has_password: row.optional_text("password_hash")?.is_some(),
        letter: row.optional("letter", MailState::parse)?,
    })
}

const fn payment(state: SignUpState) -> Payment {
    match state {
        SignUpState::Open => Payment::Open,
        SignUpState::Unpaid => Payment::Pending,
        SignUpState::Paid => Payment::Paid,
        SignUpState::Expired => Payment::Expired,
        SignUpState::Failed => Payment::Failed,
    }
}

const fn status(state: WorkspaceState) -> WorkspaceStatus {
    match state {
        WorkspaceState::Preparing => WorkspaceStatus::Preparing,
        WorkspaceState::Live => WorkspaceStatus::Live,
        WorkspaceState::Suspended => WorkspaceStatus::Suspended,
        WorkspaceState::Ending | WorkspaceState::Ended => WorkspaceStatus::Ended,
    }
}
