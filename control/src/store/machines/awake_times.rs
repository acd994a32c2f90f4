//! How long the machines of customers were awake.

use std::time::Duration;

use shared::Username;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::model::awake_time::{AwakeCount, AwakeTime, month};
use crate::model::pool::Assigned;
use crate::store::connection::{Attempt as _, Columns as _, Connection, bigint, valid};
use crate::store::{Store, StoreError};

/// How long machines of customers were awake in a month.
pub struct AwakeMonth {
    pub all: Duration,
    /// Customers whose machine was awake for longer than is affordable.
    pub beyond_affordable: u64,
    pub longest: Vec<(Username, Duration)>,
}

impl Store {
    /// Notes what the agent of a machine has counted; nothing where it is nobody's any more.
    pub async fn note_awake(
        &self,
        machine: &Assigned,
        counted: u64,
        now: Moment,
    ) -> Result<(), StoreError> {
        const ATTEMPT: &str = "note how long a machine was awake";
        let mut write = self.begin().await?;
        // Writes what is there: on PostgreSQL, of two who note at once one waits for the other.
        let row = sqlx::query(
            "UPDATE sprites SET asked_at = asked_at
             WHERE name = $1 AND assignment = $2 AND state = 'assigned' RETURNING username",
        )
        .bind(machine.name.as_str())
        .bind(bigint(machine.assignment))
        .fetch_optional(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        let Some(row) = row else { return Ok(()) };
        let username = valid(&row, "username", Username::parse).attempt(ATTEMPT)?;
        let before = find(&mut write, &username).await?;
        let (name, assignment) = (machine.name.as_str().to_owned(), machine.assignment);
        let count = AwakeCount { machine: name, assignment, counted };
        let AwakeTime { month, seconds, count } = AwakeTime::after(before.as_ref(), count, now);
        // A customer who is deleted meanwhile has no time to keep.
        sqlx::query(
            "INSERT INTO awake_times (username, month, seconds, machine, assignment, counted)
             SELECT username, $2, $3, $4, $5, $6 FROM customers WHERE username = $1
             ON CONFLICT (username) DO UPDATE SET month = $2, seconds = $3, machine = $4,
                 assignment = $5, counted = $6",
        )
        .bind(username.as_str())
        .bind(month)
        .bind(bigint(seconds))
        .bind(count.machine)
        .bind(bigint(count.assignment))
        .bind(bigint(count.counted))
        .execute(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        write.commit().await
    }

    /// Of all customers' machines in the month of `now`; named are the `limit` longest awake.
    pub async fn awake_in_month(
        &self,
        now: Moment,
        affordable: Duration,
        limit: u32,
    ) -> Result<AwakeMonth, StoreError> {
        const ATTEMPT: &str = "add up how long machines were awake";
        let month = month(now);
        let mut read = self.read().await?;
        let total = sqlx::query(
            "SELECT CAST(coalesce(sum(seconds), 0) AS BIGINT) AS seconds,
                 CAST(coalesce(sum(CASE WHEN seconds > $2 THEN 1 ELSE 0 END), 0) AS BIGINT) AS dear
             FROM awake_times WHERE month = $1",
        )
        .bind(month.clone())
        .bind(i64::try_from(affordable.as_secs()).unwrap_or(i64::MAX))
        .fetch_one(&mut read)
        .await
        .attempt(ATTEMPT)?;
        let rows = sqlx::query(
            "SELECT username, seconds FROM awake_times WHERE month = $1
             ORDER BY seconds DESC, username LIMIT $2",
        )
        .bind(month)
        .bind(i64::from(limit))
        .fetch_all(&mut read)
        .await
        .attempt(ATTEMPT)?;
        let parse = |row: &AnyRow| {
            let awake = Duration::from_secs(row.number("seconds")?);
            Ok((valid(row, "username", Username::parse)?, awake))
        };
        Ok(AwakeMonth {
            all: Duration::from_secs(total.number("seconds").attempt(ATTEMPT)?),
            beyond_affordable: total.number("dear").attempt(ATTEMPT)?,
            longest: rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)?,
        })
    }

    /// `None` when no agent has said anything yet.
    pub async fn awake_time(&self, username: &Username) -> Result<Option<AwakeTime>, StoreError> {
        find(&mut self.read().await?, username).await
    }
}

async fn find(
    connection: &mut Connection,
    username: &Username,
) -> Result<Option<AwakeTime>, StoreError> {
    const ATTEMPT: &str = "read how long a machine was awake";
    let row = sqlx::query(
        "SELECT month, seconds, machine, assignment, counted FROM awake_times WHERE username = $1",
    )
    .bind(username.as_str())
    .fetch_optional(connection)
    .await
    .attempt(ATTEMPT)?;
    let parse = |row: AnyRow| {
        let count = AwakeCount {
            machine: row.text("machine")?,
            assignment: row.number("assignment")?,
            counted: row.number("counted")?,
        };
        Ok(AwakeTime { month: row.text("month")?, seconds: row.number("seconds")?, count })
    };
    row.map(parse).transpose().attempt(ATTEMPT)
}
