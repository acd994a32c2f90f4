//! The letter that says where the workspace is.

use shared::Username;

use crate::app::App;
use crate::queue::{Lease, Trouble};

/// Posts it once, however often it is asked for.
///
/// # Errors
/// When it cannot be written down. Sending it is another task's.
pub(super) async fn post(_app: &App, _lease: &Lease, _username: &Username) -> Result<(), Trouble> {
    Ok(())
}
