//! PROV: a payment becomes a workspace.
//!
//! The sprite that a workspace has stands in the database, not in a step's result:
//! each stage asks for it again, and when it turns out to be of no use, takes the
//! next one through all stages up to its own.

use anyhow::{Context as _, anyhow};
use futures_util::future::BoxFuture;
use serde_json::json;
use shared::{RouteState, Secret, Username, VmSecret};
use tracing::{info, warn};

use super::{publish, welcome};
use crate::machines::context::Machines;
use crate::machines::job_context::JobContext;
use crate::machines::pool::alarm;
use crate::machines::vm::agent_config::{self, Workspace};
use crate::machines::vm::failure::{self, VmFailure};
use crate::machines::vm::gateway_config;
use crate::machines::vm::liveness::{Liveness, prove};
use crate::machines::vm::machine::Vm;
use crate::model::pool::{Assigned, Claim, SpriteState};
use crate::model::task::kinds::ProvisionWorkspace as Steps;
use crate::model::task::{Kind, Lease};
use crate::queue::{Job, JobError, Run};
use crate::store::SetAside;
use crate::workspaces;

/// Sprites that one attempt tries: as many as usually stand ready, and the first that is
/// made after them. When all of these are of no use, it is hardly them.
const SPRITES_AN_ATTEMPT: u32 = 4;

/// How long who finds the pool empty waits, unless a sprite comes before and they are next.
const EMPTY_PAUSE: std::time::Duration = std::time::Duration::from_secs(10);

pub struct Provision {
    context: JobContext,
}

/// What is done to a sprite before it can be reached, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Wake,
    Configure,
    Start,
    Ready,
}

/// The task in hand.
struct Order {
    username: Username,
    lease: Lease,
    attempts: u32,
    skills: Vec<String>,
}

impl Job for Provision {
    fn kind(&self) -> Kind {
        Kind::Provision
    }

    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(self.provision(run))
    }
}

impl Provision {
    pub fn new(context: JobContext) -> Self {
        Self { context }
    }

    /// Ends early, and well, when the workspace ends meanwhile: then taking it down
    /// is another task's.
    async fn provision(&self, run: &mut Run) -> Result<(), JobError> {
        let order = self.order(run).await?;
        let sprite = run.step(Steps::ASSIGN, async || self.assign(&order).await).await?;
        let Some(mut sprite) = sprite else { return ended(&order) };
        for (name, stage) in [
            (Steps::WAKE, Stage::Wake),
            (Steps::CONFIGURE, Stage::Configure),
            (Steps::START, Stage::Start),
            (Steps::READY, Stage::Ready),
        ] {
            let reached = run.step(name, async || self.reach(&order, stage, &sprite).await).await?;
            let Some(reached) = reached else { return ended(&order) };
            sprite = reached;
        }
        let is_live = run.step(Steps::ROUTE, async || self.route(&order, &sprite).await).await?;
        if !is_live {
            return ended(&order);
        }
        run.step(Steps::MAIL, async || welcome::post(&self.context, order.username).await).await?;
        run.step(Steps::POOL, async || self.look_at_pool().await).await?;
        Ok(())
    }

    async fn order(&self, run: &Run) -> Result<Order, JobError> {
        let task = run.task();
        let username = task.username.context("the task says for whom it is not");
        let username = username.map_err(JobError::permanent)?;
        let ordered = self.context.store.workspace_order(&username).await?;
        let chosen = ordered.map(|ordered| ordered.skills).unwrap_or_default();
        let skills = chosen.ids().map(str::to_owned).collect();
        Ok(Order { username, lease: run.lease().clone(), attempts: task.attempts, skills })
    }

    /// `None` when the workspace has ended.
    async fn assign(&self, order: &Order) -> Result<Option<Assigned>, JobError> {
        let Some(sprite) = self.claim(order).await? else { return Ok(None) };
        info!(sprite.name = %sprite.name, "{} gets sprite {}", order.username, sprite.name);
        // Whoever comes now is shown that it is being prepared.
        let Order { username, lease, .. } = order;
        let preparing = RouteState::Preparing;
        let store = &self.context.store;
        match store.route_workspace(lease, username, &sprite, preparing, self.context.now()).await?
        {
            None => return Ok(None),
            Some(generation) => {
                self.context.publisher.publish_without_waiting(generation);
            }
        }
        // Its place in the pool is free.
        self.context.machines.wake_pool();
        Ok(Some(sprite))
    }

    /// The sprite the workspace has, or gets now.
    async fn claim(&self, order: &Order) -> Result<Option<Assigned>, JobError> {
        let base = self.context.machines.base.hash();
        let (store, now) = (&self.context.store, self.context.now());
        match store.claim_sprite(&order.lease, &order.username, base, now).await? {
            Claim::Taken(sprite) => Ok(Some(sprite)),
            Claim::Unwanted => Ok(None),
            Claim::Empty => {
                self.context.machines.wake_pool();
                Err(JobError::snooze("no sprite is available yet", EMPTY_PAUSE))
            }
        }
    }

    /// Brings the workspace's sprite through `stage`; `earlier` has the stages before
    /// behind it. Says which sprite it is in the end, `None` when nobody needs one.
    async fn reach(
        &self,
        order: &Order,
        stage: Stage,
        earlier: &Assigned,
    ) -> Result<Option<Assigned>, JobError> {
        for _ in 0..SPRITES_AN_ATTEMPT {
            let Some(sprite) = self.claim(order).await? else { return Ok(None) };
            let first = if sprite == *earlier { stage } else { Stage::Wake };
            match self.go_through(order, &sprite, first, stage).await {
                Ok(()) => return Ok(Some(sprite)),
                Err(VmFailure::Task(trouble)) => return Err(trouble),
                Err(VmFailure::Dead(why)) => {
                    let to = SpriteState::Failed;
                    let aside = SetAside { to, is_touched: true, why: &why };
                    self.set_aside(order, &sprite, &aside).await?;
                }
                Err(VmFailure::Suspect(why)) => {
                    let to = SpriteState::Unreachable;
                    // Nothing was written before the last stage was configuring it.
                    let is_touched = stage > Stage::Wake;
                    self.set_aside(order, &sprite, &SetAside { to, is_touched, why: &why }).await?;
                    // What one has found out the others need not find out again.
                    self.context.machines.pool.suspect();
                }
            }
        }
        Err(JobError::retry(anyhow!("{SPRITES_AN_ATTEMPT} sprites were of no use")))
    }

    async fn set_aside(
        &self,
        order: &Order,
        sprite: &Assigned,
        aside: &SetAside<'_>,
    ) -> Result<(), JobError> {
        let (name, username) = (&sprite.name, &order.username);
        warn!(sprite.name = %name, "sprite {name} is of no use to {username}: {}", aside.why);
        let now = self.context.now();
        self.context.store.set_sprite_aside(&order.lease, username, name, aside, now).await?;
        self.context.machines.wake_pool();
        Ok(())
    }

    async fn go_through(
        &self,
        order: &Order,
        sprite: &Assigned,
        first: Stage,
        last: Stage,
    ) -> Result<(), VmFailure> {
        let stages = [Stage::Wake, Stage::Configure, Stage::Start, Stage::Ready];
        for stage in stages.into_iter().filter(|stage| (first..=last).contains(stage)) {
            if stage == Stage::Wake {
                self.wake(sprite).await?;
            } else if let Err(error) = self.act(order, sprite, stage).await {
                let sprites = &self.context.machines.sprites;
                return Err(failure::judge(sprites, &sprite.name, order.attempts, error).await);
            }
        }
        Ok(())
    }

    async fn wake(&self, sprite: &Assigned) -> Result<(), VmFailure> {
        match prove(&self.context.machines.sprites, &sprite.name).await {
            Liveness::Alive => Ok(()),
            Liveness::Dead(why) => Err(VmFailure::Dead(why)),
            Liveness::Suspect(why) => Err(VmFailure::Suspect(why)),
            Liveness::Unknown(error) => Err(VmFailure::Task(
                alarm::refused(&self.context.store, error, self.context.now()).await,
            )),
        }
    }

    async fn act(&self, order: &Order, sprite: &Assigned, stage: Stage) -> anyhow::Result<()> {
        let Machines { sprites, base, .. } = &*self.context.machines;
        let vm = Vm { sprites, base, sprite };
        let keys = self.context.keys.present();
        let workspace = Workspace {
            username: order.username,
            site: &self.context.site,
            sprite,
            skills: &order.skills,
        };
        let agent = Secret::new(agent_config::render(&workspace, base, &keys.ring));
        match stage {
            Stage::Wake => {}
            Stage::Configure => {
                let url = self.context.site.workspace_url(&order.username);
                let gateway = gateway_config::render(&base.gateway_config, &url, &order.skills);
                vm.configure(&agent, &gateway).await.context("cannot configure the VM")?;
            }
            Stage::Start => vm.start(&agent).await.context("cannot start the agent")?,
            Stage::Ready => {
                let id = sprite.id();
                let token = VmSecret::Health.derive(&keys.ring, &id, sprite.assignment);
                vm.ready(&token).await?;
            }
        }
        Ok(())
    }

    /// `false` when the workspace has ended.
    async fn route(&self, order: &Order, sprite: &Assigned) -> Result<bool, JobError> {
        let Order { username, lease, .. } = order;
        let live = RouteState::Live;
        let now = self.context.now();
        let store = &self.context.store;
        let generation = store.route_workspace(lease, username, sprite, live, now).await?;
        let Some(generation) = generation else { return Ok(false) };
        publish::publish(&self.context.publisher, generation).await?;
        let now = self.context.now();
        let followed =
            workspaces::workspace_is_live(&self.context.store, username, lease, now).await?;
        if let Some(generation) = followed.and_then(|followed| followed.generation) {
            // Somebody who has not paid meanwhile: it is closed again at once.
            publish::publish(&self.context.publisher, generation).await?;
        }
        info!("the workspace of {username} is live");
        Ok(true)
    }

    async fn look_at_pool(&self) -> Result<serde_json::Value, JobError> {
        self.context.machines.wake_pool();
        let counts = self.context.store.count_sprites().await?;
        Ok(json!({ "available": counts.available, "preparing": counts.preparing }))
    }
}

/// What there is belongs to the task that takes it down.
fn ended(order: &Order) -> Result<(), JobError> {
    info!("the workspace of {} ended before it was live", order.username);
    Ok(())
}
