//! Orders as the page of a customer shows them: read together, never written here.

use shared::Username;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::error::Attempt as _;
use super::routes::valid;
use super::{Columns as _, Store, StoreError};
use crate::base::clock::Moment;
use crate::base::token::TokenHash;
use crate::model::progress::{
    Order, OrderedStep, OrderedTask, OrderedWorkspace, Payment, WorkspaceStatus,
};
use crate::model::skills::Skills;

const ATTEMPT: &str = "read an order";

/// The sign-up with its customer, its workspace, and the task that prepares it.
const SELECT: &str = "
    SELECT signups.id, signups.username, signups.email, signups.skills, signups.browser_hash, signups.state,
        signups.checkout_url, signups.checkout_expires_at, signups.looked_at, signups.created_at,
        customers.password_hash,
        workspaces.state AS workspace, workspaces.created_at AS paid_at,
        tasks.id AS task, tasks.state AS task_state, tickets.identifier AS ticket
    FROM signups
    LEFT JOIN workspaces ON workspaces.signup = signups.id
    LEFT JOIN customers ON customers.username = workspaces.username
    LEFT JOIN tasks ON tasks.dedupe_key = 'prov/' || signups.checkout
    LEFT JOIN tickets ON tickets.incident = 'task/' || tasks.id";

impl Store {
    /// The order that is paid at this checkout.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn order_of_checkout(&self, checkout: &str) -> Result<Option<Order>, StoreError> {
        self.order("signups.checkout = $1", &[checkout]).await
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn order_of_signup(&self, signup: &str) -> Result<Option<Order>, StoreError> {
        self.order("signups.id = $1", &[signup]).await
    }

    /// The latest order for this name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn order_of_username(
        &self,
        username: &Username,
    ) -> Result<Option<Order>, StoreError> {
        self.order("signups.username = $1", &[username.as_str()]).await
    }

    /// The latest order for this name that this browser began.
    ///
    /// # Errors
    /// When the database does not answer.
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
        let Some(row) = query.fetch_optional(&self.pool).await.attempt(ATTEMPT)? else {
            return Ok(None);
        };
        let mut order = parse(&row).attempt(ATTEMPT)?;
        if let Some(task) = optional(&row, "task").attempt(ATTEMPT)? {
            let state = row.text("task_state").attempt(ATTEMPT)?;
            order.task = Some(OrderedTask {
                // Called off while somebody waits for it, it is as good as dead to them.
                is_dead: matches!(state.as_str(), "dead" | "cancelled"),
                is_over: matches!(state.as_str(), "done" | "dead" | "cancelled"),
                steps: self.steps_of(&task).await?,
            });
        }
        Ok(Some(order))
    }

    async fn steps_of(&self, task: &str) -> Result<Vec<OrderedStep>, StoreError> {
        let rows = sqlx::query(
            "SELECT name, state, attempts, started_at, finished_at
             FROM task_steps WHERE task = $1 ORDER BY position",
        )
        .bind(task)
        .fetch_all(&self.pool)
        .await
        .attempt(ATTEMPT)?;
        let step = |row: &AnyRow| {
            Ok(OrderedStep {
                name: row.text("name")?,
                is_done: row.text("state")? == "done",
                attempts: row.number("attempts")?,
                started: optional_moment(row, "started_at")?,
                finished: optional_moment(row, "finished_at")?,
            })
        };
        rows.iter().map(step).collect::<Result<_, _>>().attempt(ATTEMPT)
    }
}

/// Without its task.
fn parse(row: &AnyRow) -> Result<Order, sqlx::Error> {
    let workspace = match optional(row, "workspace")? {
        None => None,
        Some(_) => Some(OrderedWorkspace {
            status: valid(row, "workspace", status)?,
            since: row.moment("paid_at")?,
        }),
    };
    Ok(Order {
        signup: row.text("id")?,
        username: valid(row, "username", Username::parse)?,
        email: row.text("email")?,
        skills: Skills::from_stored(&row.text("skills")?),
        browser: valid(row, "browser_hash", TokenHash::parse)?,
        payment: valid(row, "state", payment)?,
        checkout_url: optional(row, "checkout_url")?,
        checkout_expires: optional_moment(row, "checkout_expires_at")?,
        looked: row.moment("looked_at")?,
        began: row.moment("created_at")?,
        workspace,
        task: None,
        ticket: optional(row, "ticket")?,
        has_password: optional(row, "password_hash")?.is_some(),
    })
}

fn payment(state: &str) -> Result<Payment, &'static str> {
    match state {
        "open" => Ok(Payment::Open),
        "unpaid" => Ok(Payment::Pending),
        "paid" => Ok(Payment::Paid),
        "expired" => Ok(Payment::Expired),
        "failed" => Ok(Payment::Failed),
        _ => Err("not a state of a sign-up"),
    }
}

fn status(state: &str) -> Result<WorkspaceStatus, &'static str> {
    match state {
        "preparing" => Ok(WorkspaceStatus::Preparing),
        "live" => Ok(WorkspaceStatus::Live),
        "suspended" => Ok(WorkspaceStatus::Suspended),
        "ending" | "ended" => Ok(WorkspaceStatus::Ended),
        _ => Err("not a state of a workspace"),
    }
}

fn optional(row: &AnyRow, column: &str) -> Result<Option<String>, sqlx::Error> {
    row.try_get(column)
}

fn optional_moment(row: &AnyRow, column: &str) -> Result<Option<Moment>, sqlx::Error> {
    let millis: Option<i64> = row.try_get(column)?;
    let millis = millis.map(u64::try_from).transpose();
    let millis = millis.map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(millis.map(Moment::from_millis))
}
