//! RECYCLE: a workspace that has ended is taken down, and nothing of it stays.
//!
//! Access goes first: the route is removed on every edge before anything is stopped.

use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use shared::Username;
use tokio::time::timeout;
use tracing::{info, warn};

use super::pool::destroy;
use super::provisioning::publish;
use super::vm::machine;
use crate::machines::job_context::JobContext;
use crate::model::task::kinds::RecycleWorkspace;
use crate::model::task::{Kind, Lease};
use crate::queue::{Job, JobError, Run};
use crate::workspaces;
use vendors::sprites::SpriteName;

/// An orderly end is a courtesy: what does not stop in time is destroyed as it is.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

pub struct Recycle {
    context: JobContext,
}

impl Job for Recycle {
    fn kind(&self) -> Kind {
        Kind::Recycle
    }

    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(self.recycle(run))
    }
}

impl Recycle {
    pub fn new(context: JobContext) -> Self {
        Self { context }
    }

    async fn recycle(&self, run: &mut Run) -> Result<(), JobError> {
        let username = run.task().username.context("the task says for whom it is not");
        let username = username.map_err(JobError::permanent)?;
        let lease = run.lease().clone();
        run.step(RecycleWorkspace::CUT, async || self.cut(&username).await).await?;
        // From here on nobody but this task touches it.
        let sprite =
            self.context.store.recycle_sprite(&lease, &username, self.context.now()).await?;
        run.step(RecycleWorkspace::STOP, async || self.stop(sprite.as_ref()).await).await?;
        run.step(RecycleWorkspace::DESTROY, async || self.destroy(sprite.as_ref()).await).await?;
        run.step(RecycleWorkspace::FREE, async || {
            self.free(&lease, &username, sprite.as_ref()).await
        })
        .await
    }

    /// Also when the route is gone already: perhaps not every edge knows.
    async fn cut(&self, username: &Username) -> Result<Value, JobError> {
        let removed = self.context.store.remove_route(username).await?;
        let generation = match removed {
            Some(generation) => generation,
            None => self.context.store.table_state().await?.generation,
        };
        publish::publish(&self.context.publisher, generation).await?;
        Ok(json!({ "generation": generation }))
    }

    async fn stop(&self, sprite: Option<&SpriteName>) -> Result<Value, JobError> {
        let Some(name) = sprite else { return Ok(json!({ "sprite": null })) };
        let service = machine::service();
        let stopping = self.context.machines.sprites.stop_service(name, &service);
        let complaint = match timeout(STOP_TIMEOUT, stopping).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("{:#}", anyhow::Error::from(error))),
            Err(_late) => Some(format!("it did not stop within {STOP_TIMEOUT:?}")),
        };
        if let Some(complaint) = &complaint {
            warn!(sprite.name = %name, "cannot stop what runs in {name}: {complaint}; going on");
        }
        Ok(json!({ "sprite": name, "complaint": complaint }))
    }

    async fn destroy(&self, sprite: Option<&SpriteName>) -> Result<(), JobError> {
        match sprite {
            Some(name) => destroy(&self.context.machines.sprites, name).await,
            None => Ok(()),
        }
    }

    async fn free(
        &self,
        lease: &Lease,
        username: &Username,
        sprite: Option<&SpriteName>,
    ) -> Result<(), JobError> {
        if let Some(name) = sprite {
            self.context.store.forget_sprite(name).await?;
        }
        let now = self.context.now();
        let end = (self.context.quarantine, &self.context.renderer);
        workspaces::workspace_is_ended(&self.context.store, username, end, lease, now).await?;
        self.context.machines.wake_pool();
        info!("nothing is left of the workspace of {username}");
        Ok(())
    }
}
