//! A VM is destroyed, until it is gone for certain.

use std::time::Duration;

use anyhow::anyhow;
use tokio::time::sleep;

use crate::machines::vm::failure;
use crate::queue::JobError;
use vendors::sprites::{Existence, SpriteName, Sprites};

/// The provider has said of things that they are gone although they were not; it is
/// asked twice, so far apart.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// Deletes it and asks twice. Called for one that is gone, only asks.
///
/// # Errors
/// It is still there, or nobody can say: unknown is never gone.
pub async fn destroy(sprites: &Sprites, name: &SpriteName) -> Result<(), JobError> {
    sprites.delete(name).await.map_err(failure::job_error)?;
    for look in 0..2 {
        if look > 0 {
            sleep(SECOND_LOOK).await;
        }
        match sprites.look(name).await {
            Existence::Gone => {}
            Existence::Exists(_) => {
                return Err(JobError::retry(anyhow!(
                    "sprite {name} was deleted and is still there"
                )));
            }
            Existence::Unknown(error) => return Err(failure::job_error(error)),
        }
    }
    Ok(())
}
