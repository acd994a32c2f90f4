//! TRIAL: a machine that is nobody's proves a base before anybody gets it.

use std::time::Duration;

use anyhow::anyhow;
use futures_util::future::BoxFuture;
use shared::{Secret, Username, VmSecret};
use tracing::{info, warn};

use crate::machines::fleet::{is_of_base, look};
use crate::machines::job_context::JobContext;
use crate::machines::vm::agent_config::{self, Workspace};
use crate::machines::vm::machine::{Vm, succeed};
use crate::machines::vm::{failure, gateway_config, layout};
use crate::model::incident::Incident;
use crate::model::pool::{Assigned, Counts, Standing};
use crate::model::task::kinds::TryBase;
use crate::model::task::{Kind, Task};
use crate::queue::{Job, JobError, Run};
use vendors::linear::Priority;
use vendors::sprites::Command;

/// As whose it is set up; nothing leads to it.
const NAME: &str = "trial";

/// A preparation takes minutes where something is installed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// A turn of the model with a tool, and what it waits for before.
const TALK: Duration = Duration::from_secs(300);

pub struct Trial {
    context: JobContext,
}

impl Job for Trial {
    fn kind(&self) -> Kind {
        Kind::Trial
    }

    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(self.hold(run))
    }

    fn on_dead<'a>(&'a self, task: &'a Task, why: &'a str) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            let payload = task.payload::<TryBase>().map_err(JobError::permanent)?;
            warn!("base {} is refused: {why}", payload.base);
            let now = self.context.now();
            Ok(self.context.store.end_trial(&task.id, &payload.base, Some(why), now).await?)
        })
    }

    fn incident(&self, task: &Task, why: &str) -> Option<Incident> {
        let base = task.payload::<TryBase>().map(|payload| payload.base).unwrap_or_default();
        let body = format!(
            "Base `{base}` was tried on a machine that is nobody's, and refused: {why}.\n\n\
             Nobody has it. The pool prepares no machine with it: put what was there before back \
             into `[base]`, or mend it. `control fleet retry` tries it again."
        );
        let key = format!("fleet/refused/{}", task.id);
        Some(Incident::new(key, "A new base failed its trial", body, Priority::Urgent))
    }
}

impl Trial {
    pub fn new(context: JobContext) -> Self {
        Self { context }
    }

    async fn hold(&self, run: &mut Run) -> Result<(), JobError> {
        let TryBase { base } = run.payload()?;
        if base != self.context.machines.base.hash() {
            return Err(JobError::permanent(anyhow!("another base is wanted by now")));
        }
        let lease = run.lease().clone();
        let sprite: Assigned = run
            .step(TryBase::TAKE, async || {
                let now = self.context.now();
                let taken = self.context.store.take_for_trial(&lease, &base, now).await?;
                match taken {
                    Some(sprite) => Ok(sprite),
                    None => Err(self.prepare(&base).await?),
                }
            })
            .await?;
        run.step(TryBase::START, async || self.start(&sprite).await).await?;
        run.step(TryBase::READY, async || self.ready(&sprite).await).await?;
        run.step(TryBase::TALK, async || self.talk(&sprite).await).await?;
        run.step(TryBase::JUDGE, async || {
            let now = self.context.now();
            self.context.store.end_trial(&lease.task, &base, None, now).await?;
            self.context.machines.wake_pool();
            info!("base {base} is accepted");
            Ok(())
        })
        .await
    }

    /// Has a machine prepared, beside those of the pool; says to wait for it.
    async fn prepare(&self, base: &str) -> Result<JobError, JobError> {
        let (store, now) = (&self.context.store, self.context.now());
        let standing = store.pool_standing().await?;
        if let Some(pause) = standing.pause {
            return Ok(JobError::permanent(anyhow!("no machine can be made: {}", pause.why)));
        }
        let one = |counts: Counts, _: &Standing| u64::from(counts.preparing == 0);
        store.begin_preparations(one, &self.context.machines.labels, base, now).await?;
        Ok(JobError::snooze("its machine is being prepared", LOOK_AGAIN))
    }

    async fn start(&self, sprite: &Assigned) -> Result<(), JobError> {
        let (machines, keys) = (&self.context.machines, self.context.keys.present());
        let (sprites, base) = (&machines.sprites, &machines.base);
        let username = Username::parse(NAME).expect("ours is a name");
        let workspace = Workspace { username, site: &self.context.site, sprite, skills: &[] };
        let agent = Secret::new(agent_config::render(&workspace, base, &keys.ring));
        let url = self.context.site.workspace_url(&username);
        let gateway = gateway_config::render(&base.gateway_config, &url, &[]);
        let vm = Vm { sprites, base, sprite };
        vm.configure(&agent, &gateway).await.map_err(failure::any_job_error)?;
        vm.start(&agent).await.map_err(failure::job_error)
    }

    /// Not ready in its time, it is not tried again: that is what the trial is for.
    async fn ready(&self, sprite: &Assigned) -> Result<(), JobError> {
        let (machines, keys) = (&self.context.machines, self.context.keys.present());
        let token = VmSecret::Health.derive(&keys.ring, &sprite.id(), sprite.assignment);
        let vm = Vm { sprites: &machines.sprites, base: &machines.base, sprite };
        vm.ready(&token).await.map_err(JobError::permanent)?;
        let seen = look(machines, sprite, &token).await.version;
        is_of_base(machines, seen.as_deref()).map_err(|why| JobError::permanent(anyhow!(why)))
    }

    /// The agent itself has the tables of methods, and the way to the gateway.
    async fn talk(&self, sprite: &Assigned) -> Result<(), JobError> {
        let machines = &self.context.machines;
        let (program, arguments) = machines.base.agent.split_first().expect("checked when read");
        let arguments = arguments.iter().map(String::as_str);
        let command = Command::new(program)
            .arguments(arguments.chain(["--config", layout::AGENT_CONFIG, "--try"]))
            .directory(layout::HOME)
            .timeout(TALK);
        let talked = succeed(&machines.sprites, &sprite.name, &command, "have a conversation");
        talked.await.map_err(failure::any_job_error)
    }
}
