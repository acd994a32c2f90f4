//! The journal: who did what to which workspace, machine, route and price, and when.
//!
//! What operators do is noted before it is done, with its outcome after it, and the second of
//! two who act on one thing is told of the first. What the system or a customer does is noted
//! in the transaction that does it: it is there when that is, and not otherwise.

use shared::Username;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::base::text_enum::text_enum;
use crate::store::connection::{Attempt as _, Columns as _, Connection, millis, shortened, valid};
use crate::store::{Store, StoreError, Write};

/// What somebody did to something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    pub id: String,
    pub at: Moment,
    pub kind: ActorKind,
    /// The operator's, the task's or the reconciler's name; the customer's username.
    pub actor: String,
    pub subject: String,
    pub act: String,
    /// `None` while it is being done.
    pub outcome: Option<String>,
}

text_enum! {
    pub enum ActorKind or "not a kind of actor" {
        Operator = "operator",
        System = "system",
        Customer = "customer",
    }
}

/// Who does something that is noted with it.
#[derive(Debug, Clone, Copy)]
pub enum Actor<'a> {
    /// A task or a reconciler, by its name.
    System(&'a str),
    /// Somebody who is signed in to their account.
    Customer(&'a Username),
}

/// Whether an act may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActBegun {
    /// It is in the journal, under this id.
    Yes(String),
    /// Somebody did this to the same thing since it was looked at.
    Overtaken(JournalEntry),
}

/// Which entries are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct JournalFilter<'a> {
    pub subject: Option<&'a str>,
    /// Of this workspace, whatever they are about: also its machines.
    pub workspace: Option<&'a str>,
    /// At or after this.
    pub since: Option<Moment>,
    /// Older than the entry with this id.
    pub before: Option<&'a str>,
}

const COLUMNS: &str = "id, at, kind, operator, subject, act, outcome";

/// Notes what is done to `subject`; `workspace` says whose it is.
///
/// # Errors
/// [`StoreError`]
pub async fn note(
    write: &mut Write,
    actor: Actor<'_>,
    (subject, workspace): (&str, Option<&Username>),
    act: &str,
    now: Moment,
) -> Result<(), StoreError> {
    let (kind, name) = match actor {
        Actor::System(name) => (ActorKind::System, name),
        Actor::Customer(username) => (ActorKind::Customer, username.as_str()),
    };
    insert(write, (kind, name), (subject, workspace.map(Username::as_str)), act, now)
        .await
        .map(drop)
}

impl Store {
    /// As [`note`], in a transaction of its own.
    pub async fn note_act(
        &self,
        actor: Actor<'_>,
        about: (&str, Option<&Username>),
        act: &str,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        note(&mut write, actor, about, act, now).await?;
        write.commit().await
    }

    /// Writes into the journal that `operator` does `act`, unless an operator did something to
    /// `subject` after the entry `seen`. Of two at once, one is told of the other.
    pub async fn begin_act(
        &self,
        operator: &str,
        subject: &str,
        act: &str,
        seen: Option<&str>,
        now: Moment,
    ) -> Result<ActBegun, StoreError> {
        let mut write = self.begin().await?;
        // On PostgreSQL, two who begin at once wait for each other here.
        sqlx::query("UPDATE write_probe SET writes = writes + 1 WHERE id = 1")
            .execute(&mut *write)
            .await
            .attempt(NOTE)?;
        if let Some(seen) = seen
            && let Some(last) = last_act(&mut write, subject).await?
            && last.id.as_str() > seen
        {
            return Ok(ActBegun::Overtaken(last));
        }
        let by = (ActorKind::Operator, operator);
        let about = (subject, subject.strip_prefix("workspace "));
        let id = insert(&mut write, by, about, act, now).await?;
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

    /// The last thing that an operator did to `subject`.
    pub async fn last_act(&self, subject: &str) -> Result<Option<JournalEntry>, StoreError> {
        last_act(&mut self.read().await?, subject).await
    }

    /// Up to `limit` entries, the newest first.
    pub async fn journal(
        &self,
        filter: &JournalFilter<'_>,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        const ATTEMPT: &str = "read the journal";
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM operator_journal
             WHERE ($1 = '' OR subject = $1) AND ($2 = '' OR workspace = $2) AND at >= $3
                 AND ($4 = '' OR id < $4)
             ORDER BY id DESC LIMIT $5"
        )))
        .bind(filter.subject.unwrap_or_default())
        .bind(filter.workspace.unwrap_or_default())
        .bind(filter.since.map_or(0, millis))
        .bind(filter.before.unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(entry).collect::<Result<_, _>>().attempt(ATTEMPT)
    }
}

const NOTE: &str = "note in the journal";

/// An operator's act has no outcome yet; what the others do is done with its transaction.
async fn insert(
    write: &mut Write,
    (kind, name): (ActorKind, &str),
    (subject, workspace): (&str, Option<&str>),
    act: &str,
    now: Moment,
) -> Result<String, StoreError> {
    let id = next_id(write, now).await?;
    let outcome = (kind != ActorKind::Operator).then_some("done");
    sqlx::query(
        "INSERT INTO operator_journal (id, at, kind, operator, subject, workspace, act, outcome)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&id)
    .bind(millis(now))
    .bind(kind.as_str())
    .bind(shortened(name))
    .bind(shortened(subject))
    .bind(workspace)
    .bind(shortened(act))
    .bind(outcome)
    .execute(&mut **write)
    .await
    .attempt(NOTE)?;
    Ok(id)
}

/// Grows with time, and within a millisecond with what this transaction sees; two that are
/// written at once differ by chance.
async fn next_id(write: &mut Write, now: Moment) -> Result<String, StoreError> {
    let row = sqlx::query("SELECT MAX(id) AS last FROM operator_journal WHERE at = $1")
        .bind(millis(now))
        .fetch_one(&mut **write)
        .await
        .attempt(NOTE)?;
    let last = row.optional_text("last").attempt(NOTE)?;
    let place = last.and_then(|id| u32::from_str_radix(id.get(13..21)?, 16).ok());
    let place = place.map_or(0, |place| place.saturating_add(1));
    let drawn = getrandom::u32().expect("the operating system gives random bytes");
    Ok(format!("{:013x}{place:08x}{drawn:08x}", now.millis()))
}

async fn last_act(
    connection: &mut Connection,
    subject: &str,
) -> Result<Option<JournalEntry>, StoreError> {
    const ATTEMPT: &str = "read what was done last";
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM operator_journal WHERE subject = $1 AND kind = 'operator'
         ORDER BY id DESC LIMIT 1"
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
        kind: valid(row, "kind", ActorKind::parse)?,
        actor: row.text("operator")?,
        subject: row.text("subject")?,
        act: row.text("act")?,
        outcome: row.optional_text("outcome")?,
    })
}
