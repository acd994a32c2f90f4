//! RECYCLE: a workspace that has ended is taken down, and nothing of it stays.
//!
//! Access goes first: the route is removed on every edge before anything is stopped.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use shared::Username;
use tokio::time::timeout;
use tracing::{info, warn};

use super::context::Machines;
use super::pool::destroy;
use super::provisioning::publish;
use super::vm::machine;
use crate::app::SharedApp;
use crate::model::task::{Kind, Lease};
use crate::queue::{Job, Run, Trouble};
use vendors::sprites::SpriteName;

/// An orderly end is a courtesy: what does not stop in time is destroyed as it is.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

pub struct Recycle {
    app: SharedApp,
    machines: Arc<Machines>,
}

impl Job for Recycle {
    fn kind(&self) -> Kind {
        Kind::Recycle
    }

    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), Trouble>> {
        Box::pin(self.recycle(run))
    }
}

impl Recycle {
    pub fn new(app: SharedApp, machines: Arc<Machines>) -> Self {
        Self { app, machines }
    }

    async fn recycle(&self, run: &mut Run) -> Result<(), Trouble> {
        let username = run.task().username.context("the task says for whom it is not");
        let username = username.map_err(Trouble::never)?;
        let lease = run.lease().clone();
        run.step("cut", async || self.cut(&username).await).await?;
        // From here on nobody but this task touches it.
        let sprite = self.app.store.recycle_sprite(&lease, &username, self.app.now()).await?;
        run.step("stop", async || self.stop(sprite.as_ref()).await).await?;
        run.step("destroy", async || self.destroy(sprite.as_ref()).await).await?;
        run.step("free", async || self.free(&lease, &username, sprite.as_ref()).await).await
    }

    /// Also when the route is gone already: perhaps not every edge knows.
    async fn cut(&self, username: &Username) -> Result<Value, Trouble> {
        let removed = self.app.store.remove_route(username).await?;
        let generation = match removed {
            Some(generation) => generation,
            None => self.app.store.table_state().await?.generation,
        };
        publish::publish(&self.app.publisher, generation).await?;
        Ok(json!({ "generation": generation }))
    }

    async fn stop(&self, sprite: Option<&SpriteName>) -> Result<Value, Trouble> {
        let Some(name) = sprite else { return Ok(json!({ "sprite": null })) };
        let service = machine::service();
        let stopping = self.machines.sprites.stop_service(name, &service);
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

    async fn destroy(&self, sprite: Option<&SpriteName>) -> Result<(), Trouble> {
        match sprite {
            Some(name) => destroy(&self.machines.sprites, name).await,
            None => Ok(()),
        }
    }

    async fn free(
        &self,
        lease: &Lease,
        username: &Username,
        sprite: Option<&SpriteName>,
    ) -> Result<(), Trouble> {
        if let Some(name) = sprite {
            self.app.store.forget_sprite(name).await?;
        }
        let (quarantine, now) = (self.app.sign_up.quarantine, self.app.now());
        self.app.store.workspace_is_ended(username, quarantine, lease, now).await?;
        self.machines.wake_keeper();
        info!("nothing is left of the workspace of {username}");
        Ok(())
    }
}
