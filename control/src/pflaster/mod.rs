//! Pflaster ("plaster"): what is looked after before and after every task.
//!
//! The queue calls [`before`] and [`after`] around each attempt at a task, whatever
//! its kind. Nothing is checked or mended yet: both only leave a trace in the log of
//! level debug. A check that has to hold a task back will return its `Trouble` here.

use tracing::debug;

use crate::model::task::Task;
use crate::queue::Trouble;

/// An attempt at `task` is about to begin.
pub async fn before(task: &Task) {
    debug!(task.id = %task.id, "pflaster before {}", task.id);
}

/// An attempt at `task` came to its own end; one that is dropped midway is not told.
pub async fn after(task: &Task, outcome: &Result<(), Trouble>) {
    let is_well = outcome.is_ok();
    debug!(task.id = %task.id, is_well, "pflaster after {}", task.id);
}
