//! Connections to sprites that wait for the next request.
//!
//! One pool for each worker thread: a connection stays with the thread whose
//! runtime watches it, and nobody waits for a lock. Connections are kept by
//! group, so that none serves two workspaces, or two customers of one VM.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ahash::AHashMap;
use tokio::io::ReadBuf;

use crate::upstream::Duplex;

#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolLimits {
    /// Connections kept in one thread. With no room left the oldest of the group
    /// that has most is closed.
    pub connections: usize,
    /// For how long.
    pub idle: Duration,
}

#[derive(Default)]
struct Pool {
    groups: AHashMap<u64, Vec<Idle>>,
    connections: Kept,
    is_swept: bool,
}

/// How many there are in one thread, which alone changes it, for others to see.
struct Kept(Arc<AtomicUsize>);

impl Default for Kept {
    fn default() -> Self {
        let kept = Arc::<AtomicUsize>::default();
        ALL_KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&kept));
        Self(kept)
    }
}

impl Kept {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, count: usize) {
        self.0.store(count, Ordering::Relaxed);
    }
}

struct Idle {
    sprite: Box<dyn Duplex>,
    since: Instant,
    until: Instant,
}

/// So long before a sprite says that it closes a connection nothing is sent on it any
/// more: it may be on its way, and an unsafe request cannot be sent again.
const CLOSING_MARGIN: Duration = Duration::from_secs(1);

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

/// One for each thread.
static ALL_KEPT: Mutex<Vec<Arc<AtomicUsize>>> = Mutex::new(Vec::new());

/// Connections that all threads keep.
pub(crate) fn kept() -> u64 {
    let all = ALL_KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    all.iter().map(|kept| kept.load(Ordering::Relaxed) as u64).sum()
}

/// A connection of `group` on which nothing has come while it waited until `now`.
pub(crate) fn take(group: u64, now: Instant) -> Option<Box<dyn Duplex>> {
    POOL.with_borrow_mut(|pool| {
        loop {
            let idle = pool.groups.get_mut(&group)?;
            let Some(Idle { mut sprite, until, .. }) = idle.pop() else {
                pool.groups.remove(&group);
                return None;
            };
            pool.connections.set(pool.connections.get() - 1);
            // Bytes nobody asked for, or the end: either way it is of no more use.
            if now < until && is_quiet(&mut *sprite) {
                return Some(sprite);
            }
        }
    })
}

/// Keeps `sprite` for the next request of `group`, but not until it closes by itself,
/// which it does after so much silence as `closes_after` says. It was last of use at `since`.
pub(crate) fn put(
    group: u64,
    sprite: Box<dyn Duplex>,
    limits: PoolLimits,
    closes_after: Option<Duration>,
    since: Instant,
) {
    let usable = closes_after.map_or(limits.idle, |after| after.saturating_sub(CLOSING_MARGIN));
    if usable.is_zero() {
        return;
    }
    let until = since + usable.min(limits.idle);
    let must_start_sweeping = POOL.with_borrow_mut(|pool| {
        if limits.connections == 0 {
            return false;
        }
        if pool.connections.get() >= limits.connections {
            pool.drop_one();
        }
        pool.connections.set(pool.connections.get() + 1);
        pool.groups.entry(group).or_default().push(Idle { sprite, since, until });
        !std::mem::replace(&mut pool.is_swept, true)
    });
    if must_start_sweeping {
        // The runtime of this thread runs it here, where the pool is.
        tokio::spawn(sweep_for_ever(limits.idle));
    }
}

async fn sweep_for_ever(idle: Duration) {
    let mut ticks = tokio::time::interval(idle / 4);
    loop {
        ticks.tick().await;
        POOL.with_borrow_mut(|pool| pool.sweep(Instant::now()));
    }
}

impl Pool {
    /// Makes room by closing the oldest connection of the group that has most, so
    /// that nobody keeps connections at the expense of those with fewer.
    fn drop_one(&mut self) {
        let largest = self.groups.iter().max_by_key(|(_, connections)| {
            (connections.len(), connections.first().map(|oldest| Reverse(oldest.since)))
        });
        let Some(largest) = largest.map(|(group, _)| *group) else { return };
        if let Some(connections) = self.groups.get_mut(&largest) {
            // Put in the order of time.
            connections.remove(0);
            self.connections.set(self.connections.get() - 1);
            if connections.is_empty() {
                self.groups.remove(&largest);
            }
        }
    }

    fn sweep(&mut self, now: Instant) {
        self.groups.retain(|_, connections| {
            connections.retain(|connection| now < connection.until);
            !connections.is_empty()
        });
        self.connections.set(self.groups.values().map(Vec::len).sum());
    }
}

fn is_quiet(sprite: &mut dyn Duplex) -> bool {
    let mut space = [0; 1];
    let mut read = ReadBuf::new(&mut space);
    let mut context = Context::from_waker(Waker::noop());
    matches!(Pin::new(sprite).poll_read(&mut context, &mut read), Poll::Pending)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};

    const LIMITS: PoolLimits = PoolLimits { connections: 2, idle: Duration::from_secs(60) };

    fn take_now(group: u64) -> Option<Box<dyn Duplex>> {
        take(group, Instant::now())
    }

    fn put_one(group: u64) -> DuplexStream {
        let (near, far) = duplex(64);
        put(group, Box::new(near), LIMITS, None, Instant::now());
        far
    }

    #[tokio::test]
    async fn one_that_is_about_to_close_is_not_used_any_more() {
        let keep = |closes_after: u64| {
            let (near, far) = duplex(64);
            put(9, Box::new(near), LIMITS, Some(Duration::from_secs(closes_after)), Instant::now());
            far
        };
        let (_short, _long) = (keep(1), keep(5));
        assert!(take_now(9).is_some() && take_now(9).is_none(), "only the one that stays a while");
    }

    #[tokio::test]
    async fn a_connection_comes_back_to_its_own_group_once() {
        let _far = put_one(1);
        assert!(take_now(2).is_none());
        assert!(take_now(1).is_some());
        assert!(take_now(1).is_none());
    }

    #[tokio::test]
    async fn one_that_ended_or_spoke_unasked_does_not_come_back() {
        drop(put_one(1));
        assert!(take_now(1).is_none());
        let mut far = put_one(1);
        far.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        assert!(take_now(1).is_none());
    }

    #[tokio::test]
    async fn one_group_cannot_keep_another_from_the_pool() {
        let mut greedy: Vec<_> = (0..20).map(|_| put_one(1)).collect();
        let _modest = put_one(2);
        assert!(POOL.with_borrow(|pool| pool.connections.get() == LIMITS.connections));
        assert!(take_now(2).is_some(), "the newest found room");
        // The oldest of the greedy group had to go, its newest is still there.
        assert!(take_now(1).is_some());
        assert!(take_now(1).is_none());
        assert_eq!(greedy[0].write(b"x").await.ok(), None, "closed");
    }

    #[tokio::test]
    async fn there_are_never_more_than_allowed_and_old_ones_go() {
        let _far = [put_one(1), put_one(2), put_one(3)];
        assert!(POOL.with_borrow(|pool| pool.connections.get() == LIMITS.connections));
        assert!(take_now(3).is_some(), "the newest is kept");
        POOL.with_borrow_mut(|pool| pool.sweep(Instant::now() + LIMITS.idle));
        assert!(take_now(1).is_none() && take_now(2).is_none());
        assert!(POOL.with_borrow(|pool| pool.connections.get() == 0 && pool.groups.is_empty()));
    }
}
