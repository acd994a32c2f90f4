//! Requests that one workspace may have under way at a time, so that none uses up
//! what is there for all. A few more wait a moment for their turn.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ahash::{AHashMap, RandomState};
use shared::Username;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::fixed::{TURN_WAIT, TURNS_WAITING_MAX};

/// Worker threads rarely meet in one of so many.
const SHARDS: usize = 64;

pub(crate) struct InFlight {
    limit: AtomicUsize,
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

/// By the keyed hash of their names, which is computed once for a request: should two ever
/// have the same one, they share their places.
type Shard = AHashMap<u64, Workspace>;

/// There only while it has requests.
#[derive(Default)]
struct Workspace {
    under_way: usize,
    /// Each is told when a place is its own. The oldest comes first.
    waiting: VecDeque<oneshot::Sender<()>>,
}

/// A request's place: waiting, or under way. Leaves on drop.
pub(crate) struct Turn {
    in_flight: Arc<InFlight>,
    workspace: u64,
    /// `None` when it has come.
    coming: Option<oneshot::Receiver<()>>,
}

impl InFlight {
    pub(super) fn new(limit: u64) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let in_flight = Self { limit: AtomicUsize::default(), hasher: RandomState::new(), shards };
        in_flight.set_limit(limit);
        in_flight
    }

    /// Holds for whoever comes from here on.
    pub(super) fn set_limit(&self, limit: u64) {
        self.limit.store(usize::try_from(limit).unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    /// `None` when too many of the workspace's wait already.
    pub(crate) fn enter(self: &Arc<Self>, username: &Username) -> Option<Turn> {
        let hash = self.hasher.hash_one(username.as_bytes());
        let mut shard = self.shard(hash);
        let workspace = shard.entry(hash).or_default();
        let coming = if workspace.under_way < self.limit.load(Ordering::Relaxed) {
            workspace.under_way += 1;
            None
        } else if workspace.waiting.len() < TURNS_WAITING_MAX {
            let (tell, coming) = oneshot::channel();
            workspace.waiting.push_back(tell);
            Some(coming)
        } else {
            return None;
        };
        Some(Turn { in_flight: Arc::clone(self), workspace: hash, coming })
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        let at = usize::try_from(hash % SHARDS as u64).expect("less than the number of shards");
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// `false` when it did not come within [`TURN_WAIT`].
    pub(crate) async fn come(&mut self) -> bool {
        if let Some(coming) = &mut self.coming {
            if !matches!(timeout(TURN_WAIT, coming).await, Ok(Ok(()))) {
                return false;
            }
            self.coming = None;
        }
        true
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut shard = self.in_flight.shard(self.workspace);
        let Entry::Occupied(mut entry) = shard.entry(self.workspace) else { return };
        let workspace = entry.get_mut();
        // Told under the lock that we hold: it was before, or never will be.
        if let Some(mut coming) = self.coming.take()
            && coming.try_recv().is_err()
        {
            drop(coming);
            workspace.waiting.retain(|waiting| !waiting.is_closed());
        } else if !workspace.pass_on() {
            workspace.under_way -= 1;
        }
        if workspace.under_way == 0 && workspace.waiting.is_empty() {
            entry.remove();
        }
    }
}

impl Workspace {
    /// Gives a place that is left to the one who has waited longest. `false` when nobody waits.
    fn pass_on(&mut self) -> bool {
        std::iter::from_fn(|| self.waiting.pop_front()).any(|waiting| waiting.send(()).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_workspace_at_its_limit_waits_a_moment_and_leaves_the_others_alone() {
        let in_flight = Arc::new(InFlight::new(2));
        let (ada, grace) = ("ada".parse().unwrap(), "grace".parse().unwrap());
        let mut turns: Vec<_> = (0..2).map(|_| in_flight.enter(&ada).unwrap()).collect();
        assert!(turns[0].come().await && turns[1].come().await);
        let mut third = in_flight.enter(&ada).unwrap();
        assert!(!third.come().await, "nobody left");
        assert!(in_flight.enter(&grace).unwrap().come().await);
        turns.pop();
        assert!(third.come().await, "one left");
        let waiting: Vec<_> = (0..TURNS_WAITING_MAX).map(|_| in_flight.enter(&ada)).collect();
        assert!(waiting.iter().all(Option::is_some));
        assert!(in_flight.enter(&ada).is_none(), "the queue is short");
        drop((waiting, turns, third));
        let shards = in_flight.shards.iter();
        let is_empty = |shard: &Mutex<Shard>| shard.lock().unwrap().is_empty();
        assert!(shards.into_iter().all(is_empty), "nothing is kept of who left");
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_goes_to_who_has_waited_longest_and_is_lost_to_nobody_who_left() {
        let in_flight = Arc::new(InFlight::new(1));
        let ada = "ada".parse().unwrap();
        let first = in_flight.enter(&ada).unwrap();
        let [left, told, mut last] = [(); 3].map(|()| in_flight.enter(&ada).unwrap());
        drop(left);
        drop(first);
        // The place is its own, and it leaves before it has looked.
        drop(told);
        assert!(last.come().await);
        drop(last);
        assert!(in_flight.enter(&ada).unwrap().come().await, "the place is there");
    }
}
