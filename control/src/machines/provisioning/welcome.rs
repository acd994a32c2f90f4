//! The letter that says where the workspace is, and leads to its password.

use shared::Username;

use crate::machines::job_context::JobContext;
use crate::mail::{self, Welcome};
use crate::queue::JobError;

/// Posts it once, however often it is asked for. Sending it is another task's.
///
/// # Errors
/// When it cannot be written down.
pub(super) async fn post(context: &JobContext, username: Username) -> Result<(), JobError> {
    let Some(order) = context.store.workspace_order(&username).await? else { return Ok(()) };
    let welcome =
        Welcome { signup: order.signup.as_str(), username, next_payment: order.next_payment };
    // Nobody is there to be welcomed when the customer is gone meanwhile.
    let _posted =
        mail::enqueue_welcome(&context.store, &context.renderer, welcome, context.now()).await?;
    Ok(())
}
