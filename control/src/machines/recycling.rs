//! RECYCLE: a workspace that has ended is taken down, and nothing of it stays.
//!
//! Access goes first: the route is removed on every edge before anything is stopped.

use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::Username;
use tokio::time::timeout;
use tracing::{info, warn};

use super::pool::destroy;
use super::provisioning::publish;
use super::vm::machine;
use super::wiping::{self, WipeProof};
use crate::base::clock::Moment;
use crate::base::date::iso_time;
use crate::machines::job_context::JobContext;
use crate::model::incident::Incident;
use crate::model::task::kinds::RecycleWorkspace;
use crate::model::task::{Kind, Lease};
use crate::model::workspace::EndReason;
use crate::queue::{Job, JobError, Run};
use crate::store::machines::quarantine::quarantine_sprite;
use crate::workspaces;
use vendors::linear::Priority;
use vendors::sprites::SpriteName;

/// An orderly end is a courtesy: what does not stop in time is destroyed as it is.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Restoring takes up to half a minute, reading a disk twice some minutes.
const WIPE_TIMEOUT: Duration = Duration::from_secs(480);

/// What came of wiping; neither where machines are replaced.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Wiped {
    proof: Option<WipeProof>,
    complaint: Option<String>,
    /// In unix seconds, where the machine is kept from everybody until then at most.
    #[serde(default)]
    kept_until: Option<u64>,
}

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
        let wiped = run
            .step(RecycleWorkspace::WIPE, async || self.wipe(&username, sprite.as_ref()).await)
            .await?;
        let is_kept = wiped.kept_until.is_some();
        let to_destroy = sprite.as_ref().filter(|_| wiped.proof.is_none() && !is_kept);
        let end = async || match (&sprite, &wiped.complaint) {
            (Some(name), Some(why)) if is_kept => self.quarantine(&lease, name, why).await,
            _ => self.destroy(to_destroy).await,
        };
        run.step(RecycleWorkspace::DESTROY, end).await?;
        run.step(RecycleWorkspace::FREE, async || {
            if let (Some(name), Some(_)) = (&sprite, &wiped.proof) {
                self.context.store.release_sprite(&lease, name, self.context.now()).await?;
            }
            self.free(&lease, &username, to_destroy).await
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

    /// Where machines are wiped; one of which it cannot be proved is nobody's any more.
    async fn wipe(
        &self,
        username: &Username,
        sprite: Option<&SpriteName>,
    ) -> Result<Wiped, JobError> {
        let JobContext { machines, store, .. } = &self.context;
        let Some(name) = sprite else { return Ok(Wiped::default()) };
        let available = store.count_sprites().await?.available;
        if !machines.recycling.wipes(available, machines.target.available) {
            return Ok(Wiped::default());
        }
        let Some(row) = store.sprite(name).await? else { return Ok(Wiped::default()) };
        if row.checkpoint.is_none() || row.base != machines.base.hash() {
            // It has another base, or was brought to this one: there is nothing to put it back to.
            return Ok(Wiped::default());
        }
        let wiping = timeout(WIPE_TIMEOUT, wiping::wipe(&self.context, &row)).await;
        match wiping.with_context(|| format!("not within {WIPE_TIMEOUT:?}")).flatten() {
            Ok(proof) => {
                info!(sprite.name = %name, "{name} is wiped, and the proof holds");
                Ok(Wiped { proof: Some(proof), ..Wiped::default() })
            }
            Err(error) => {
                let complaint = format!("{error:#}");
                let (now, patience) = (self.context.now(), machines.quarantined);
                // Who wants everything deleted has it deleted, whatever we would like to know.
                let ended = store.workspace(username).await?.and_then(|it| it.end_reason);
                let is_kept = ended != Some(EndReason::Erasure) && !patience.is_zero();
                let kept_until = is_kept.then(|| now.after(patience).seconds());
                let then = if is_kept { "keeping it from everybody" } else { "destroying it" };
                warn!(sprite.name = %name, "cannot wipe {name}: {complaint}; {then}");
                let incident = unproved(name, &complaint, kept_until);
                store.open_incident(&incident, now).await?;
                Ok(Wiped { proof: None, complaint: Some(complaint), kept_until })
            }
        }
    }

    async fn quarantine(
        &self,
        lease: &Lease,
        name: &SpriteName,
        why: &str,
    ) -> Result<(), JobError> {
        let mut write = self.context.store.begin().await?;
        let why = format!("could not be proved to be clean: {why}");
        quarantine_sprite(&mut write, lease, name, &why, self.context.now()).await?;
        write.commit().await?;
        Ok(())
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
            self.context.store.forget_sprite(name, self.context.now()).await?;
        }
        let now = self.context.now();
        let end = (self.context.quarantine, &self.context.renderer);
        workspaces::workspace_is_ended(&self.context.store, username, end, lease, now).await?;
        self.context.machines.wake_pool();
        info!("nothing is left of the workspace of {username}");
        Ok(())
    }
}

fn unproved(name: &SpriteName, complaint: &str, kept_until: Option<u64>) -> Incident {
    let end = match kept_until {
        None => "it is destroyed".to_owned(),
        Some(until) => format!(
            "it is kept for you to look at until {}, then destroyed; `control pool destroy \
             {name} --reason WHY` ends it at once",
            iso_time(Moment::from_seconds(until))
        ),
    };
    let body = format!(
        "Sprite `{name}` was to be used again, and it could not be proved that nothing of its \
         customer is left: {complaint}.\n\nNobody gets it: {end}. Another one is made. When this happens often, `recycling = \"replace\"` in `[pool]` does without."
    );
    let title = format!("Sprite {name} could not be wiped");
    Incident::new(format!("recycle/wipe/{name}"), title, body, Priority::Medium)
}
