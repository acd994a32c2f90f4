//! Wakes machines in time for what their assistants have scheduled.
//!
//! A machine that sleeps misses its timers. So its agent says, with its health, when
//! the assistant next has something to do; that is kept, and the machine is woken two
//! minutes before. From then on its agent holds it awake until it is done.
//!
//! Only machines that run anyway are asked: a question would wake the others. An agent
//! whose schedule has changed holds its machine awake until it was asked. How long the machine
//! was awake comes with its answer, and is kept for its customer.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use shared::VmSecret;
use tracing::{info, warn};

use super::job_context::JobContext;
use super::vm::health::{awake_seconds, next_due};
use super::vm::layout;
use crate::base::clock::Moment;
use crate::base::rounds::repeat;
use crate::model::pool::Assigned;
use vendors::sprites::SpriteStatus;

/// A cold machine takes some seconds, and its gateway half a minute to a minute.
const WAKE_BEFORE: Duration = Duration::from_secs(120);

/// Between two questions to one agent. Longer than a machine takes to fall asleep, so that
/// the questions themselves keep none awake; agents wait half a minute longer than this.
const ASK_EVERY: Duration = Duration::from_secs(120);

/// Looked at in one round.
const A_ROUND: u32 = 1_000;

/// Agents that are asked at once: each answers in milliseconds, or not within five seconds.
const AT_ONCE: usize = 16;

/// What is over for so long is not waited for any more.
const MISSED_AFTER: Duration = Duration::from_secs(300);

pub struct AlarmClock {
    context: JobContext,
}

impl AlarmClock {
    pub fn new(context: JobContext) -> Self {
        Self { context }
    }

    /// For ever: drop it to end it, wherever it is.
    pub async fn run(self) {
        repeat(self.context.machines.sweep, || self.round()).await;
    }

    async fn round(&self) -> anyhow::Result<()> {
        let now = self.context.now();
        let asked = now.before(ASK_EVERY);
        let store = &self.context.store;
        let mut machines = store.machines_to_wake((now, WAKE_BEFORE), asked, A_ROUND).await?;
        let urgent = machines.len();
        for Assigned { name, .. } in &machines {
            info!(sprite.name = %name, "waking {name}: its assistant has something to do");
        }
        let others = store.machines_to_ask(now.after(WAKE_BEFORE), asked, A_ROUND).await?;
        if !others.is_empty() {
            let awake = self.awake().await?;
            let is_awake = |machine: &Assigned| awake.contains(machine.name.as_str());
            machines.extend(others.into_iter().filter(is_awake));
        }
        stream::iter(machines.iter().enumerate())
            .for_each_concurrent(AT_ONCE, async |(number, machine)| {
                if let Err(error) = self.ask(machine, asked, number < urgent).await {
                    warn!(sprite.name = %machine.name, "{error:#}; asking again later");
                }
            })
            .await;
        Ok(())
    }

    /// By the provider's list, which wakes nobody.
    async fn awake(&self) -> anyhow::Result<HashSet<String>> {
        let machines = &self.context.machines;
        let fleet = machines.sprites.list(&machines.labels.beginning()).await?;
        let running = fleet.sprites.into_iter();
        let running = running.filter(|it| it.status == Some(SpriteStatus::Running));
        Ok(running.map(|sprite| sprite.name).collect())
    }

    /// The question wakes the machine, where it sleeps.
    async fn ask(&self, machine: &Assigned, asked: Moment, is_due: bool) -> anyhow::Result<()> {
        let context = &self.context;
        // One that is due is woken in its time, however late it was asked before.
        let latest = if is_due { context.now() } else { asked };
        if !context.store.claim_asking(machine, latest, context.now()).await? {
            return Ok(());
        }
        let ring = &context.keys.present().ring;
        let token = VmSecret::Health.derive(ring, &machine.id(), machine.assignment);
        let sprites = &context.machines.sprites;
        let probe = sprites.probe(&machine.upstream, layout::HEALTH_PATH, &token).await;
        if let Some(counted) = awake_seconds(&probe) {
            context.store.note_awake(machine, counted, context.now()).await?;
        }
        // One that does not answer keeps what it said before; one that has something to do is
        // asked again at once, until it is up.
        let Some(told) = next_due(&probe) else {
            if is_due {
                context.store.claim_asking(machine, context.now(), asked).await?;
            }
            return Ok(());
        };
        let missed = context.now().before(MISSED_AFTER);
        Ok(context.store.note_next_due(machine, told.filter(|due| *due > missed)).await?)
    }
}
