//! One attempt at one task: done under a lease that is kept alive, judged, noted.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use futures_util::FutureExt as _;
use shared::retry::chance;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{debug, error, info, warn};

use super::error::JobError;
use super::job::Job;
use super::outcome;
use super::run::Run;
use super::worker::{WorkerContext, cancelled};
use crate::model::task::lease::{LEASE, RENEWAL};
use crate::model::task::{Lease, Outcome, Task};
use crate::store::{Claimed, LeaseError};

/// How an attempt came to its end.
enum End {
    /// It said how it went.
    Judged(Outcome),
    LostLease,
    /// The program stops.
    Stopped,
}

/// Works at what was claimed at `since` until it is judged, lost, or the program stops.
pub(super) async fn attempt(
    context: Arc<WorkerContext>,
    job: Arc<dyn Job>,
    claimed: Claimed,
    since: Instant,
    stopped: watch::Receiver<bool>,
) {
    let Claimed { task, lease, steps } = claimed;
    let mut run =
        Run::new(context.store.clone(), context.clock.clone(), task.clone(), lease.clone(), steps);
    // In this order: an attempt that ended in this moment is not given back.
    let end = tokio::select! {
        biased;
        outcome = work(&context, job.as_ref(), &task, &mut run) => End::Judged(outcome),
        () = keep(&context, &lease, since) => End::LostLease,
        () = cancelled(stopped) => End::Stopped,
    };
    let noted = match &end {
        End::Judged(outcome) => {
            report(&task, outcome);
            context.metrics.task_attempt(task.kind.as_str(), outcome.as_str());
            context.store.settle(&lease, outcome, (context.clock)()).await
        }
        End::LostLease => {
            context.metrics.task_attempt(task.kind.as_str(), Outcome::Lost.as_str());
            Err(LeaseError::Lost)
        }
        End::Stopped => {
            context.metrics.task_attempt(task.kind.as_str(), "given_back");
            context.store.give_back(&lease, (context.clock)()).await
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

async fn work(context: &WorkerContext, job: &dyn Job, task: &Task, run: &mut Run) -> Outcome {
    let result = if task.attempts > task.max_attempts {
        // The last one ended with its worker, so that nobody judged it.
        let why = task.last_error.clone();
        let why = why.unwrap_or_else(|| "its last attempt ended with the program".to_owned());
        Err(JobError::permanent(anyhow!(why)))
    } else {
        hooked(context, job, task, run).await
    };
    match outcome::judge(task, result, (context.clock)(), chance()) {
        Outcome::Dead { why } => mark_dead(context, job, task, why).await,
        outcome => outcome,
    }
}

/// The attempt between what all hooks do before it and after it.
async fn hooked(
    context: &WorkerContext,
    job: &dyn Job,
    task: &Task,
    run: &mut Run,
) -> Result<(), JobError> {
    for hook in &context.hooks {
        bounded(HOOK_TIMEOUT, hook.before(task)).await?;
    }
    let mut result = bounded(task.kind.spec().timeout, job.run(run)).await;
    for hook in &context.hooks {
        result = bounded(HOOK_TIMEOUT, hook.after(task, result)).await;
    }
    result
}

/// Neither a panic of `work` nor its silence is worse than a failure.
async fn bounded(
    limit: Duration,
    work: impl Future<Output = Result<(), JobError>>,
) -> Result<(), JobError> {
    // A run is not used again after a panic.
    match timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => Err(JobError::retry(anyhow!("the attempt panicked; see the log"))),
        Err(_late) => Err(JobError::retry(anyhow!("the attempt took longer than {limit:?}"))),
    }
}

/// A task is dead once its job has said what it has to say about it, and a person
/// is told.
async fn mark_dead(context: &WorkerContext, job: &dyn Job, task: &Task, why: String) -> Outcome {
    let late = |_| Err(JobError::retry(anyhow!("it took longer than {NOTIFY_TIMEOUT:?}")));
    match timeout(NOTIFY_TIMEOUT, notify_dead(context, job, task, &why)).await.unwrap_or_else(late)
    {
        Ok(()) => Outcome::Dead { why },
        Err(error) => {
            error!(
                task.id = %task.id,
                "task {} is dead ({why}), and it cannot be told: {error}; trying again", task.id
            );
            let at = (context.clock)().after(NOTIFY_RETRY);
            Outcome::Later { at, counts: true, why }
        }
    }
}

async fn notify_dead(
    context: &WorkerContext,
    job: &dyn Job,
    task: &Task,
    why: &str,
) -> Result<(), JobError> {
    job.on_dead(task, why).await?;
    if let Some(incident) = job.incident(task, why) {
        context.store.open_incident(&incident, (context.clock)()).await?;
    }
    Ok(())
}

/// How long the checks around an attempt may take, each time: some calls, and one repair.
const HOOK_TIMEOUT: Duration = Duration::from_secs(90);

/// How long it may take to tell that a task is dead: some writes, and perhaps a call.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(60);

/// How long to wait when nobody could be told that a task is dead.
const NOTIFY_RETRY: Duration = Duration::from_secs(30);

/// Renews the lease; returns when it is lost, or can no longer be known to be ours.
async fn keep(context: &WorkerContext, lease: &Lease, since: Instant) {
    let mut ours_until = since + LEASE;
    loop {
        sleep(RENEWAL).await;
        let began = Instant::now();
        let until = (context.clock)().after(LEASE);
        match timeout_at(ours_until, context.store.renew(lease, until)).await {
            Ok(Ok(())) => ours_until = began + LEASE,
            Ok(Err(LeaseError::Lost)) | Err(_) => return,
            Ok(Err(LeaseError::Store(error))) => {
                let error = anyhow::Error::from(error);
                warn!(task.id = %lease.task, "cannot renew our lease of {}: {error:#}", lease.task);
            }
        }
    }
}

fn report(task: &Task, outcome: &Outcome) {
    let Task { id, attempts, max_attempts, .. } = task;
    match outcome {
        Outcome::Done => info!(task.id = %id, "task {id} is done"),
        Outcome::Later { counts: false, why, .. } => {
            debug!(task.id = %id, "task {id} waits: {why}");
        }
        Outcome::Later { why, .. } => {
            warn!(
                task.id = %id, attempts,
                "attempt {attempts} of {max_attempts} at task {id} failed: {why}; trying again"
            );
        }
        Outcome::Dead { why } => {
            error!(task.id = %id, "task {id} is dead: {why}; control tasks retry {id} revives it");
        }
        Outcome::Lost => {}
    }
}
