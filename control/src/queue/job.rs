//! How tasks of one kind are done.

use futures_util::future::{self, BoxFuture};

use super::error::JobError;
use super::run::Run;
use crate::model::incident::Incident;
use crate::model::task::{Kind, Task};

/// Each kind of task has one, which does all of them.
///
/// It may be dropped wherever it waits, and begun again by somebody else: when the
/// program stops, when it took too long, when its lease was lost. So each step looks
/// before it acts, or uses a key under which the second call is the first one.
pub trait Job: Send + Sync + 'static {
    fn kind(&self) -> Kind;

    /// One attempt. The task is done when it returns `Ok`.
    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), JobError>>;

    /// Before a task of its kind is given up for ever, and told to the operator.
    /// May be called again for the same task.
    fn on_dead<'a>(
        &'a self,
        _task: &'a Task,
        _why: &'a str,
    ) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(future::ready(Ok(())))
    }

    /// What the operator is told of a task that was given up; `None` to tell nobody.
    fn incident(&self, task: &Task, why: &str) -> Option<Incident> {
        Some(Incident::of_dead_task(task, why))
    }

    /// Tasks of its kind that this process works at, at once.
    fn max_concurrency(&self) -> usize {
        self.kind().spec().max_concurrency
    }
}
