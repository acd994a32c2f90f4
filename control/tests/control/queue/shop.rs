//! Workers over a database of a test's own, and the time they live in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use control::base::clock::{Clock, Moment};
use control::base::metrics::Metrics;
use control::model::task::lease::LEASE;
use control::model::task::{Kind, NewTask, Step, Task, TaskId, TaskState};
use control::queue::{Dispatcher, Job, WorkerContext};
use control::store::{Claimed, LOG_CHANGES, RETENTION, RetentionTimes, Store, Topic};
use serde_json::{Value, json};
use shared::Secret;

use crate::common::database::Database;
use crate::common::wait_until;

/// No sweep comes in the time of a test.
pub(crate) const NEVER: Duration = Duration::from_secs(3_600);

/// One process's view of the queue.
pub(crate) struct Shop {
    pub(crate) store: Store,
    time: Arc<AtomicU64>,
}

impl Shop {
    pub(crate) async fn on(database: &Database) -> Self {
        let time = Arc::new(AtomicU64::new(1_800_000_000_000));
        Self { store: open(database).await, time }
    }

    /// A second process: of its own are its connections and what it hears.
    pub(crate) async fn another(&self, database: &Database) -> Self {
        Self { store: open(database).await, time: Arc::clone(&self.time) }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::from_millis(self.time.load(Ordering::SeqCst))
    }

    pub(crate) fn let_pass(&self, time: Duration) {
        self.time.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn start(&self, jobs: Vec<Arc<dyn Job>>) -> Dispatcher {
        let time = Arc::clone(&self.time);
        let clock: Clock = Arc::new(move || Moment::from_millis(time.load(Ordering::SeqCst)));
        let workshop = WorkerContext {
            store: self.store.clone(),
            clock,
            metrics: Metrics::new(),
            hooks: Vec::new(),
        };
        Dispatcher::start(workshop, jobs, NEVER)
    }

    /// Puts a task in, whose cause is `dedupe`.
    pub(crate) async fn put(&self, kind: Kind, dedupe: &str) -> TaskId {
        let new = NewTask {
            kind,
            dedupe: dedupe.to_owned(),
            username: Some("ada".parse().unwrap()),
            payload: json!({ "signup": dedupe }),
            run_at: None,
        };
        self.store.enqueue(&new, self.now()).await.unwrap()
    }

    pub(crate) async fn task(&self, id: &TaskId) -> (Task, Vec<Step>) {
        self.store.task(id).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self, id: &TaskId) -> TaskState {
        self.task(id).await.0.state
    }

    pub(crate) async fn claim(&self, kind: Kind) -> Option<Claimed> {
        self.store.claim(kind, self.now(), self.now().after(LEASE)).await.unwrap()
    }

    pub(crate) async fn wait_until(&self, id: &TaskId, expected: TaskState) {
        wait_until("the task's state", expected, async || self.state(id).await).await;
    }

    /// Waits for a state, and lets time pass wherever the task waits for it.
    pub(crate) async fn hurry_until(&self, id: &TaskId, expected: TaskState) {
        let hurried = async || {
            let (task, _) = self.task(id).await;
            if task.state == TaskState::Waiting && task.run_at > self.now() {
                self.time.store(task.run_at.millis(), Ordering::SeqCst);
                self.store.notifier().notify(Topic::TasksDue);
            }
            task.state
        };
        wait_until("the task's state", expected, hurried).await;
    }

    /// Names of steps with their states, and what they found out.
    pub(crate) async fn steps(&self, id: &TaskId) -> Vec<(String, &'static str, Option<Value>)> {
        let (_, steps) = self.task(id).await;
        steps.into_iter().map(|step| (step.name, step.state.as_str(), step.result)).collect()
    }
}

async fn open(database: &Database) -> Store {
    Store::open(&Secret::new(database.url.clone()), LOG_CHANGES).await.unwrap()
}

/// What the sweep does of tasks that ended up to `until`; returns how many it forgets.
pub(crate) async fn forget_tasks(store: &Store, until: Moment) -> u64 {
    let rule = RETENTION.iter().find(|rule| rule.what.starts_with("tasks that")).unwrap();
    let times = RetentionTimes {
        account_idle: Duration::ZERO,
        tasks: Duration::ZERO,
        mails: Duration::ZERO,
        tickets: Duration::ZERO,
        orders: Duration::ZERO,
    };
    store.forget(rule, &times, until).await.unwrap()
}
