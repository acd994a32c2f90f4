//! The task that keeps one edge in step.

use std::sync::Arc;
use std::time::Duration;

use shared::Generation;
use shared::retry::{Backoff, chance};
use shared::wire::{Applied, ChangesRequest};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::client::EdgeError;
use super::edge::{Edge, Wake};
use super::feed::Feed;
use super::plan::{Belief, Call, next};
use crate::base::clock::Clock;
use crate::base::metrics::EdgeMetrics;
use crate::store::StoreError;

/// Calls in a row that may be in vain before an edge is left alone for a while.
///
/// Catching up after a restore takes three: changes refused, jump, table.
const FRUITLESS: u32 = 5;

/// How long to leave an edge alone after it failed. One that comes back is noticed
/// within the longest, local changes or not.
const RETRY: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));

/// As [`RETRY`], for one that was never heard of: it has just joined, and is about to start.
const RETRY_AT_FIRST: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(1));

/// Least time between two attempts at an edge that is down: a thousand local
/// changes a second must not become a thousand dials.
const POLL_DELAY: Duration = Duration::from_millis(100);

pub(super) struct Task {
    pub(super) edge: Arc<Edge>,
    pub(super) feed: Arc<Feed>,
    pub(super) metrics: EdgeMetrics,
    pub(super) clock: Clock,
    pub(super) sweep: Duration,
    pub(super) woken: watch::Receiver<Wake>,
}

/// What the edge has beside our table, and where that brought it.
#[derive(Debug, Clone, Copy)]
struct Told {
    last: u64,
    at: Generation,
}

#[derive(Debug, thiserror::Error)]
enum SyncError {
    #[error(transparent)]
    Edge(#[from] EdgeError),
    #[error("our table cannot be read")]
    Store(#[from] StoreError),
    #[error("our table cannot be read")]
    Log(#[from] Arc<StoreError>),
    #[error("it claims generation {0}, which nobody could have made")]
    Absurd(Generation),
    #[error("it keeps to another state than the one it confirmed")]
    Disagrees,
}

impl Task {
    /// For ever; dropped when the program ends, at any point without harm.
    pub(super) async fn run(mut self) {
        let mut belief = Belief::Unknown;
        let (mut is_down, mut retries, mut fruitless) = (false, 0, 0);
        let (mut others, mut told) = (0, None);
        // The newest generation that the edge was at since it last failed.
        let mut reached = Generation::default();
        loop {
            // Before the table is read: a change that comes later wakes us again.
            let wake = *self.woken.borrow_and_update();
            if others != wake.others {
                (others, belief) = (wake.others, Belief::Unknown);
            }
            let outcome = match self.step(&mut belief, &mut told).await {
                Ok(_) if fruitless >= FRUITLESS => Err(SyncError::Disagrees),
                outcome => outcome,
            };
            if let Err(error) = outcome {
                self.failed(&error, is_down);
                (belief, is_down, fruitless) = (Belief::Unknown, true, 0);
                reached = Generation::default();
                let began = Instant::now();
                // A retry that a local change asked for does not put off the next one.
                let is_known = self.edge.status.borrow().heard.is_some();
                let retry = if is_known { RETRY } else { RETRY_AT_FIRST };
                if !self.sleep_until_woken(began + retry.delay(retries + 1, chance())).await {
                    retries = retries.saturating_add(1);
                }
                tokio::time::sleep_until(began + POLL_DELAY).await;
                continue;
            }
            (is_down, retries) = (false, 0);
            match (outcome, &belief) {
                (Ok(Call::Nothing), _) => {
                    fruitless = 0;
                    if !self.sleep_until_woken(Instant::now() + self.sweep).await {
                        belief = Belief::Unknown;
                    }
                }
                // Another process was faster than our last call.
                (Ok(Call::Look), Belief::At { generation, .. }) if *generation > reached => {
                    (reached, fruitless) = (*generation, 0);
                }
                (Ok(Call::Look), _) => {}
                (_, Belief::At { .. }) => fruitless = 0,
                _ => fruitless += 1,
            }
        }
    }

    /// One call at most. Returns what was done.
    async fn step(&self, belief: &mut Belief, told: &mut Option<Told>) -> Result<Call, SyncError> {
        let log = self.feed.log().await?;
        let generation = log.generation;
        if self.feed.unwritten.is_empty() {
            *told = None;
        } else if let Belief::At { generation: theirs, .. } = *belief {
            // One that lost what it was told is brought to our table first.
            *told = told.filter(|told| theirs >= told.at);
            if told.is_some() || theirs >= generation {
                return self.tell(theirs, belief, told).await;
            }
        }
        let call = next(belief, &log);
        if !matches!(call, Call::Nothing) {
            self.edge.status.send_modify(|status| status.attempts += 1);
        }
        match call {
            Call::Nothing => self.proved(generation),
            Call::Look => {
                let seen = self.edge.client.look().await?;
                *belief = Belief::At { generation: seen.generation, checksum: seen.checksum };
                let is_ours = (seen.generation, seen.checksum) == (generation, log.checksum);
                self.answered(seen.generation, is_ours);
            }
            Call::SendChanges { base } => *belief = self.send_changes(base, generation).await?,
            Call::SendTable => *belief = self.send_table().await?,
            Call::JumpAbove(theirs) => {
                let jumped = self.feed.jump_above(theirs).await?;
                warn!(
                    edge = self.edge.name,
                    "edge {} has generation {theirs} and we had {generation}, with other content; \
                     going on at {}",
                    self.edge.name,
                    jumped.generation
                );
                *belief = Belief::Astray { generation: theirs };
            }
            Call::Refuse(theirs) => return Err(SyncError::Absurd(theirs)),
        }
        Ok(call)
    }

    /// Tells the edge, which is at `base`, the next thing that our table does not have yet.
    async fn tell(
        &self,
        base: Generation,
        belief: &mut Belief,
        told: &mut Option<Told>,
    ) -> Result<Call, SyncError> {
        let last = told.map_or(0, |told| told.last);
        let Some(entry) = self.feed.unwritten.after(last) else { return Ok(Call::Nothing) };
        self.edge.status.send_modify(|status| status.attempts += 1);
        let request = ChangesRequest {
            base,
            generation: Generation(base.0 + 1),
            checksum: None,
            changes: vec![entry.change.clone()],
        };
        let answer = self.edge.client.send_changes(&request).await;
        self.metrics.pushed("changes", answer.is_ok());
        *belief = Belief::Unknown;
        let applied = match answer {
            Ok(applied) => applied,
            Err(EdgeError::Conflict(_)) => return Ok(Call::SendChanges { base }),
            Err(error) => return Err(error.into()),
        };
        self.metrics.cut(&applied);
        *told = Some(Told { last: entry.number, at: applied.generation });
        self.edge.status.send_modify(|status| status.told = Some((entry.number, applied)));
        self.answered(applied.generation, false);
        Ok(Call::Look)
    }

    async fn send_changes(&self, base: Generation, reach: Generation) -> Result<Belief, SyncError> {
        // The log was shortened since we looked.
        let Some(request) = self.feed.changes(base, reach).await? else {
            return Ok(Belief::Unknown);
        };
        let answer = self.edge.client.send_changes(&request).await;
        self.metrics.pushed("changes", answer.is_ok());
        match answer {
            Ok(applied) => {
                self.pushed(Some(base), applied);
                Ok(match request.checksum {
                    Some(checksum) if applied.generation == request.generation => {
                        Belief::At { generation: request.generation, checksum }
                    }
                    _ => Belief::Unknown,
                })
            }
            Err(EdgeError::Conflict(theirs)) => {
                info!(
                    edge = self.edge.name,
                    "edge {} is at generation {theirs}, not {base}; looking again", self.edge.name
                );
                Ok(Belief::Unknown)
            }
            Err(EdgeError::Refused(why)) => {
                warn!(
                    edge = self.edge.name,
                    "edge {} refused changes after generation {base} ({why}); \
                     sending the whole table",
                    self.edge.name
                );
                Ok(Belief::Astray { generation: base })
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn send_table(&self) -> Result<Belief, SyncError> {
        let (_place, table) = self.feed.table().await?;
        let head = table.head();
        let answer = self.edge.client.send_table(table).await;
        self.metrics.pushed("table", answer.is_ok());
        match answer {
            Ok(applied) => {
                info!(
                    edge = self.edge.name,
                    "edge {} took the whole table: generation {}, {} routes",
                    self.edge.name,
                    head.generation,
                    head.routes
                );
                self.pushed(None, applied);
                Ok(Belief::At { generation: head.generation, checksum: head.checksum })
            }
            // Also when it went on by another process's hand while it read ours.
            Err(EdgeError::Conflict(_)) => Ok(Belief::Unknown),
            Err(EdgeError::Refused(why)) => match self.feed.recount().await? {
                Some(state) => {
                    error!(
                        edge = self.edge.name,
                        "the sum that was kept of our table was not that of its routes and locks, \
                         and edge {} refused it; going on at {} with the right one",
                        self.edge.name,
                        state.generation
                    );
                    Ok(Belief::Unknown)
                }
                None => Err(EdgeError::Refused(why).into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Notes that the edge answered; `is_ours` when it has exactly our table.
    fn answered(&self, generation: Generation, is_ours: bool) {
        let now = (self.clock)();
        self.edge.status.send_modify(|status| {
            status.generation = Some(generation);
            status.heard = Some(now);
            if is_ours {
                status.proven = generation;
            }
            if status.error.take().is_some() {
                info!(edge = self.edge.name, "edge {} answers again", self.edge.name);
            }
        });
        self.metrics.answered(generation);
    }

    /// Its number and checksum are those of our table, whoever brought it there.
    fn proved(&self, generation: Generation) {
        self.edge.status.send_if_modified(|status| {
            let is_news = status.proven != generation;
            status.proven = generation;
            is_news
        });
    }

    fn pushed(&self, base: Option<Generation>, applied: Applied) {
        self.metrics.cut(&applied);
        // First, so that whoever waits for the generation finds what was cut for it.
        self.edge.status.send_modify(|status| status.pushed(base, applied));
        self.answered(applied.generation, true);
    }

    /// Tells of the first failure in a row at once, of the others in the status only.
    fn failed(&self, error: &SyncError, is_down: bool) {
        let message = error.to_string();
        if !is_down {
            warn!(
                edge = self.edge.name,
                "edge {} is not in step: {message}; trying again", self.edge.name
            );
        }
        self.metrics.failed();
        self.edge.status.send_modify(|status| {
            status.failed_attempt = status.attempts;
            status.error = Some(message);
        });
    }

    /// `true` when a local change woke us before `deadline`.
    async fn sleep_until_woken(&mut self, deadline: Instant) -> bool {
        match tokio::time::timeout_at(deadline, self.woken.changed()).await {
            Ok(Ok(())) => true,
            // The publisher is gone; the task is about to be dropped.
            Ok(Err(_)) => std::future::pending().await,
            Err(_) => false,
        }
    }
}
