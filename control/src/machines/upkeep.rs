//! Sees that every workspace that is not at rest is worked at.
//!
//! Takes no orders: each round it looks at what is. A workspace that nobody works at
//! gets a task; one that waits for too long, whatever the cause, is told to a person, and
//! again each day. Of those who wait for the provider its own ticket tells.

use std::sync::Arc;
use std::time::Duration;

use tracing::info;

use super::context::Machines;
use crate::base::clock::{Clock, Moment};
use crate::base::rounds::repeat;
use crate::model::workspace::WorkspaceState;
use crate::model::workspace::upkeep::Unsettled;
use crate::store::{Given, Store, StoreError};

/// Looked at in one round, those that have waited longest first: more than a provider
/// makes machines in an hour.
const A_ROUND: u32 = 1_000;

pub struct WorkspaceReconciler {
    pub store: Store,
    pub clock: Clock,
    pub machines: Option<Arc<Machines>>,
    /// How long a customer who has paid may wait before a person is told.
    pub patience: Duration,
    /// How often it looks.
    pub sweep: Duration,
}

impl WorkspaceReconciler {
    /// For ever: drop it to end it, wherever it is.
    pub async fn run(self) {
        repeat(self.sweep, || self.round()).await;
    }

    async fn round(&self) -> Result<(), StoreError> {
        for unsettled in self.store.unsettled_workspaces(A_ROUND).await? {
            self.see_to(&unsettled).await?;
        }
        Ok(())
    }

    async fn see_to(&self, unsettled: &Unsettled) -> Result<(), StoreError> {
        let now = (self.clock)();
        let needs = unsettled.needs(self.patience, now);
        let username = &unsettled.username;
        if needs.task
            && let Given::Task(id) = self.store.give_task(username, now).await?
        {
            let state = unsettled.state.as_str();
            info!(task.id = %id, "nobody worked at {username}, which is {state}: task {id} does now");
        }
        let waits_for_provider =
            unsettled.state == WorkspaceState::Preparing && self.provider_was_away(now);
        if needs.alarm && !waits_for_provider {
            self.store.open_incident(&unsettled.incident(now), now).await?;
        }
        Ok(())
    }

    /// Now, or so lately that what waited for it may still be under way.
    fn provider_was_away(&self, now: Moment) -> bool {
        let failed = self.machines.as_ref().and_then(|it| it.pool.survey().failed_at);
        failed.is_some_and(|at| now.since(at) < self.patience)
    }
}
