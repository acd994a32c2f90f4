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

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ahash::RandomState;
use shared::process::time::unix_seconds;
use shared::{KeyId, SessionId, Username};
use slab::Slab;

use crate::alarm::Alarm;

/// Threads rarely meet in one of so many, and a revocation for one workspace looks
/// through a thousandth of all entries.
const SHARDS: usize = 1024;

/// How often a connection asks the wall clock whether its session is over, at least.
const EXPIRY_LOOK: Duration = Duration::from_secs(300);

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

/// By what a connection was let in.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) session: SessionId,
    pub(crate) session_epoch: u64,
    /// The key that signed the session's token.
    pub(crate) key: KeyId,
    /// Unix seconds.
    pub(crate) expires: u64,
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
    expires: u64,
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
    key: KeyId,
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
        access: Access,
        kind: Kind,
    ) -> Option<Entry> {
        let RevocationEpoch { username, shard, number } = epoch;
        let mut slots = self.shards[shard].lock();
        // Raised under the same lock, so it cannot change while we enter.
        if self.shards[shard].epoch.load(Ordering::Relaxed) != number {
            return None;
        }
        let Access { session, session_epoch, key, expires } = access;
        let is_revoked = false;
        let slot = Slot { username, session, session_epoch, key, kind, is_revoked, waiting: None };
        let slot = slots.insert(slot);
        drop(slots);
        Some(Entry { registry: Arc::clone(self), shard, slot, expires })
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
        self.shards[self.shard_of(username)].revoke(|slot| {
            slot.username == *username && scope.contains(slot.session, slot.session_epoch)
        })
    }

    /// Tells every entry to end whose token was signed by a key that is not `known`
    /// any more; the ring must have changed already.
    pub(crate) fn revoke_keys(&self, is_known: impl Fn(&KeyId) -> bool) -> RevokedCount {
        let mut count = RevokedCount::default();
        for shard in &self.shards {
            count += shard.revoke(|slot| !is_known(&slot.key));
        }
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

    fn revoke(&self, is_meant: impl Fn(&Slot) -> bool) -> RevokedCount {
        let mut count = RevokedCount::default();
        let mut woken = Vec::new();
        {
            let mut slots = self.lock();
            self.epoch.fetch_add(1, Ordering::Release);
            for (_, slot) in slots.iter_mut() {
                if !slot.is_revoked && is_meant(slot) {
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
}

impl Entry {
    /// Resolves once access has ended: revoked, or because the session is over.
    pub(crate) async fn ended(&self, alarm: &Alarm) {
        tokio::select! {
            biased;
            () = self.revoked() => {}
            () = expired(self.expires, alarm) => {}
        }
    }

    /// Resolves once this entry's access is revoked, at once if it was already.
    ///
    /// One task waits at a time; a second one takes the place of the first.
    fn revoked(&self) -> Revoked<'_> {
        Revoked { entry: self, waiting: None }
    }

    fn shard(&self) -> &Shard {
        &self.registry.shards[self.shard]
    }
}

/// See [`Entry::revoked`].
struct Revoked<'a> {
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

/// Resolves at `expires`, in unix seconds by the wall clock, which may be set meanwhile.
async fn expired(expires: u64, alarm: &Alarm) {
    loop {
        let left = expires.saturating_sub(unix_seconds());
        if left == 0 {
            return;
        }
        alarm.sleep(Duration::from_secs(left).min(EXPIRY_LOOK)).await;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let slot = self.shard().lock().remove(self.slot);
        // A waker runs foreign code when it is dropped: not under the lock.
        drop(slot);
    }
}

/// Access by `session` that does not end by itself.
#[cfg(test)]
pub(crate) fn access(session: SessionId, session_epoch: u64) -> Access {
    let key = KeyId::parse("k1").expect("a key id");
    Access { session, session_epoch, key, expires: u64::MAX }
}

#[cfg(test)]
mod tests;
