//! Tasks that survive everything: put in with the cause, done step by step, once.
//!
//! A task is put in by the transaction that makes it necessary. The dispatcher claims it
//! under a lease; what a former holder writes is refused. Its [`Job`] does it in steps
//! whose results are kept ([`Run::step`]), so that the next attempt goes on where the
//! last one ended. What went wrong says whether there is a next one ([`JobError`]).

mod attempt;
mod dispatcher;
mod error;
mod job;
mod outcome;
mod peers;
mod run;
mod wake;
mod worker;

pub use dispatcher::Dispatcher;
pub use error::JobError;
pub use job::Job;
pub use run::Run;
pub use wake::Queue;
pub use worker::{AttemptHook, WorkerContext};
