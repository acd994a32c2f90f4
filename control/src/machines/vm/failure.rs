//! What a refusal of the provider means for a task, and for the VM it was about.

use std::time::Duration;

use super::liveness::{LifeSign, look_for_life};
use crate::queue::Trouble;
use vendors::sprites::{SpriteName, Sprites, SpritesError};

/// Why something could not be done to a VM.
#[derive(Debug)]
pub enum Setback {
    /// The VM is of no use: another one is needed.
    Dead(String),
    Trouble(Trouble),
}

/// A plan that is full empties by itself when sprites fall asleep.
const FULL_PAUSE: Duration = Duration::from_secs(60);

/// So often a VM may fail at the same thing before another one is tried.
const PATIENCE: u32 = 3;

/// What the provider's limits say is waited for; the rest is tried again.
pub fn trouble(error: SpritesError) -> Trouble {
    match error {
        SpritesError::CreationLimited { after } => Trouble::wait(error.to_string(), after),
        SpritesError::FleetFull(_) => Trouble::wait(error.to_string(), FULL_PAUSE),
        error => {
            let again = error.again();
            Trouble::from_client(error, again)
        }
    }
}

/// As [`trouble`], for an error that may have the provider's in it.
pub fn any_trouble(error: anyhow::Error) -> Trouble {
    match error.downcast::<SpritesError>() {
        Ok(error) => trouble(error),
        Err(error) => Trouble::again(error),
    }
}

/// Judges a VM at which something failed, in the task's attempt number `attempts`.
pub async fn judge(
    sprites: &Sprites,
    name: &SpriteName,
    attempts: u32,
    error: anyhow::Error,
) -> Setback {
    match look_for_life(sprites, name).await {
        LifeSign::Dead(why) => Setback::Dead(why),
        LifeSign::Unknown(unknown) => Setback::Trouble(trouble(unknown)),
        LifeSign::Alive if is_hopeless(attempts) => {
            Setback::Dead(format!("it failed {PATIENCE} times: {error:#}"))
        }
        // Alive, it is worth another attempt, whatever the client thinks of the one call.
        LifeSign::Alive => Setback::Trouble(Trouble::again(error)),
    }
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
        let limited = trouble(SpritesError::CreationLimited { after });
        assert!(matches!(limited, Trouble::Wait { after: wait, .. } if wait == after));
        let full = trouble(SpritesError::FleetFull("3 of 3".to_owned()));
        assert!(matches!(full, Trouble::Wait { after, .. } if after == FULL_PAUSE));
        let broken = trouble(SpritesError::Failed("x".to_owned()));
        assert!(matches!(broken, Trouble::Again { .. }));
    }

    #[test]
    fn the_providers_own_error_is_found_again() {
        let error = anyhow::Error::new(SpritesError::FleetFull("3 of 3".to_owned()));
        assert!(matches!(any_trouble(error), Trouble::Wait { .. }));
        assert!(matches!(any_trouble(anyhow::anyhow!("x")), Trouble::Again { .. }));
    }

    #[test]
    fn every_third_attempt_asks_for_another_sprite() {
        let seen: Vec<u32> = (0..8).filter(|attempts| is_hopeless(*attempts)).collect();
        assert_eq!(seen, [3, 6]);
    }
}
