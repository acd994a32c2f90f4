//! Events of Stripe's that were taken.
//!
//! A commit costs the disk as much for one event as for many, and each of a crowd that
//! pays at once sends several. So whatever arrives while one commit is made shares
//! the next.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::base::clock::Moment;
use crate::model::sync_target::SyncRequest;
use crate::store::connection::{Arrived, Attempt as _, millis};
use crate::store::tasks::enqueue;
use crate::store::{Store, StoreError, Write};

const ATTEMPT: &str = "keep an event of Stripe's";

/// How long a commit may take before it is given up, for all who wait for it and those
/// behind them. One that is made all the same does no harm: sent again, they are known.
const DEADLINE: Duration = Duration::from_secs(2);

impl Store {
    /// Keeps that the event came, together with the task to look at what it is about.
    ///
    /// `false` when it came before: then nothing is done. Its task is there.
    ///
    /// # Errors
    /// When the database does not answer; nothing is kept then.
    pub async fn take_event(&self, request: &SyncRequest, now: Moment) -> Result<bool, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.events().push(Arrived { request: request.clone(), at: now, answer });
        let store = self.reserved();
        // Its own task: a request may be dropped while others wait for the same commit.
        tokio::spawn(async move { store.write_events().await });
        answered.await.unwrap_or_else(|_| Err(late()))
    }

    /// Writes all that wait when its turn comes; often another one has done so already.
    async fn write_events(&self) {
        let _turn = self.events().turn().await;
        if self.events().is_empty() {
            return;
        }
        let mut arrived = Vec::new();
        let kept = timeout(DEADLINE, async {
            let write = self.begin().await?;
            // Only now: while we waited for the database, others came.
            arrived = self.events().take();
            // In one order everywhere, so that two processes never wait for each other.
            arrived.sort_by(|one, other| one.request.event.cmp(&other.request.event));
            keep(write, &arrived).await
        });
        let kept = kept.await.unwrap_or_else(|_| Err(late()));
        if kept.is_err() && arrived.is_empty() {
            arrived = self.events().take();
        }
        for (place, arrival) in arrived.into_iter().enumerate() {
            let is_new = kept.as_ref().map(|new| new[place]).map_err(Clone::clone);
            // Whoever has hung up sends it again, and is told that it came before.
            let _ = arrival.answer.send(is_new);
        }
    }
}

fn late() -> StoreError {
    StoreError::new(ATTEMPT, sqlx::Error::PoolTimedOut)
}

/// All or none. Says of each whether it is new.
async fn keep(mut write: Write, arrived: &[Arrived]) -> Result<Vec<bool>, StoreError> {
    let mut new = Vec::with_capacity(arrived.len());
    for Arrived { request, at, .. } in arrived {
        let inserted = sqlx::query(
            "INSERT INTO stripe_events (id, kind, object, received_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(request.event.as_str())
        .bind(request.kind.as_str())
        .bind(request.target.object())
        .bind(millis(*at))
        .execute(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        let is_new = inserted.rows_affected() > 0;
        if is_new {
            enqueue(&mut write, &request.task(), *at).await?;
        }
        new.push(is_new);
    }
    write.commit().await?;
    Ok(new)
}
