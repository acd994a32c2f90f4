//! What was ordered with a workspace, for whoever makes it.

use shared::Username;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::model::sign_up::SignUpId;
use crate::model::skills::Skills;
use crate::store::connection::{Attempt as _, Columns as _, valid};
use crate::store::{Store, StoreError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceOrder {
    /// The id of the sign-up that paid for it.
    pub signup: SignUpId,
    pub skills: Skills,
    /// The end of the period that is paid for.
    pub next_payment: Option<Moment>,
}

impl Store {
    /// `None` when there is no such workspace.
    pub async fn workspace_order(
        &self,
        username: &Username,
    ) -> Result<Option<WorkspaceOrder>, StoreError> {
        const ATTEMPT: &str = "read what was ordered with a workspace";
        let row = sqlx::query(
            "SELECT workspaces.signup, workspaces.period_end_at, signups.skills
             FROM workspaces LEFT JOIN signups ON signups.id = workspaces.signup
             WHERE workspaces.username = $1",
        )
        .bind(username.as_str())
        .fetch_optional(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }
}

fn parse(row: &AnyRow) -> Result<WorkspaceOrder, sqlx::Error> {
    let skills = row.optional_text("skills")?.unwrap_or_default();
    Ok(WorkspaceOrder {
        signup: valid(row, "signup", SignUpId::parse)?,
        skills: Skills::from_stored(&skills),
        next_payment: row.optional_moment("period_end_at")?,
    })
}
