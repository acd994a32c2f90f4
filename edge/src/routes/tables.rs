//! The routes and locks that are served, and the steps that change them.

use std::sync::Arc;

use shared::wire::GenerationState;
use shared::{Checksum, Generation, Lock, LockKey, Route, SessionId, Username};

use super::locks::WorkspaceLocks;
use super::table::{Named, Table};

/// 131,072 buckets: eight routes share one when there are a million, and an
/// empty table has one megabyte.
///
/// Tests have few, so that entries meet in a bucket, and no test waits for empty ones.
const ROUTE_BUCKET_BITS: u32 = if cfg!(test) { 3 } else { 17 };

/// Few workspaces have a lock at any time.
const LOCK_BUCKET_BITS: u32 = if cfg!(test) { 3 } else { 14 };

/// What requests look at. One writer at a time; readers never wait.
pub struct Tables {
    routes: Table<Route>,
    locks: Table<WorkspaceLocks>,
}

impl Named for Route {
    fn username(&self) -> &Username {
        &self.username
    }
}

/// One difference between two states of the tables. Nothing in it is a repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Put { before: Option<Arc<Route>>, after: Arc<Route> },
    Remove { before: Arc<Route> },
    Lock { before: Option<Lock>, after: Lock },
    Unlock { before: Lock },
}

/// Names that came more than once where each may come once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubled {
    pub routes: Vec<Username>,
    pub locks: Vec<LockKey>,
}

impl Step {
    pub fn username(&self) -> &Username {
        match self {
            Self::Put { after, .. } => &after.username,
            Self::Remove { before } => &before.username,
            Self::Lock { after, .. } => &after.username,
            Self::Unlock { before } => &before.username,
        }
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self { routes: Table::new(ROUTE_BUCKET_BITS), locks: Table::new(LOCK_BUCKET_BITS) }
    }
}

impl Tables {
    /// # Errors
    /// Names everything that came twice.
    pub fn of(routes: Vec<Arc<Route>>, locks: Vec<Lock>) -> Result<Self, Doubled> {
        let routes = Table::of(ROUTE_BUCKET_BITS, routes);
        let locks = WorkspaceLocks::group(locks);
        match (routes, locks) {
            (Ok(routes), Ok(locks)) => {
                let locks = Table::of(LOCK_BUCKET_BITS, locks).expect("grouped by name");
                Ok(Self { routes, locks })
            }
            (routes, locks) => Err(Doubled {
                routes: routes.err().unwrap_or_default(),
                locks: locks.err().unwrap_or_default(),
            }),
        }
    }

    pub fn route(&self, username: &Username) -> Option<Arc<Route>> {
        self.routes.find(username)
    }

    pub fn lock(&self, key: &LockKey) -> Option<Lock> {
        self.locks.find(&key.username)?.find(key)
    }

    /// `now` is in unix seconds.
    pub fn is_locked(&self, username: &Username, session: Option<&SessionId>, now: u64) -> bool {
        self.locks.find(username).is_some_and(|locks| locks.refuse(session, now))
    }

    /// Makes one step visible to everyone who looks from now on.
    pub fn take(&self, step: &Step) {
        match step {
            Step::Put { after, .. } => self.routes.put(Arc::clone(after)),
            Step::Remove { before } => self.routes.remove(&before.username),
            Step::Lock { after, .. } => {
                self.change_locks(&after.username, |locks| locks.with(after));
            }
            Step::Unlock { before } => {
                self.change_locks(&before.username, |locks| locks.without(&before.key()));
            }
        }
    }

    /// The steps that lead from here to `next`, removals and locks first.
    pub fn steps_to(&self, next: &Self) -> Vec<Step> {
        let mut steps = Vec::new();
        self.routes.for_each(|before| {
            if next.route(&before.username).is_none() {
                steps.push(Step::Remove { before: Arc::clone(before) });
            }
        });
        next.each_lock(|after| {
            let before = self.lock(&after.key());
            if before.as_ref() != Some(&after) {
                steps.push(Step::Lock { before, after });
            }
        });
        self.each_lock(|before| {
            if next.lock(&before.key()).is_none() {
                steps.push(Step::Unlock { before });
            }
        });
        next.routes.for_each(|after| {
            let before = self.route(&after.username);
            if before.as_ref() != Some(after) {
                steps.push(Step::Put { before, after: Arc::clone(after) });
            }
        });
        steps
    }

    fn each_lock(&self, mut visit: impl FnMut(Lock)) {
        self.locks.for_each(|locks| locks.iter().for_each(&mut visit));
    }

    fn change_locks(
        &self,
        username: &Username,
        change: impl FnOnce(WorkspaceLocks) -> WorkspaceLocks,
    ) {
        let locks = match self.locks.find(username) {
            Some(locks) => WorkspaceLocks::clone(&locks),
            None => WorkspaceLocks::none(*username),
        };
        let locks = change(locks);
        if locks.is_empty() {
            self.locks.remove(username);
        } else {
            self.locks.put(Arc::new(locks));
        }
    }
}

/// What `state` becomes by `steps`: counts and checksum, without a look at the tables.
pub fn state_after(
    state: GenerationState,
    generation: Generation,
    steps: &[Step],
) -> GenerationState {
    let start = GenerationState { generation, ..state };
    steps.iter().fold(start, |mut state, step| {
        match step {
            Step::Put { before, after } => {
                if let Some(before) = before {
                    state.checksum = state.checksum.without_route(before);
                } else {
                    state.routes += 1;
                }
                state.checksum = state.checksum.with_route(after);
            }
            Step::Remove { before } => {
                state.routes -= 1;
                state.checksum = state.checksum.without_route(before);
            }
            Step::Lock { before, after } => {
                if let Some(before) = before {
                    state.checksum = state.checksum.without_lock(before);
                } else {
                    state.locks += 1;
                }
                state.checksum = state.checksum.with_lock(after);
            }
            Step::Unlock { before } => {
                state.locks -= 1;
                state.checksum = state.checksum.without_lock(before);
            }
        }
        state
    })
}

/// Generation zero: nothing.
pub fn empty_state() -> GenerationState {
    GenerationState {
        generation: Generation::default(),
        routes: 0,
        locks: 0,
        checksum: Checksum::default(),
    }
}
