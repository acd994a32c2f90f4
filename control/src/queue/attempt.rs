//! One attempt at one task: done under a lease that is kept alive, judged, noted.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{debug, error, info, warn};

use super::dispatcher::{Workshop, random, told};
use super::{Job, Run, Trouble, Verdict};
use crate::model::task::lease::{LEASE, RENEWAL};
use crate::model::task::{Lease, Task};
use crate::pflaster;
use crate::store::{Claimed, LeaseError};

/// How an attempt came to its end.
enum End {
    /// It said how it went.
    Judged(Verdict),
    LostLease,
    /// The program stops.
    Stopped,
}

/// Works at what was claimed at `since` until it is judged, lost, or the program stops.
pub(super) async fn attempt(
    shop: Arc<Workshop>,
    job: Arc<dyn Job>,
    claimed: Claimed,
    since: Instant,
    stopped: watch::Receiver<bool>,
) {
    let Claimed { task, lease, steps } = claimed;
    let mut run =
        Run::new(shop.store.clone(), shop.clock.clone(), task.clone(), lease.clone(), steps);
    // In this order: an attempt that ended in this moment is not given back.
    let end = tokio::select! {
        biased;
        verdict = work(&shop, job.as_ref(), &task, &mut run) => End::Judged(verdict),
        () = keep(&shop, &lease, since) => End::LostLease,
        () = told(stopped) => End::Stopped,
    };
    let noted = match &end {
        End::Judged(verdict) => {
            report(&task, verdict);
            shop.metrics.task_attempt(task.kind, verdict.as_str());
            shop.store.settle(&lease, verdict, (shop.clock)()).await
        }
        End::LostLease => {
            shop.metrics.task_attempt(task.kind, Verdict::Lost.as_str());
            Err(LeaseError::Lost)
        }
        End::Stopped => {
            shop.metrics.task_attempt(task.kind, "given_back");
            shop.store.give_back(&lease, (shop.clock)()).await
        }
    };
    match noted {
        Ok(()) => {}
        Err(LeaseError::Lost) => {
            info!(task.id = %task.id, "task {} was taken from us; leaving it alone", task.id);
        }
        Err(LeaseError::Store(error)) => {
            let error = anyhow::Error::from(error);
            warn!(
                task.id = %task.id,
                "the end of an attempt at task {} is not noted: {error:#}; \
                 it is tried again when our lease is over",
                task.id
            );
        }
    }
}

async fn work(shop: &Workshop, job: &dyn Job, task: &Task, run: &mut Run) -> Verdict {
    let outcome = if task.attempts > task.max_attempts {
        // The last one ended with its worker, so that nobody judged it.
        let why = task.last_error.clone();
        let why = why.unwrap_or_else(|| "its last attempt ended with the program".to_owned());
        Err(Trouble::never(anyhow!(why)))
    } else {
        pflaster::before(task).await;
        let outcome = bounded(job, task, run).await;
        pflaster::after(task, &outcome).await;
        outcome
    };
    let verdict = Verdict::of(task, outcome, (shop.clock)(), random());
    match verdict {
        Verdict::Dead { why } => bury(shop, job, task, why).await,
        verdict => verdict,
    }
}

/// The job itself: neither a panic of it nor its silence is worse than a failure.
async fn bounded(job: &dyn Job, task: &Task, run: &mut Run) -> Result<(), Trouble> {
    let longest = task.kind.longest();
    // A run is not used again after a panic.
    let attempt = AssertUnwindSafe(job.run(run)).catch_unwind();
    match timeout(longest, attempt).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Err(Trouble::again(anyhow!("the attempt panicked; see the log"))),
        Err(_late) => Err(Trouble::again(anyhow!("the attempt took longer than {longest:?}"))),
    }
}

/// A task is dead once its job has said what it has to say about it, and a person
/// is told.
async fn bury(shop: &Workshop, job: &dyn Job, task: &Task, why: String) -> Verdict {
    let late = |_| Err(Trouble::again(anyhow!("it took longer than {TELLING:?}")));
    match timeout(TELLING, mourn(shop, job, task, &why)).await.unwrap_or_else(late) {
        Ok(()) => Verdict::Dead { why },
        Err(trouble) => {
            error!(
                task.id = %task.id,
                "task {} is dead ({why}), and it cannot be told: {trouble}; trying again", task.id
            );
            let at = (shop.clock)().after(TELLING_AGAIN);
            Verdict::Later { at, counts: true, why }
        }
    }
}

async fn mourn(shop: &Workshop, job: &dyn Job, task: &Task, why: &str) -> Result<(), Trouble> {
    job.died(task, why).await?;
    if let Some(incident) = job.incident(task, why) {
        shop.store.open_incident(&incident, (shop.clock)()).await?;
    }
    Ok(())
}

/// How long it may take to tell that a task is dead: some writes, and perhaps a call.
const TELLING: Duration = Duration::from_secs(60);

/// How long to wait when nobody could be told that a task is dead.
const TELLING_AGAIN: Duration = Duration::from_secs(30);

/// Renews the lease; returns when it is lost, or can no longer be known to be ours.
async fn keep(shop: &Workshop, lease: &Lease, since: Instant) {
    let mut ours_until = since + LEASE;
    loop {
        sleep(RENEWAL).await;
        let began = Instant::now();
        let until = (shop.clock)().after(LEASE);
        match timeout_at(ours_until, shop.store.renew(lease, until)).await {
            Ok(Ok(())) => ours_until = began + LEASE,
            Ok(Err(LeaseError::Lost)) | Err(_) => return,
            Ok(Err(LeaseError::Store(error))) => {
                let error = anyhow::Error::from(error);
                warn!(task.id = %lease.task, "cannot renew our lease of {}: {error:#}", lease.task);
            }
        }
    }
}

fn report(task: &Task, verdict: &Verdict) {
    let Task { id, attempts, max_attempts, .. } = task;
    match verdict {
        Verdict::Done => info!(task.id = %id, "task {id} is done"),
        Verdict::Later { counts: false, why, .. } => {
            debug!(task.id = %id, "task {id} waits: {why}");
        }
        Verdict::Later { why, .. } => {
            warn!(
                task.id = %id, attempts,
                "attempt {attempts} of {max_attempts} at task {id} failed: {why}; trying again"
            );
        }
        Verdict::Dead { why } => {
            error!(task.id = %id, "task {id} is dead: {why}; control tasks retry {id} revives it");
        }
        Verdict::Lost => {}
    }
}
