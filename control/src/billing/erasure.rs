//! Ends a workspace because its customer wants everything about them deleted.

use tracing::warn;

use super::{BillingService, sync};
use crate::model::workspace::{EndReason, Workspace};
use crate::store::StoreError;
use crate::workspaces;

/// Access first, then the subscription; the machine and the account follow. Where Stripe
/// does not answer, the subscription is ended by the hourly look.
///
/// # Errors
/// When the database does not answer: nothing is changed then.
pub async fn erase(billing: &BillingService, workspace: &Workspace) -> Result<(), StoreError> {
    let (store, renderer, now) = (&billing.store, &billing.renderer, billing.now());
    workspaces::end_workspace(store, workspace, EndReason::Erasure, renderer, now).await?;
    billing.publisher.wake();
    if let Err(error) = sync::sync_subscription(billing, &workspace.subscription).await {
        let error = anyhow::Error::from(error);
        warn!("{error:#}; ending subscription {} later", workspace.subscription);
    }
    Ok(())
}
