//! Opens tickets at Linear.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use tracing::error;

use super::{LinearConfig, LinearTeam};
use crate::app::App;
use crate::base::clock::Moment;
use crate::base::metrics::Metrics;
use crate::model::incident::{Incident, Ticket};
use crate::model::task::{Kind, Task};
use crate::queue::{Job, Run, Trouble};
use crate::store::Store;
use vendors::again::Again;
use vendors::linear::{Linear, LinearError, NewIssue};

/// The work behind each task of kind `TICKET`.
pub struct TicketJob {
    store: Store,
    /// Without one incidents are noted, and `control tickets list` shows them.
    linear: Option<(Linear, LinearTeam)>,
    metrics: Arc<Metrics>,
}

#[derive(Deserialize)]
struct Payload {
    incident: String,
}

impl Job for TicketJob {
    fn kind(&self) -> Kind {
        Kind::Ticket
    }

    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), Trouble>> {
        Box::pin(async move {
            let Payload { incident } = run.payload()?;
            let now = run.now();
            run.step("open", async || self.open(&incident, now).await).await
        })
    }

    fn died<'a>(&'a self, task: &'a Task, why: &'a str) -> BoxFuture<'a, Result<(), Trouble>> {
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
    pub fn new(app: &App, linear: Option<&LinearConfig>) -> anyhow::Result<Self> {
        let linear = match linear {
            Some(LinearConfig { url, api_key, team }) => {
                Some((Linear::new(url, api_key).context("[linear]")?, team.clone()))
            }
            None => None,
        };
        Ok(Self { store: app.store.clone(), linear, metrics: Arc::clone(&app.metrics) })
    }

    async fn open(&self, incident: &str, now: Moment) -> Result<(), Trouble> {
        let ticket = self.store.ticket(incident).await?;
        let ticket =
            ticket.ok_or_else(|| Trouble::never(anyhow!("there is no incident {incident}")))?;
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

fn trouble(error: LinearError) -> Trouble {
    match error.again() {
        // It said when: until then, coming back is no try.
        Again::After(after) => Trouble::wait(error.to_string(), after),
        again => Trouble::from_client(error, again),
    }
}
