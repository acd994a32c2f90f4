//! The letter that says where the workspace is, and leads to its password.

use shared::Username;

use crate::app::App;
use crate::mail::{self, Welcome};
use crate::queue::Trouble;

/// Posts it once, however often it is asked for. Sending it is another task's.
///
/// # Errors
/// When it cannot be written down.
pub(super) async fn post(app: &App, username: Username) -> Result<(), Trouble> {
    let Some(order) = app.store.workspace_order(&username).await? else { return Ok(()) };
    let welcome = Welcome { signup: &order.signup, username, next_payment: order.next_payment };
    // Nobody is there to be welcomed when the customer is gone meanwhile.
    let _posted = mail::enqueue_welcome(&app.store, &app.renderer, welcome, app.now()).await?;
    Ok(())
}
