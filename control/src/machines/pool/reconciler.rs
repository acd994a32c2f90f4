//! Keeps the pool as it should be.
//!
//! It takes no orders: each round it looks at what is, compares with what should be,
//! and acts. Two processes may do so on one database: what to begin is decided under
//! a lock, and destroying twice is destroying once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use super::examiner::{Examiner, PROOF_LIFETIME};
use super::inventory::{self, Debounce, Findings, Orphan};
use super::settle::settle_preparations;
use super::{alarm, destroy};
use crate::base::clock::Moment;
use crate::base::hourly_limit::HourlyLimit;
use crate::machines::context::Machines;
use crate::machines::job_context::JobContext;
use crate::machines::pool_handle::InventoryReport;
use crate::model::pool::{
    Counts, QUARANTINED_MAX, Situation, SpriteState, Standing, Target, plan, to_destroy,
};
use crate::model::task::TaskId;
use crate::model::workspace::WorkspaceState;
use crate::model::workspace::upkeep::Unsettled;
use crate::store::StoreError;
use crate::workspaces;
use shared::Username;
use vendors::sprites::{Existence, SpriteName};

/// Changes come in bursts; one look after each burst is enough.
const POLL_DELAY: Duration = Duration::from_millis(100);

/// Sprites that one round destroys: the next round goes on.
const DESTROYED_A_ROUND: u32 = 10;

/// Rows that are compared with the provider's list: twice the hundred thousand workspaces that
/// one installation is made for. A machine beyond it would be taken for nobody's.
const ROWS_MAX: u32 = 200_000;

/// How long somebody who has paid may wait while the provider does not answer: a machine of
/// the pool is theirs in seconds, and a blip is over in less.
const OUTAGE_PATIENCE: Duration = Duration::from_secs(60);

/// A provider that is back and away again within this time has one trouble, and one ticket: a
/// person who was told is at it, or asleep.
const OUTAGES_APART: Duration = Duration::from_secs(6 * 3_600);

/// Workspaces that are looked through for those who wait.
const WAITING_MAX: u32 = 1_000;

/// Machines of customers that are replaced within an hour because the provider says that they
/// are gone. It has lost single ones; when it says so of many, it is mistaken more often.
const REPLACED_AN_HOUR: usize = 3;

pub struct PoolReconciler {
    context: JobContext,
    /// Orphans of the round before.
    strangers: Debounce,
    /// Those that were missing in the round before.
    missing: Debounce,
    examiner: Examiner,
    /// Machines of customers that were replaced because they are gone.
    replacements: HourlyLimit,
}

impl PoolReconciler {
    pub fn new(context: JobContext) -> Self {
        Self {
            context,
            strangers: Debounce::default(),
            missing: Debounce::default(),
            examiner: Examiner::default(),
            replacements: HourlyLimit::new(REPLACED_AN_HOUR),
        }
    }

    /// For ever: drop it to end it, wherever it is.
    pub async fn run(mut self) {
        let mut changes = self.context.queue.changes();
        let mut next_survey = Instant::now();
        loop {
            if Instant::now() >= next_survey {
                next_survey = Instant::now() + self.context.machines.sweep;
                self.follow_demand().await;
                self.survey().await;
                self.end_quarantines().await;
                self.clear_away().await;
                // What stands ready is made first; a look may wait for a machine.
                self.fill_or_warn().await;
                self.examiner.prove(&self.context, PROOF_LIFETIME).await;
                self.examiner.examine(&self.context).await;
            }
            if self.context.machines.pool.take_suspicion() {
                self.fill_or_warn().await;
                self.examiner.prove(&self.context, Duration::ZERO).await;
            }
            self.fill_or_warn().await;
            self.rest(&mut changes, next_survey).await;
        }
    }

    /// Until something changed, or it is time for the next look at the provider.
    async fn rest(&self, changes: &mut watch::Receiver<u64>, until: Instant) {
        let something = async {
            tokio::select! {
                () = self.context.machines.pool.wake.notified() => {}
                changed = changes.changed() => {
                    if changed.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
            }
            sleep(POLL_DELAY).await;
            changes.mark_unchanged();
        };
        let _time_is_over = timeout_at(until, something).await.is_err();
    }

    async fn fill_or_warn(&self) {
        if let Err(error) = self.fill().await {
            warn!("{:#}; trying again later", anyhow::Error::from(error));
        }
    }

    /// Has as many stand ready as the sign-ups of the last hours ask for.
    async fn follow_demand(&self) {
        let (Machines { target, pool, .. }, now) = (&*self.context.machines, self.context.now());
        match self.context.store.count_orders(now.before(plan::DEMAND_SPAN), now).await {
            Ok(orders) => {
                let wanted = plan::wanted(*target, orders);
                let before = pool.wanted.swap(wanted, Ordering::Relaxed);
                if before != wanted {
                    info!("{wanted} sprites are to stand ready, for {orders} who signed up lately");
                }
            }
            Err(error) => warn!("{:#}; trying again later", anyhow::Error::from(error)),
        }
    }

    /// Settles preparations that failed, and begins as many as are missing.
    async fn fill(&self) -> Result<(), StoreError> {
        let store = &self.context.store;
        let mut counts = store.count_sprites().await?;
        if counts.preparing > 0 {
            self.settle().await?;
            counts = store.count_sprites().await?;
        }
        let standing = store.pool_standing().await?;
        // A look costs nothing; only who has something to begin takes the lock.
        if self.short_of(counts, &standing) == 0 {
            return Ok(());
        }
        let Machines { labels, base, .. } = &*self.context.machines;
        // One that is under trial, or was refused, is for nobody.
        if !store.is_base_accepted(base.hash()).await? {
            return Ok(());
        }
        let decide = |counts, standing: &Standing| self.short_of(counts, standing);
        let begun =
            store.begin_preparations(decide, labels, base.hash(), self.context.now()).await?;
        if !begun.is_empty() {
            info!("preparing {} more sprites", begun.len());
        }
        Ok(())
    }

    fn short_of(&self, counts: Counts, standing: &Standing) -> u64 {
        let room = self.context.machines.pool.survey().room;
        let situation = Situation {
            counts,
            is_paused: standing.pause.is_some(),
            failures_left: self.context.machines.failure_limit.saturating_sub(standing.failures),
            room,
        };
        let Machines { target, .. } = *self.context.machines;
        let wanted = Target { available: self.context.machines.wanted(), ..target };
        plan::short_of(wanted, &situation)
    }

    async fn settle(&self) -> Result<(), StoreError> {
        let now = self.context.now();
        let limit = self.context.machines.failure_limit;
        let settled = settle_preparations(&self.context.store, limit, now).await?;
        for _ in 0..settled.failed {
            self.context.metrics.preparation("failed");
        }
        if let Some(why) = settled.paused {
            warn!("{why}; the pool is paused");
        }
        Ok(())
    }

    /// Compares the provider's list with ours. Wakes nobody.
    async fn survey(&mut self) {
        // Rows first: one that is made meanwhile is no stranger.
        let rows = match self.context.store.sprites("", ROWS_MAX).await {
            Ok(rows) => rows,
            Err(error) => {
                warn!("{:#}; trying again later", anyhow::Error::from(error));
                return;
            }
        };
        let labels = &self.context.machines.labels;
        let fleet = match self.context.machines.sprites.list(&labels.beginning()).await {
            Ok(fleet) => fleet,
            Err(error) => {
                // Nothing follows from a list that we do not have.
                let error = format!("{:#}", anyhow::Error::from(error));
                warn!("cannot compare our sprites with the provider's: {error}");
                let now = self.context.now();
                self.context.machines.pool.update(|survey| {
                    survey.failing_since.get_or_insert(now);
                    survey.failed_at = Some(now);
                    survey.error = Some(error);
                });
                if let Err(error) = self.tell_of_outage(now).await {
                    warn!("{:#}; trying again later", anyhow::Error::from(error));
                }
                return;
            }
        };
        let Findings { orphans, absent } = inventory::compare(&fleet.sprites, &rows, labels);
        let room = fleet.running_limit.zip(fleet.running);
        let room = room.map(|(limit, running)| u64::from(limit.saturating_sub(running)));
        let now = self.context.now();
        let names: Vec<_> = orphans.iter().map(|orphan| orphan.name.clone()).collect();
        self.context.machines.pool.update(|survey| {
            *survey = InventoryReport {
                room,
                orphans: names.clone(),
                at: Some(now),
                error: None,
                failing_since: None,
                failed_at: survey.failed_at,
            };
        });
        let again = self.strangers.again(&names, now);
        for orphan in orphans.iter().filter(|orphan| is_among(&again, &orphan.name)) {
            self.see_to_orphan(orphan, now).await;
        }
        // Of a list that lacks more than it has nothing is believed but the ticket.
        let is_plausible = fleet.sprites.len() > absent.len();
        for (name, since) in self.missing.again(&absent, now) {
            let is_lasting = now.since(since) >= self.context.machines.lost_patience;
            self.see_to_missing(&name, is_plausible && is_lasting, now).await;
        }
    }

    /// A provider that is away is a person's business as soon as somebody who has paid
    /// waits for it; it is told of once, however long it lasts and whoever waits.
    async fn tell_of_outage(&self, now: Moment) -> Result<(), StoreError> {
        let InventoryReport { error, failing_since, .. } = self.context.machines.pool.survey();
        let (Some(error), Some(since)) = (error, failing_since) else { return Ok(()) };
        let unsettled = self.context.store.unsettled_workspaces(WAITING_MAX).await?;
        let waits = |it: &&Unsettled| {
            it.state == WorkspaceState::Preparing && now.since(it.since) >= OUTAGE_PATIENCE
        };
        let waiting = unsettled.iter().filter(waits).count();
        let store = &self.context.store;
        if waiting == 0 || store.is_told_of(alarm::OUTAGE, now.before(OUTAGES_APART)).await? {
            return Ok(());
        }
        let incident = alarm::outage(&error, since, waiting);
        store.open_incident(&incident, now).await
    }

    async fn see_to_orphan(&self, orphan: &Orphan, now: Moment) {
        let outcome = async {
            let maker = match &orphan.maker {
                Some(id) => self.context.store.task(id).await?.map(|(task, _)| task),
                None => None,
            };
            let is_known = self.context.store.sprite(&orphan.name).await?.is_some();
            if is_known || !inventory::may_destroy(maker.as_ref(), now) {
                return if is_known {
                    Ok(())
                } else {
                    self.context.store.open_incident(&alarm::orphan(orphan), now).await
                };
            }
            self.destroy_orphan(&orphan.name, orphan.maker.as_ref()).await;
            Ok(())
        };
        if let Err(error) = outcome.await {
            let error = anyhow::Error::from(error);
            warn!("cannot see to sprite {}: {error:#}", orphan.name);
        }
    }

    async fn destroy_orphan(&self, name: &SpriteName, maker: Option<&TaskId>) {
        let maker = maker.map_or("a task", TaskId::as_str);
        match destroy(&self.context.machines.sprites, name).await {
            Ok(()) => {
                info!(sprite.name = %name, "destroyed sprite {name}, which {maker} left behind");
            }
            Err(trouble) => warn!(sprite.name = %name, "cannot destroy sprite {name}: {trouble}"),
        }
    }

    /// The list says nothing against the provider's own word for the one sprite.
    ///
    /// A customer's is replaced where `may_replace`, and not many within an hour.
    async fn see_to_missing(&self, name: &SpriteName, may_replace: bool, now: Moment) {
        if !matches!(self.context.machines.sprites.look(name).await, Existence::Gone) {
            return;
        }
        let outcome = async {
            let why = "the provider no longer has it";
            self.context.store.retire_sprite(name, why, now).await?;
            let row = self.context.store.sprite(name).await?;
            match row.filter(|row| row.state == SpriteState::Assigned).and_then(|row| row.username)
            {
                Some(username) if may_replace && self.replacements.take(now) => {
                    self.replace(name, &username, now).await
                }
                Some(username) => {
                    let incident = alarm::lost(name, username.as_str(), now);
                    self.context.store.open_incident(&incident, now).await
                }
                None => Ok(()),
            }
        };
        if let Err(error) = outcome.await {
            warn!("cannot see to sprite {name}: {:#}", anyhow::Error::from(error));
        }
    }

    async fn replace(
        &self,
        name: &SpriteName,
        username: &Username,
        now: Moment,
    ) -> Result<(), StoreError> {
        let JobContext { store, renderer, .. } = &self.context;
        if workspaces::replace_lost_machine(store, username, name, renderer, now).await? {
            warn!(sprite.name = %name, "sprite {name} of {username} is gone; another one follows");
            self.context.machines.wake_pool();
        }
        Ok(())
    }

    /// Gives up machines that were kept apart for long enough, or are too many.
    async fn end_quarantines(&self) {
        let JobContext { store, machines, .. } = &self.context;
        let limit = u32::try_from(QUARANTINED_MAX).unwrap_or(u32::MAX) + DESTROYED_A_ROUND;
        let quarantined = match store.sprites_in(SpriteState::Quarantined, limit).await {
            Ok(quarantined) => quarantined,
            Err(error) => {
                warn!("{:#}; trying again later", anyhow::Error::from(error));
                return;
            }
        };
        let now = self.context.now();
        for (sprite, why) in to_destroy(&quarantined, machines.quarantined, now) {
            if let Err(error) = store.destroy_quarantined(&sprite.name, why, now).await {
                warn!("{:#}; trying again later", anyhow::Error::from(error));
            }
        }
    }

    /// Destroys what is of no use. What cannot be destroyed now is in the next round.
    async fn clear_away(&self) {
        let failed = self.context.store.sprites_in(SpriteState::Failed, DESTROYED_A_ROUND).await;
        let failed = match failed {
            Ok(failed) => failed,
            Err(error) => {
                warn!("{:#}; trying again later", anyhow::Error::from(error));
                return;
            }
        };
        for sprite in failed {
            let name = &sprite.name;
            if let Err(trouble) = destroy(&self.context.machines.sprites, name).await {
                warn!(sprite.name = %name, "cannot destroy sprite {name}: {trouble}; trying again");
                continue;
            }
            let now = self.context.now();
            if let Err(error) = self.context.store.forget_sprite(name, now).await {
                warn!("cannot forget sprite {name}: {:#}", anyhow::Error::from(error));
                continue;
            }
            let why = sprite.last_error.as_deref().unwrap_or("its preparation failed");
            info!(sprite.name = %name, "destroyed sprite {name}: {why}");
        }
    }
}

fn is_among(seen: &[(SpriteName, Moment)], name: &SpriteName) -> bool {
    seen.iter().any(|(seen, _)| seen == name)
}
