//! `PAYER`: receipts go to the address that a customer has now.

use std::sync::Arc;

use anyhow::anyhow;
use futures_util::future::BoxFuture;

use super::BillingService;
use crate::model::task::kinds::TellPayer;
use crate::model::task::{Kind, Task};
use crate::queue::{Job, JobError, Run};
use crate::store::Store;
use vendors::IdempotencyKey;

pub(super) struct PayerJob {
    pub(super) store: Store,
    /// `None` where nothing is sold.
    pub(super) billing: Option<Arc<BillingService>>,
}

impl PayerJob {
    async fn tell(&self, task: &Task) -> Result<(), JobError> {
        let Some(username) = &task.username else { return Ok(()) };
        // Nobody pays for what an operator opened, nor any more for what has ended.
        let Some(workspace) = self.store.workspace(username).await? else { return Ok(()) };
        let Some(customer) = self.store.customer(username).await? else { return Ok(()) };
        let Some(billing) = &self.billing else {
            return Err(JobError::permanent(anyhow!("there is no [stripe] in the configuration")));
        };
        // Of this attempt alone: an address that was theirs before may be theirs again.
        let key = IdempotencyKey::parse(format!("payer/{}/{}", task.id, task.attempts));
        let key = key.map_err(JobError::permanent)?;
        let email = &customer.email;
        let told = billing.stripe.client.set_customer_email(&workspace.payer, email, &key).await;
        if let Err(error) = told {
            let again = error.again_with_another_secret();
            return Err(JobError::from_client(error, again));
        }
        // Another change may have been told in between, and ours have come last.
        match self.store.customer(username).await? {
            Some(now) if now.email != *email => {
                Err(JobError::retry(anyhow!("the address of {username} changed meanwhile")))
            }
            _ => Ok(()),
        }
    }
}

impl Job for PayerJob {
    fn kind(&self) -> Kind {
        Kind::Payer
    }

    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            let task = run.task().clone();
            run.step(TellPayer::TELL, async || self.tell(&task).await).await
        })
    }
}
