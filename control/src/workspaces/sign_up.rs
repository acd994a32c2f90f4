//! Sign-ups that are not paid: the bank is waited for, or the name is free again.

use crate::base::clock::Moment;
use crate::model::mail::NewMail;
use crate::model::sign_up::{SignUpId, SignUpState};
use crate::store::billing::{signups, usernames};
use crate::store::messages::mails;
use crate::store::{Store, StoreError};

/// Notes that a sign-up is not paid yet, or never will be; unless it is paid.
///
/// Its name stays reserved until `reserved`; without it, it is given back. `letter`
/// tells the customer.
///
/// # Errors
/// [`StoreError`]
pub async fn settle_sign_up(
    store: &Store,
    id: &SignUpId,
    state: SignUpState,
    reserved: Option<Moment>,
    letter: Option<&NewMail>,
    now: Moment,
) -> Result<(), StoreError> {
    let mut write = store.begin().await?;
    if !signups::set_state(&mut write, id, state, now).await? {
        return Ok(());
    }
    match reserved {
        Some(until) => usernames::prolong(&mut write, id, until).await?,
        None => usernames::release(&mut write, id, None).await?,
    }
    if let Some(letter) = letter {
        mails::enqueue(&mut write, letter, now).await?;
    }
    write.commit().await
}
