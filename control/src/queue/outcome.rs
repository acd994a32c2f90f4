//! What becomes of a task after an attempt. Pure.

use super::Trouble;
use crate::base::backoff;
use crate::base::clock::Moment;
use crate::model::task::Task;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Done,
    /// Not before `at`. An attempt that `counts` brings it nearer to its end.
    Later {
        at: Moment,
        counts: bool,
        why: String,
    },
    Dead {
        why: String,
    },
    /// It is no longer ours to judge.
    Lost,
}

impl Verdict {
    pub fn of(task: &Task, outcome: Result<(), Trouble>, now: Moment, random: u8) -> Self {
        let trouble = match outcome {
            Ok(()) => return Self::Done,
            Err(trouble) => trouble,
        };
        let why = trouble.to_string();
        match trouble {
            Trouble::LostLease => Self::Lost,
            Trouble::Never { .. } => Self::Dead { why },
            Trouble::Again { .. } if task.attempts >= task.max_attempts => Self::Dead { why },
            Trouble::Again { after, .. } => {
                let delay = backoff::delay(task.kind.first_delay(), task.attempts, random);
                let hint = after.map(|after| backoff::spread(after, random));
                Self::Later {
                    at: now.after(delay.max(hint.unwrap_or_default())),
                    counts: true,
                    why,
                }
            }
            Trouble::Wait { after, .. } => {
                Self::Later { at: now.after(backoff::spread(after, random)), counts: false, why }
            }
        }
    }

    /// As metrics name it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Later { counts: true, .. } => "failed",
            Self::Later { counts: false, .. } => "waited",
            Self::Dead { .. } => "dead",
            Self::Lost => "lost",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anyhow::anyhow;
    use serde_json::Value;

    use super::*;
    use crate::model::task::{Kind, TaskId, TaskState};

    const NOW: Moment = Moment::from_seconds(1_771_027_200);

    fn task(attempts: u32) -> Task {
        Task {
            id: TaskId::random(Kind::Stripe, NOW),
            kind: Kind::Stripe,
            dedupe: "stripe/evt_1".to_owned(),
            username: None,
            payload: Value::Null,
            state: TaskState::Running,
            attempts,
            max_attempts: 3,
            run_at: NOW,
            last_error: None,
            created: NOW,
            changed: NOW,
            finished: None,
        }
    }

    fn check(attempts: u32, outcome: Result<(), Trouble>, expected: &Verdict) {
        assert_eq!(Verdict::of(&task(attempts), outcome, NOW, 0), *expected);
    }

    fn later(seconds: u64, counts: bool) -> Verdict {
        let at = NOW.after(Duration::from_secs(seconds));
        Verdict::Later { at, counts, why: "no".to_owned() }
    }

    #[test]
    fn failures_are_tried_again_until_the_last_attempt() {
        let again = |after: Option<u64>| {
            let after = after.map(Duration::from_secs);
            Err(Trouble::Again { error: anyhow!("no"), after })
        };
        check(1, Ok(()), &Verdict::Done);
        check(1, again(None), &later(1, true));
        check(2, again(None), &later(2, true));
        check(2, again(Some(1)), &later(2, true));
        check(2, again(Some(60)), &later(60, true));
        check(3, again(None), &Verdict::Dead { why: "no".to_owned() });
    }

    #[test]
    fn who_only_waits_may_wait_as_often_as_it_takes() {
        let wait = Trouble::wait("no", Duration::from_secs(9));
        check(3, Err(wait), &later(9, false));
    }

    #[test]
    fn what_cannot_succeed_is_given_up_at_once() {
        check(1, Err(Trouble::never(anyhow!("no"))), &Verdict::Dead { why: "no".to_owned() });
        check(1, Err(Trouble::LostLease), &Verdict::Lost);
    }
}
