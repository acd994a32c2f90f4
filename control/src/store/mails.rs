//! Letters: posted once, kept until they are sent.

use shared::Username;
use sqlx::any::AnyRow;

use super::error::Attempt as _;
use super::password_links::issue_link;
use super::routes::valid;
use super::tasks::enqueue;
use super::{Columns as _, Store, StoreError, Write, millis};
use crate::base::clock::Moment;
use crate::model::mail::{Mail, MailEnd, MailKind, MailRecord, MailState, NewMail};
use crate::model::password_link::NewLink;
use crate::model::task::NewTask;
use crate::model::task::kinds::SendMail;
use vendors::resend::RenderedEmail;

impl Store {
    /// Posts a letter, and keeps the link in it; the customer's earlier links work no
    /// more.
    ///
    /// `false`, and nothing has changed, when a letter of this id was posted before:
    /// the link in that one stays good.
    ///
    /// # Errors
    /// When the database does not answer, or the customer is gone.
    pub async fn enqueue_with_link(
        &self,
        mail: &NewMail,
        link: Option<&NewLink>,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        if !enqueue_mail(&mut write, mail, now).await? {
            return Ok(false);
        }
        if let Some(link) = link {
            issue_link(&mut write, link, now).await?;
        }
        write.commit().await?;
        Ok(true)
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn mail(&self, id: &str) -> Result<Option<Mail>, StoreError> {
        const ATTEMPT: &str = "read a letter";
        let row = sqlx::query(
            "SELECT id, kind, username, body, state, tried_at, expires_at, receipt, created_at,
                 ended_at
             FROM mails WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(&self.pool)
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
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn mails(
        &self,
        state: Option<MailState>,
        before: Option<(Moment, &str)>,
        limit: u32,
    ) -> Result<Vec<MailRecord>, StoreError> {
        const ATTEMPT: &str = "list letters";
        let (before_at, before_id) = before.map_or((i64::MAX, ""), |(at, id)| (millis(at), id));
        let rows = sqlx::query(
            "SELECT id, kind, username, state, receipt, created_at, ended_at FROM mails
             WHERE ($1 = '' OR state = $1)
                 AND (created_at < $2 OR (created_at = $2 AND id < $3))
             ORDER BY created_at DESC, id DESC LIMIT $4",
        )
        .bind(state.map_or("", MailState::as_str))
        .bind(before_at)
        .bind(before_id)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(record).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// Is the customer's workspace still being prepared?
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn awaits_workspace(&self, username: &Username) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT username FROM workspaces WHERE username = $1 AND state = 'preparing'",
        )
        .bind(username.as_str())
        .fetch_optional(&self.pool)
        .await
        .attempt("look whether a workspace is prepared")?;
        Ok(row.is_some())
    }

    /// Notes that a letter is about to be sent: from then on nobody knows whether it
    /// was, until somebody says so.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_mail(&self, id: &str, now: Moment) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query("UPDATE mails SET tried_at = $2 WHERE id = $1 AND tried_at IS NULL")
            .bind(id)
            .bind(millis(now))
            .execute(&mut *write)
            .await
            .attempt("note that a letter is being sent")?;
        write.commit().await
    }

    /// Notes that a letter was not sent after all.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn mail_was_not_sent(&self, id: &str) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query("UPDATE mails SET tried_at = NULL WHERE id = $1")
            .bind(id)
            .execute(&mut *write)
            .await
            .attempt("note that a letter was not sent")?;
        write.commit().await
    }

    /// Notes how a letter ended; the body goes when nobody can need it any more. One
    /// that was sent stays sent.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn end_mail(&self, id: &str, end: &MailEnd, now: Moment) -> Result<(), StoreError> {
        let provider_id = match end {
            MailEnd::Sent { provider_id } => Some(provider_id.as_str()),
            _ => None,
        };
        let mut write = self.write().await?;
        sqlx::query(
            "UPDATE mails SET state = $2, receipt = $3, ended_at = $4, tried_at = NULL,
                 body = CASE WHEN $5 = 1 THEN body ELSE '' END
             WHERE id = $1 AND state <> 'sent'",
        )
        .bind(id)
        .bind(end.state().as_str())
        .bind(provider_id)
        .bind(millis(now))
        .bind(i64::from(end.keeps_body()))
        .execute(&mut *write)
        .await
        .attempt("note how a letter ended")?;
        write.commit().await
    }
}

/// Posts a letter, with the task that sends it.
///
/// `false`, and nothing has changed, when a letter of this id was posted before.
pub(super) async fn enqueue_mail(
    write: &mut Write,
    mail: &NewMail,
    now: Moment,
) -> Result<bool, StoreError> {
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
    enqueue(write, &task, now).await?;
    Ok(true)
}

fn record(row: &AnyRow) -> Result<MailRecord, sqlx::Error> {
    let username = row.optional_text("username")?;
    Ok(MailRecord {
        id: row.text("id")?,
        kind: valid(row, "kind", MailKind::parse)?,
        username: username.and_then(|name| Username::parse(&name).ok()),
        state: valid(row, "state", MailState::parse)?,
        provider_id: row.optional_text("receipt")?,
        created: row.moment("created_at")?,
        ended: row.optional_moment("ended_at")?,
    })
}
