//! Looks how it stands, and changes nothing.

use std::time::Duration;

use shared::{Username, VmSecret};
use tokio::time::timeout;

use super::table;
use crate::machines::job_context::JobContext;
use crate::machines::vm::health::{Health, read_health};
use crate::machines::vm::layout;
use crate::model::healing::{Check, CheckName, Phase};
use crate::model::mail::{Mail, MailRecord, MailState};
use crate::model::pool::{Assigned, SpriteState};
use crate::model::promise;
use crate::model::task::kinds::ProvisionWorkspace;
use crate::model::task::{Kind, Step, StepState, Task, TaskState};
use crate::queue::JobError;
use crate::store::TaskFilter;

/// How long the provider has to list our machines. Its own word for each call is longer;
/// a task need not be begun while the list takes more than this.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(10);

/// A list that is younger than this many rounds of the pool is believed.
const ROUNDS: u32 = 3;

/// No attempt may take so long: the longest timeout of any kind is half of it.
const STALE: Duration = Duration::from_secs(60 * 60);

/// Tasks that wait, the newest first: in an outage each of them was tried.
const LOOKED_THROUGH: u32 = 20;

/// What a look at one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    Well,
    /// What is wrong.
    Ill(String),
}

/// Looks and heals, with what the work at machines has too.
#[derive(Clone)]
pub struct Pflaster {
    pub(super) context: JobContext,
}

impl Pflaster {
    pub fn new(context: JobContext) -> Self {
        Self { context }
    }

    /// Checks that belong to a task in one phase.
    pub fn checks(phase: Phase, task: &Task) -> impl Iterator<Item = &'static Check> {
        let kind = task.kind;
        let belongs = move |check: &&Check| check.phase == phase && check.kinds.contains(&kind);
        table::CHECKS.iter().filter(belongs)
    }

    /// # Errors
    /// When it cannot be said.
    pub async fn look(&self, check: &Check, task: &Task) -> Result<Finding, JobError> {
        match check.name {
            CheckName::Database => Ok(self.database()),
            CheckName::Provider => Ok(self.provider().await),
            CheckName::Stale => self.stale(task).await,
            CheckName::Pool => self.pool(task).await,
            CheckName::Edges => self.edges().await,
            CheckName::Target => self.target(task).await,
            CheckName::Disk => Ok(self.disk()),
            CheckName::Vendors => self.vendors().await,
            CheckName::Services => self.services(task).await,
            CheckName::Route => self.route(task).await,
            CheckName::Mail => self.mail(task).await,
            CheckName::Refill => self.refill().await,
        }
    }

    /// By what was written last; the round itself is written before the attempt begins.
    fn database(&self) -> Finding {
        if self.context.store.takes_writes() {
            Finding::Well
        } else {
            Finding::Ill("it takes no writes".to_owned())
        }
    }

    async fn provider(&self) -> Finding {
        let machines = &self.context.machines;
        let known = machines.pool.survey();
        let is_young = known
            .at
            .is_some_and(|at| self.context.now().since(at) < machines.sweep.saturating_mul(ROUNDS));
        if is_young && known.error.is_none() {
            return Finding::Well;
        }
        let prefix = machines.labels.beginning();
        let listing = machines.sprites.list(&prefix);
        match timeout(PROVIDER_TIMEOUT, listing).await {
            Ok(Ok(_)) => Finding::Well,
            Ok(Err(error)) => Finding::Ill(format!("{:#}", anyhow::Error::from(error))),
            Err(_late) => Finding::Ill(format!("no list within {PROVIDER_TIMEOUT:?}")),
        }
    }

    async fn stale(&self, task: &Task) -> Result<Finding, JobError> {
        let before = self.context.now().before(STALE);
        let stale = self.context.store.stale_tasks(&task.id, before).await?;
        let ids: Vec<_> = stale.iter().map(|task| task.id.as_str()).collect();
        Ok(if ids.is_empty() {
            Finding::Well
        } else {
            Finding::Ill(format!("worked at for more than {STALE:?}: {}", ids.join(", ")))
        })
    }

    pub(super) fn stale_before(&self) -> crate::base::clock::Moment {
        self.context.now().before(STALE)
    }

    async fn pool(&self, task: &Task) -> Result<Finding, JobError> {
        let has_one = match &task.username {
            Some(username) => self.context.store.sprite_of(username).await?.is_some(),
            None => false,
        };
        let counts = self.context.store.count_sprites().await?;
        // An operator who wants none gets none.
        let is_wanted = self.context.machines.target.available > 0;
        Ok(if has_one || !is_wanted || counts.available + counts.preparing > 0 {
            Finding::Well
        } else {
            Finding::Ill("no machine stands ready, and none is coming".to_owned())
        })
    }

    async fn edges(&self) -> Result<Finding, JobError> {
        let generation = self.context.store.table_state().await?.generation;
        let edges = self.context.publisher.edges();
        let late = edges.iter().filter(|edge| {
            edge.status.error.is_none()
                && edge.status.heard.is_some()
                && !edge.status.serves(generation)
        });
        let names: Vec<_> = late.map(|edge| edge.name.as_str()).collect();
        Ok(if names.is_empty() {
            Finding::Well
        } else {
            Finding::Ill(format!("generation {generation} is not served by {}", names.join(", ")))
        })
    }

    /// Once it was ready: what is not yet started the attempt itself starts.
    async fn target(&self, task: &Task) -> Result<Finding, JobError> {
        let (_, steps) = self.context.store.task(&task.id).await?.unzip();
        let ready = ProvisionWorkspace::READY.as_str();
        let is_ready = |step: &Step| step.name == ready && step.state == StepState::Done;
        if steps.iter().flatten().any(is_ready) {
            self.services(task).await
        } else {
            Ok(Finding::Well)
        }
    }

    fn disk(&self) -> Finding {
        match self.context.store.disk() {
            Some(disk) if promise::is_low(disk) => {
                Finding::Ill(format!("{} of {} bytes are free", disk.free_bytes, disk.total_bytes))
            }
            _ => Finding::Well,
        }
    }

    /// By what they were asked last: nobody is asked for this alone.
    async fn vendors(&self) -> Result<Finding, JobError> {
        let mut failed = Vec::new();
        for (kind, vendor) in [(Kind::Mail, "Resend"), (Kind::Stripe, "Stripe")] {
            let filter = TaskFilter {
                kind: Some(kind),
                state: Some(TaskState::Waiting),
                ..TaskFilter::default()
            };
            let waiting = self.context.store.tasks(&filter, None, LOOKED_THROUGH).await?;
            let why = waiting.into_iter().find_map(|task| task.last_error);
            failed.extend(why.map(|why| format!("{vendor}: {why}")));
        }
        Ok(if failed.is_empty() { Finding::Well } else { Finding::Ill(failed.join("; ")) })
    }

    pub(super) async fn services(&self, task: &Task) -> Result<Finding, JobError> {
        let Some(sprite) = self.machine_of(task).await? else { return Ok(Finding::Well) };
        let keys = self.context.keys.present();
        let token = VmSecret::Health.derive(&keys.ring, &sprite.id(), sprite.assignment);
        let sprites = &self.context.machines.sprites;
        let probe = sprites.probe(&sprite.upstream, layout::HEALTH_PATH, &token).await;
        Ok(match read_health(&probe) {
            Health::Well => Finding::Well,
            Health::NotYet(seen) | Health::GivenUp(seen) => Finding::Ill(seen),
        })
    }

    /// The machine of a workspace that is served by it; `None` while it is closed, as nothing
    /// is to run in it then.
    pub(super) async fn machine_of(&self, task: &Task) -> Result<Option<Assigned>, JobError> {
        let Some(username) = &task.username else { return Ok(None) };
        let customer = self.context.store.customer(username).await?;
        if customer.is_none_or(|customer| !customer.suspensions.is_empty()) {
            return Ok(None);
        }
        let row = self.context.store.sprite_of(username).await?;
        let row = row.filter(|row| row.state == SpriteState::Assigned);
        Ok(row.and_then(|row| {
            let (name, assignment) = (row.name, row.assignment);
            row.upstream.map(|upstream| Assigned { name, upstream, assignment })
        }))
    }

    async fn route(&self, task: &Task) -> Result<Finding, JobError> {
        let Some(username) = &task.username else { return Ok(Finding::Well) };
        if self.machine_of(task).await?.is_none() {
            return Ok(Finding::Well);
        }
        match self.edges().await? {
            Finding::Well => Ok(self.visit(username).await),
            ill @ Finding::Ill(_) => Ok(ill),
        }
    }

    /// Asks each edge of which it is known where visitors reach it.
    async fn visit(&self, username: &Username) -> Finding {
        let host = self.context.site.workspace_host(username);
        for (edge, answer) in self.context.publisher.visit(&host).await {
            match answer {
                // Without a session a visitor is led to the sign-in; what an edge has no
                // route for it does not know, or says that it is not ready.
                Ok(status) if status != 404 && status < 500 => {}
                Ok(status) => {
                    return Finding::Ill(format!("edge {edge} answers {status} for {host}"));
                }
                Err(why) => return Finding::Ill(format!("edge {edge} does not answer: {why}")),
            }
        }
        Finding::Well
    }

    async fn mail(&self, task: &Task) -> Result<Finding, JobError> {
        let welcome = self.welcome(task).await?.map(|mail| mail.record);
        let is_lost =
            |mail: &MailRecord| mail.state == MailState::Failed && mail.next_attempt.is_none();
        Ok(if welcome.as_ref().is_some_and(is_lost) {
            Finding::Ill("the welcome mail has failed".to_owned())
        } else {
            Finding::Well
        })
    }

    /// The letter that tells a customer how to come in.
    pub(super) async fn welcome(&self, task: &Task) -> Result<Option<Mail>, JobError> {
        let Some(username) = &task.username else { return Ok(None) };
        let store = &self.context.store;
        let Some(order) = store.workspace_order(username).await? else { return Ok(None) };
        Ok(store.mail(&format!("welcome/{}", order.signup)).await?)
    }

    async fn refill(&self) -> Result<Finding, JobError> {
        let wanted = self.context.machines.wanted();
        let counts = self.context.store.count_sprites().await?;
        let coming = counts.available + counts.preparing;
        let is_paused = self.context.store.pool_standing().await?.pause.is_some();
        // A pool that is paused waits for a person, who was told.
        Ok(if coming >= wanted || is_paused {
            Finding::Well
        } else {
            Finding::Ill(format!("{coming} of {wanted} machines stand ready or are coming"))
        })
    }
}
