//! Looks at machines that stand ready, and at those that left a call unanswered, while
//! no customer waits for them.
//!
//! Nothing is destroyed on doubt: an unreachable machine is tried in every round, and
//! given up when the provider says that it is gone, or after real tries in vain while
//! other machines answer. One that comes and goes while the others answer is kept from
//! everybody instead.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use tracing::{info, warn};

use super::alarm;
use crate::machines::job_context::JobContext;
use crate::machines::vm::liveness::{Liveness, prove};
use crate::model::pool::{PoolSprite, SETBACKS_MAX, SpriteState};
use crate::model::task::Kind;
use crate::store::{Examined, StoreError};
use vendors::sprites::SpriteName;

/// How old the proof of life of the next few in line may be.
pub(super) const PROOF_LIFETIME: Duration = Duration::from_secs(60);

/// Looked at, at once. More customers than this seldom come within a minute, and each
/// look wakes a machine.
const NEXT_IN_LINE: u32 = 3;

/// Looked at, at once, when one of them was found wanting.
const ON_SUSPICION: u32 = 20;

/// So many tries in vain, a round apart, end an unreachable machine.
const TRIES_IN_VAIN: u32 = 5;

#[derive(Debug, Default)]
pub(super) struct Examiner {
    /// Tries in vain at each unreachable machine; forgotten with the process, which costs
    /// a few more tries.
    in_vain: HashMap<SpriteName, u32>,
}

impl Examiner {
    /// Proves those that stand ready and whose last proof is older than `lifetime`.
    pub(super) async fn prove(&self, context: &JobContext, lifetime: Duration) {
        let before = context.now().before(lifetime);
        let limit = if lifetime.is_zero() { ON_SUSPICION } else { NEXT_IN_LINE };
        let sprites = match context.store.unproved_sprites(before, limit).await {
            Ok(sprites) => sprites,
            Err(error) => return complain(error),
        };
        join_all(sprites.iter().map(|sprite| prove_one(context, sprite))).await;
    }

    /// Tries the unreachable ones again.
    pub(super) async fn examine(&mut self, context: &JobContext) {
        let unreachable = SpriteState::Unreachable;
        let sprites = match context.store.sprites_in(unreachable, ON_SUSPICION).await {
            Ok(sprites) => sprites,
            Err(error) => return complain(error),
        };
        self.in_vain.retain(|name, _| sprites.iter().any(|sprite| sprite.name == *name));
        let looks = sprites.iter().map(|it| prove(&context.machines.sprites, &it.name));
        let found = join_all(looks).await;
        for (sprite, liveness) in sprites.iter().zip(found) {
            if let Err(error) = self.judge(context, sprite, liveness).await {
                complain(error);
            }
        }
    }

    async fn judge(
        &mut self,
        context: &JobContext,
        sprite: &PoolSprite,
        liveness: Liveness,
    ) -> Result<(), StoreError> {
        let name = &sprite.name;
        let newest_proof = context.store.newest_proof().await?;
        let others_answer = newest_proof.is_some_and(|it| it > sprite.changed);
        let mut is_setback = false;
        let (to, why) = match liveness {
            // The provider cannot say: nothing follows.
            Liveness::Unknown(_) => return Ok(()),
            Liveness::Alive if is_clean(sprite) => {
                // While nobody answered, it was not the machine.
                is_setback = others_answer;
                let setbacks = sprite.setbacks + u64::from(is_setback);
                if setbacks >= SETBACKS_MAX {
                    let why = format!("left calls unanswered and came back, {setbacks} times");
                    let (patience, now) = (context.machines.quarantined, context.now());
                    let incident = alarm::quarantined(name, &why, patience);
                    context.store.open_incident(&incident, now).await?;
                    (SpriteState::Quarantined, Some(why))
                } else {
                    (SpriteState::Available, None)
                }
            }
            Liveness::Alive => {
                (SpriteState::Failed, Some("it answers again, and is not clean".to_owned()))
            }
            Liveness::Dead(why) => (SpriteState::Failed, Some(why)),
            Liveness::Suspect(why) => {
                let tries = self.in_vain.entry(name.clone()).or_default();
                *tries += 1;
                if *tries < TRIES_IN_VAIN || !others_answer {
                    return Ok(());
                }
                (SpriteState::Failed, Some(format!("tried {tries} times in vain: {why}")))
            }
        };
        info!(sprite.name = %name, "sprite {name} was unreachable, and is {} now", to.as_str());
        self.in_vain.remove(name);
        let from = SpriteState::Unreachable;
        let found = Examined { from, to, why: why.as_deref(), is_setback };
        context.store.examined_sprite(name, &found, context.now()).await
    }
}

async fn prove_one(context: &JobContext, sprite: &PoolSprite) {
    let name = &sprite.name;
    let (to, why) = match prove(&context.machines.sprites, name).await {
        Liveness::Alive => (SpriteState::Available, None),
        Liveness::Suspect(why) => (SpriteState::Unreachable, Some(why)),
        Liveness::Dead(why) => (SpriteState::Failed, Some(why)),
        Liveness::Unknown(_) => return,
    };
    if let Some(why) = &why {
        warn!(sprite.name = %name, "sprite {name} is {}: {why}", to.as_str());
    }
    let from = SpriteState::Available;
    let found = Examined { from, to, why: why.as_deref(), is_setback: false };
    if let Err(error) = context.store.examined_sprite(name, &found, context.now()).await {
        complain(error);
    }
}

/// Whether nothing of a customer's was ever on it.
fn is_clean(sprite: &PoolSprite) -> bool {
    sprite.task.as_ref().is_none_or(|task| task.kind() == Kind::Prepare)
}

fn complain(error: StoreError) {
    warn!("{:#}; trying again later", anyhow::Error::from(error));
}
