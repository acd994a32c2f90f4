//! Finds what is due, and has it worked at, as much at once as each kind allows.
//!
//! It takes no orders: it looks at what is due. A wake-up only says when to look;
//! one that is lost costs time until the next sweep, never a task. Once it is told to
//! stop, it claims nothing any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use super::attempt::attempt;
use super::job::Job;
use super::peers;
use super::worker::{WorkerContext, WorkerSlots, cancelled};
use crate::model::task::lease::LEASE;
use crate::store::{Store, StoreError};

/// How long to wait before looking again at what is due and yet not to be had: another
/// worker has it in this moment. Also how long a database that failed is left alone.
const POLL_DELAY: Duration = Duration::from_millis(200);

/// How long attempts in flight have to give their tasks back.
///
/// Each is one write, of up to 26 (all slots of all kinds) that wait for each other. What
/// is not given back by then is claimed anew when its lease is over.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The handle of everything that works in this process. Dropped, it ends as a crash
/// does: leases run out by themselves.
pub struct Dispatcher {
    stop: watch::Sender<bool>,
    work: JoinHandle<()>,
    _listening: JoinSet<()>,
}

impl Dispatcher {
    /// Works at tasks of the kinds that `jobs` can do; looks for some every `sweep`
    /// although nothing woke it.
    pub fn start(context: WorkerContext, jobs: Vec<Arc<dyn Job>>, sweep: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut listening = JoinSet::new();
        listening.spawn(peers::follow(context.store.clone()));
        let kinds = jobs.into_iter().map(WorkerSlots::new).collect();
        let claims = Claims { context: Arc::new(context), kinds, sweep, stopped };
        Self { stop, work: tokio::spawn(claims.run()), _listening: listening }
    }

    /// Gives back what is being worked at, at once, so that another process or the
    /// next start goes on with it. Returns after [`STOP_TIMEOUT`] at the latest.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        match timeout(STOP_TIMEOUT, &mut self.work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!("the queue ended badly: {error}"),
            Err(_late) => warn!(
                "not every task was given back within {STOP_TIMEOUT:?}; \
                 those that were not are tried again when their lease is over"
            ),
        }
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// The loop that claims what is due, and the slots it fills.
struct Claims {
    context: Arc<WorkerContext>,
    kinds: Vec<WorkerSlots>,
    sweep: Duration,
    stopped: watch::Receiver<bool>,
}

impl Claims {
    async fn run(self) {
        let mut attempts = JoinSet::new();
        let mut due = self.context.store.notifier().due();
        let mut is_down = false;
        while !self.is_stopped() {
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
                    POLL_DELAY
                }
            };
            tokio::select! {
                () = cancelled(self.stopped.clone()) => break,
                Ok(()) = due.changed() => {}
                Some(_slot_is_free) = attempts.join_next() => {}
                () = sleep(pause) => {}
            }
        }
        // Each was told as well.
        while attempts.join_next().await.is_some() {}
    }

    fn is_stopped(&self) -> bool {
        // Without a sender there is nobody left to work for.
        *self.stopped.borrow() || self.stopped.has_changed().is_err()
    }

    /// Fills every slot for which something is due; returns when to look again.
    async fn claim_what_is_due(&self, attempts: &mut JoinSet<()>) -> Result<Duration, StoreError> {
        let mut pause = self.sweep;
        let mut failed = None;
        for (kind, moment) in self.store().tasks_due().await? {
            let Some(slots) = self.kinds.iter().find(|slots| slots.job.kind() == kind) else {
                continue;
            };
            let now = (self.context.clock)();
            if moment > now {
                pause = pause.min(moment.since(now));
                continue;
            }
            // An attempt that is told to stop frees its slot at once, and its task is due
            // again: without a look at `stopped` this loop would go on for ever. With all
            // slots taken, the first that is free wakes us.
            while let Some(slot) = slots.take().filter(|_| !self.is_stopped()) {
                let since = Instant::now();
                let now = (self.context.clock)();
                let claimed = match self.store().claim(kind, now, now.after(LEASE)).await {
                    Ok(Some(claimed)) => claimed,
                    Ok(None) => {
                        pause = pause.min(POLL_DELAY);
                        break;
                    }
                    // A row that cannot be read must not stop the other kinds.
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                };
                let work = attempt(
                    Arc::clone(&self.context),
                    Arc::clone(&slots.job),
                    claimed,
                    since,
                    self.stopped.clone(),
                );
                attempts.spawn(async move {
                    work.await;
                    drop(slot);
                });
            }
        }
        failed.map_or(Ok(pause), Err)
    }

    fn store(&self) -> &Store {
        &self.context.store
    }
}
