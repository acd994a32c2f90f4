//! `STRIPE`: something may have happened; look how it stands.

use anyhow::anyhow;
use futures_util::future::BoxFuture;

use super::{Subject, follow};
use crate::app::SharedApp;
use crate::queue::{Job, Kind, Run, Trouble};

pub struct StripeJob {
    app: SharedApp,
}

impl StripeJob {
    pub fn new(app: SharedApp) -> Self {
        Self { app }
    }

    async fn look(&self, subject: &Subject) -> Result<(), Trouble> {
        let Some(till) = &self.app.till else {
            return Err(Trouble::never(anyhow!("there is no [stripe] in the configuration")));
        };
        match subject {
            Subject::Checkout(id) => follow::fulfil(&self.app, till, id).await.map(drop)?,
            Subject::Subscription(id) => follow::follow(&self.app, till, id).await?,
        }
        Ok(())
    }
}

impl Job for StripeJob {
    fn kind(&self) -> Kind {
        Kind::Stripe
    }

    // One step: what was fetched for an earlier attempt is not how it stands now.
    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), Trouble>> {
        Box::pin(async move {
            let subject: Subject = run.payload()?;
            run.step("follow", async || self.look(&subject).await).await
        })
    }
}
