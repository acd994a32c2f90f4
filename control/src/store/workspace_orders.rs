//! What was ordered with a workspace, for whoever makes it.

use shared::Username;
use sqlx::any::AnyRow;

use super::error::Attempt as _;
use super::{Columns as _, Store, StoreError};
use crate::base::clock::Moment;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceOrder {
    /// The id of the sign-up that paid for it.
    pub signup: String,
    /// Ids of the catalogue.
    pub skills: Vec<String>,
    /// The end of the period that is paid for.
    pub next_payment: Option<Moment>,
}

impl Store {
    /// `None` when there is no such workspace.
    ///
    /// # Errors
    /// When the database does not answer.
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
        .fetch_optional(&self.pool)
        .await
        .attempt(ATTEMPT)?;
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }
}

fn parse(row: &AnyRow) -> Result<WorkspaceOrder, sqlx::Error> {
    let skills = row.optional_text("skills")?.unwrap_or_default();
    Ok(WorkspaceOrder {
        signup: row.text("signup")?,
        skills: skills.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        next_payment: row.optional_moment("period_end_at")?,
    })
}
