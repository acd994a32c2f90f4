//! Hears what other processes on the same database put into the queue, and what
//! they have done of it.

use crate::store::{Channel, Listener, Store, StoreError};

/// For ever, or not at all where there cannot be another process.
pub(super) async fn follow(store: Store) {
    let channels = [Channel::TasksDue, Channel::TasksChanged];
    let meanwhile = "tasks are found in every sweep meanwhile";
    store.follow_peers(&channels, meanwhile, |listener| listen(store.clone(), listener)).await;
}

/// Until the connection is lost; returns how.
async fn listen(store: Store, mut listener: Listener) -> StoreError {
    // Something may have happened before we listened.
    store.news().tell(Channel::TasksDue);
    store.news().tell(Channel::TasksChanged);
    loop {
        match listener.heard().await {
            Ok(channel) => store.news().tell(channel),
            Err(error) => return error,
        }
    }
}
