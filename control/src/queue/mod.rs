//! Tasks that survive everything: put in with the cause, done step by step, once.
//!
//! A task is put in by the transaction that makes it necessary ([`NewTask`]). A
//! worker claims it under a [`Lease`]; what a former holder writes is refused. Its
//! [`Job`] does it in steps whose results are kept ([`Run::step`]), so that the next
//! attempt goes on where the last one ended. What went wrong says whether there is a
//! next one ([`Trouble`], [`Verdict`]).

mod attempt;
pub mod backoff;
mod job;
mod kind;
pub mod lease;
mod others;
mod run;
mod runner;
mod step;
mod task;
mod task_id;
mod trouble;
mod verdict;

use std::sync::Arc;

use tokio::sync::watch;

use crate::store::{Channel, News, Store};

pub use job::Job;
pub use kind::Kind;
pub use lease::Lease;
pub use run::Run;
pub use runner::{Runner, Workshop};
pub use step::{Step, StepState, with_those_to_come};
pub use task::{NewTask, Task, TaskState};
pub use task_id::TaskId;
pub use trouble::Trouble;
pub use verdict::Verdict;

/// The queue, for those who do not work at it. What a transaction puts in wakes the
/// workers by itself when it is committed.
pub struct Queue {
    news: Arc<News>,
}

impl Queue {
    pub fn of(store: &Store) -> Self {
        Self { news: Arc::clone(store.news()) }
    }

    /// Has the workers look what is due, as when the clock was set.
    pub fn wake(&self) {
        self.news.tell(Channel::TasksDue);
    }

    /// Changes with every task and every step that any process begins, ends or stops.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.news.changes()
    }
}
