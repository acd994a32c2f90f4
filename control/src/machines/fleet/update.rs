//! UPDATE: one workspace's machine is brought to the wanted base while nobody uses it,
//! and back to what it had when that does not run.
//!
//! What is on the disk is kept before anything changes, with the gateway stopped: going
//! back puts that there again, the file of the old version among it. Whatever fails from the
//! stop on, the assistant runs again in the end: with what was kept, and where that cannot be
//! put back, with what is there. Whether it does is then looked after with all others
//! (`machines/services`).

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures_util::future::BoxFuture;
use serde_json::Value;
use shared::{Secret, Username, VmSecret};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::machines::fleet::{is_of_base, look};
use crate::machines::job_context::JobContext;
use crate::machines::vm::agent_config::{self, Workspace};
use crate::machines::vm::health::Health;
use crate::machines::vm::machine::{self, Vm};
use crate::machines::vm::{failure, layout};
use crate::model::incident::Incident;
use crate::model::pool::Assigned;
use crate::model::task::kinds::{StepName, UpdateWorkspace as Steps};
use crate::model::task::{Kind, StepState, Task, TaskId};
use crate::queue::{Job, JobError, Run};
use vendors::sprites::address::Probe;
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

/// After so many attempts, half a minute, the customer has waited long enough for the new base.
const PATIENCE: u32 = 5;

/// So often what was kept is tried to be put back, before what is there is started.
const RESTORES: u32 = 5;

/// A task that is given up has a minute for all of it.
const LAST_RESTORE: Duration = Duration::from_secs(35);

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
            self.rescue(task).await?;
            Ok(self.context.store.give_update_up(&task.id, why, self.context.now()).await?)
        })
    }

    /// The fleet's reconciler tells of it, with the others that went back.
    fn incident(&self, _task: &Task, _why: &str) -> Option<Incident> {
        None
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
        if !store.is_updating(&lease.task).await? {
            return Ok(());
        }
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
        let in_use = run
            .step(Steps::STOP, async || match self.suspend(&sprite).await {
                Ok(()) => self.stop(&sprite).await.map(|()| None),
                Err((why, _)) if waited >= IDLE_PATIENCE => {
                    store.put_update_off(&lease, &why, self.context.now()).await?;
                    Ok(Some(why))
                }
                Err((why, pause)) => Err(JobError::snooze(why, pause)),
            })
            .await?;
        if in_use.is_some() {
            return Ok(store.forget_update(&lease).await?);
        }
        let kept = run
            .step(Steps::CHECKPOINT, async || {
                let kept = patiently(attempts, self.keep(&sprite, &comment(&lease.task)).await)?;
                Ok(kept.inspect_err(|why| warn!("{username} cannot be kept: {why}")).ok())
            })
            .await?;
        let mut why = match &kept {
            Some(_) => {
                run.step(Steps::INSTALL, async || {
                    let installed = self.install(&username, &sprite, is_wanted).await;
                    Ok(patiently(attempts, installed)?.err())
                })
                .await?
            }
            None => Some("what it has could not be kept before".to_owned()),
        };
        if why.is_none() {
            why = run.step(Steps::READY, async || self.ready(&sprite).await).await?;
        }
        if let Some(why) = &why {
            warn!("{username} goes back to what it had: {why}");
            run.step(Steps::BACK, async || self.back(&lease.task, &sprite, kept.as_deref()).await)
                .await?;
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

    /// Has the gateway closed to new work, unless something runs: what, and how soon to ask
    /// again.
    async fn suspend(&self, sprite: &Assigned) -> Result<(), (String, Duration)> {
        let sprites = &self.context.machines.sprites;
        let token = self.token(sprite);
        let asked = sprites.order(&sprite.upstream, layout::SUSPEND_PATH, &token).await;
        let Probe::Answered { status, body } = asked else {
            // Stopped before, or in no state to be asked: it was looked at right before.
            return Ok(());
        };
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        match body["status"].as_str() {
            Some("busy") => {
                let blockers = body["blockers"].as_array().into_iter().flatten();
                let blockers: Vec<_> = blockers.filter_map(Value::as_str).collect();
                Err((format!("it is being used: {}", blockers.join(", ")), BUSY_PAUSE))
            }
            // Ready; an agent of a release before, which does not know the question; or one
            // whose gateway is not well, which an update may mend.
            _ => {
                debug!("{}: {status} to the question whether something runs", sprite.name);
                Ok(())
            }
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

    /// As often as it takes: a customer waits.
    async fn back(
        &self,
        task: &TaskId,
        sprite: &Assigned,
        kept: Option<&str>,
    ) -> Result<(), JobError> {
        if let Some(kept) = kept {
            let kept = CheckpointId::parse(kept).context("the checkpoint's id is not one");
            let kept = kept.map_err(JobError::permanent)?;
            let restored = self.context.machines.sprites.restore(&sprite.name, &kept).await;
            if let Err(error) = restored {
                let (_, steps) = self.context.store.task(task).await?.unzip();
                let mut steps = steps.into_iter().flatten();
                let back = steps.find(|step| step.name == Steps::BACK.as_str());
                if back.is_none_or(|step| step.attempts < RESTORES) {
                    return Err(failure::job_error(error));
                }
                warn!("{} is not put back: {error}; what is there is started", sprite.name);
            }
        }
        self.start(sprite).await
    }

    /// The agent's own file says how it was run.
    async fn start(&self, sprite: &Assigned) -> Result<(), JobError> {
        let (sprites, base) = (&self.context.machines.sprites, &self.context.machines.base);
        let path = AbsolutePath::parse(layout::AGENT_CONFIG).expect("ours is absolute");
        let agent = sprites.read_file(&sprite.name, path, CONFIG_MAX_BYTES).await;
        let agent = agent.map_err(failure::job_error)?.context("the agent's file is gone");
        let agent = agent.map_err(JobError::retry)?;
        let agent = Secret::new(String::from_utf8_lossy(&agent).into_owned());
        let vm = Vm { sprites, base, sprite };
        vm.start(&agent).await.map_err(failure::job_error)
    }

    /// Of a task that is given up: a machine that it stopped runs again, with what was kept.
    async fn rescue(&self, task: &Task) -> Result<(), JobError> {
        let (store, sprites) = (&self.context.store, &self.context.machines.sprites);
        let Some(username) = task.username else { return Ok(()) };
        let machine = store.sprite_of(&username).await?.and_then(|sprite| sprite.assigned());
        let Some((sprite, (_, steps))) = machine.zip(store.task(&task.id).await?) else {
            return Ok(());
        };
        let of = |name: StepName| steps.iter().find(|step| step.name == name.as_str());
        let is_done = |name| of(name).is_some_and(|step| step.state == StepState::Done);
        let runs_well = of(Steps::READY).is_some_and(|step| step.result == Some(Value::Null));
        if of(Steps::STOP).is_none() || is_done(Steps::BACK) || runs_well {
            return Ok(());
        }
        warn!("{username} goes back to what it had: its update is given up");
        let restored = timeout(LAST_RESTORE, async {
            let comment = comment(&task.id);
            let mut all = sprites.checkpoints(&sprite.name).await?.into_iter();
            let kept = all.rfind(|it| it.comment.as_deref() == Some(&*comment));
            match kept {
                Some(kept) => sprites.restore(&sprite.name, &kept.id).await,
                None => Ok(()),
            }
        });
        match restored.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!("{} is not put back: {error}", sprite.name),
            Err(_late) => warn!("{} is not put back within {LAST_RESTORE:?}", sprite.name),
        }
        self.start(&sprite).await
    }

    fn token(&self, sprite: &Assigned) -> Secret<String> {
        let keys = self.context.keys.present();
        VmSecret::Health.derive(&keys.ring, &sprite.id(), sprite.assignment)
    }
}

/// Of the checkpoint that this update makes.
fn comment(task: &TaskId) -> String {
    format!("{BEFORE}{task}")
}

/// What the provider refuses is tried again, for a time; what the installation itself says
/// is its end.
fn patiently<T>(attempts: u32, done: Result<T, JobError>) -> Result<Result<T, String>, JobError> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(JobError::Retry { error, .. } | JobError::Permanent { error })
            if !error.is::<SpritesError>() || attempts >= PATIENCE =>
        {
            Ok(Err(format!("{error:#}")))
        }
        Err(JobError::Permanent { error }) => Err(JobError::retry(error)),
        Err(trouble) => Err(trouble),
    }
}
