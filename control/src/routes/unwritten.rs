//! What takes access away while the database takes no writes: the edges hear of it first.
//!
//! An edge that was told is ahead of our table by just the step that the table makes when this
//! is written; then both are the same again. Until then nothing else is sent to it, and what
//! was told is tried to be written, in its order. A process that ends before forgets it.

use std::sync::Arc;
use std::time::Duration;

use shared::{Change, Generation, Lock, Route, RouteState, Username};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::edge::Wake;
use crate::store::{Store, StoreError};

/// How long an edge waits for the database before it is told all the same: most writes take
/// milliseconds, and whoever loses access is cut within a breath.
pub(super) const WRITE_PATIENCE: Duration = Duration::from_secs(2);

/// Between two attempts to write.
const RETRY: Duration = Duration::from_secs(1);

/// More than operators can say in an outage; each is a route in memory.
const UNWRITTEN_MAX: usize = 1_000;

/// What an operator may take away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    Suspend(Username),
    SignOut(Username),
    RemoveRoute(Username),
    Lock(Lock),
}

/// One of them, as edges are told it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Counts from one.
    pub(super) number: u64,
    pub(super) change: Change,
    revocation: Revocation,
}

#[derive(Debug, Clone, Default)]
struct Entries {
    last: u64,
    waiting: Vec<Arc<Entry>>,
    /// The last that is in the table, and which generation has it.
    written: Option<(u64, Option<Generation>)>,
}

/// In the order in which they are told and written.
#[derive(Default)]
pub(super) struct Unwritten(watch::Sender<Entries>);

impl Revocation {
    pub(super) fn username(&self) -> &Username {
        match self {
            Self::Suspend(username) | Self::SignOut(username) | Self::RemoveRoute(username) => {
                username
            }
            Self::Lock(lock) => &lock.username,
        }
    }

    /// `None` when there is nothing to take away. Again it changes nothing more, but for
    /// sessions that were opened since.
    pub(super) async fn write(&self, store: &Store) -> Result<Option<Generation>, StoreError> {
        match self {
            Self::Suspend(username) => store.set_suspended(username, true).await,
            Self::SignOut(username) => {
                let ended = store.sign_out_everywhere(username).await?;
                Ok(ended.map(|ended| ended.generation))
            }
            Self::RemoveRoute(username) => store.remove_route(username).await,
            Self::Lock(lock) => store.put_lock(lock.clone()).await.map(Some),
        }
    }

    /// As the table will log it; `None` where no edge has anything of it.
    fn change(&self, route: Option<Route>) -> Option<Change> {
        match self {
            Self::Suspend(_) => {
                route.map(|route| Change::Put(Route { state: RouteState::Suspended, ..route }))
            }
            Self::SignOut(_) => {
                route.map(|route| Change::Put(Route { epoch: route.epoch + 1, ..route }))
            }
            Self::RemoveRoute(username) => route.map(|_| Change::Remove(*username)),
            Self::Lock(lock) => Some(Change::Lock(lock.clone())),
        }
    }
}

impl Unwritten {
    /// The number of what edges are to be told; one that waits already keeps its number.
    /// `None` where there is nothing to tell, or too much.
    pub(super) async fn add(
        &self,
        store: &Store,
        revocation: Revocation,
    ) -> Result<Option<u64>, StoreError> {
        let written = store.route(revocation.username()).await?;
        let mut number = None;
        self.0.send_if_modified(|Entries { last, waiting, .. }| {
            if let Some(entry) = waiting.iter().find(|entry| entry.revocation == revocation) {
                number = Some(entry.number);
                return false;
            }
            let told = waiting.iter().rev().find_map(|entry| match &entry.change {
                Change::Put(route) if route.username == *revocation.username() => {
                    Some(Some(route.clone()))
                }
                Change::Remove(username) if username == revocation.username() => Some(None),
                _ => None,
            });
            let Some(change) = revocation.change(told.unwrap_or(written)) else { return false };
            if waiting.len() >= UNWRITTEN_MAX {
                return false;
            }
            *last += 1;
            number = Some(*last);
            waiting.push(Arc::new(Entry { number: *last, change, revocation }));
            true
        });
        Ok(number)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().waiting.is_empty()
    }

    /// The first that comes after number `told`.
    pub(super) fn after(&self, told: u64) -> Option<Arc<Entry>> {
        self.0.borrow().waiting.iter().find(|entry| entry.number > told).cloned()
    }

    /// Which generation has it; `None` while it waits.
    pub(super) fn written(&self, number: u64) -> Option<Option<Generation>> {
        let written = self.0.borrow().written;
        written.filter(|(last, _)| *last >= number).map(|(_, generation)| generation)
    }

    pub(super) fn has(&self, username: &Username) -> bool {
        self.0.borrow().waiting.iter().any(|entry| entry.revocation.username() == username)
    }

    /// Writes what waits as soon as the database takes it; for ever.
    pub(super) async fn write_all(self: Arc<Self>, store: Store, wake: watch::Sender<Wake>) {
        let mut changed = self.0.subscribe();
        loop {
            let waits = changed.wait_for(|entries| !entries.waiting.is_empty()).await;
            let Some(entry) = waits.expect("we hold the sender").waiting.first().cloned() else {
                continue;
            };
            let username = entry.revocation.username();
            let written = match entry.revocation.write(&store).await {
                Ok(generation) => {
                    info!("what was taken away from {username} is in the database now");
                    Some((entry.number, generation))
                }
                Err(why) if why.is_outage() => {
                    let why = anyhow::Error::from(why);
                    warn!("what was taken away from {username} is not in the database: {why:#}");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
                Err(why) => {
                    let why = anyhow::Error::from(why);
                    error!("what was taken away from {username} cannot be written: {why:#}");
                    None
                }
            };
            self.0.send_modify(|entries| {
                entries.written = written.or(entries.written);
                entries.waiting.retain(|waiting| waiting.number != entry.number);
            });
            wake.send_modify(|wake| wake.own += 1);
        }
    }
}
