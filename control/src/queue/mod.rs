//! Tasks that survive everything: put in with the cause, done step by step, once.
//!
//! A task is put in by the transaction that makes it necessary ([`NewTask`]). A
//! worker claims it under a [`Lease`]; what a former holder writes is refused. Its
//! [`Job`] does it in steps whose results are kept ([`Run::step`]), so that the next
//! attempt goes on where the last one ended. What went wrong says whether there is a
//! next one ([`Trouble`], [`Verdict`]).

mod attempt;
mod dispatcher;
mod error;
mod job;
mod outcome;
mod peers;
mod run;

use std::sync::Arc;

use tokio::sync::watch;

use crate::store::{Channel, News, Store};

pub use dispatcher::{Runner, Workshop};
pub use error::Trouble;
pub use job::Job;
pub use outcome::Verdict;
pub use run::Run;

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
