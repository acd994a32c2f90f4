//! What becomes of a task after an attempt. Pure.

use std::time::Duration;

use shared::retry::{Backoff, spread};

use super::error::JobError;
use crate::base::clock::Moment;
use crate::model::task::{Outcome, Task};

/// A vendor that is back is noticed within this time.
const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// `chance`, 0 to 1, spreads the waits.
pub(super) fn judge(
    task: &Task,
    result: Result<(), JobError>,
    now: Moment,
    chance: f64,
) -> Outcome {
    let error = match result {
        Ok(()) => return Outcome::Done,
        Err(error) => error,
    };
    let why = error.to_string();
    match error {
        JobError::LostLease => Outcome::Lost,
        JobError::Permanent { .. } => Outcome::Dead { why },
        JobError::Retry { .. } if task.attempts >= task.max_attempts => Outcome::Dead { why },
        JobError::Retry { after, .. } => {
            let backoff = Backoff::new(task.kind.spec().first_delay, LONGEST_DELAY);
            let delay = backoff.delay(task.attempts, chance);
            let hint = after.map(|after| spread(after, chance));
            let at = now.after(delay.max(hint.unwrap_or_default()));
            Outcome::Later { at, counts: true, why }
        }
        JobError::Snooze { after, .. } => {
            let at = now.after(spread(after, chance));
            Outcome::Later { at, counts: false, why }
        }
    }
}

#[cfg(test)]
mod tests {
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
            due: NOW,
            last_error: None,
            created: NOW,
            changed: NOW,
            finished: None,
        }
    }

    fn check(attempts: u32, result: Result<(), JobError>, expected: &Outcome) {
        assert_eq!(judge(&task(attempts), result, NOW, 1.0), *expected);
    }

    fn later(millis: u64, counts: bool) -> Outcome {
        let at = NOW.after(Duration::from_millis(millis));
        Outcome::Later { at, counts, why: "no".to_owned() }
    }

    #[test]
    fn failures_are_tried_again_until_the_last_attempt() {
        let again = |after: Option<u64>| {
            let after = after.map(Duration::from_secs);
            Err(JobError::Retry { error: anyhow!("no"), after })
        };
        check(1, Ok(()), &Outcome::Done);
        check(1, again(None), &later(1_000, true));
        check(2, again(None), &later(2_000, true));
        check(2, again(Some(1)), &later(2_000, true));
        check(2, again(Some(60)), &later(75_000, true));
        check(3, again(None), &Outcome::Dead { why: "no".to_owned() });
    }

    #[test]
    fn a_task_that_only_waits_may_wait_as_often_as_it_takes() {
        let wait = JobError::snooze("no", Duration::from_secs(9));
        check(3, Err(wait), &later(11_250, false));
    }

    #[test]
    fn what_cannot_succeed_is_given_up_at_once() {
        check(1, Err(JobError::permanent(anyhow!("no"))), &Outcome::Dead { why: "no".to_owned() });
        check(1, Err(JobError::LostLease), &Outcome::Lost);
    }
}
