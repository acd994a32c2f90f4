//! Receipts for workspaces that have ended.

use shared::Username;
use sqlx::any::AnyRow;

use crate::model::receipt::Receipt;
use crate::model::sign_up::SignUpId;
use crate::model::workspace::EndReason;
use crate::store::connection::{Attempt as _, Columns as _, millis, valid};
use crate::store::{Store, StoreError, Write};

impl Store {
    /// The latest for this name.
    pub async fn receipt(&self, username: &Username) -> Result<Option<Receipt>, StoreError> {
        const ATTEMPT: &str = "read a receipt";
        let row = sqlx::query(
            "SELECT signup, username, reason, lines, created_at FROM receipts
             WHERE username = $1 ORDER BY created_at DESC LIMIT 1",
        )
        .bind(username.as_str())
        .fetch_optional(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }
}

/// One for each workspace: a second one changes nothing.
pub async fn insert(write: &mut Write, receipt: &Receipt) -> Result<(), StoreError> {
    let Receipt { signup, username, reason, lines, created } = receipt;
    let lines = serde_json::to_string(lines).expect("words and numbers");
    sqlx::query(
        "INSERT INTO receipts (signup, username, reason, lines, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (signup) DO NOTHING",
    )
    .bind(signup.as_str())
    .bind(username.as_str())
    .bind(reason.as_str())
    .bind(lines)
    .bind(millis(*created))
    .execute(&mut **write)
    .await
    .attempt("keep a receipt")?;
    Ok(())
}

fn parse(row: &AnyRow) -> Result<Receipt, sqlx::Error> {
    Ok(Receipt {
        signup: valid(row, "signup", SignUpId::parse)?,
        username: valid(row, "username", Username::parse)?,
        reason: valid(row, "reason", EndReason::parse)?,
        lines: valid(row, "lines", |text| serde_json::from_str(text))?,
        created: row.moment("created_at")?,
    })
}
