//! Who may fetch everything in their workspace, and for how long. Belongs to one signed-in
//! browser and ends with it; nothing of it stands in an address.

use crate::base::clock::Moment;
use crate::base::token::TokenHash;
use crate::store::connection::{Attempt as _, Columns as _, millis};
use crate::store::{Store, StoreError};

impl Store {
    /// From now on until `expires`. Again: until the later moment.
    ///
    /// # Errors
    /// When the database does not answer, or the session ended meanwhile.
    pub async fn allow_export(
        &self,
        session: &TokenHash,
        expires: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO exports (account_session, expires_at) VALUES ($1, $2)
             ON CONFLICT (account_session) DO UPDATE SET expires_at = excluded.expires_at",
        )
        .bind(session.as_str())
        .bind(millis(expires))
        .execute(&mut *write)
        .await
        .attempt("allow an export")?;
        write.commit().await
    }

    /// Until when this browser may fetch it; `None` when it may not (any more).
    pub async fn export_until(
        &self,
        session: &TokenHash,
        now: Moment,
    ) -> Result<Option<Moment>, StoreError> {
        const ATTEMPT: &str = "read whether an export is allowed";
        let mut connection = self.read().await?;
        let row = sqlx::query(
            "SELECT expires_at FROM exports WHERE account_session = $1 AND expires_at > $2",
        )
        .bind(session.as_str())
        .bind(millis(now))
        .fetch_optional(&mut connection)
        .await
        .attempt(ATTEMPT)?;
        row.map(|row| row.moment("expires_at")).transpose().attempt(ATTEMPT)
    }

    /// Notes which archive was begun, whose rest may be fetched until `until`.
    pub async fn begin_export(
        &self,
        session: &TokenHash,
        mark: &str,
        until: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE exports SET mark = $2, resume_until_at = $3 WHERE account_session = $1",
        )
        .bind(session.as_str())
        .bind(mark)
        .bind(millis(until))
        .execute(&mut *write)
        .await
        .attempt("note an export")?;
        write.commit().await
    }

    /// Whether this browser may fetch the rest of the archive with this mark.
    pub async fn may_resume_export(
        &self,
        session: &TokenHash,
        mark: &str,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut connection = self.read().await?;
        let row = sqlx::query(
            "SELECT 1 FROM exports
             WHERE account_session = $1 AND mark = $2 AND resume_until_at > $3",
        )
        .bind(session.as_str())
        .bind(mark)
        .bind(millis(now))
        .fetch_optional(&mut connection)
        .await
        .attempt("read whether an export may go on")?;
        Ok(row.is_some())
    }
}
