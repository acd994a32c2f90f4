//! Carries letters to Resend, each once.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use futures_util::future::BoxFuture;
use tracing::{info, warn};

use super::ResendConfig;
use super::outcome::{self, Blocked, Next};
use crate::base::clock::{Clock, Moment};
use crate::base::date::Date;
use crate::base::masking::without_addresses;
use crate::base::metrics::Metrics;
use crate::model::incident::Incident;
use crate::model::mail::{Mail, MailEnd, MailKind, MailState};
use crate::model::task::kinds::SendMail;
use crate::model::task::{Kind, Task};
use crate::queue::{Job, JobError, Run};
use crate::store::Store;
use vendors::IdempotencyKey;
use vendors::linear::Priority;
use vendors::resend::{Resend, ResendError};

/// The work behind each task of kind `MAIL`.
pub(super) struct MailJob {
    store: Store,
    /// Without one letters are kept, and nobody is told that they were sent.
    resend: Option<Resend>,
    metrics: Arc<Metrics>,
}

impl Job for MailJob {
    fn kind(&self) -> Kind {
        Kind::Mail
    }

    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            let SendMail { mail, .. } = run.payload()?;
            let clock = run.clock();
            run.step(SendMail::SEND, async || self.send(&mail, &clock).await).await
        })
    }

    fn on_dead<'a>(&'a self, task: &'a Task, why: &'a str) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            let Ok(SendMail { mail, .. }) = task.payload() else { return Ok(()) };
            let end = MailEnd::Failed { why: without_addresses(why) };
            self.store.end_mail(&mail, &end, task.changed).await?;
            self.count(task_letter(task), "failed");
            Ok(())
        })
    }

    fn incident(&self, task: &Task, why: &str) -> Option<Incident> {
        let letter = task_letter(task);
        let whose = task.username.map_or_else(String::new, |username| format!(" to {username}"));
        let priority = match letter {
            "welcome" => Priority::High,
            _ => Priority::Medium,
        };
        let title = format!("The {letter} mail{whose} was not sent");
        Some(Incident::of_dead_task(task, why).titled(title, priority))
    }
}

impl MailJob {
    /// # Errors
    /// When the key cannot stand in a header.
    pub(super) fn new(
        store: &Store,
        metrics: &Arc<Metrics>,
        resend: Option<&ResendConfig>,
    ) -> anyhow::Result<Self> {
        let client =
            |config: &ResendConfig| Resend::new(&config.url, &config.api_key, config.per_second);
        let resend = resend.map(client).transpose().context("[resend]")?;
        Ok(Self { store: store.clone(), resend, metrics: Arc::clone(metrics) })
    }

    async fn send(&self, id: &str, clock: &Clock) -> Result<(), JobError> {
        let now = clock();
        let mail = self.store.mail(id).await?;
        let mail = mail.ok_or_else(|| JobError::permanent(anyhow!("there is no mail {id}")))?;
        let kind = mail.record.kind;
        match mail.record.state {
            // An earlier attempt came so far, and ended before it could say so.
            MailState::Sent | MailState::Dropped | MailState::Unsent => return Ok(()),
            MailState::Waiting | MailState::Failed => {}
        }
        if let Some(why) = self.needless(&mail, now).await? {
            info!("the {} mail {id} is not needed any more: {why}", kind.as_str());
            return self.end(&mail, MailEnd::Dropped { why }, now).await;
        }
        let Some(resend) = &self.resend else {
            warn!("the {} mail {id} is kept and not sent: there is no [resend]", kind.as_str());
            return self.end(&mail, MailEnd::Unsent, now).await;
        };
        if mail.body.as_str().is_empty() {
            return Err(JobError::permanent(anyhow!("what mail {id} said is not kept any more")));
        }
        let key = IdempotencyKey::parse(id).map_err(JobError::permanent)?;
        // Before the call: who dies in it leaves this behind.
        self.store.begin_mail(id, now).await?;
        // Anew: a database that is slow, or a machine that stood still, has taken its time.
        let now = clock();
        if mail.may_arrive_twice(now) {
            let error = anyhow!(
                "for a day nobody has known whether mail {id} was sent, and Resend would \
                 not know it again by its key"
            );
            return Err(JobError::permanent(error));
        }
        match resend.send(&mail.body, &key).await {
            Ok(provider_id) => {
                let provider_id = provider_id.as_str().to_owned();
                self.end(&mail, MailEnd::Sent { provider_id }, now).await
            }
            Err(error) => Err(self.refused(&mail, error, now).await?),
        }
    }

    /// A link that has expired helps nobody, nor does news of what is over.
    /// Says why nobody needs it, where that is so.
    async fn needless(&self, mail: &Mail, now: Moment) -> Result<Option<&'static str>, JobError> {
        if mail.expires.is_some_and(|expires| expires <= now) {
            return Ok(Some("the link in it has expired"));
        }
        if let (MailKind::OrderReceived, Some(username)) = (mail.record.kind, mail.record.username)
            && !self.store.awaits_workspace(&username).await?
        {
            return Ok(Some("the workspace was ready before it was sent"));
        }
        Ok(None)
    }

    async fn end(&self, mail: &Mail, end: MailEnd, now: Moment) -> Result<(), JobError> {
        self.store.end_mail(&mail.record.id, &end, now).await?;
        self.count(mail.record.kind.as_str(), end.state().as_str());
        Ok(())
    }

    /// What the next attempt is to know, and when it comes.
    async fn refused(
        &self,
        mail: &Mail,
        error: ResendError,
        now: Moment,
    ) -> Result<JobError, JobError> {
        // An earlier try may have sent it, whatever became of this one.
        if outcome::sent_nothing(&error) && mail.tried.is_none() {
            self.store.mail_was_not_sent(&mail.record.id).await?;
        }
        let next = outcome::next(&error, mail.record.created, now);
        self.count(mail.record.kind.as_str(), next.as_str());
        Ok(match next {
            Next::Again { after } => JobError::Retry { error: error.into(), after },
            Next::Wait { after } => JobError::snooze(error.to_string(), after),
            Next::Blocked { by, after } => {
                self.store.open_incident(&blocked(by, &error, now), now).await?;
                JobError::snooze(error.to_string(), after)
            }
            Next::GiveUp => JobError::permanent(error),
        })
    }

    fn count(&self, letter: &'static str, outcome: &'static str) {
        self.metrics.mail(letter, outcome);
    }
}

fn task_letter(task: &Task) -> &'static str {
    let letter = task.payload().map(|SendMail { letter, .. }| letter).unwrap_or_default();
    MailKind::parse(&letter).map_or("unknown", MailKind::as_str)
}

/// One a day, however many letters wait for it.
fn blocked(by: Blocked, error: &ResendError, now: Moment) -> Incident {
    let day = Date::of(now).iso();
    match by {
        Blocked::Quota => Incident::new(
            format!("mail/quota/{day}"),
            "No mail can be sent: Resend's quota is used up",
            format!("Letters wait for tomorrow, or for a larger quota.\n\n{error}"),
            Priority::High,
        ),
        Blocked::Account => Incident::new(
            format!("mail/account/{day}"),
            "No mail can be sent: Resend refuses our key or domain",
            format!(
                "Letters wait and are tried again each hour. See [resend] in control.toml, and \
                 the domain at Resend.\n\n{error}"
            ),
            Priority::Urgent,
        ),
    }
}
