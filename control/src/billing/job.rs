//! `STRIPE`: something may have happened; look how it stands.

use anyhow::anyhow;
use futures_util::future::BoxFuture;
use tracing::warn;

use super::follow::{self, FollowError};
use crate::app::SharedApp;
use crate::model::sync_target::Subject;
use crate::model::task::Kind;
use crate::queue::{Job, Run, Trouble};
use vendors::Again;

/// News can be faster than what it is about: these take a quarter of a minute. What
/// is not there then never will be.
const ATTEMPTS_AT_MISSING: u32 = 5;

pub struct StripeJob {
    app: SharedApp,
}

impl StripeJob {
    pub fn new(app: SharedApp) -> Self {
        Self { app }
    }

    async fn look(&self, subject: &Subject, attempt: u32) -> Result<(), Trouble> {
        let Some(till) = &self.app.till else {
            return Err(Trouble::never(anyhow!("there is no [stripe] in the configuration")));
        };
        let looked = match subject {
            Subject::Checkout(id) => follow::fulfil(&self.app, till, id).await.map(drop),
            Subject::Subscription(id) => follow::follow(&self.app, till, id).await,
        };
        match looked {
            Err(FollowError::Missing(error)) if attempt < ATTEMPTS_AT_MISSING => {
                Err(Trouble::from_client(error, Again::Soon))
            }
            Err(FollowError::Missing(error)) => {
                let error = anyhow::Error::from(error);
                warn!("stripe told of {subject}, and does not know it: {error:#}");
                Ok(())
            }
            looked => Ok(looked?),
        }
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
            let attempt = run.task().attempts;
            run.step("follow", async || self.look(&subject, attempt).await).await
        })
    }
}
