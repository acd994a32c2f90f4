//! Opens tickets at Linear.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use futures_util::future::BoxFuture;
use tracing::error;

use super::{LinearConfig, LinearTeam};
use crate::base::clock::Moment;
use crate::base::metrics::Metrics;
use crate::model::incident::{Incident, Ticket};
use crate::model::task::kinds::OpenTicket;
use crate::model::task::{Kind, Task};
use crate::queue::{Job, JobError, Run};
use crate::store::Store;
use vendors::again::Again;
use vendors::linear::{Linear, LinearError, NewIssue};

/// The work behind each task of kind `TICKET`.
pub(super) struct TicketJob {
    store: Store,
    /// Without one incidents are noted, and `control tickets list` shows them.
    linear: Option<(Linear, LinearTeam)>,
    metrics: Arc<Metrics>,
}

impl Job for TicketJob {
    fn kind(&self) -> Kind {
        Kind::Ticket
    }

    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            let OpenTicket { incident } = run.payload()?;
            let now = run.now();
            run.step(OpenTicket::OPEN, async || self.open(&incident, now).await).await
        })
    }

    fn on_dead<'a>(&'a self, task: &'a Task, why: &'a str) -> BoxFuture<'a, Result<(), JobError>> {
        self.metrics.ticket("failed");
        error!(task.id = %task.id, "the ticket of task {} could not be opened: {why}", task.id);
        Box::pin(std::future::ready(Ok(())))
    }

    /// Another ticket would go the same way.
    fn incident(&self, _task: &Task, _why: &str) -> Option<Incident> {
        None
    }
}

impl TicketJob {
    /// # Errors
    /// When the key cannot stand in a header.
    pub(super) fn new(
        store: &Store,
        metrics: &Arc<Metrics>,
        linear: Option<&LinearConfig>,
    ) -> anyhow::Result<Self> {
        let linear = match linear {
            Some(LinearConfig { url, api_key, team }) => {
                Some((Linear::new(url, api_key).context("[linear]")?, team.clone()))
            }
            None => None,
        };
        Ok(Self { store: store.clone(), linear, metrics: Arc::clone(metrics) })
    }

    async fn open(&self, incident: &str, now: Moment) -> Result<(), JobError> {
        let ticket = self.store.ticket(incident).await?;
        let ticket = ticket
            .ok_or_else(|| JobError::permanent(anyhow!("there is no incident {incident}")))?;
        let wanted =
            |(_, team): &&(Linear, LinearTeam)| team.sign_ups || !ticket.incident.is_news();
        let Some((linear, team)) = self.linear.as_ref().filter(wanted) else {
            self.metrics.ticket("kept");
            return Ok(());
        };
        if ticket.opened.is_some() {
            return Ok(());
        }
        match linear.create_issue(&issue(&ticket, team)).await {
            Ok(made) => {
                self.store.ticket_is_open(incident, &made.identifier, &made.url, now).await?;
                self.metrics.ticket("opened");
                Ok(())
            }
            Err(error) => {
                self.metrics.ticket("refused");
                Err(trouble(error))
            }
        }
    }
}

/// Its id is the incident's: made twice, it is refused the second time, and found.
fn issue(ticket: &Ticket, team: &LinearTeam) -> NewIssue {
    let incident = &ticket.incident;
    NewIssue {
        id: incident.issue(),
        team_id: team.id.clone(),
        title: incident.title.clone(),
        description: incident.body.clone(),
        priority: incident.priority,
        label_ids: team.labels.clone(),
    }
}

fn trouble(error: LinearError) -> JobError {
    match error.again() {
        // It said when: until then, coming back is no try.
        Again::After(after) => JobError::snooze(error.to_string(), after),
        again => JobError::from_client(error, again),
    }
}
