//! Deletes everything about a customer, because they ask for it.

use tracing::warn;

use super::{BillingService, sync};
use crate::base::clock::Moment;
use crate::model::task::TaskId;
use crate::model::workspace::{EndReason, Workspace};
use crate::routes::Publisher;
use crate::store::{Customer, Store, StoreError};
use crate::workspaces;

/// Why nothing was deleted.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    #[error("without [stripe] the subscription cannot be ended")]
    NoStripe,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Access ends at once, then the subscription; the returned task takes the machine and the
/// account. `None` where there was no workspace: the account is gone then. Calling again
/// finds the same task.
///
/// # Errors
/// See [`EraseError`]; nothing of the workspace is changed then.
pub async fn erase(
    store: &Store,
    publisher: &Publisher,
    billing: Option<&BillingService>,
    customer: &Customer,
    now: Moment,
) -> Result<Option<TaskId>, EraseError> {
    let username = &customer.username;
    store.forget_unpaid_sign_ups(&customer.email, now).await?;
    let Some(workspace) = store.workspace(username).await? else {
        store.erase_customer(username).await?;
        publisher.wake();
        return Ok(None);
    };
    if !workspace.state.is_over() {
        end(billing.ok_or(EraseError::NoStripe)?, &workspace).await?;
    }
    Ok(store.workspace(username).await?.and_then(|workspace| workspace.task))
}

/// Where Stripe does not answer, the subscription is ended by the hourly look.
async fn end(billing: &BillingService, workspace: &Workspace) -> Result<(), StoreError> {
    let (store, renderer, now) = (&billing.store, &billing.renderer, billing.now());
    workspaces::end_workspace(store, workspace, EndReason::Erasure, renderer, now).await?;
    billing.publisher.wake();
    if let Err(error) = sync::sync_subscription(billing, &workspace.subscription).await {
        let error = anyhow::Error::from(error);
        warn!("{error:#}; ending subscription {} later", workspace.subscription);
    }
    Ok(())
}
