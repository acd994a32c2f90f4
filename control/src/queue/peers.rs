//! Hears what other processes on the same database put into the queue, and what
//! they have done of it.

use crate::store::{Listener, Store, StoreError, Topic};

/// For ever, or not at all where there cannot be another process.
pub(super) async fn follow(store: Store) {
    let topics = [Topic::TasksDue, Topic::TasksChanged];
    let meanwhile = "tasks are found in every sweep meanwhile";
    store.follow_peers(&topics, meanwhile, |listener| listen(store.clone(), listener)).await;
}

/// Until the connection is lost; returns how.
async fn listen(store: Store, mut listener: Listener) -> StoreError {
    // Something may have happened before we listened.
    store.notifier().notify(Topic::TasksDue);
    store.notifier().notify(Topic::TasksChanged);
    loop {
        match listener.heard().await {
            Ok(topic) => store.notifier().notify(topic),
            Err(error) => return error,
        }
    }
}
