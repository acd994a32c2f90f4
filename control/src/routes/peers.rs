//! Follows what other control processes on the same database change.
//!
//! They bring it to the edges themselves; this is for the case that they end
//! before they have. A notice that is lost costs time until the next sweep.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::edge::Wake;
use crate::store::{Listener, Store, StoreError, Topic};

/// How long whoever made a change is left alone with the edges.
///
/// An edge takes a change in some milliseconds. Both may push it, but only the
/// first one learns what was cut, and that one should have somebody to tell.
const HEAD_START: Duration = Duration::from_millis(100);

/// For ever, or not at all where there cannot be another process. `edges` grows when one came
/// or went.
pub(super) async fn follow(store: Store, wake: watch::Sender<Wake>, edges: watch::Sender<u64>) {
    let meanwhile = "edges are compared in every sweep meanwhile";
    let listen = |listener| listen(listener, wake.clone(), edges.clone());
    store.follow_peers(&[Topic::Routes, Topic::Edges], meanwhile, listen).await;
}

/// Until the connection is lost; returns how.
async fn listen(
    mut listener: Listener,
    wake: watch::Sender<Wake>,
    edges: watch::Sender<u64>,
) -> StoreError {
    // At first without a notice: something may have changed before we listened.
    let mut others = true;
    loop {
        let pushed = Instant::now() + HEAD_START;
        // Many changes at once are one reason to look.
        while let Ok(heard) = timeout_at(pushed, listener.heard()).await {
            match heard {
                Ok(topic) => others |= topic == Topic::Edges,
                Err(error) => return error,
            }
        }
        if std::mem::take(&mut others) {
            edges.send_modify(|number| *number += 1);
        }
        wake.send_modify(|wake| wake.others += 1);
        match listener.heard().await {
            Ok(topic) => others = topic == Topic::Edges,
            Err(error) => return error,
        }
    }
}
