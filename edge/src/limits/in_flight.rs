//! Requests that one workspace may have under way at a time, so that none uses up
//! what is there for all. A few more wait a moment for their turn.

use std::collections::hash_map::{Entry, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ahash::RandomState;
use shared::Username;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::fixed::{TURN_WAIT, TURNS_WAITING_MAX};

/// Worker threads rarely meet in one of so many.
const SHARDS: usize = 64;

pub(crate) struct InFlight {
    limit: AtomicUsize,
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

type Shard = HashMap<Username, Workspace, RandomState>;

/// There only while it has requests.
struct Workspace {
    turns: Arc<Semaphore>,
    /// Under way or waiting.
    inside: usize,
}

/// A request's place: waiting, or under way. Leaves on drop.
pub(crate) struct Turn {
    in_flight: Arc<InFlight>,
    username: Username,
    turns: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl InFlight {
    pub(super) fn new(limit: u64) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let in_flight = Self { limit: AtomicUsize::default(), hasher: RandomState::new(), shards };
        in_flight.set_limit(limit);
        in_flight
    }

    /// A workspace with requests under way keeps its number of places until it has none.
    pub(super) fn set_limit(&self, limit: u64) {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// `None` when too many of the workspace's wait already.
    pub(crate) fn enter(self: &Arc<Self>, username: &Username) -> Option<Turn> {
        let limit = self.limit.load(Ordering::Relaxed);
        let mut shard = self.shard(username);
        let workspace = shard
            .entry(*username)
            .or_insert_with(|| Workspace { turns: Arc::new(Semaphore::new(limit)), inside: 0 });
        if workspace.inside >= limit.saturating_add(TURNS_WAITING_MAX) {
            return None;
        }
        workspace.inside += 1;
        let turns = Arc::clone(&workspace.turns);
        drop(shard);
        let permit = Arc::clone(&turns).try_acquire_owned().ok();
        Some(Turn { in_flight: Arc::clone(self), username: *username, turns, permit })
    }

    fn shard(&self, username: &Username) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(username.as_bytes());
        let at = usize::try_from(hash % SHARDS as u64).expect("less than the number of shards");
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// `false` when it did not come within [`TURN_WAIT`].
    pub(crate) async fn come(&mut self) -> bool {
        if self.permit.is_none() {
            let turn = Arc::clone(&self.turns).acquire_owned();
            // The semaphore is never closed.
            self.permit = timeout(TURN_WAIT, turn).await.ok().and_then(Result::ok);
        }
        self.permit.is_some()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut shard = self.in_flight.shard(&self.username);
        if let Entry::Occupied(mut workspace) = shard.entry(self.username) {
            workspace.get_mut().inside -= 1;
            if workspace.get().inside == 0 {
                workspace.remove();
            }
        }
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
        assert!(in_flight.shard(&ada).is_empty(), "nothing is kept of who left");
    }
}
