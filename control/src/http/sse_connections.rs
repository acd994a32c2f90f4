//! How many answers may be held open at once, from one place and in all.
//!
//! A page that is watched costs a connection here and at the edge for as long as
//! somebody looks. Nobody may take them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use shared::address::visitor_block;
use tokio::sync::watch;

/// Browsers open six connections to a host; an office behind one address has a few.
const FROM_ONE_PLACE: usize = 12;

/// Half of what the listener takes, so that pages are answered meanwhile.
const IN_ALL: usize = 2_048;

pub struct SseConnections {
    open: Mutex<HashMap<IpAddr, usize>>,
    closed: watch::Sender<bool>,
}

/// A place that is held until it is dropped.
pub struct SseConnection {
    connections: Arc<SseConnections>,
    place: IpAddr,
}

impl SseConnections {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), closed: watch::Sender::new(false) })
    }

    /// `None` when there are too many already.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<SseConnection> {
        let place = visitor_block(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        if all >= IN_ALL || open.get(&place).is_some_and(|here| *here >= FROM_ONE_PLACE) {
            return None;
        }
        *open.entry(place).or_default() += 1;
        Some(SseConnection { connections: Arc::clone(self), place })
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Ends every stream: the program stops, and would wait for them.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }
}

impl SseConnection {
    /// Ready when [`SseConnections::close`] was called.
    pub async fn closed(&self) {
        let mut closed = self.connections.closed.subscribe();
        // An error means that all connections are gone, which is an end as well.
        let _gone = closed.wait_for(|closed| *closed).await;
    }
}

impl Drop for SseConnection {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = open.get_mut(&self.place) {
            *here -= 1;
            if *here == 0 {
                open.remove(&self.place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_place_gets_its_share_and_leaves_the_rest_to_others() {
        let connections = SseConnections::new();
        let (here, there) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let mut open: Vec<_> =
            (0..FROM_ONE_PLACE).map(|_| connections.enter(here).unwrap()).collect();
        assert!(connections.enter(here).is_none());
        assert!(connections.enter(there).is_some());
        open.pop();
        let last = connections.enter(here).unwrap();
        connections.close();
        last.closed().await;
        drop((open, last));
        assert_eq!(connections.count(), 0);
    }
}
