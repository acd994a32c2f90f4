//! Incidents, and the tickets they become.

use futures_util::future::FutureExt as _;
use shared::Username;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::model::incident::{Incident, Ticket};
use crate::model::task::NewTask;
use crate::model::task::kinds::OpenTicket;
use crate::store::connection::{Attempt as _, Columns as _, millis};
use crate::store::tasks::enqueue;
use crate::store::{Store, StoreError, Write};
use vendors::linear::Priority;

/// What every read of an incident selects, from [`TABLES`].
const COLUMNS: &str = "i.incident, i.title, i.body, i.priority, i.identifier, i.url, \
     i.created_at, i.opened_at, t.last_error, t.run_at, t.state AS task_state";

/// An incident, and the task that opens its ticket for as long as that is kept.
const TABLES: &str = "tickets AS i LEFT JOIN tasks AS t ON t.dedupe_key = 'ticket/' || i.incident";

impl Store {
    /// Notes an incident that belongs to no other change; again, it changes nothing.
    pub async fn open_incident(&self, incident: &Incident, now: Moment) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        open(&mut write, incident, now).await?;
        write.commit().await
    }

    pub async fn ticket(&self, incident: &str) -> Result<Option<Ticket>, StoreError> {
        const ATTEMPT: &str = "read an incident";
        let text = format!("SELECT {COLUMNS} FROM {TABLES} WHERE i.incident = $1");
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(incident)
            .fetch_optional(&mut self.read().await?)
            .await
            .attempt(ATTEMPT)?;
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }

    /// Whether one was noted after `since` whose key begins so.
    pub async fn is_told_of(&self, beginning: &str, since: Moment) -> Result<bool, StoreError> {
        let row =
            sqlx::query("SELECT 1 FROM tickets WHERE incident LIKE $1 AND created_at > $2 LIMIT 1")
                .bind(format!("{beginning}%"))
                .bind(millis(since))
                .fetch_optional(&mut self.read().await?)
                .await
                .attempt("look for an incident")?;
        Ok(row.is_some())
    }

    /// Up to `limit` incidents, the newest first, that were noted before the one with
    /// this time and key; only those about `username` where one is named.
    pub async fn tickets(
        &self,
        username: Option<Username>,
        before: Option<(Moment, &str)>,
        limit: u32,
    ) -> Result<Vec<Ticket>, StoreError> {
        const ATTEMPT: &str = "list incidents";
        let text = format!(
            "SELECT {COLUMNS} FROM {TABLES}
             WHERE (i.created_at < $1 OR (i.created_at = $1 AND i.incident < $2))
                 AND ($4 = '' OR i.title LIKE $4 OR i.body LIKE $4)
             ORDER BY i.created_at DESC, i.incident DESC LIMIT $3"
        );
        let fetch = |(created, key): (Moment, String), limit: u32| {
            let text = text.clone();
            // As every incident about a workspace names it.
            let about = username.map(|username| format!("%`{username}`%"));
            async move {
                sqlx::query(AssertSqlSafe(text))
                    .bind(millis(created))
                    .bind(key)
                    .bind(i64::from(limit))
                    .bind(about.unwrap_or_default())
                    .fetch_all(&mut self.read().await?)
                    .await
                    .attempt(ATTEMPT)
            }
            .boxed()
        };
        let (created, key) = before.unwrap_or((Moment::from_millis(u64::MAX), ""));
        let place = |row: &AnyRow| Ok((row.moment("created_at")?, row.text("incident")?));
        let before = (created, key.to_owned());
        self.readable_page(("tickets", "incident"), before, limit, fetch, place, parse).await
    }

    /// Notes the ticket that an incident became.
    pub async fn ticket_is_open(
        &self,
        incident: &str,
        identifier: &str,
        url: &str,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE tickets SET identifier = $2, url = $3, opened_at = $4 WHERE incident = $1",
        )
        .bind(incident)
        .bind(identifier)
        .bind(url)
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("note a ticket")?;
        write.commit().await
    }
}

/// Notes an incident, with the task that opens its ticket. Again, it changes nothing.
pub async fn open(write: &mut Write, incident: &Incident, now: Moment) -> Result<(), StoreError> {
    let noted = sqlx::query(
        "INSERT INTO tickets (incident, issue, title, body, priority, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (incident) DO NOTHING",
    )
    .bind(&incident.key)
    .bind(incident.issue().to_string())
    .bind(&incident.title)
    .bind(&incident.body)
    .bind(i64::from(incident.priority as u8))
    .bind(millis(now))
    .execute(&mut **write)
    .await
    .attempt("note an incident")?;
    if noted.rows_affected() == 0 {
        return Ok(());
    }
    let payload = OpenTicket { incident: incident.key.clone() };
    let task = NewTask::new(format!("ticket/{}", incident.key), None, &payload);
    enqueue(write, &task, now).await?;
    Ok(())
}

fn parse(row: &AnyRow) -> Result<Ticket, sqlx::Error> {
    let incident = Incident {
        key: row.text("incident")?,
        title: row.text("title")?,
        body: row.text("body")?,
        priority: Priority::from_number(row.number("priority")?),
    };
    let is_open = row.optional_moment("opened_at")?.is_some();
    let is_tried = row.optional_text("task_state")?.as_deref() == Some("waiting");
    Ok(Ticket {
        incident,
        why: row.optional_text("last_error")?.filter(|_| !is_open),
        next_attempt: row.optional_moment("run_at")?.filter(|_| is_tried),
        identifier: row.optional_text("identifier")?,
        url: row.optional_text("url")?,
        created: row.moment("created_at")?,
        opened: row.optional_moment("opened_at")?,
    })
}
