//! `STRIPE`: something may have happened; look how it stands.

use std::sync::Arc;

use anyhow::anyhow;
use futures_util::future::BoxFuture;
use tracing::warn;

use super::sync::{self, SyncError};
use super::{BillingService, money_back};
use crate::model::task::Kind;
use crate::model::task::kinds::{SyncStripe, SyncTarget};
use crate::queue::{Job, JobError, Run};
use vendors::Again;

/// News can be faster than what it is about: these take a quarter of a minute. What
/// is not there then never will be.
const ATTEMPTS_AT_MISSING: u32 = 5;

pub(super) struct StripeJob {
    /// `None` where nothing is sold.
    pub(super) billing: Option<Arc<BillingService>>,
}

impl StripeJob {
    async fn look(&self, target: &SyncTarget, attempt: u32) -> Result<(), JobError> {
        let Some(billing) = &self.billing else {
            return Err(JobError::permanent(anyhow!("there is no [stripe] in the configuration")));
        };
        let looked = match target {
            SyncTarget::Checkout(id) => sync::sync_checkout(billing, id).await.map(drop),
            SyncTarget::Subscription(id) => sync::sync_subscription(billing, id).await,
            SyncTarget::Charge(id) => money_back::sync_charge(billing, id).await,
            SyncTarget::Refund(id) => money_back::sync_refund(billing, id).await,
            SyncTarget::Dispute(id) => money_back::sync_dispute(billing, id).await,
            SyncTarget::FraudWarning(id) => money_back::sync_warning(billing, id).await,
        };
        match looked {
            Err(SyncError::Missing(error)) if attempt < ATTEMPTS_AT_MISSING => {
                Err(JobError::from_client(error, Again::Soon))
            }
            Err(SyncError::Missing(error)) => {
                let error = anyhow::Error::from(error);
                warn!("stripe told of {target}, and does not know it: {error:#}");
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
    fn run<'a>(&'a self, run: &'a mut Run) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            let SyncStripe { target, .. } = run.payload()?;
            let attempt = run.task().attempts;
            run.step(SyncStripe::FOLLOW, async || self.look(&target, attempt).await).await
        })
    }
}
