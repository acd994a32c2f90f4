//! Is there life in a VM? A command is run in it, and the provider asked.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use vendors::Lost;
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
    /// It left a call unanswered, although the provider has it: another one is better
    /// than to ask again.
    Suspect(String),
    /// It will not come back: why.
    Dead(String),
    /// The provider cannot say, or does not let us look: nothing follows for the VM.
    Unknown(SpritesError),
}

/// How long a machine that runs commands has to say which services it has.
///
/// It takes a fraction of a second; machines whose storage was wedged never said it. Three
/// of them in a row, and a fresh one made, still fit into a minute.
const PROOF_TIMEOUT: Duration = Duration::from_secs(8);

/// As [`check_liveness`], and that calls about services are answered, which a workspace
/// needs and a command does not show.
pub async fn prove(sprites: &Sprites, name: &SpriteName) -> Liveness {
    match check_liveness(sprites, name).await {
        Liveness::Alive => {}
        other => return other,
    }
    let mut last = None;
    for attempt in 0..TRIES {
        if attempt > 0 {
            sleep(PAUSE).await;
        }
        match timeout(PROOF_TIMEOUT, sprites.services(name)).await {
            Ok(Ok(_)) => return Liveness::Alive,
            Ok(Err(error)) => last = Some(error),
            Err(_late) => return unanswered(sprites, name, "which services it has").await,
        }
    }
    Liveness::Unknown(last.expect("tried at least once"))
}

/// What follows for a machine from a call about it that was not answered: nothing where
/// the provider does not answer about the machine itself either.
pub async fn unanswered(sprites: &Sprites, name: &SpriteName, what: &str) -> Liveness {
    match timeout(PROOF_TIMEOUT, sprites.look(name)).await {
        Ok(Existence::Exists(_)) => Liveness::Suspect(format!("it does not answer: {what}")),
        Ok(Existence::Gone) => gone_for_certain(sprites, name).await,
        Ok(Existence::Unknown(error)) => Liveness::Unknown(error),
        Err(_late) => Liveness::Unknown(Lost::TimedOut(PROOF_TIMEOUT).into()),
    }
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
            Err(SpritesError::Lost(Lost::TimedOut(_))) => {
                return unanswered(sprites, name, "it runs no command").await;
            }
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
    matches!(
        error,
        SpritesError::Unauthorized(_)
            | SpritesError::FleetFull(_)
            | SpritesError::CreationLimited { .. }
            | SpritesError::Lost(Lost::Unconnected(_))
    )
}
