//! Does what the table says, once.

use std::time::Duration;

use shared::Secret;

use super::checks::{Finding, Pflaster};
use crate::machines::context::Machines;
use crate::machines::vm::agent_config::{self, Workspace};
use crate::machines::vm::machine::Vm;
use crate::model::healing::{Check, CheckName};
use crate::model::pool::Counts;
use crate::model::task::kinds::SendMail;
use crate::model::task::{Kind, Task, TaskState};
use crate::queue::JobError;
use crate::store::TaskFilter;

/// How long an edge that is behind has to catch up.
const RESYNC: Duration = Duration::from_secs(5);

/// Between two looks at an agent that was started anew, and how many there are.
const LOOK: Duration = Duration::from_secs(1);
const LOOKS: u32 = 30;

/// Letters to one customer that were given up, looked through for the welcome mail.
const MAILS: u32 = 100;

/// The pool is expanded by so many beyond what is wanted.
const EXPANSION: u64 = 2;

/// How long a task waits for the provider: the first time, the second, and from then on.
const PROVIDER_WAITS: [u64; 3] = [10, 30, 90];

/// What came of it.
pub(super) enum Healing {
    /// What was done.
    Done(String),
    /// Why nothing was.
    LeftAlone(String),
}

impl Pflaster {
    /// # Errors
    /// What went wrong in doing it.
    pub(super) async fn heal(&self, check: &Check, task: &Task) -> Result<Healing, JobError> {
        let done = match check.name {
            CheckName::Stale => self.give_up_stale(task).await,
            CheckName::Pool => self.prepare(1, "a machine is being prepared").await,
            CheckName::Refill => {
                let wanted = self.context.machines.wanted() + EXPANSION;
                let counts = self.context.store.count_sprites().await?;
                let missing = wanted.saturating_sub(counts.available + counts.preparing);
                let what = format!("pool expanded (was {})", counts.available);
                self.prepare(missing, &what).await
            }
            CheckName::Edges | CheckName::Route => self.resync().await,
            CheckName::Target | CheckName::Services => return self.start_anew(task).await,
            CheckName::Mail => return self.mail_again(task).await,
            CheckName::Database | CheckName::Provider | CheckName::Disk | CheckName::Vendors => {
                return Ok(Healing::LeftAlone("nothing is done".to_owned()));
            }
        };
        done.map(Healing::Done)
    }

    /// How long a task is to wait for the provider, which it has found away so often.
    pub(super) fn provider_wait(found: u64) -> Duration {
        let index = usize::try_from(found).unwrap_or(usize::MAX).min(PROVIDER_WAITS.len() - 1);
        Duration::from_secs(PROVIDER_WAITS[index])
    }

    async fn give_up_stale(&self, own: &Task) -> Result<String, JobError> {
        let (store, now) = (&self.context.store, self.context.now());
        let mut given_up = Vec::new();
        for stale in store.stale_tasks(&own.id, self.stale_before()).await? {
            let why = "its worker has had it for more than 60 minutes";
            if store.give_up_task(&stale, why, now).await? {
                given_up.push(stale.id.to_string());
            }
        }
        Ok(format!("given up: {}", given_up.join(", ")))
    }

    /// Also while the pool is paused: one more try for a customer who has paid.
    async fn prepare(&self, count: u64, what: &str) -> Result<String, JobError> {
        let Machines { labels, base, target, .. } = &*self.context.machines;
        let at_once = target.at_once;
        let decide = |counts: Counts, _: &_| count.min(at_once.saturating_sub(counts.preparing));
        let now = self.context.now();
        let begun = self.context.store.begin_preparations(decide, labels, base.hash(), now).await?;
        self.context.machines.wake_pool();
        let ids: Vec<_> = begun.iter().map(ToString::to_string).collect();
        Ok(format!("{what}: {}", ids.join(", ")))
    }

    async fn resync(&self) -> Result<String, JobError> {
        let generation = self.context.store.table_state().await?.generation;
        let _acknowledged = self.context.publisher.publish_within(generation, RESYNC).await;
        Ok(format!("generation {generation} was published again"))
    }

    async fn start_anew(&self, task: &Task) -> Result<Healing, JobError> {
        let Some((sprite, username)) = self.machine_of(task).await?.zip(task.username) else {
            return Ok(Healing::LeftAlone("there is no machine any more".to_owned()));
        };
        let Machines { sprites, base, .. } = &*self.context.machines;
        let order = self.context.store.workspace_order(&username).await?;
        let chosen = order.map(|order| order.skills).unwrap_or_default();
        let skills: Vec<_> = chosen.ids().map(str::to_owned).collect();
        let keys = self.context.keys.present();
        let site = &self.context.site;
        let workspace = Workspace { username, site, sprite: &sprite, skills: &skills };
        let agent = Secret::new(agent_config::render(&workspace, base, &keys.ring));
        let service = crate::machines::vm::machine::service();
        let vm = Vm { sprites, base, sprite: &sprite };
        sprites.delete_service(&sprite.name, &service).await.map_err(JobError::retry)?;
        vm.start(&agent).await.map_err(JobError::retry)?;
        for _ in 0..LOOKS {
            if self.services(task).await? == Finding::Well {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        let name = &sprite.name;
        Ok(Healing::Done(format!("the service of {name} was registered and started anew")))
    }

    /// Under its key, which Resend knows for a day: a letter that may have been sent before
    /// that would arrive twice, and is left to the person who has its ticket.
    async fn mail_again(&self, task: &Task) -> Result<Healing, JobError> {
        let now = self.context.now();
        let Some(mail) = self.welcome(task).await? else {
            return Ok(Healing::LeftAlone("there is no such mail any more".to_owned()));
        };
        if mail.may_arrive_twice(now) {
            let why = "it may have been sent, and would arrive twice";
            return Ok(Healing::LeftAlone(why.to_owned()));
        }
        let filter = TaskFilter {
            kind: Some(Kind::Mail),
            username: task.username,
            state: Some(TaskState::Dead),
        };
        let dead = self.context.store.tasks(&filter, None, MAILS).await?;
        let is_its = |it: &&Task| {
            it.payload::<SendMail>().is_ok_and(|payload| payload.mail == mail.record.id)
        };
        let Some(sending) = dead.iter().find(is_its) else {
            return Ok(Healing::LeftAlone("no task of it is given up".to_owned()));
        };
        self.context.store.retry_task(&sending.id, now).await?;
        Ok(Healing::Done(format!("{} is tried again", sending.id)))
    }
}
