//! PREPARE: a sprite is made and given its base, before anybody needs it.

use anyhow::{Context as _, anyhow};
use futures_util::future::{self, BoxFuture};
use shared::Upstream;

use super::alarm;
use crate::machines::context::Machines;
use crate::machines::job_context::JobContext;
use crate::machines::vm::base::Base;
use crate::machines::vm::liveness::{Liveness, prove};
use crate::machines::vm::{failure, layout, machine};
use crate::machines::wiping;
use crate::model::incident::Incident;
use crate::model::pool::{PoolSprite, RecycleStrategy, SpriteState};
use crate::model::task::kinds::PrepareSprite;
use crate::model::task::{Kind, Task, TaskId};
use crate::queue::{Job, JobError, Run};
use crate::store::Prepared;
use vendors::sprites::files::AbsolutePath;
use vendors::sprites::{CheckpointId, NewSprite, SpriteName, SpritesError, UrlAuth};

pub struct Prepare {
    context: JobContext,
}

impl Job for Prepare {
    fn kind(&self) -> Kind {
        Kind::Prepare
    }

    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(self.prepare(run))
    }

    fn on_dead<'a>(&'a self, _: &'a Task, _: &'a str) -> BoxFuture<'a, Result<(), JobError>> {
        // The keeper finds its sprite, and counts the failure.
        self.context.machines.wake_pool();
        Box::pin(future::ready(Ok(())))
    }

    /// The pool is told of as a whole, when too many have failed.
    fn incident(&self, _: &Task, _: &str) -> Option<Incident> {
        None
    }

    fn max_concurrency(&self) -> usize {
        usize::try_from(self.context.machines.target.at_once).unwrap_or(usize::MAX)
    }
}

impl Prepare {
    pub fn new(context: JobContext) -> Self {
        Self { context }
    }

    async fn prepare(&self, run: &mut Run) -> Result<(), JobError> {
        let task = run.task().id.clone();
        let name = self.context.machines.labels.name(&task).map_err(JobError::permanent)?;
        let upstream =
            run.step(PrepareSprite::CREATE, async || self.create(&task, &name).await).await?;
        run.step(PrepareSprite::WAKE, async || self.wake(&name).await).await?;
        run.step(PrepareSprite::INSTALL, async || self.install(&name).await).await?;
        let checkpoint =
            run.step(PrepareSprite::SEAL, async || self.seal(&task, &name).await).await?;
        let checkpoint = CheckpointId::parse(&checkpoint).context("the checkpoint's id is not one");
        let checkpoint = checkpoint.map_err(JobError::permanent)?;
        let (lease, now) = (run.lease().clone(), self.context.now());
        let prepared = Prepared { name, upstream, checkpoint };
        run.step(PrepareSprite::OFFER, async || {
            self.context.store.offer_sprite(&lease, &prepared, now).await?;
            self.context.metrics.preparation("done");
            Ok(())
        })
        .await
    }

    /// Looks for the one that an earlier attempt made.
    async fn create(&self, task: &TaskId, name: &SpriteName) -> Result<Upstream, JobError> {
        let row = self.context.store.sprite(name).await?;
        if !row.is_some_and(|row| is_ours(&row, task)) {
            return Err(JobError::permanent(anyhow!(
                "sprite {name} is not this task's to prepare"
            )));
        }
        let labels = self.context.machines.labels.of(task);
        let new = NewSprite { name: name.clone(), labels, auth: UrlAuth::Public };
        let sprite = match self.context.machines.sprites.ensure(&new).await {
            Ok(sprite) => sprite,
            Err(error) => {
                return Err(alarm::refused(&self.context.store, error, self.context.now()).await);
            }
        };
        let upstream = sprite.address().map_err(JobError::permanent)?;
        // Edges would refuse it later, when somebody waits.
        let checked = self.context.addresses.check_upstream(&upstream);
        checked
            .context("the provider gave an address that edges refuse")
            .map_err(JobError::permanent)?;
        Ok(upstream)
    }

    async fn wake(&self, name: &SpriteName) -> Result<(), JobError> {
        match prove(&self.context.machines.sprites, name).await {
            Liveness::Alive => Ok(()),
            Liveness::Dead(why) | Liveness::Suspect(why) => {
                Err(JobError::retry(anyhow!("sprite {name} is dead: {why}")))
            }
            Liveness::Unknown(error) => {
                Err(alarm::refused(&self.context.store, error, self.context.now()).await)
            }
        }
    }

    async fn install(&self, name: &SpriteName) -> Result<(), JobError> {
        let Machines { sprites, base, .. } = &*self.context.machines;
        if self.has_marker(name).await.map_err(failure::job_error)? {
            return Ok(());
        }
        machine::install(sprites, base, name).await
    }

    /// The marker says that all is installed; the checkpoint is older than any secret.
    async fn seal(&self, task: &TaskId, name: &SpriteName) -> Result<String, JobError> {
        let Machines { sprites, base, .. } = &*self.context.machines;
        let marker = marker(base);
        let path = AbsolutePath::parse(&marker).expect("ours is absolute");
        let written = sprites.write_file(name, path, 0o644, base.hash().to_owned().into()).await;
        written.map_err(failure::job_error)?;
        if self.context.machines.recycling == RecycleStrategy::Wipe {
            let listed = wiping::write_list(&self.context, name).await;
            listed.map_err(failure::any_job_error)?;
        }
        let comment = format!("base-{}-{task}", base.hash());
        let checkpoint = sprites.ensure_checkpoint(name, &comment).await;
        Ok(checkpoint.map_err(failure::job_error)?.id.to_string())
    }

    async fn has_marker(&self, name: &SpriteName) -> Result<bool, SpritesError> {
        let Machines { sprites, base, .. } = &*self.context.machines;
        let marker = marker(base);
        let path = AbsolutePath::parse(&marker).expect("ours is absolute");
        let found = sprites.read_file(name, path, MARKER_MAX_BYTES).await?;
        Ok(found.is_some_and(|content| content == base.hash().as_bytes()))
    }
}

/// A hash, and no more.
const MARKER_MAX_BYTES: usize = 256;

fn marker(base: &Base) -> String {
    layout::marker(base.hash())
}

/// Still to be prepared, and by this task.
fn is_ours(row: &PoolSprite, task: &TaskId) -> bool {
    row.state == SpriteState::Preparing && row.task.as_ref() == Some(task)
}
