//! A task as it is stored.

use serde_json::Value;
use shared::Username;

use super::id::TaskId;
use super::kinds::{Kind, Payload};
use crate::base::clock::Moment;
use crate::base::text_enum::text_enum;

/// What is to be done, once, for one cause.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    pub kind: Kind,
    /// The cause. Told again, it is the same task.
    pub dedupe: String,
    pub username: Option<Username>,
    /// Shown to the operator: no secret may be in it.
    pub payload: Value,
    /// At once without it.
    pub run_at: Option<Moment>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub id: TaskId,
    pub kind: Kind,
    pub dedupe: String,
    pub username: Option<Username>,
    pub payload: Value,
    pub state: TaskState,
    /// Attempts that began, without those that only had to wait.
    pub attempts: u32,
    pub max_attempts: u32,
    /// Not before this, while it waits.
    pub run_at: Moment,
    /// Since when it could be worked at for the first time: its age counts from here,
    /// however often it was put off.
    pub due: Moment,
    /// Why it is not done yet, or never will be.
    pub last_error: Option<String>,
    pub created: Moment,
    pub changed: Moment,
    pub finished: Option<Moment>,
}

impl NewTask {
    /// To be done at once.
    pub fn new<P: Payload>(dedupe: String, username: Option<Username>, payload: &P) -> Self {
        let payload = serde_json::to_value(payload).expect("a payload is plain data");
        Self { kind: P::KIND, dedupe, username, payload, run_at: None }
    }
}

impl Task {
    /// What it carries.
    ///
    /// # Errors
    /// It is of another kind than `P`, or was written by a program of another release.
    pub fn payload<P: Payload>(&self) -> Result<P, serde_json::Error> {
        serde_json::from_value(self.payload.clone())
    }
}

text_enum! {
    #[derive(Hash)]
    pub enum TaskState or "a state is waiting, running, done, dead or cancelled" {
        Waiting = "waiting",
        /// A worker has a lease of it.
        Running = "running",
        Done = "done",
        /// Given up; an operator may try again.
        Dead = "dead",
        Cancelled = "cancelled",
    }
}
