//! Operators: who of them is signed in to their page.

use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::base::token::TokenHash;
use crate::store::connection::{Attempt as _, Columns as _, millis};
use crate::store::{Store, StoreError};

/// A browser of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorSession {
    pub operator: String,
    /// Of the key that opened it.
    pub fingerprint: String,
}

impl Store {
    pub async fn open_operator_session(
        &self,
        id: &TokenHash,
        session: &OperatorSession,
        now: Moment,
        expires: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO operator_sessions (id_hash, operator, fingerprint, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(id.as_str())
        .bind(&session.operator)
        .bind(&session.fingerprint)
        .bind(millis(now))
        .bind(millis(expires))
        .execute(&mut *write)
        .await
        .attempt("open a session of an operator")?;
        write.commit().await
    }

    pub async fn operator_session(
        &self,
        id: &TokenHash,
        now: Moment,
    ) -> Result<Option<OperatorSession>, StoreError> {
        const ATTEMPT: &str = "read a session of an operator";
        let row = sqlx::query(
            "SELECT operator, fingerprint FROM operator_sessions
             WHERE id_hash = $1 AND expires_at > $2",
        )
        .bind(id.as_str())
        .bind(millis(now))
        .fetch_optional(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let session = |row: AnyRow| {
            Ok(OperatorSession {
                operator: row.text("operator")?,
                fingerprint: row.text("fingerprint")?,
            })
        };
        row.map(session).transpose().attempt(ATTEMPT)
    }

    pub async fn close_operator_session(&self, id: &TokenHash) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query("DELETE FROM operator_sessions WHERE id_hash = $1")
            .bind(id.as_str())
            .execute(&mut *write)
            .await
            .attempt("end a session of an operator")?;
        write.commit().await
    }
}
