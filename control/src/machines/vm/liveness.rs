//! Is there life in a VM? A command is run in it, and the provider asked.

use std::time::Duration;

use tokio::time::sleep;

use vendors::sprites::{Command, Existence, SpriteName, Sprites, SpritesError};

/// A cold one was seen to take 12 s.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Between two tries: the provider's own hiccups after a wake are over by then.
const PAUSE: Duration = Duration::from_millis(500);

/// A VM that is well and answers nothing three times in a row was never seen.
const TRIES: u32 = 3;

#[derive(Debug)]
pub enum Liveness {
    Alive,
    /// It will not come back: why.
    Dead(String),
    /// The provider cannot say, or does not let us look: nothing follows for the VM.
    Unknown(SpritesError),
}

/// Wakes it by running `true` in it.
pub async fn check_liveness(sprites: &Sprites, name: &SpriteName) -> Liveness {
    let mut last = None;
    for attempt in 0..TRIES {
        if attempt > 0 {
            sleep(PAUSE).await;
        }
        match sprites.run(name, &Command::new("true").timeout(TIMEOUT)).await {
            Ok(finished) if finished.is_success() => return Liveness::Alive,
            Ok(finished) => last = Some(format!("true ends with code {}", finished.code)),
            Err(error) if says_nothing_of_the_vm(&error) => return Liveness::Unknown(error),
            Err(error) => last = Some(format!("{:#}", anyhow::Error::from(error))),
        }
    }
    let last = last.unwrap_or_default();
    match sprites.look(name).await {
        Existence::Exists(_) => Liveness::Dead(format!("it runs no commands: {last}")),
        Existence::Unknown(error) => Liveness::Unknown(error),
        Existence::Gone => gone_for_certain(sprites, name).await,
    }
}

/// Such an answer has come wrongly before.
async fn gone_for_certain(sprites: &Sprites, name: &SpriteName) -> Liveness {
    sleep(PAUSE).await;
    match sprites.look(name).await {
        Existence::Gone => Liveness::Dead("the provider has no such sprite".to_owned()),
        Existence::Unknown(error) => Liveness::Unknown(error),
        Existence::Exists(_) => Liveness::Unknown(SpritesError::Answer(
            "first it was not there, then it was".to_owned(),
        )),
    }
}

/// Our token, our plan, our way to the provider.
fn says_nothing_of_the_vm(error: &SpritesError) -> bool {
    use vendors::Lost;
    matches!(
        error,
        SpritesError::Unauthorized(_)
            | SpritesError::FleetFull(_)
            | SpritesError::CreationLimited { .. }
            | SpritesError::Lost(Lost::Unconnected(_))
    )
}
