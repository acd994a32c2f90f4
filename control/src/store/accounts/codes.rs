//! One-time codes that hand a session over from the site to a workspace.

use std::time::Duration;

use shared::{ReturnPath, SessionId, Username};

use super::sessions::{self, AccountSession, hand_over};
use crate::base::clock::Moment;
use crate::base::token::TokenHash;
use crate::model::handover::Challenge;
use crate::store::connection::{Attempt as _, Columns as _, Connection, millis, valid};
use crate::store::{Store, StoreError};

/// Open codes of one browser beside the newest, which pushes the oldest out.
///
/// As many tabs may be signing in at once. More is somebody filling our disk.
const OTHER_CODES: i64 = 7;

/// What a code was worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeemed {
    pub session: SessionId,
    pub epoch: u64,
    pub return_path: ReturnPath,
}

impl Store {
    /// Keeps a code of `account` for its own workspace, until `expires`.
    ///
    /// # Errors
    /// When the database does not answer, or the session ended meanwhile.
    pub async fn add_code(
        &self,
        code: &TokenHash,
        account: &AccountSession,
        challenge: &Challenge,
        return_path: &ReturnPath,
        now: Moment,
        lifetime: Duration,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO sign_in_codes (code_hash, username, challenge, return_path,
                 account_session, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(code.as_str())
        .bind(account.username.as_str())
        .bind(challenge.as_str())
        .bind(return_path.as_str())
        .bind(account.id.as_str())
        .bind(millis(now))
        .bind(millis(now.after(lifetime)))
        .execute(&mut *write)
        .await
        .attempt("keep a sign-in code")?;
        sqlx::query(
            "DELETE FROM sign_in_codes
             WHERE account_session = $1 AND code_hash <> $2 AND code_hash NOT IN
                 (SELECT code_hash FROM sign_in_codes
                  WHERE account_session = $1 AND code_hash <> $2
                  ORDER BY created_at DESC LIMIT $3)",
        )
        .bind(account.id.as_str())
        .bind(code.as_str())
        .bind(OTHER_CODES)
        .execute(&mut *write)
        .await
        .attempt("drop old sign-in codes")?;
        write.commit().await
    }

    /// Takes a code, once, and notes the workspace session it is worth.
    ///
    /// `None`, and nothing is taken, unless it is open, for this workspace, and
    /// comes from the browser with this challenge.
    ///
    /// # Errors
    /// When the database does not answer; the code is then still open.
    pub async fn redeem_code(
        &self,
        code: &TokenHash,
        workspace: &Username,
        challenge: &Challenge,
        now: Moment,
        session_expires: Moment,
    ) -> Result<Option<Redeemed>, StoreError> {
        const ATTEMPT: &str = "redeem a sign-in code";
        let mut write = self.begin().await?;
        let Some(id) = account_session_of(&mut write, code).await? else { return Ok(None) };
        // Before the code, which others take after the session: see `sessions::lock_row`.
        sessions::lock_row(&mut write, &id).await?;
        let taken = sqlx::query(
            "DELETE FROM sign_in_codes
             WHERE code_hash = $1 AND username = $2 AND challenge = $3 AND expires_at > $4
             RETURNING return_path",
        )
        .bind(code.as_str())
        .bind(workspace.as_str())
        .bind(challenge.as_str())
        .bind(millis(now))
        .fetch_optional(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        let Some(taken) = taken else { return Ok(None) };
        let account = AccountSession { id, username: *workspace };
        let row = sqlx::query("SELECT epoch FROM customers WHERE username = $1")
            .bind(workspace.as_str())
            .fetch_one(&mut *write)
            .await
            .attempt(ATTEMPT)?;
        let session = hand_over(&mut write, &account, session_expires).await?;
        let redeemed = Redeemed {
            session,
            epoch: row.number("epoch").attempt(ATTEMPT)?,
            return_path: ReturnPath::or_root(&taken.text("return_path").attempt(ATTEMPT)?),
        };
        write.commit().await?;
        Ok(Some(redeemed))
    }
}

async fn account_session_of(
    connection: &mut Connection,
    code: &TokenHash,
) -> Result<Option<TokenHash>, StoreError> {
    const ATTEMPT: &str = "read a sign-in code";
    let row = sqlx::query("SELECT account_session FROM sign_in_codes WHERE code_hash = $1")
        .bind(code.as_str())
        .fetch_optional(connection)
        .await
        .attempt(ATTEMPT)?;
    row.map(|row| valid(&row, "account_session", TokenHash::parse)).transpose().attempt(ATTEMPT)
}
