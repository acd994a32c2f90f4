//! Who is connected right now, so that a cut finds them.
//!
//! A visitor is let in by what the route table said a moment ago. In between the
//! table may change, so whoever decides takes a [`Ticket`] first, looks at the
//! table, and then enters with it: if anything was cut in the meantime the ticket
//! is void and the decision is made again. Whoever has entered before a cut is
//! found by it, whoever comes later has seen the changed table.
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

/// Threads rarely meet in one of so many, and a cut of one workspace looks
/// through a thousandth of all entries.
const SHARDS: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A WebSocket tunnel.
    Socket,
    /// Anything else: a body in flight, an event stream.
    Request,
}

/// What of a workspace is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
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
pub struct CutCount {
    pub sockets: u64,
    pub requests: u64,
}

impl CutCount {
    fn count(&mut self, kind: Kind) {
        match kind {
            Kind::Socket => self.sockets += 1,
            Kind::Request => self.requests += 1,
        }
    }
}

impl std::ops::AddAssign for CutCount {
    fn add_assign(&mut self, other: Self) {
        self.sockets += other.sockets;
        self.requests += other.requests;
    }
}

/// The register of everything that is connected to a sprite.
pub struct Live {
    hasher: RandomState,
    shards: Box<[Shard]>,
}

/// Taken before looking at the route table; says whether the look was still true.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    username: Username,
    shard: usize,
    version: u64,
}

/// One connection's place in the register. Leaves on drop.
pub struct Entry {
    live: Arc<Live>,
    shard: usize,
    slot: usize,
}

// A cache line of its own, so that neighbours do not slow each other down.
#[repr(align(64))]
#[derive(Default)]
struct Shard {
    /// Counts the cuts in this shard. Raised under the lock, read without it.
    version: AtomicU64,
    slots: Mutex<Slab<Slot>>,
}

struct Slot {
    username: Username,
    session: SessionId,
    epoch: u64,
    kind: Kind,
    is_cut: bool,
    waiting: Option<Waker>,
}

impl Default for Live {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        Self { hasher: RandomState::new(), shards }
    }
}

impl Live {
    /// Take it before the first look at the route table, locks or epoch.
    pub fn ticket(&self, username: &Username) -> Ticket {
        let shard = self.shard_of(username);
        // Acquire: whoever sees a cut's version also sees the table that led to it.
        let version = self.shards[shard].version.load(Ordering::Acquire);
        Ticket { username: *username, shard, version }
    }

    /// `None` when something was cut since the ticket was taken: take a new one
    /// and decide again. It may have been another workspace's cut.
    pub fn enter(
        self: &Arc<Self>,
        ticket: Ticket,
        session: SessionId,
        epoch: u64,
        kind: Kind,
    ) -> Option<Entry> {
        let Ticket { username, shard, version } = ticket;
        let mut slots = self.shards[shard].lock();
        // Raised under the same lock, so it cannot change while we enter.
        if self.shards[shard].version.load(Ordering::Relaxed) != version {
            return None;
        }
        let slot = Slot { username, session, epoch, kind, is_cut: false, waiting: None };
        let slot = slots.insert(slot);
        drop(slots);
        Some(Entry { live: Arc::clone(self), shard, slot })
    }

    /// Live WebSockets of one workspace. Looks through a thousandth of all entries.
    pub fn sockets_of(&self, username: &Username) -> u64 {
        let slots = self.shards[self.shard_of(username)].lock();
        let is_socket = |slot: &Slot| slot.kind == Kind::Socket && slot.username == *username;
        slots.iter().filter(|(_, slot)| is_socket(slot)).count() as u64
    }

    /// Tells every matching entry to end; the table must have changed already.
    ///
    /// An entry that was cut before and has not left yet is not counted again.
    pub fn cut(&self, username: &Username, scope: Scope) -> CutCount {
        let shard = &self.shards[self.shard_of(username)];
        let mut count = CutCount::default();
        let mut woken = Vec::new();
        {
            let mut slots = shard.lock();
            shard.version.fetch_add(1, Ordering::Release);
            for (_, slot) in slots.iter_mut() {
                let is_meant =
                    slot.username == *username && scope.contains(slot.session, slot.epoch);
                if is_meant && !slot.is_cut {
                    slot.is_cut = true;
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
    pub fn sockets(&self) -> u64 {
        self.count().sockets
    }

    /// How many other requests are in flight.
    pub fn requests(&self) -> u64 {
        self.count().requests
    }

    // Counted when asked, which is rare: a counter that all threads share
    // would cost every request more than its entry does.
    fn count(&self) -> CutCount {
        let mut count = CutCount::default();
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
    /// Resolves once this entry is cut, at once if it was already.
    ///
    /// One task waits at a time; a second one takes the place of the first.
    pub fn cut(&self) -> Cut<'_> {
        Cut { entry: self, waiting: None }
    }

    fn shard(&self) -> &Shard {
        &self.live.shards[self.shard]
    }
}

/// See [`Entry::cut`].
pub struct Cut<'a> {
    entry: &'a Entry,
    /// Whom a cut wakes, and the shard's version when that was arranged.
    waiting: Option<(Waker, u64)>,
}

impl Future for Cut<'_> {
    type Output = ();

    /// A tunnel asks with every message: as long as nothing in the shard was cut, the
    /// answer costs one look at a number.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shard = self.entry.shard();
        if let Some((waker, version)) = &self.waiting
            && *version == shard.version.load(Ordering::Acquire)
            && waker.will_wake(context.waker())
        {
            return Poll::Pending;
        }
        let mut slots = shard.lock();
        let slot = &mut slots[self.entry.slot];
        if slot.is_cut {
            return Poll::Ready(());
        }
        let former = slot.waiting.replace(context.waker().clone());
        // Raised under the lock that we hold.
        let version = shard.version.load(Ordering::Relaxed);
        drop(slots);
        drop(former);
        self.waiting = Some((context.waker().clone(), version));
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

    fn enter(live: &Arc<Live>, user: &str, digit: char, epoch: u64, kind: Kind) -> Entry {
        live.enter(live.ticket(&name(user)), session(digit), epoch, kind).expect("nothing was cut")
    }

    fn is_cut(entry: &Entry) -> bool {
        pin!(entry.cut()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Cuts `scope` of ada's; `expected` are the digits of the sessions that end.
    fn check(scope: Scope, expected: &str) {
        let live = Arc::new(Live::default());
        let entries = [
            ('1', enter(&live, "ada", '1', 1, Kind::Socket)),
            ('2', enter(&live, "ada", '2', 2, Kind::Request)),
            ('3', enter(&live, "ada", '3', 3, Kind::Socket)),
            ('4', enter(&live, "grace", '1', 1, Kind::Socket)),
        ];
        let count = live.cut(&name("ada"), scope);
        let ended: String =
            entries.iter().filter(|(_, entry)| is_cut(entry)).map(|(digit, _)| *digit).collect();
        assert_eq!(ended, expected, "{scope:?}");
        assert_eq!(count.sockets + count.requests, expected.len() as u64, "{scope:?}");
        assert_eq!(live.cut(&name("ada"), scope), CutCount::default(), "counted once");
    }

    #[test]
    fn a_cut_ends_what_it_means_and_nothing_else() {
        check(Scope::Workspace, "123");
        check(Scope::Session(session('2')), "2");
        check(Scope::Session(session('9')), "");
        check(Scope::EpochsBelow(3), "12");
        check(Scope::EpochsBelow(0), "");
    }

    #[test]
    fn a_ticket_from_before_a_cut_is_void() {
        let live = Arc::new(Live::default());
        let ticket = live.ticket(&name("ada"));
        live.cut(&name("ada"), Scope::Session(session('9')));
        assert!(live.enter(ticket, session('1'), 1, Kind::Request).is_none());
        assert!(
            live.enter(live.ticket(&name("ada")), session('1'), 1, Kind::Request).is_some(),
            "a new ticket is good"
        );
    }

    #[test]
    fn whoever_leaves_is_no_longer_counted() {
        let live = Arc::new(Live::default());
        let socket = enter(&live, "ada", '1', 1, Kind::Socket);
        let request = enter(&live, "grace", '1', 1, Kind::Request);
        assert_eq!((live.sockets(), live.requests()), (1, 1));
        drop(socket);
        assert_eq!((live.sockets(), live.requests()), (0, 1));
        drop(request);
        assert_eq!((live.sockets(), live.requests()), (0, 0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_waiting_task_is_woken_by_the_cut() {
        let live = Arc::new(Live::default());
        let entries: Vec<_> =
            (0..1_000).map(|_| enter(&live, "ada", '1', 1, Kind::Socket)).collect();
        let tasks: Vec<_> = entries
            .into_iter()
            .map(|entry| tokio::spawn(async move { entry.cut().await }))
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(live.cut(&name("ada"), Scope::Workspace).sockets, 1_000);
        for task in tasks {
            tokio::time::timeout(Duration::from_secs(10), task).await.expect("woken").unwrap();
        }
        assert_eq!(live.sockets(), 0);
    }

    /// The race that tickets are for: many enter while the workspace is closed.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nobody_stays_who_decided_before_a_cut() {
        for _ in 0..200 {
            let live = Arc::new(Live::default());
            let is_open = Arc::new(AtomicBool::new(true));
            let visitor = {
                let (live, is_open) = (Arc::clone(&live), Arc::clone(&is_open));
                std::thread::spawn(move || {
                    let mut inside = Vec::new();
                    loop {
                        let ticket = live.ticket(&name("ada"));
                        if !is_open.load(Ordering::Acquire) {
                            return inside;
                        }
                        inside.extend(live.enter(ticket, session('1'), 1, Kind::Request));
                    }
                })
            };
            is_open.store(false, Ordering::Release);
            let count = live.cut(&name("ada"), Scope::Workspace);
            let inside = visitor.join().unwrap();
            assert_eq!(inside.len() as u64, count.requests);
            assert!(inside.iter().all(is_cut));
        }
    }
}
