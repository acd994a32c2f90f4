//! What the journal says of machines.

use shared::Username;

use crate::base::clock::Moment;
use crate::store::{Actor, StoreError, Write, journal};
use vendors::sprites::SpriteName;

/// Notes what `by`, a task or a reconciler, does to a machine; `username` says whose it is.
pub(super) async fn note(
    write: &mut Write,
    by: &str,
    name: &SpriteName,
    username: Option<&Username>,
    act: &str,
    now: Moment,
) -> Result<(), StoreError> {
    let subject = format!("machine {name}");
    journal::note(write, Actor::System(by), (&subject, username), act, now).await
}
