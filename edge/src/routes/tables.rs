//! The routes and locks that are served, as a value.

use std::sync::Arc;

use shared::wire::GenerationState;
use shared::{Checksum, Generation, Lock, LockKey, Route, Username};

use super::locks::WorkspaceLocks;
use super::step::Step;
use super::table::{Named, Table};

/// One state of what requests look at. Never changed: the next one shares what is alike.
#[derive(Clone, Default)]
pub struct Tables {
    /// `None` until the edge was told what to serve.
    pub told: Option<GenerationState>,
    routes: Table<Route>,
    locks: Table<WorkspaceLocks>,
}

impl Named for Route {
    fn username(&self) -> &Username {
        &self.username
    }
}

/// Names that came more than once where each may come once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubled {
    pub routes: Vec<Username>,
    pub locks: Vec<LockKey>,
}

impl Tables {
    /// # Errors
    /// Names everything that came twice.
    pub fn of(
        told: Option<GenerationState>,
        routes: Vec<Arc<Route>>,
        locks: Vec<Lock>,
    ) -> Result<Self, Doubled> {
        match (Table::of(routes), WorkspaceLocks::group(locks)) {
            (Ok(routes), Ok(locks)) => {
                let locks = Table::of(locks).expect("grouped by name");
                Ok(Self { told, routes, locks })
            }
            (routes, locks) => Err(Doubled {
                routes: routes.err().unwrap_or_default(),
                locks: locks.err().unwrap_or_default(),
            }),
        }
    }

    /// Generation zero, which is empty, until the edge was told otherwise.
    pub fn state(&self) -> GenerationState {
        self.told.unwrap_or(GenerationState {
            generation: Generation::default(),
            routes: 0,
            locks: 0,
            checksum: Checksum::default(),
        })
    }

    pub fn route(&self, username: &Username) -> Option<Arc<Route>> {
        self.routes.find(username)
    }

    pub fn lock(&self, key: &LockKey) -> Option<Lock> {
        self.locks.find(&key.username)?.find(key)
    }

    /// What is locked of a workspace, if anything is.
    pub(crate) fn locks_of(&self, username: &Username) -> Option<Arc<WorkspaceLocks>> {
        self.locks.find(username)
    }

    /// These tables after `steps`, which lead to `state`.
    #[must_use]
    pub fn after(&self, steps: &[Step], state: GenerationState) -> Self {
        let mut next = self.clone();
        next.told = Some(state);
        for step in steps {
            match step {
                Step::Put { after, .. } => next.routes.put(Arc::clone(after)),
                Step::Remove { before } => next.routes.remove(&before.username),
                Step::Lock { after, .. } => {
                    next.change_locks(&after.username, |locks| locks.with(after));
                }
                Step::Unlock { before } => {
                    next.change_locks(&before.username, |locks| locks.without(&before.key()));
                }
            }
        }
        next
    }

    /// The steps that lead from here to `next`, removals and locks first.
    pub fn steps_to(&self, next: &Self) -> Vec<Step> {
        let gone = self.routes.iter().filter(|route| next.route(&route.username).is_none());
        let mut steps: Vec<_> =
            gone.map(|before| Step::Remove { before: Arc::clone(before) }).collect();
        for after in next.locks() {
            let before = self.lock(&after.key());
            if before.as_ref() != Some(&after) {
                steps.push(Step::Lock { before, after });
            }
        }
        let opened = self.locks().filter(|lock| next.lock(&lock.key()).is_none());
        steps.extend(opened.map(|before| Step::Unlock { before }));
        for after in next.routes.iter() {
            let before = self.route(&after.username);
            if before.as_ref() != Some(after) {
                steps.push(Step::Put { before, after: Arc::clone(after) });
            }
        }
        steps
    }

    /// Every route, in no order.
    pub(crate) fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.iter()
    }

    pub(crate) fn locks(&self) -> impl Iterator<Item = Lock> {
        self.locks.iter().flat_map(|locks| locks.iter())
    }

    fn change_locks(
        &mut self,
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
