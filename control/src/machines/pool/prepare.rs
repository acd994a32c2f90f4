//! PREPARE: a sprite is made and given its base, before anybody needs it.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use futures_util::future::{self, BoxFuture};
use shared::Upstream;

use super::alarm;
use crate::app::SharedApp;
use crate::machines::context::Machines;
use crate::machines::vm::base::Base;
use crate::machines::vm::liveness::{LifeSign, look_for_life};
use crate::machines::vm::{failure, layout, machine};
use crate::model::incident::Incident;
use crate::model::pool::{PoolSprite, SpriteState};
use crate::model::task::{Kind, Task, TaskId};
use crate::queue::{Job, Run, Trouble};
use crate::store::Prepared;
use vendors::sprites::files::AbsolutePath;
use vendors::sprites::{CheckpointId, Command, NewSprite, SpriteName, SpritesError, UrlAuth};

pub struct Prepare {
    app: SharedApp,
    machines: Arc<Machines>,
}

impl Job for Prepare {
    fn kind(&self) -> Kind {
        Kind::Prepare
    }

    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), Trouble>> {
        Box::pin(self.prepare(run))
    }

    fn died<'a>(&'a self, _: &'a Task, _: &'a str) -> BoxFuture<'a, Result<(), Trouble>> {
        // The keeper finds its sprite, and counts the failure.
        self.machines.wake_keeper();
        Box::pin(future::ready(Ok(())))
    }

    /// The pool is told of as a whole, when too many have failed.
    fn incident(&self, _: &Task, _: &str) -> Option<Incident> {
        None
    }

    fn places(&self) -> usize {
        usize::try_from(self.machines.target.at_once).unwrap_or(usize::MAX)
    }
}

impl Prepare {
    pub fn new(app: SharedApp, machines: Arc<Machines>) -> Self {
        Self { app, machines }
    }

    async fn prepare(&self, run: &mut Run) -> Result<(), Trouble> {
        let task = run.task().id.clone();
        let name = self.machines.marks.name(&task).map_err(Trouble::never)?;
        let upstream = run.step("create", async || self.create(&task, &name).await).await?;
        run.step("wake", async || self.wake(&name).await).await?;
        run.step("install", async || self.install(&name).await).await?;
        let checkpoint = run.step("seal", async || self.seal(&task, &name).await).await?;
        let checkpoint = CheckpointId::parse(&checkpoint).context("the checkpoint's id is not one");
        let checkpoint = checkpoint.map_err(Trouble::never)?;
        let (lease, now) = (run.lease().clone(), self.app.now());
        let prepared = Prepared { name, upstream, checkpoint };
        run.step("offer", async || {
            self.app.store.offer_sprite(&lease, &prepared, now).await?;
            self.app.metrics.preparation("done");
            Ok(())
        })
        .await
    }

    /// Looks for the one that an earlier attempt made.
    async fn create(&self, task: &TaskId, name: &SpriteName) -> Result<Upstream, Trouble> {
        let row = self.app.store.sprite(name).await?;
        if !row.is_some_and(|row| is_ours(&row, task)) {
            return Err(Trouble::never(anyhow!("sprite {name} is not this task's to prepare")));
        }
        let labels = self.machines.marks.labels(task);
        let new = NewSprite { name: name.clone(), labels, auth: UrlAuth::Public };
        let sprite = match self.machines.sprites.ensure(&new).await {
            Ok(sprite) => sprite,
            Err(error) => return Err(alarm::refused(&self.app, error).await),
        };
        let upstream = sprite.address().map_err(Trouble::never)?;
        // Edges would refuse it later, when somebody waits.
        let checked = self.app.addresses.check_upstream(&upstream);
        checked
            .context("the provider gave an address that edges refuse")
            .map_err(Trouble::never)?;
        Ok(upstream)
    }

    async fn wake(&self, name: &SpriteName) -> Result<(), Trouble> {
        match look_for_life(&self.machines.sprites, name).await {
            LifeSign::Alive => Ok(()),
            LifeSign::Dead(why) => Err(Trouble::again(anyhow!("sprite {name} is dead: {why}"))),
            LifeSign::Unknown(error) => Err(alarm::refused(&self.app, error).await),
        }
    }

    /// Nothing of it is secret, and all of it can be done again.
    async fn install(&self, name: &SpriteName) -> Result<(), Trouble> {
        let Machines { sprites, base, .. } = &*self.machines;
        if self.has_marker(name).await.map_err(failure::trouble)? {
            return Ok(());
        }
        for file in &base.files {
            let reading = file.clone();
            let content = tokio::task::spawn_blocking(move || reading.content()).await;
            let content = content.map_err(Trouble::again)?.map_err(Trouble::never)?;
            let to = AbsolutePath::parse(&file.to).context("a file's place is not absolute");
            let to = to.map_err(Trouble::never)?;
            sprites.write_file(name, to, file.mode, content).await.map_err(failure::trouble)?;
        }
        if base.install.is_empty() {
            return Ok(());
        }
        let command =
            Command::shell(&base.install).directory(layout::HOME).timeout(base.install_time);
        let installed = machine::succeed(sprites, name, &command, "install the base").await;
        installed.map_err(failure::any_trouble)
    }

    /// The marker says that all is installed; the checkpoint is older than any secret.
    async fn seal(&self, task: &TaskId, name: &SpriteName) -> Result<String, Trouble> {
        let Machines { sprites, base, .. } = &*self.machines;
        let marker = marker(base);
        let path = AbsolutePath::parse(&marker).expect("ours is absolute");
        let written = sprites.write_file(name, path, 0o644, base.hash().to_owned().into()).await;
        written.map_err(failure::trouble)?;
        let comment = format!("base-{}-{task}", base.hash());
        let checkpoint = sprites.ensure_checkpoint(name, &comment).await;
        Ok(checkpoint.map_err(failure::trouble)?.id.to_string())
    }

    async fn has_marker(&self, name: &SpriteName) -> Result<bool, SpritesError> {
        let Machines { sprites, base, .. } = &*self.machines;
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
