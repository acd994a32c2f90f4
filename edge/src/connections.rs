//! Which connections are live right now, so that a revocation finds them.
//!
//! A request is let in by what the route table said a moment ago. In between the
//! table may change, so the handler takes a [`RevocationEpoch`] first, looks at the
//! table, and then enters with it: if anything was revoked in the meantime the epoch
//! is over and the decision is made again. A connection that entered before a
//! revocation is found by it; one that comes later has seen the changed table.
//!
//! Entering and leaving cost one short lock of one of many shards and allocate
//! nothing: entries live in slabs, which keep the room of their busiest moment.

use std::hash::{BuildHasher as _, RandomState};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use shared::{SessionId, Username};
use slab::Slab;

/// Threads rarely meet in one of so many, and a revocation for one workspace looks
/// through a thousandth of all entries.
const SHARDS: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A WebSocket tunnel.
    Socket,
    /// Anything else: a body in flight, an event stream.
    Request,
}

/// Whose connections to a workspace end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Workspace,
    Session(SessionId),
    /// Sessions that were issued under a smaller epoch.
    EpochsBelow(u64),
}

impl Scope {
    fn contains(self, session: SessionId, epoch: u64) -> bool {
        match self {
            Self::Workspace => true,
            Self::Session(id) => session == id,
            Self::EpochsBelow(bound) => epoch < bound,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RevokedCount {
    pub sockets: u64,
    pub requests: u64,
}

impl RevokedCount {
    fn count(&mut self, kind: Kind) {
        match kind {
            Kind::Socket => self.sockets += 1,
            Kind::Request => self.requests += 1,
        }
    }
}

impl std::ops::AddAssign for RevokedCount {
    fn add_assign(&mut self, other: Self) {
        self.sockets += other.sockets;
        self.requests += other.requests;
    }
}

/// The register of everything that is connected to a sprite.
pub(crate) struct ConnectionRegistry {
    hasher: RandomState,
    shards: Box<[Shard]>,
}

/// Taken before looking at the route table; says whether the look was still true.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RevocationEpoch {
    username: Username,
    shard: usize,
    number: u64,
}

/// One connection's place in the register. Leaves on drop.
pub(crate) struct Entry {
    registry: Arc<ConnectionRegistry>,
    shard: usize,
    slot: usize,
}

// A cache line of its own, so that neighbours do not slow each other down.
#[repr(align(64))]
#[derive(Default)]
struct Shard {
    /// Counts the revocations in this shard. Raised under the lock, read without it.
    epoch: AtomicU64,
    slots: Mutex<Slab<Slot>>,
}

struct Slot {
    username: Username,
    session: SessionId,
    session_epoch: u64,
    kind: Kind,
    is_revoked: bool,
    waiting: Option<Waker>,
}

impl Default for ConnectionRegistry {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        Self { hasher: RandomState::new(), shards }
    }
}

impl ConnectionRegistry {
    /// Take it before the first look at the route table, locks or epoch.
    pub(crate) fn revocation_epoch(&self, username: &Username) -> RevocationEpoch {
        let shard = self.shard_of(username);
        // Acquire: a thread that sees a revocation's number also sees the table that led to it.
        let number = self.shards[shard].epoch.load(Ordering::Acquire);
        RevocationEpoch { username: *username, shard, number }
    }

    /// `None` when something was revoked since the epoch was taken: take a new one
    /// and decide again. It may have been for another workspace.
    pub(crate) fn enter(
        self: &Arc<Self>,
        epoch: RevocationEpoch,
        session: SessionId,
        session_epoch: u64,
        kind: Kind,
    ) -> Option<Entry> {
        let RevocationEpoch { username, shard, number } = epoch;
        let mut slots = self.shards[shard].lock();
        // Raised under the same lock, so it cannot change while we enter.
        if self.shards[shard].epoch.load(Ordering::Relaxed) != number {
            return None;
        }
        let slot =
            Slot { username, session, session_epoch, kind, is_revoked: false, waiting: None };
        let slot = slots.insert(slot);
        drop(slots);
        Some(Entry { registry: Arc::clone(self), shard, slot })
    }

    /// Live WebSockets of one workspace. Looks through a thousandth of all entries.
    pub(crate) fn sockets_of(&self, username: &Username) -> u64 {
        let slots = self.shards[self.shard_of(username)].lock();
        let is_socket = |slot: &Slot| slot.kind == Kind::Socket && slot.username == *username;
        slots.iter().filter(|(_, slot)| is_socket(slot)).count() as u64
    }

    /// Tells every matching entry to end; the table must have changed already.
    ///
    /// An entry that was told before and has not left yet is not counted again.
    pub(crate) fn revoke(&self, username: &Username, scope: Scope) -> RevokedCount {
        let shard = &self.shards[self.shard_of(username)];
        let mut count = RevokedCount::default();
        let mut woken = Vec::new();
        {
            let mut slots = shard.lock();
            shard.epoch.fetch_add(1, Ordering::Release);
            for (_, slot) in slots.iter_mut() {
                let is_meant =
                    slot.username == *username && scope.contains(slot.session, slot.session_epoch);
                if is_meant && !slot.is_revoked {
                    slot.is_revoked = true;
                    count.count(slot.kind);
                    woken.extend(slot.waiting.take());
                }
            }
        }
        // Outside the lock: a woken task may leave at once, on another thread.
        woken.into_iter().for_each(Waker::wake);
        count
    }

    /// How many WebSocket tunnels are open.
    pub(crate) fn sockets(&self) -> u64 {
        self.count().sockets
    }

    /// How many other requests are in flight.
    pub(crate) fn requests(&self) -> u64 {
        self.count().requests
    }

    // Counted when asked, which is rare: a counter that all threads share
    // would cost every request more than its entry does.
    fn count(&self) -> RevokedCount {
        let mut count = RevokedCount::default();
        for shard in &self.shards {
            shard.lock().iter().for_each(|(_, slot)| count.count(slot.kind));
        }
        count
    }

    fn shard_of(&self, username: &Username) -> usize {
        let hash = self.hasher.hash_one(username.as_bytes());
        usize::try_from(hash % SHARDS as u64).expect("less than the number of shards")
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Slab<Slot>> {
        self.slots.lock().expect("nothing panics while it holds a shard")
    }
}

impl Entry {
    /// Resolves once this entry's access is revoked, at once if it was already.
    ///
    /// One task waits at a time; a second one takes the place of the first.
    pub(crate) fn revoked(&self) -> Revoked<'_> {
        Revoked { entry: self, waiting: None }
    }

    fn shard(&self) -> &Shard {
        &self.registry.shards[self.shard]
    }
}

/// See [`Entry::revoked`].
pub(crate) struct Revoked<'a> {
    entry: &'a Entry,
    /// Whom a revocation wakes, and the shard's epoch when that was arranged.
    waiting: Option<(Waker, u64)>,
}

impl Future for Revoked<'_> {
    type Output = ();

    /// A tunnel asks with every message: as long as nothing in the shard was revoked, the
    /// answer costs one look at a number.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shard = self.entry.shard();
        if let Some((waker, epoch)) = &self.waiting
            && *epoch == shard.epoch.load(Ordering::Acquire)
            && waker.will_wake(context.waker())
        {
            return Poll::Pending;
        }
        let mut slots = shard.lock();
        let slot = &mut slots[self.entry.slot];
        if slot.is_revoked {
            return Poll::Ready(());
        }
        let former = slot.waiting.replace(context.waker().clone());
        // Raised under the lock that we hold.
        let epoch = shard.epoch.load(Ordering::Relaxed);
        drop(slots);
        drop(former);
        self.waiting = Some((context.waker().clone(), epoch));
        Poll::Pending
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let slot = self.shard().lock().remove(self.slot);
        // A waker runs foreign code when it is dropped: not under the lock.
        drop(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    fn name(text: &str) -> Username {
        Username::parse(text).unwrap()
    }

    fn session(digit: char) -> SessionId {
        SessionId::parse(&String::from(digit).repeat(32)).unwrap()
    }

    fn enter(
        registry: &Arc<ConnectionRegistry>,
        user: &str,
        digit: char,
        epoch: u64,
        kind: Kind,
    ) -> Entry {
        registry
            .enter(registry.revocation_epoch(&name(user)), session(digit), epoch, kind)
            .expect("nothing was revoked")
    }

    fn is_revoked(entry: &Entry) -> bool {
        pin!(entry.revoked()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Cuts `scope` of ada's; `expected` are the digits of the sessions that end.
    fn check(scope: Scope, expected: &str) {
        let registry = Arc::new(ConnectionRegistry::default());
        let entries = [
            ('1', enter(&registry, "ada", '1', 1, Kind::Socket)),
            ('2', enter(&registry, "ada", '2', 2, Kind::Request)),
            ('3', enter(&registry, "ada", '3', 3, Kind::Socket)),
            ('4', enter(&registry, "grace", '1', 1, Kind::Socket)),
        ];
        let count = registry.revoke(&name("ada"), scope);
        let ended: String = entries
            .iter()
            .filter(|(_, entry)| is_revoked(entry))
            .map(|(digit, _)| *digit)
            .collect();
        assert_eq!(ended, expected, "{scope:?}");
        assert_eq!(count.sockets + count.requests, expected.len() as u64, "{scope:?}");
        assert_eq!(registry.revoke(&name("ada"), scope), RevokedCount::default(), "counted once");
    }

    #[test]
    fn a_revocation_ends_what_it_means_and_nothing_else() {
        check(Scope::Workspace, "123");
        check(Scope::Session(session('2')), "2");
        check(Scope::Session(session('9')), "");
        check(Scope::EpochsBelow(3), "12");
        check(Scope::EpochsBelow(0), "");
    }

    #[test]
    fn an_epoch_from_before_a_revocation_is_over() {
        let registry = Arc::new(ConnectionRegistry::default());
        let epoch = registry.revocation_epoch(&name("ada"));
        registry.revoke(&name("ada"), Scope::Session(session('9')));
        assert!(registry.enter(epoch, session('1'), 1, Kind::Request).is_none());
        assert!(
            registry
                .enter(registry.revocation_epoch(&name("ada")), session('1'), 1, Kind::Request)
                .is_some(),
            "a new epoch is good"
        );
    }

    #[test]
    fn whoever_leaves_is_no_longer_counted() {
        let registry = Arc::new(ConnectionRegistry::default());
        let socket = enter(&registry, "ada", '1', 1, Kind::Socket);
        let request = enter(&registry, "grace", '1', 1, Kind::Request);
        assert_eq!((registry.sockets(), registry.requests()), (1, 1));
        drop(socket);
        assert_eq!((registry.sockets(), registry.requests()), (0, 1));
        drop(request);
        assert_eq!((registry.sockets(), registry.requests()), (0, 0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_waiting_task_is_woken_by_the_revocation() {
        let registry = Arc::new(ConnectionRegistry::default());
        let entries: Vec<_> =
            (0..1_000).map(|_| enter(&registry, "ada", '1', 1, Kind::Socket)).collect();
        let tasks: Vec<_> = entries
            .into_iter()
            .map(|entry| tokio::spawn(async move { entry.revoked().await }))
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(registry.revoke(&name("ada"), Scope::Workspace).sockets, 1_000);
        for task in tasks {
            tokio::time::timeout(Duration::from_secs(10), task).await.expect("woken").unwrap();
        }
        assert_eq!(registry.sockets(), 0);
    }

    /// The race that epochs are for: many enter while the workspace is closed.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_stays_that_was_decided_before_a_revocation() {
        for _ in 0..200 {
            let registry = Arc::new(ConnectionRegistry::default());
            let is_open = Arc::new(AtomicBool::new(true));
            let client = {
                let (registry, is_open) = (Arc::clone(&registry), Arc::clone(&is_open));
                std::thread::spawn(move || {
                    let mut inside = Vec::new();
                    loop {
                        let epoch = registry.revocation_epoch(&name("ada"));
                        if !is_open.load(Ordering::Acquire) {
                            return inside;
                        }
                        inside.extend(registry.enter(epoch, session('1'), 1, Kind::Request));
                    }
                })
            };
            is_open.store(false, Ordering::Release);
            let count = registry.revoke(&name("ada"), Scope::Workspace);
            let inside = client.join().unwrap();
            assert_eq!(inside.len() as u64, count.requests);
            assert!(inside.iter().all(is_revoked));
        }
    }
}
