//! UPDATE: one workspace's machine is brought to the wanted base while nobody uses it,
//! and back to what it had when that does not run.
//!
//! What is on the disk is kept before anything changes, with the gateway stopped: going
//! back puts that there again, the file of the old version among it.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures_util::future::BoxFuture;
use shared::{Secret, Username, VmSecret};
use tracing::{info, warn};

use crate::machines::fleet::{is_of_base, look};
use crate::machines::job_context::JobContext;
use crate::machines::vm::agent_config::{self, Workspace};
use crate::machines::vm::health::Health;
use crate::machines::vm::machine::{self, Vm};
use crate::machines::vm::{failure, layout};
use crate::model::pool::Assigned;
use crate::model::task::kinds::UpdateWorkspace as Steps;
use crate::model::task::{Kind, Task};
use crate::queue::{Job, JobError, Run};
use vendors::sprites::files::AbsolutePath;
use vendors::sprites::{CheckpointId, SpritesError};

/// Between two looks: the machine may sleep meanwhile.
const BUSY_PAUSE: Duration = Duration::from_secs(120);

/// A machine that slept is awake by then.
const WAKING_PAUSE: Duration = Duration::from_secs(15);

/// Who uses theirs for longer lets others go first: ten who do would stop everybody's.
const IDLE_PATIENCE: Duration = Duration::from_secs(1_200);

/// Begins the comment of a checkpoint that an update made.
const BEFORE: &str = "before-";

/// Ours have some kilobytes.
const CONFIG_MAX_BYTES: usize = 256 << 10;

/// After so many attempts the provider is no better with the new base than with the old.
const PATIENCE: u32 = 15;

pub struct Update {
    context: JobContext,
}

impl Job for Update {
    fn kind(&self) -> Kind {
        Kind::Update
    }

    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(self.update(run))
    }

    fn on_dead<'a>(&'a self, task: &'a Task, why: &'a str) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            Ok(self.context.store.give_update_up(&task.id, why, self.context.now()).await?)
        })
    }
}

impl Update {
    pub fn new(context: JobContext) -> Self {
        Self { context }
    }

    async fn update(&self, run: &mut Run) -> Result<(), JobError> {
        let Steps { base } = run.payload()?;
        let username = run.task().username.context("the task says for whom it is not");
        let username = username.map_err(JobError::permanent)?;
        let (lease, attempts) = (run.lease().clone(), run.task().attempts);
        let store = &self.context.store;
        let machine = store.sprite_of(&username).await?.and_then(|sprite| sprite.assigned());
        let is_wanted = base == self.context.machines.base.hash();
        let Some(sprite) = machine else { return Ok(store.forget_update(&lease).await?) };
        let waited = self.context.now().since(run.task().created);
        // Once it is stopped, it is brought to an end.
        let name = run
            .step(Steps::IDLE, async || {
                if !is_wanted {
                    return Ok(None);
                }
                match self.idle(&sprite).await {
                    Ok(()) => Ok(Some(sprite.name.to_string())),
                    Err((why, _)) if waited >= IDLE_PATIENCE => {
                        store.put_update_off(&lease, &why, self.context.now()).await?;
                        Ok(None)
                    }
                    Err((why, pause)) => Err(JobError::snooze(why, pause)),
                }
            })
            .await?;
        if name.as_deref() != Some(sprite.name.as_str()) {
            return Ok(store.forget_update(&lease).await?);
        }
        run.step(Steps::STOP, async || self.stop(&sprite).await).await?;
        let comment = format!("{BEFORE}{}", lease.task);
        let kept = run.step(Steps::CHECKPOINT, async || self.keep(&sprite, &comment).await).await?;
        let mut why = run
            .step(Steps::INSTALL, async || {
                or_back(attempts, self.install(&username, &sprite, is_wanted).await)
            })
            .await?;
        if why.is_none() {
            why = run.step(Steps::READY, async || self.ready(&sprite).await).await?;
        }
        if let Some(why) = &why {
            warn!("{username} goes back to what it had: {why}");
            run.step(Steps::BACK, async || self.back(&sprite, &kept).await).await?;
        }
        run.step(Steps::NOTE, async || {
            let now = self.context.now();
            store.end_update(&lease, &username, &base, why.as_deref(), now).await?;
            info!("{username} has {}", if why.is_none() { "a new base" } else { "its old base" });
            Ok(())
        })
        .await
    }

    /// Does nothing run in it, and nobody look? Else why not, and how soon to look again.
    async fn idle(&self, sprite: &Assigned) -> Result<(), (String, Duration)> {
        let standing = look(&self.context.machines, sprite, &self.token(sprite)).await;
        match standing.health {
            Health::Well if standing.is_busy => Err(("it is being used".to_owned(), BUSY_PAUSE)),
            Health::Well | Health::GivenUp(_) => Ok(()),
            Health::NotYet(seen) => Err((seen, WAKING_PAUSE)),
        }
    }

    async fn stop(&self, sprite: &Assigned) -> Result<(), JobError> {
        let sprites = &self.context.machines.sprites;
        match sprites.stop_service(&sprite.name, &machine::service()).await {
            Ok(()) | Err(SpritesError::Missing(_) | SpritesError::Conflict(_)) => Ok(()),
            Err(error) => Err(failure::job_error(error)),
        }
    }

    /// The one of an update before is of no more use, and has what the customer may have
    /// deleted since.
    async fn keep(&self, sprite: &Assigned, comment: &str) -> Result<String, JobError> {
        let sprites = &self.context.machines.sprites;
        let name = &sprite.name;
        let kept = sprites.ensure_checkpoint(name, comment).await.map_err(failure::job_error)?;
        for other in sprites.checkpoints(name).await.map_err(failure::job_error)? {
            let is_of_us = other.comment.as_deref().is_some_and(|it| it.starts_with(BEFORE));
            if is_of_us && other.id != kept.id {
                let removed = sprites.delete_checkpoint(name, &other.id).await;
                removed.map_err(failure::job_error)?;
            }
        }
        Ok(kept.id.to_string())
    }

    /// Only the agent's own file changes: what the customer's gateway is set to stays.
    async fn install(
        &self,
        username: &Username,
        sprite: &Assigned,
        is_wanted: bool,
    ) -> Result<(), JobError> {
        if !is_wanted {
            return Err(JobError::permanent(anyhow!("another base is wanted by now")));
        }
        let machines = &self.context.machines;
        machine::install(&machines.sprites, &machines.base, &sprite.name).await?;
        let ordered = self.context.store.workspace_order(username).await?;
        let skills = ordered.map(|ordered| ordered.skills).unwrap_or_default();
        let skills: Vec<_> = skills.ids().map(str::to_owned).collect();
        let keys = self.context.keys.present();
        let site = &self.context.site;
        let workspace = Workspace { username: *username, site, sprite, skills: &skills };
        let agent = Secret::new(agent_config::render(&workspace, &machines.base, &keys.ring));
        let vm = Vm { sprites: &machines.sprites, base: &machines.base, sprite };
        vm.configure_agent(&agent).await.map_err(failure::any_job_error)?;
        vm.start(&agent).await.map_err(failure::job_error)
    }

    /// Why it is no good, if it is not.
    async fn ready(&self, sprite: &Assigned) -> Result<Option<String>, JobError> {
        let (machines, token) = (&self.context.machines, self.token(sprite));
        let vm = Vm { sprites: &machines.sprites, base: &machines.base, sprite };
        if let Err(error) = vm.ready(&token).await {
            return Ok(Some(format!("{error:#}")));
        }
        let seen = look(machines, sprite, &token).await.version;
        Ok(is_of_base(machines, seen.as_deref()).err())
    }

    /// The agent's own file says how it was run.
    async fn back(&self, sprite: &Assigned, kept: &str) -> Result<(), JobError> {
        let (machines, token) = (&self.context.machines, self.token(sprite));
        let kept = CheckpointId::parse(kept).context("the checkpoint's id is not one");
        let kept = kept.map_err(JobError::permanent)?;
        let sprites = &machines.sprites;
        sprites.restore(&sprite.name, &kept).await.map_err(failure::job_error)?;
        let path = AbsolutePath::parse(layout::AGENT_CONFIG).expect("ours is absolute");
        let agent = sprites.read_file(&sprite.name, path, CONFIG_MAX_BYTES).await;
        let agent = agent.map_err(failure::job_error)?.context("the agent's file is gone");
        let agent = agent.map_err(JobError::retry)?;
        let agent = Secret::new(String::from_utf8_lossy(&agent).into_owned());
        let vm = Vm { sprites, base: &machines.base, sprite };
        vm.start(&agent).await.map_err(failure::job_error)?;
        vm.ready(&token).await.map_err(JobError::retry)
    }

    fn token(&self, sprite: &Assigned) -> Secret<String> {
        let keys = self.context.keys.present();
        VmSecret::Health.derive(&keys.ring, &sprite.id(), sprite.assignment)
    }
}

/// What the provider refuses is tried again, for a time; what the installation itself says
/// is its end.
fn or_back(attempts: u32, installed: Result<(), JobError>) -> Result<Option<String>, JobError> {
    match installed {
        Ok(()) => Ok(None),
        Err(JobError::Retry { error, .. } | JobError::Permanent { error })
            if !error.is::<SpritesError>() || attempts >= PATIENCE =>
        {
            Ok(Some(format!("{error:#}")))
        }
        Err(JobError::Permanent { error }) => Err(JobError::retry(error)),
        Err(trouble) => Err(trouble),
    }
}
