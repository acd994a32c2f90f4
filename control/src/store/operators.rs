//! Operators: who of them is signed in to their page, and what they did.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::base::token::TokenHash;
use crate::store::connection::{Attempt as _, Columns as _, Connection, millis, shortened};
use crate::store::{Store, StoreError};

/// A browser of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorSession {
    pub operator: String,
    /// Of the key that opened it.
    pub fingerprint: String,
}

/// What somebody did to something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    pub id: String,
    pub at: Moment,
    pub operator: String,
    pub subject: String,
    pub act: String,
    /// `None` while it is being done.
    pub outcome: Option<String>,
}

/// Whether an act may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActBegun {
    /// It is in the journal, under this id.
    Yes(String),
    /// Somebody did this to the same thing since it was looked at.
    Overtaken(JournalEntry),
}

const COLUMNS: &str = "id, at, operator, subject, act, outcome";

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

    /// Writes into the journal that `operator` does `act`, unless somebody did something to
    /// `subject` after the entry `seen`. Of two at once, one is told of the other.
    pub async fn begin_act(
        &self,
        operator: &str,
        subject: &str,
        act: &str,
        seen: Option<&str>,
        now: Moment,
    ) -> Result<ActBegun, StoreError> {
        const ATTEMPT: &str = "note what an operator does";
        let mut write = self.begin().await?;
        // On PostgreSQL, two who begin at once wait for each other here.
        sqlx::query("UPDATE write_probe SET writes = writes + 1 WHERE id = 1")
            .execute(&mut *write)
            .await
            .attempt(ATTEMPT)?;
        if let Some(seen) = seen
            && let Some(last) = last_act(&mut write, subject).await?
            && last.id.as_str() > seen
        {
            return Ok(ActBegun::Overtaken(last));
        }
        let drawn = getrandom::u64().expect("the operating system gives random bytes");
        let id = format!("{:013x}{drawn:016x}", now.millis());
        sqlx::query(
            "INSERT INTO operator_journal (id, at, operator, subject, act)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&id)
        .bind(millis(now))
        .bind(operator)
        .bind(shortened(subject))
        .bind(shortened(act))
        .execute(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        write.commit().await?;
        Ok(ActBegun::Yes(id))
    }

    pub async fn end_act(&self, id: &str, outcome: &str) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query("UPDATE operator_journal SET outcome = $2 WHERE id = $1")
            .bind(id)
            .bind(shortened(outcome))
            .execute(&mut *write)
            .await
            .attempt("note what came of an act")?;
        write.commit().await
    }

    /// The last thing that was done to `subject`.
    pub async fn last_act(&self, subject: &str) -> Result<Option<JournalEntry>, StoreError> {
        last_act(&mut self.read().await?, subject).await
    }

    /// Up to `limit` entries, the newest first; those about `subject`, where one is named.
    pub async fn journal(
        &self,
        subject: Option<&str>,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        const ATTEMPT: &str = "read the journal";
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM operator_journal WHERE ($1 = '' OR subject = $1)
             ORDER BY id DESC LIMIT $2"
        )))
        .bind(subject.unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(entry).collect::<Result<_, _>>().attempt(ATTEMPT)
    }
}

async fn last_act(
    connection: &mut Connection,
    subject: &str,
) -> Result<Option<JournalEntry>, StoreError> {
    const ATTEMPT: &str = "read what was done last";
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM operator_journal WHERE subject = $1 ORDER BY id DESC LIMIT 1"
    )))
    .bind(subject)
    .fetch_optional(connection)
    .await
    .attempt(ATTEMPT)?;
    row.as_ref().map(entry).transpose().attempt(ATTEMPT)
}

fn entry(row: &AnyRow) -> Result<JournalEntry, sqlx::Error> {
    Ok(JournalEntry {
        id: row.text("id")?,
        at: row.moment("at")?,
        operator: row.text("operator")?,
        subject: row.text("subject")?,
        act: row.text("act")?,
        outcome: row.optional_text("outcome")?,
    })
}
