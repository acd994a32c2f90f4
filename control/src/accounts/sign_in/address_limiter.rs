//! Lets one attempt at a time in from each place.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::time::Duration;

use crate::base::concurrency_limit::{ConcurrencyLimit, Permit};

/// Doors; places share one by chance, which costs them a short wait.
const DOORS: usize = 256;

/// Attempts that may wait at one door: at 50 ms each the last waits a second.
const QUEUE: usize = 16;

const MAX_WAIT: Duration = Duration::from_secs(2);

pub(super) struct AddressLimiter {
    hasher: RandomState,
    doors: Vec<ConcurrencyLimit>,
}

impl AddressLimiter {
    pub(super) fn new() -> Self {
        let door = |_| ConcurrencyLimit::new(1, QUEUE, MAX_WAIT);
        // Keyed, so that nobody can choose an address to wait at another's door.
        Self { hasher: RandomState::new(), doors: (0..DOORS).map(door).collect() }
    }

    /// `None` when too many wait already, or the wait takes too long.
    pub(super) async fn enter(&self, place: IpAddr) -> Option<Permit<'_>> {
        let hash = self.hasher.hash_one(place);
        let door = usize::try_from(hash % DOORS as u64).expect("below 256");
        self.doors[door].enter().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn one_enters_some_wait_and_the_rest_is_sent_away() {
        let address_limiter = AddressLimiter::new();
        let place = IpAddr::from([192, 0, 2, 1]);
        let turn = address_limiter.enter(place).await.unwrap();
        let mut waiting: Vec<_> =
            (0..QUEUE).map(|_| Box::pin(address_limiter.enter(place))).collect();
        assert!(waiting.iter_mut().all(|wait| wait.now_or_never().is_none()));
        assert!(address_limiter.enter(place).await.is_none());
        drop(turn);
        assert!(waiting.remove(0).await.is_some());
        drop(waiting);
        assert!(address_limiter.enter(place).await.is_some());
    }
}
