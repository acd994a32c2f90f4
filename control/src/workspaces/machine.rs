//! A customer's machine that is gone: they get another one, and are told what that costs.

use shared::Username;

use crate::base::clock::Moment;
use crate::mail::MailRenderer;
use crate::model::incident::Incident;
use crate::model::mail::Message;
use crate::store::accounts::customers;
use crate::store::machines::upkeep;
use crate::store::messages::{mails, tickets};
use crate::store::{Given, Store, StoreError};
use vendors::linear::Priority;
use vendors::sprites::SpriteName;

/// Has the workspace given another machine in place of `lost`, with a letter and a ticket.
///
/// `false`, and nothing is changed, when that is not its machine any more, or it has ended.
///
/// # Errors
/// [`StoreError`]
pub async fn replace_lost_machine(
    store: &Store,
    username: &Username,
    lost: &SpriteName,
    renderer: &MailRenderer,
    now: Moment,
) -> Result<bool, StoreError> {
    let mut write = store.begin().await?;
    let why = "the provider no longer has it";
    let given = upkeep::replace_machine(&mut write, username, Some(lost), why, now).await?;
    let Given::Task(task) = given else { return Ok(false) };
    if let Some(customer) = customers::find(&mut write, username).await? {
        let id = format!("machine-replaced/{lost}");
        let letter = renderer.write(id, customer.recipient(), Message::MachineReplaced, now);
        mails::enqueue(&mut write, &letter, now).await?;
    }
    let body = format!(
        "The provider no longer has sprite `{lost}`, the workspace of `{username}`. Task `{task}` \
         prepares another one. What was in it is lost, and the customer was told so by letter: \
         ask the provider whether they can bring it back."
    );
    let title = format!("The sprite of {username} was lost and is replaced");
    let incident = Incident::new(format!("sprite/{lost}/replaced"), title, body, Priority::Urgent);
    tickets::open(&mut write, &incident, now).await?;
    write.commit().await?;
    Ok(true)
}
