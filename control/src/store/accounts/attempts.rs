//! Counters of sign-ins, failed ones before all.

use std::time::Duration;

use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::model::attempts::{AttemptCounter, Counters, Limit, Subject};
use crate::store::connection::{Attempt as _, Columns as _, bigint, millis};
use crate::store::{Store, StoreError, Write};

impl Store {
    pub async fn attempt_counter(
        &self,
        subject: &Subject,
    ) -> Result<Option<AttemptCounter>, StoreError> {
        const ATTEMPT: &str = "read failed sign-ins";
        let row = sqlx::query(
            "SELECT failures, since_at, last_at FROM login_failures WHERE subject = $1",
        )
        .bind(subject.as_str())
        .fetch_optional(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }

    /// Adds one to each subject.
    pub async fn count(
        &self,
        subjects: &[(Subject, Limit)],
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        for (subject, limit) in subjects {
            count_one(&mut write, subject, *limit, now).await?;
        }
        write.commit().await
    }

    /// Adds one, unless the limit is reached: then nothing is counted, and the answer is how
    /// long to wait. Of many at once no more than the limit get through.
    pub async fn count_within(
        &self,
        subject: &Subject,
        limit: Limit,
        now: Moment,
    ) -> Result<Option<Duration>, StoreError> {
        let mut write = self.begin().await?;
        let before = count_one(&mut write, subject, limit, now).await?;
        if let Some(wait) = before.wait(limit, now) {
            return Ok(Some(wait));
        }
        write.commit().await?;
        Ok(None)
    }

    /// Remembers for `lifetime` that somebody signed in; nothing is counted against it.
    pub async fn remember_place(
        &self,
        place: &Subject,
        now: Moment,
        lifetime: Duration,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO login_failures (subject, failures, since_at, last_at, expires_at)
             VALUES ($1, 0, $2, $2, $3)
             ON CONFLICT (subject) DO UPDATE SET last_at = $2, expires_at = $3",
        )
        .bind(place.as_str())
        .bind(millis(now))
        .bind(millis(now.after(lifetime)))
        .execute(&mut *write)
        .await
        .attempt("remember where somebody signed in")?;
        write.commit().await
    }

    /// Forgets the failures of an account and of its owner's place, and remembers that the
    /// owner was there: what others at that address did wrong counts no more.
    pub async fn lift_lockout(
        &self,
        counters: &Counters,
        now: Moment,
        lifetime: Duration,
    ) -> Result<(), StoreError> {
        for subject in counters.account.iter().chain(&counters.pair) {
            self.clear_failures(subject).await?;
        }
        match &counters.known_place {
            Some(place) => self.remember_place(place, now, lifetime).await,
            None => Ok(()),
        }
    }

    /// Forgets the failures of `subject`.
    pub async fn clear_failures(&self, subject: &Subject) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query("DELETE FROM login_failures WHERE subject = $1")
            .bind(subject.as_str())
            .execute(&mut *write)
            .await
            .attempt("clear failed sign-ins")?;
        write.commit().await
    }
}

/// Counts, and says what was counted before.
async fn count_one(
    write: &mut Write,
    subject: &Subject,
    limit: Limit,
    now: Moment,
) -> Result<AttemptCounter, StoreError> {
    const ATTEMPT: &str = "count an attempt";
    // Writes although nothing is counted yet: on PostgreSQL, others who count for the same
    // subject wait here until we have counted.
    let row = sqlx::query(
        "INSERT INTO login_failures (subject, failures, since_at, last_at, expires_at)
         VALUES ($1, 0, $2, $2, $2)
         ON CONFLICT (subject) DO UPDATE SET failures = login_failures.failures
         RETURNING failures, since_at, last_at",
    )
    .bind(subject.as_str())
    .bind(millis(now))
    .fetch_one(&mut **write)
    .await
    .attempt(ATTEMPT)?;
    let before = parse(&row).attempt(ATTEMPT)?;
    let counter = AttemptCounter::after_failure(Some(before), limit, now);
    sqlx::query(
        "UPDATE login_failures SET failures = $2, since_at = $3, last_at = $4, expires_at = $5
         WHERE subject = $1",
    )
    .bind(subject.as_str())
    .bind(bigint(counter.failures))
    .bind(millis(counter.since))
    .bind(millis(counter.last))
    .bind(millis(counter.since.after(limit.window)))
    .execute(&mut **write)
    .await
    .attempt(ATTEMPT)?;
    Ok(before)
}

fn parse(row: &AnyRow) -> Result<AttemptCounter, sqlx::Error> {
    Ok(AttemptCounter {
        failures: row.number("failures")?,
        since: row.moment("since_at")?,
        last: row.moment("last_at")?,
    })
}
