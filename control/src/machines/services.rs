//! Has what runs in a workspace's machine stopped while the workspace is closed, and
//! started when it opens again.
//!
//! Takes no orders: each round it looks at what is. The way in was closed before anything
//! is stopped, and opens after all is well again. The machine and what is on its disk are
//! left as they are: it falls asleep by itself.

use std::time::Duration;

use anyhow::Context as _;
use futures_util::{StreamExt as _, stream};
use shared::{Secret, VmSecret};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::job_context::JobContext;
use super::vm::agent_config::{self, Workspace};
use super::vm::machine::{self, Vm};
use crate::base::date::Date;
use crate::model::incident::Incident;
use crate::model::pool::ServicesFault;
use vendors::linear::Priority;
use vendors::sprites::SpritesError;

/// Looked at in one round.
const A_ROUND: u32 = 100;

/// Machines that are worked at, at once: each of them wakes up for it.
const AT_ONCE: usize = 8;

/// A stop and its answer take some seconds; a start and a gateway that loads, minutes.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const START_TIMEOUT: Duration = Duration::from_secs(600);

/// Changes come in bursts; one look after each burst is enough.
const POLL_DELAY: Duration = Duration::from_millis(100);

/// What is not as it should be for so long is told to a person, each day.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

pub struct ServicesReconciler {
    context: JobContext,
}

impl ServicesReconciler {
    pub fn new(context: JobContext) -> Self {
        Self { context }
    }

    /// For ever: drop it to end it, wherever it is.
    pub async fn run(self) {
        let mut changes = self.context.queue.changes();
        loop {
            changes.mark_unchanged();
            self.round().await;
            let something = async {
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                sleep(POLL_DELAY).await;
            };
            let _time_is_over = timeout(self.context.machines.sweep, something).await.is_err();
        }
    }

    async fn round(&self) {
        let faults = match self.context.store.services_faults(A_ROUND).await {
            Ok(faults) => faults,
            Err(error) => {
                return warn!("{:#}; trying again later", anyhow::Error::from(error));
            }
        };
        stream::iter(&faults)
            .for_each_concurrent(AT_ONCE, async |fault| {
                if let Err(error) = self.mend(fault).await {
                    self.complain(fault, &error).await;
                }
            })
            .await;
    }

    async fn mend(&self, fault: &ServicesFault) -> anyhow::Result<()> {
        let store = &self.context.store;
        if !store.begin_services_change(fault, self.context.now()).await? {
            return Ok(());
        }
        if fault.is_open {
            let starting = timeout(START_TIMEOUT, self.start(fault)).await;
            starting.with_context(|| format!("not within {START_TIMEOUT:?}"))??;
        } else {
            let stopping = timeout(STOP_TIMEOUT, self.stop(fault)).await;
            stopping.with_context(|| format!("not within {STOP_TIMEOUT:?}"))??;
        }
        if store.end_services_change(fault, self.context.now()).await?.is_some() {
            self.context.publisher.wake();
        }
        let word = if fault.is_open { "started" } else { "stopped" };
        let name = &fault.machine.name;
        info!(sprite.name = %name, "what runs in {name} for {} is {word}", fault.username);
        Ok(())
    }

    async fn stop(&self, fault: &ServicesFault) -> anyhow::Result<()> {
        let sprites = &self.context.machines.sprites;
        Ok(sprites.stop_service(&fault.machine.name, &machine::service()).await?)
    }

    /// Until the agent itself says that all is well.
    async fn start(&self, fault: &ServicesFault) -> anyhow::Result<()> {
        let context = &self.context;
        let (sprites, base) = (&context.machines.sprites, &context.machines.base);
        let sprite = &fault.machine;
        let vm = Vm { sprites, base, sprite };
        let keys = context.keys.present();
        match sprites.start_service(&sprite.name, &machine::service()).await {
            // It runs already.
            Ok(()) | Err(SpritesError::Conflict(_)) => {}
            // The provider has lost the service: it is put again, over the same files.
            Err(SpritesError::Missing(_)) => {
                let ordered = context.store.workspace_order(&fault.username).await?;
                let skills = ordered.map(|ordered| ordered.skills).unwrap_or_default();
                let skills: Vec<_> = skills.ids().map(str::to_owned).collect();
                let (username, site) = (fault.username, &context.site);
                let workspace = Workspace { username, site, sprite, skills: &skills };
                let agent = Secret::new(agent_config::render(&workspace, base, &keys.ring));
                vm.start(&agent).await?;
            }
            Err(error) => return Err(error.into()),
        }
        let token = VmSecret::Health.derive(&keys.ring, &sprite.id(), sprite.assignment);
        vm.ready(&token).await
    }

    async fn complain(&self, fault: &ServicesFault, error: &anyhow::Error) {
        let ServicesFault { machine, username, is_open, since, .. } = fault;
        let word = if *is_open { "start" } else { "stop" };
        let name = &machine.name;
        warn!(sprite.name = %name, "cannot {word} what runs in {name}: {error:#}; trying again");
        let now = self.context.now();
        if now.since(*since) < PATIENCE {
            return;
        }
        let incident = Incident::new(
            format!("services/{name}/{}", Date::of(now).iso()),
            format!("{username}: what runs in its machine does not {word}"),
            format!(
                "Sprite `{name}` of `{username}`: {error:#}.\n\nThe workspace is {}. It is tried \
                 again all the time; `control workspaces replace-machine {username}` gives it \
                 another machine, and what is in this one is lost.",
                if *is_open {
                    "paid for, and does not open"
                } else {
                    "closed, and what ran runs on"
                }
            ),
            if *is_open { Priority::Urgent } else { Priority::High },
        );
        if let Err(error) = self.context.store.open_incident(&incident, now).await {
            warn!("{:#}", anyhow::Error::from(error));
        }
    }
}
