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

/// Of one order, from wherever: as many as one place has. One unpaid sign-up must not take
/// all of them.
const OF_ONE_ORDER: usize = FROM_ONE_PLACE;

/// Half of what the listener takes, so that pages are answered meanwhile.
const IN_ALL: usize = 2_048;

pub struct SseConnections {
    open: Mutex<Open>,
    closed: watch::Sender<bool>,
}

#[derive(Default)]
struct Open {
    places: HashMap<IpAddr, usize>,
    orders: HashMap<String, usize>,
}

/// A place that is held until it is dropped.
pub struct SseConnection {
    connections: Arc<SseConnections>,
    place: IpAddr,
    order: String,
}

impl SseConnections {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), closed: watch::Sender::new(false) })
    }

    /// `None` when there are too many already.
    pub fn enter(self: &Arc<Self>, address: IpAddr, order: &str) -> Option<SseConnection> {
        let place = visitor_block(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.places.values().sum();
        let here = open.places.get(&place).copied().unwrap_or_default();
        let of_order = open.orders.get(order).copied().unwrap_or_default();
        if all >= IN_ALL || here >= FROM_ONE_PLACE || of_order >= OF_ONE_ORDER {
            return None;
        }
        *open.places.entry(place).or_default() += 1;
        *open.orders.entry(order.to_owned()).or_default() += 1;
        Some(SseConnection { connections: Arc::clone(self), place, order: order.to_owned() })
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).places.values().sum()
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
        leave(&mut open.places, &self.place);
        leave(&mut open.orders, &self.order);
    }
}

fn leave<K: Eq + std::hash::Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
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
        let mut open: Vec<_> = (0..FROM_ONE_PLACE)
            .map(|number| connections.enter(here, &format!("su_{}", number / 2)).unwrap())
            .collect();
        assert!(connections.enter(here, "su_a").is_none());
        assert!(connections.enter(there, "su_a").is_some());
        open.pop();
        let last = connections.enter(here, "su_a").unwrap();
        connections.close();
        last.closed().await;
        drop((open, last));
        assert_eq!(connections.count(), 0);
    }

    #[test]
    fn one_order_takes_no_more_than_its_share_from_wherever() {
        let connections = SseConnections::new();
        let place = |last: usize| IpAddr::from([192, 0, 2, u8::try_from(last).unwrap()]);
        let open: Vec<_> =
            (0..OF_ONE_ORDER).map(|last| connections.enter(place(last), "su_1").unwrap()).collect();
        assert!(connections.enter(place(99), "su_1").is_none());
        assert!(connections.enter(place(99), "su_2").is_some());
        drop(open);
        assert!(connections.enter(place(99), "su_1").is_some());
    }
}
