//! What a workspace needs that is not at rest: a task that works at it, or a person who
//! looks. Pure.
//!
//! A task that was called off, given up or forgotten must not leave a customer who has
//! paid, or a machine that costs money, to nobody.

use std::time::Duration;

use shared::Username;

use super::WorkspaceState;
use crate::base::clock::Moment;
use crate::model::incident::Incident;
use crate::model::task::{Kind, TaskId, TaskState};
use vendors::linear::Priority;

/// A workspace that is being prepared or taken down, or is open without a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    pub username: Username,
    pub signup: String,
    pub state: WorkspaceState,
    /// Since when it should be otherwise.
    pub since: Moment,
    /// A task that waits or runs will settle it.
    pub has_live_task: bool,
    /// The last task that should have.
    pub task: Option<LastTask>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastTask {
    pub id: TaskId,
    pub state: TaskState,
    pub error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Nobody works at it, and nobody decided that: it gets a task.
    pub task: bool,
    /// Somebody has to look.
    pub alarm: bool,
}

/// A change and its task are one transaction; this only keeps a reader that is between
/// two statements of another program from being answered with a second task.
const SETTLING: Duration = Duration::from_secs(60);

/// An alarm that was dealt with comes again the next day while its cause is there.
const DAY_SECONDS: u64 = 86_400;

impl Unsettled {
    /// `patience` is how long a customer who has paid may wait before a person is told.
    pub fn needs(&self, patience: Duration, now: Moment) -> Needs {
        let age = now.since(self.since);
        let is_late = age >= patience;
        if self.has_live_task || age < SETTLING {
            return Needs { task: false, alarm: is_late };
        }
        match self.task.as_ref().map(|task| task.state) {
            // Somebody called it off, or it was told of when it was given up.
            Some(TaskState::Cancelled | TaskState::Dead) => Needs { task: false, alarm: is_late },
            _ => Needs { task: true, alarm: is_late },
        }
    }

    /// The kind of task that settles it.
    pub fn kind(&self) -> Kind {
        if self.state.is_over() { Kind::Recycle } else { Kind::Provision }
    }

    pub fn incident(&self, now: Moment) -> Incident {
        let Self { username, signup, state, .. } = self;
        let day = now.seconds() / DAY_SECONDS;
        let minutes = now.since(self.since).as_secs() / 60;
        let task = self.task.as_ref().map_or_else(
            || "No task is known that works at it.".to_owned(),
            |LastTask { id, state, error }| {
                let why = error.as_deref().unwrap_or("it has no error");
                format!("Task `{id}` is {}: {why}.", state.as_str())
            },
        );
        if state.is_over() {
            let body = format!(
                "The workspace `{username}` has ended, and for {minutes} minutes its machine and \
                 its name have not been given back.\n\n{task}\n\n\
                 `control workspaces end {username}` has it taken down."
            );
            let title = format!("The end of {username} does not come to its end");
            return Incident::new(format!("ending/{signup}/{day}"), title, body, Priority::High);
        }
        let body = format!(
            "`{username}` has paid, and has had no workspace for {minutes} minutes.\n\n{task}\n\n\
             `control pool show` says whether machines stand ready; \
             `control workspaces provision {username}` has it prepared now."
        );
        let title = format!("{username} has paid and waits for a workspace");
        Incident::new(format!("unserved/{signup}/{day}"), title, body, Priority::Urgent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_seconds(1_800_000_000);
    const PATIENCE: Duration = Duration::from_secs(600);

    fn unsettled(age: u64, has_live_task: bool, task: Option<TaskState>) -> Unsettled {
        let task = task.map(|state| LastTask {
            id: TaskId::random(Kind::Provision, NOW),
            state,
            error: None,
        });
        Unsettled {
            username: "ada".parse().unwrap(),
            signup: "su_1".to_owned(),
            state: WorkspaceState::Preparing,
            since: NOW.before(Duration::from_secs(age)),
            has_live_task,
            task,
        }
    }

    fn check(age: u64, has_live_task: bool, task: Option<TaskState>, expected: (bool, bool)) {
        let needs = unsettled(age, has_live_task, task).needs(PATIENCE, NOW);
        assert_eq!((needs.task, needs.alarm), expected, "{age} {has_live_task} {task:?}");
    }

    #[test]
    fn whatever_the_cause_a_customer_who_waits_too_long_is_told_of() {
        check(599, true, Some(TaskState::Waiting), (false, false));
        check(600, true, Some(TaskState::Waiting), (false, true));
        check(600, false, Some(TaskState::Cancelled), (false, true));
        check(600, false, Some(TaskState::Dead), (false, true));
        check(600, false, None, (true, true));
    }

    #[test]
    fn a_task_that_was_lost_is_replaced_and_one_that_was_ended_is_not() {
        check(61, false, None, (true, false));
        check(61, false, Some(TaskState::Done), (true, false));
        check(61, false, Some(TaskState::Cancelled), (false, false));
        check(59, false, None, (false, false));
    }

    #[test]
    fn what_is_not_mended_is_told_again_the_next_day() {
        let late = unsettled(700, false, Some(TaskState::Dead));
        let tomorrow = NOW.after(Duration::from_secs(DAY_SECONDS));
        assert_eq!(late.incident(NOW).key, late.incident(NOW.after(PATIENCE)).key);
        assert_ne!(late.incident(NOW).key, late.incident(tomorrow).key);
    }
}
