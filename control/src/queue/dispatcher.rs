//! Finds what is due, and has it worked at, as much at once as there are places.
//!
//! It takes no orders: it looks at what is due. A wake-up only says when to look;
//! one that is lost costs time until the next sweep, never a task.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::attempt::attempt;
use super::{Job, peers};
use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::model::task::lease::LEASE;
use crate::store::{Store, StoreError};

/// What is due and yet not to be had is somebody else's in this moment. Also how
/// long a database that failed is left alone.
const BREATH: Duration = Duration::from_millis(200);

/// What every attempt needs.
pub struct Workshop {
    pub store: Store,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
}

/// The handle of everything that works in this process. Dropped, it ends as a crash
/// does: leases run out by themselves.
pub struct Runner {
    stop: watch::Sender<bool>,
    work: JoinHandle<()>,
    _listening: JoinSet<()>,
}

impl Runner {
    /// Works at tasks of the kinds that `jobs` can do; looks for some every `sweep`
    /// although nothing woke it.
    pub fn start(workshop: Workshop, jobs: Vec<Arc<dyn Job>>, sweep: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut listening = JoinSet::new();
        listening.spawn(peers::follow(workshop.store.clone()));
        let benches = jobs.into_iter().map(Bench::new).collect();
        let floor = Floor { shop: Arc::new(workshop), benches, sweep, stopped };
        Self { stop, work: tokio::spawn(floor.run()), _listening: listening }
    }

    /// Gives back what is being worked at, at once, so that another process or the
    /// next start goes on with it.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.work).await {
            warn!("the queue ended badly: {error}");
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// Until the other side says so, or is gone.
pub(super) async fn told(mut stopped: watch::Receiver<bool>) {
    let _gone = stopped.wait_for(|stopped| *stopped).await;
}

pub(super) fn random() -> u8 {
    let mut byte = [0];
    // Without randomness tasks that failed together are merely tried together.
    let _filled = getrandom::fill(&mut byte);
    byte[0]
}

/// A job, and the places at which it is done.
struct Bench {
    job: Arc<dyn Job>,
    places: Arc<Semaphore>,
}

impl Bench {
    fn new(job: Arc<dyn Job>) -> Self {
        let places = Arc::new(Semaphore::new(job.places()));
        Self { job, places }
    }

    /// `None` when all are taken.
    fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }
}

/// All benches, and who goes round.
struct Floor {
    shop: Arc<Workshop>,
    benches: Vec<Bench>,
    sweep: Duration,
    stopped: watch::Receiver<bool>,
}

impl Floor {
    async fn run(self) {
        let mut attempts = JoinSet::new();
        let mut due = self.shop.store.news().due();
        let mut is_down = false;
        loop {
            // Before we look: what comes later wakes us again.
            due.mark_unchanged();
            let pause = match self.claim_what_is_due(&mut attempts).await {
                Ok(pause) => {
                    is_down = false;
                    pause
                }
                Err(error) => {
                    if !is_down {
                        let error = anyhow::Error::from(error);
                        warn!("cannot look what is due: {error:#}; trying again");
                    }
                    is_down = true;
                    BREATH
                }
            };
            tokio::select! {
                () = told(self.stopped.clone()) => break,
                Ok(()) = due.changed() => {}
                Some(_place_is_free) = attempts.join_next() => {}
                () = sleep(pause) => {}
            }
        }
        // Each was told as well.
        while attempts.join_next().await.is_some() {}
    }

    /// Fills every place for which something is due; returns when to look again.
    async fn claim_what_is_due(&self, attempts: &mut JoinSet<()>) -> Result<Duration, StoreError> {
        let mut pause = self.sweep;
        let mut failed = None;
        for (kind, moment) in self.shop.store.tasks_due().await? {
            let Some(bench) = self.benches.iter().find(|bench| bench.job.kind() == kind) else {
                continue;
            };
            let now = (self.shop.clock)();
            if moment > now {
                pause = pause.min(moment.since(now));
                continue;
            }
            // With all places taken, the first that is free wakes us.
            while let Some(place) = bench.place() {
                let since = Instant::now();
                let now = (self.shop.clock)();
                let claimed = match self.shop.store.claim(kind, now, now.after(LEASE)).await {
                    Ok(Some(claimed)) => claimed,
                    Ok(None) => {
                        pause = pause.min(BREATH);
                        break;
                    }
                    // A row that cannot be read must not stop the other kinds.
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                };
                let work = attempt(
                    Arc::clone(&self.shop),
                    Arc::clone(&bench.job),
                    claimed,
                    since,
                    self.stopped.clone(),
                );
                attempts.spawn(async move {
                    work.await;
                    drop(place);
                });
            }
        }
        failed.map_or(Ok(pause), Err)
    }
}
