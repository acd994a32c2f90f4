//! What a refusal of the provider means for a task, and for the VM it was about.

use std::time::Duration;

use super::liveness::{Liveness, check_liveness, unanswered};
use crate::queue::JobError;
use vendors::sprites::{SpriteName, Sprites, SpritesError};

/// Why something could not be done to a VM.
#[derive(Debug)]
pub enum VmFailure {
    /// The VM is of no use: another one is needed.
    Dead(String),
    /// The VM left a call unanswered: another one is taken, and this one examined later.
    Suspect(String),
    Task(JobError),
}

/// A plan that is full empties by itself when sprites fall asleep.
const FULL_PAUSE: Duration = Duration::from_secs(60);

/// So often a VM may fail at the same thing before another one is tried.
const PATIENCE: u32 = 3;

/// What the provider's limits say is waited for; the rest is tried again.
pub fn job_error(error: SpritesError) -> JobError {
    match error {
        SpritesError::CreationLimited { after } => JobError::snooze(error.to_string(), after),
        SpritesError::FleetFull(_) => JobError::snooze(error.to_string(), FULL_PAUSE),
        error => {
            let again = error.again();
            JobError::from_client(error, again)
        }
    }
}

/// As [`job_error`], for an error that may have the provider's in it.
pub fn any_job_error(error: anyhow::Error) -> JobError {
    match error.downcast::<SpritesError>() {
        Ok(error) => job_error(error),
        Err(error) => JobError::retry(error),
    }
}

/// Judges a VM at which something failed, in the task's attempt number `attempts`.
pub async fn judge(
    sprites: &Sprites,
    name: &SpriteName,
    attempts: u32,
    error: anyhow::Error,
) -> VmFailure {
    let liveness = if was_unanswered(&error) {
        unanswered(sprites, name, &format!("{error:#}")).await
    } else {
        check_liveness(sprites, name).await
    };
    match liveness {
        Liveness::Suspect(why) => VmFailure::Suspect(why),
        Liveness::Dead(why) => VmFailure::Dead(why),
        Liveness::Unknown(unknown) => VmFailure::Task(job_error(unknown)),
        Liveness::Alive if is_hopeless(attempts) => {
            VmFailure::Dead(format!("it failed {PATIENCE} times: {error:#}"))
        }
        // Alive, it is worth another attempt, whatever the client thinks of the one call.
        Liveness::Alive => VmFailure::Task(JobError::retry(error)),
    }
}

fn was_unanswered(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<SpritesError>(),
        Some(SpritesError::Lost(vendors::Lost::TimedOut(_)))
    )
}

fn is_hopeless(attempts: u32) -> bool {
    attempts > 0 && attempts.is_multiple_of(PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_waited_for_and_cost_no_attempt() {
        let after = Duration::from_secs(30);
        let limited = job_error(SpritesError::CreationLimited { after });
        assert!(matches!(limited, JobError::Snooze { after: wait, .. } if wait == after));
        let full = job_error(SpritesError::FleetFull("3 of 3".to_owned()));
        assert!(matches!(full, JobError::Snooze { after, .. } if after == FULL_PAUSE));
        let broken = job_error(SpritesError::Failed("x".to_owned()));
        assert!(matches!(broken, JobError::Retry { .. }));
    }

    #[test]
    fn the_providers_own_error_is_found_again() {
        let error = anyhow::Error::new(SpritesError::FleetFull("3 of 3".to_owned()));
        assert!(matches!(any_job_error(error), JobError::Snooze { .. }));
        assert!(matches!(any_job_error(anyhow::anyhow!("x")), JobError::Retry { .. }));
    }

    #[test]
    fn every_third_attempt_asks_for_another_sprite() {
        let seen: Vec<u32> = (0..8).filter(|attempts| is_hopeless(*attempts)).collect();
        assert_eq!(seen, [3, 6]);
    }
}
