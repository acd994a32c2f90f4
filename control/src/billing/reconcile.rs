//! Asks Stripe again, each hour, about everything that is not over.
//!
//! A webhook that was lost, or an endpoint that somebody switched off, costs an
//! hour and never a payment.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tracing::{debug, warn};

use super::sync::{self, SyncError};
use super::{BillingService, incidents, subscription_list};
use crate::store::StoreError;
use vendors::Again;

/// How long an answer of Stripe's is good.
const GOOD_FOR: Duration = Duration::from_secs(60 * 60);

/// How often we look for what is due: a grace that ends is acted upon within this time.
const ROUND: Duration = Duration::from_secs(60);

/// Asked about in one round. Two thousand a minute are a third of Stripe's hundred calls a
/// second, and sixty rounds an hour serve a hundred and twenty thousand customers.
const A_ROUND: u32 = 2_000;

/// Calls at once: far below Stripe's hundred a second.
const AT_ONCE: usize = 8;

/// Until it is dropped.
pub async fn keep(billing: Arc<BillingService>) {
    let mut turns = tokio::time::interval(ROUND);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        if let Err(error) = round(&billing).await {
            warn!("{:#}; asking stripe again later", anyhow::Error::from(error));
        }
        if let Err(error) = subscription_list::compare_when_due(&billing).await {
            warn!("{:#}; comparing stripe's list later", anyhow::Error::from(error));
        }
    }
}

/// Looks once at everything that is due.
///
/// # Errors
/// When the database does not answer.
pub async fn round(billing: &BillingService) -> Result<(), StoreError> {
    let now = billing.now();
    let before = now.before(GOOD_FOR);
    let signups = billing.store.signups_to_look_at(before, A_ROUND).await?;
    stream::iter(signups)
        .for_each_concurrent(AT_ONCE, async |signup| {
            let Some(checkout) = &signup.checkout else { return };
            let looked = sync::sync_checkout(billing, &checkout.id).await;
            if is_put_off(looked, signup.id.as_str()) {
                note(billing.store.looked_at_signup(&signup.id, now).await);
            }
        })
        .await;
    let workspaces = billing.store.workspaces_to_look_at(before, now, A_ROUND).await?;
    stream::iter(workspaces)
        .for_each_concurrent(AT_ONCE, async |workspace| {
            let looked = sync::look_again(billing, &workspace.subscription).await;
            if matches!(looked, Err(SyncError::Missing(_))) {
                let username = workspace.username.as_str();
                let incident = incidents::unknown_subscription(username, &workspace.subscription);
                note(billing.store.open_incident(&incident, now).await.map(drop));
            }
            if is_put_off(looked, workspace.username.as_str()) {
                note(billing.store.looked_at_workspace(&workspace.username, now).await);
            }
        })
        .await;
    Ok(())
}

/// Whether Stripe refused to speak of it. Others must not wait behind that one.
fn is_put_off<T>(looked: Result<T, SyncError>, who: &str) -> bool {
    match looked {
        Ok(_) => false,
        Err(SyncError::Stripe(error)) if error.again() != Again::Never => {
            debug!("{who}: {:#}; asking stripe again later", anyhow::Error::from(error));
            false
        }
        Err(error) => {
            warn!("{who}: {:#}", anyhow::Error::from(error));
            true
        }
    }
}

fn note(noted: Result<(), StoreError>) {
    if let Err(error) = noted {
        warn!("{:#}", anyhow::Error::from(error));
    }
}
