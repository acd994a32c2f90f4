//! Letters: posted once, kept until they are sent.

use futures_util::future::FutureExt as _;
use shared::Username;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::model::mail::{Mail, MailEnd, MailKind, MailRecord, MailState, NewMail};
use crate::model::task::kinds::SendMail;
use crate::model::task::{NewTask, TaskId};
use crate::store::connection::{Attempt as _, Columns as _, millis, shortened, valid};
use crate::store::{Store, StoreError, Topic, Write, tasks};
use vendors::resend::RenderedEmail;

/// What every read of a letter selects, from [`TABLES`].
const COLUMNS: &str = "m.id, m.kind, m.username, m.body, m.state, m.tried_at, m.expires_at, \
     m.receipt, m.created_at, m.ended_at, COALESCE(m.why, t.last_error) AS why, t.run_at, \
     t.state AS task_state";

/// A letter, and the task that sends it for as long as that is kept.
const TABLES: &str = "mails AS m LEFT JOIN tasks AS t ON t.dedupe_key = 'mail/' || m.id";

/// Which letters are listed; each `None` lets all through.
#[derive(Debug, Clone, Copy, Default)]
pub struct MailFilter {
    pub state: Option<MailState>,
    pub username: Option<Username>,
}

impl Store {
    pub async fn mail(&self, id: &str) -> Result<Option<Mail>, StoreError> {
        const ATTEMPT: &str = "read a letter";
        let row =
            sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM {TABLES} WHERE m.id = $1")))
                .bind(id)
                .fetch_optional(&mut self.read().await?)
                .await
                .attempt(ATTEMPT)?;
        let parse = |row: &AnyRow| {
            Ok(Mail {
                record: record(row)?,
                body: RenderedEmail::from_stored(row.text("body")?),
                tried: row.optional_moment("tried_at")?,
                expires: row.optional_moment("expires_at")?,
            })
        };
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }

    /// Up to `limit` letters, the newest first, that were posted before the one with
    /// this time and id.
    pub async fn mails(
        &self,
        filter: &MailFilter,
        before: Option<(Moment, &str)>,
        limit: u32,
    ) -> Result<Vec<MailRecord>, StoreError> {
        const ATTEMPT: &str = "list letters";
        let text = format!(
            "SELECT {COLUMNS} FROM {TABLES}
             WHERE ($1 = '' OR m.state = $1) AND ($5 = '' OR m.username = $5)
                 AND (m.created_at < $2 OR (m.created_at = $2 AND m.id < $3))
             ORDER BY m.created_at DESC, m.id DESC LIMIT $4"
        );
        let fetch = |(created, id): (Moment, String), limit: u32| {
            let text = text.clone();
            let username = filter.username.map(|username| username.to_string());
            async move {
                sqlx::query(AssertSqlSafe(text))
                    .bind(filter.state.map_or("", MailState::as_str))
                    .bind(millis(created))
                    .bind(id)
                    .bind(i64::from(limit))
                    .bind(username.unwrap_or_default())
                    .fetch_all(&mut self.read().await?)
                    .await
                    .attempt(ATTEMPT)
            }
            .boxed()
        };
        let (created, id) = before.unwrap_or((Moment::from_millis(u64::MAX), ""));
        let place = |row: &AnyRow| Ok((row.moment("created_at")?, row.text("id")?));
        let before = (created, id.to_owned());
        self.readable_page(("mails", "id"), before, limit, fetch, place, record).await
    }

    /// Notes that a letter is about to be sent: from then on nobody knows whether it
    /// was, until somebody says so.
    pub async fn begin_mail(&self, id: &str, now: Moment) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query("UPDATE mails SET tried_at = $2 WHERE id = $1 AND tried_at IS NULL")
            .bind(id)
            .bind(millis(now))
            .execute(&mut *write)
            .await
            .attempt("note that a letter is being sent")?;
        write.commit().await
    }

    /// Notes that a letter was not sent after all.
    pub async fn mail_was_not_sent(&self, id: &str) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query("UPDATE mails SET tried_at = NULL WHERE id = $1")
            .bind(id)
            .execute(&mut *write)
            .await
            .attempt("note that a letter was not sent")?;
        write.commit().await
    }

    /// As [`Store::retry_task`] for the task of a letter that may have been sent: its tries
    /// are forgotten, and it goes out once more. `false` when the task is done or running.
    pub async fn send_again(
        &self,
        task: &TaskId,
        id: &str,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        if tasks::revive(&mut write, task, now).await? == 0 {
            return Ok(false);
        }
        sqlx::query("UPDATE mails SET tried_at = NULL WHERE id = $1")
            .bind(id)
            .execute(&mut *write)
            .await
            .attempt("forget the tries of a letter")?;
        write.announce(Topic::TasksChanged).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Notes how a letter ended; the body goes when nobody can need it any more. One
    /// that was sent stays sent; of one that failed it stays known that it may have been.
    pub async fn end_mail(&self, id: &str, end: &MailEnd, now: Moment) -> Result<(), StoreError> {
        let provider_id = match end {
            MailEnd::Sent { provider_id } => Some(provider_id.as_str()),
            _ => None,
        };
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE mails SET state = $2, receipt = $3, ended_at = $4, why = $6,
                 tried_at = CASE WHEN $2 = 'failed' THEN tried_at ELSE NULL END,
                 body = CASE WHEN $5 = 1 THEN body ELSE '' END
             WHERE id = $1 AND state <> 'sent'",
        )
        .bind(id)
        .bind(end.state().as_str())
        .bind(provider_id)
        .bind(millis(now))
        .bind(i64::from(end.keeps_body()))
        .bind(end.why().map(shortened))
        .execute(&mut *write)
        .await
        .attempt("note how a letter ended")?;
        write.commit().await
    }
}

/// Posts a letter, with the task that sends it.
///
/// `false`, and nothing has changed, when a letter of this id was posted before.
pub async fn enqueue(write: &mut Write, mail: &NewMail, now: Moment) -> Result<bool, StoreError> {
    let posted = sqlx::query(
        "INSERT INTO mails (id, kind, username, body, state, expires_at, created_at)
         VALUES ($1, $2, $3, $4, 'waiting', $5, $6) ON CONFLICT (id) DO NOTHING",
    )
    .bind(&mail.id)
    .bind(mail.kind.as_str())
    .bind(mail.username.as_str())
    .bind(mail.body.as_str())
    .bind(mail.expires.map(millis))
    .bind(millis(now))
    .execute(&mut **write)
    .await
    .attempt("post a letter")?;
    if posted.rows_affected() == 0 {
        return Ok(false);
    }
    let payload = SendMail { mail: mail.id.clone(), letter: mail.kind.as_str().to_owned() };
    let task = NewTask::new(format!("mail/{}", mail.id), Some(mail.username), &payload);
    let task = NewTask { run_at: mail.run_at, ..task };
    tasks::enqueue(write, &task, now).await?;
    Ok(true)
}

fn record(row: &AnyRow) -> Result<MailRecord, sqlx::Error> {
    let state = valid(row, "state", MailState::parse)?;
    let is_tried =
        matches!(row.optional_text("task_state")?.as_deref(), Some("waiting" | "running"));
    Ok(MailRecord {
        id: row.text("id")?,
        kind: valid(row, "kind", MailKind::parse)?,
        username: row.optional("username", Username::parse)?,
        state,
        // What went wrong on the way of a letter that was sent all the same is no reason.
        why: row.optional_text("why")?.filter(|_| state != MailState::Sent),
        next_attempt: row.optional_moment("run_at")?.filter(|_| is_tried),
        provider_id: row.optional_text("receipt")?,
        created: row.moment("created_at")?,
        ended: row.optional_moment("ended_at")?,
    })
}
