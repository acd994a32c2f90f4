//! What the dispatcher does around each attempt at PROV and RECYCLE.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tracing::{info, warn};

use super::checks::{Finding, Pflaster};
use super::heal::Healing;
use crate::model::healing::{Action, Check, CheckName, Entry, Phase};
use crate::model::incident::Incident;
use crate::model::task::Task;
use crate::queue::{AttemptHook, JobError};
use vendors::linear::Priority;

/// How long a task waits when a round of checks cannot be written down.
const DATABASE_WAIT: Duration = Duration::from_secs(10);

const HOUR: Duration = Duration::from_secs(60 * 60);

pub struct PflasterHook(pub Pflaster);

impl AttemptHook for PflasterHook {
    fn before<'a>(&'a self, task: &'a Task) -> BoxFuture<'a, Result<(), JobError>> {
        self.0.round(Phase::Pre, task).boxed()
    }

    fn after<'a>(
        &'a self,
        task: &'a Task,
        result: Result<(), JobError>,
    ) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            match result {
                // What failed is tried again, or told as a whole.
                Err(error) => Err(error),
                Ok(()) => self.0.round(Phase::Post, task).await,
            }
        }
        .boxed()
    }
}

impl Pflaster {
    /// Checks, heals once what is not well, checks again, and keeps it.
    async fn round(&self, phase: Phase, task: &Task) -> Result<(), JobError> {
        let mut checks = Self::checks(phase, task).peekable();
        if checks.peek().is_none() {
            return Ok(());
        }
        let (mut entries, mut well, mut held) = (Vec::new(), Vec::new(), None);
        for check in checks {
            let why = match self.look(check, task).await {
                Ok(Finding::Well) => {
                    well.push(check.name);
                    continue;
                }
                Ok(Finding::Ill(why)) => why,
                // What cannot be looked at holds nothing back.
                Err(error) => {
                    warn!(task.id = %task.id, "pflaster cannot look at {}: {error}", check.name.as_str());
                    continue;
                }
            };
            let (entry, hold) = self.treat(check, task, why).await?;
            info!(task.id = %task.id, "pflaster {}: {}", check.name.as_str(), entry.detail);
            entries.push(entry);
            held = held.or(hold);
        }
        let now = self.context.now();
        let noted = self.context.store.note_healing(&task.id, phase, &entries, &well, now).await;
        if let (Phase::Pre, Err(error)) = (phase, noted) {
            let error = anyhow::Error::from(error);
            let name = CheckName::Database.as_str();
            return Err(JobError::snooze(format!("{name}: {error:#}"), DATABASE_WAIT));
        }
        held.map_or(Ok(()), Err)
    }

    /// What is done about a check that is not well, and what the attempt has to wait or
    /// fail for, if so.
    async fn treat(
        &self,
        check: &Check,
        task: &Task,
        why: String,
    ) -> Result<(Entry, Option<JobError>), JobError> {
        if check.name == CheckName::Provider {
            let found = self.context.store.count_findings(check.name, &task.id).await?;
            let after = Self::provider_wait(found);
            let detail = format!("{why}; the task waits {after:?}");
            let entry = Entry { check: check.name, action: Action::Patch, detail };
            return Ok((
                entry,
                Some(JobError::snooze(format!("the provider is away: {why}"), after)),
            ));
        }
        if check.action == Action::Note {
            return Ok((Entry { check: check.name, action: Action::Note, detail: why }, None));
        }
        let (store, now) = (&self.context.store, self.context.now());
        if store.count_healings(check.name, now.before(HOUR)).await? >= check.hourly_limit {
            store.open_incident(&beyond_limit(check, &why, now.seconds() / 3_600), now).await?;
            let detail = format!("{why}; nothing done: {} times this hour", check.hourly_limit);
            return Ok((Entry { check: check.name, action: Action::Note, detail }, None));
        }
        let (action, done) = match self.heal(check, task).await {
            Ok(Healing::Done(what)) => (check.action, what),
            Ok(Healing::LeftAlone(why)) => (Action::Note, why),
            Err(error) => (check.action, format!("failed: {error}")),
        };
        let is_well = matches!(self.look(check, task).await, Ok(Finding::Well));
        let detail =
            if is_well { format!("{done} ({why})") } else { format!("{done}; still: {why}") };
        let is_needed =
            matches!(check.name, CheckName::Target | CheckName::Services | CheckName::Route);
        let name = check.name.as_str();
        let hold = (is_needed && !is_well)
            .then(|| JobError::retry(anyhow::anyhow!("{name} is not well: {why}")));
        Ok((Entry { check: check.name, action, detail }, hold))
    }
}

fn beyond_limit(check: &Check, why: &str, hour: u64) -> Incident {
    let name = check.name.as_str();
    let body = format!(
        "The check `{name}` was not well more often than {} times within an hour, and nothing \
         more is done about it by itself: {}.\n\nNow: {why}\n\n`control pflaster log` shows what \
         was done.",
        check.hourly_limit, check.heals
    );
    let title = format!("Pflaster: {name} does not stay well");
    Incident::new(format!("pflaster/{name}/{hour}"), title, body, Priority::High)
}
