//! Hears what other processes on the same database put into the queue, and what
//! they have done of it.

use tokio::time::sleep;
use tracing::{info, warn};

use super::dispatcher::random;
use crate::routes::retry;
use crate::store::{Channel, Listener, Store, StoreError};

/// For ever, or not at all where there cannot be another process.
pub(super) async fn follow(store: Store) {
    let mut retries = 0;
    loop {
        let error = match store.listen(&[Channel::TasksDue, Channel::TasksChanged]).await {
            Ok(None) => return,
            Ok(Some(listener)) => {
                if retries > 0 {
                    info!("hearing again what other processes do with tasks");
                }
                retries = 0;
                listen(&store, listener).await
            }
            Err(error) => error,
        };
        if retries == 0 {
            let error = anyhow::Error::from(error);
            warn!("{error:#}; trying again, tasks are found in every sweep meanwhile");
        }
        sleep(retry::delay(retries, random())).await;
        retries = retries.saturating_add(1);
    }
}

/// Until the connection is lost; returns how.
async fn listen(store: &Store, mut listener: Listener) -> StoreError {
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
