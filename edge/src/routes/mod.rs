//! Which workspace is where: served from memory, kept on disk, changed while running.
//!
//! Requests read [`tables`]; they never wait for a change. A change is planned
//! (pure, [`plan`]), made visible, and revokes what it ends ([`revocation`]), in
//! this order: a request that is let in after a revocation has seen the change.
//! One that gives access is written before ([`writer`]), so that it is there after
//! a crash; one that takes access away never waits for a disk.

pub(crate) mod batch;
pub(crate) mod locks;
pub(crate) mod plan;
pub(crate) mod rejection;
pub(crate) mod revocation;
pub(crate) mod row;
pub(crate) mod step;
pub(crate) mod store;
pub(crate) mod table;
pub(crate) mod tables;
pub(crate) mod upload;
mod writer;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use shared::process::time;
use shared::wire::{Applied, GenerationState, RoutesPage};
use shared::{AddressPolicy, Route, SessionId, Username};
use tracing::{debug, info};

use crate::connections::{ConnectionRegistry, RevokedCount, Scope};
use crate::limits::{DURABLE_WAIT, TABLE_DURABLE_WAIT};

pub(crate) use batch::Batch;
pub(crate) use rejection::Rejection;
pub(crate) use store::StoreError;
pub use tables::Tables;
pub(crate) use upload::{Upload, Whole};

use plan::Plan;
use store::Store;
use writer::{Save, Writer};

/// The route table of this edge. Shared by `Arc`.
pub(crate) struct Routes {
    tables: Arc<ArcSwap<Tables>>,
    policy: AddressPolicy,
    registry: Arc<ConnectionRegistry>,
    /// Held by the thread that changes the tables, never while it waits for the disk.
    serving: Mutex<()>,
    writer: Writer,
}

/// An opened table, and what had to be put out of the way for it.
pub(crate) struct Opened {
    pub routes: Routes,
    pub moved_aside: Option<MovedAside>,
}

/// A store that could not be read. The edge is empty and not ready until it is
/// sent a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MovedAside {
    pub to: PathBuf,
    pub reason: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("route store {} cannot be opened", path.display())]
    Store { path: PathBuf, source: StoreError },
    #[error("route store {} is spoiled ({reason}) and cannot be moved aside", path.display())]
    MoveAside { path: PathBuf, reason: String, source: io::Error },
}

/// Why a change was not made. The edge serves what it served before.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Whether it will be there after a restart is unknown; asking again settles it.
    #[error("the change could not be written to the route store")]
    Store(#[from] StoreError),
}

impl Routes {
    /// Opens the store and serves what is in it. Blocking: a million routes take a second.
    ///
    /// # Errors
    /// When another process has the store, or the file system refuses it. A
    /// spoiled store is no error: it is moved aside, and the edge starts empty.
    pub(crate) fn open(
        path: &Path,
        policy: AddressPolicy,
        registry: Arc<ConnectionRegistry>,
    ) -> Result<Opened, OpenError> {
        let ((store, tables), moved_aside) = open_or_move_aside(path)?;
        let tables = Arc::new(ArcSwap::from_pointee(tables));
        let writer = Writer::start(path, store, Arc::clone(&tables));
        let routes = Self { tables, policy, registry, serving: Mutex::default(), writer };
        let GenerationState { generation, routes: count, .. } = routes.state();
        info!(%generation, routes = count, "generation {generation} with {count} routes is on disk");
        Ok(Opened { routes, moved_aside })
    }

    /// Where `username` is served. Never waits.
    pub(crate) fn find(&self, username: &Username) -> Option<Arc<Route>> {
        self.tables.load().route(username)
    }

    /// Is the workspace, or this session of it, locked at `now` (unix seconds)? Never waits.
    pub(crate) fn is_locked(
        &self,
        username: &Username,
        session: Option<&SessionId>,
        now: u64,
    ) -> bool {
        self.tables.load().is_locked(username, session, now)
    }

    /// What is served: generation zero until the edge was told otherwise.
    pub(crate) fn state(&self) -> GenerationState {
        self.tables.load().state()
    }

    /// Has the edge been told what to serve, now or before it was last started?
    pub(crate) fn is_ready(&self) -> bool {
        self.tables.load().told.is_some()
    }

    /// The addresses that routes may lead to.
    pub(crate) fn policy(&self) -> &AddressPolicy {
        &self.policy
    }

    /// Is something served that is not on disk yet?
    pub(crate) fn is_behind(&self) -> bool {
        self.writer.is_behind()
    }

    /// Brings the tables from one generation to the next. Blocking.
    ///
    /// A batch that takes access away is served first, whatever the disk says, and
    /// written as soon as it can be; one that only gives access is on disk before.
    ///
    /// # Errors
    /// Nothing of the batch is served.
    pub(crate) fn apply(&self, batch: impl Into<Batch>) -> Result<Applied, ApplyError> {
        let batch = batch.into();
        self.change(DURABLE_WAIT, |tables| plan::plan_batch(batch, tables, &self.policy))
    }

    /// Serves `whole` in place of everything; revokes what the difference ends.
    /// Otherwise as [`Routes::apply`].
    ///
    /// # Errors
    /// The table that was served stays.
    pub(crate) fn replace(&self, whole: Whole) -> Result<Applied, ApplyError> {
        let applied = self.change(TABLE_DURABLE_WAIT, |tables| plan::plan_whole(whole, tables))?;
        let GenerationState { generation, routes, .. } = self.state();
        info!(%generation, routes, "a whole table came: generation {generation}, {routes} routes");
        Ok(applied)
    }

    /// At most `limit` routes in the order of names, from behind `after`.
    ///
    /// # Errors
    /// When the store, which knows the order, cannot be read.
    pub(crate) fn page(
        &self,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<RoutesPage, StoreError> {
        let names = self.writer.names(after, limit)?;
        let next = names.last().filter(|_| names.len() == limit).map(ToString::to_string);
        let routes = names.iter().filter_map(|name| Some(Route::clone(&*self.find(name)?)));
        Ok(RoutesPage { routes: routes.collect(), next })
    }

    fn change(
        &self,
        patience: Duration,
        plan: impl FnOnce(&Tables) -> Result<Plan, Rejection>,
    ) -> Result<Applied, ApplyError> {
        let serving = self.serving.lock().expect(SERVING);
        let plan = plan(&self.tables.load())?;
        let from = self.state();
        let revocations = revocation::scopes(&plan.steps, time::unix_seconds());
        if revocations.is_empty() {
            // Whoever takes access away meanwhile does not wait for the disk.
            drop(serving);
            return self.grant(from, plan, patience);
        }
        let save = Save { from, steps: plan.steps, next: plan.next.clone() };
        let mut applied = self.serve(plan.next, save.steps.len(), &revocations);
        drop(serving);
        applied.durable = self.writer.follow(save, patience).is_ok();
        Ok(applied)
    }

    fn grant(
        &self,
        from: GenerationState,
        plan: Plan,
        patience: Duration,
    ) -> Result<Applied, ApplyError> {
        let Plan { steps, next } = plan;
        let changes = steps.len();
        let saved = self.writer.grant(Save { from, steps, next: next.clone() }, patience)?;
        let _serving = self.serving.lock().expect(SERVING);
        let served = self.state();
        if served != from {
            return Err(Rejection::Conflict { served: served.generation }.into());
        }
        let applied = self.serve(next, changes, &[]);
        drop(saved);
        Ok(applied)
    }

    /// Makes `next` visible, then revokes: a request that is let in afterwards has
    /// seen the change.
    fn serve(&self, next: Tables, changes: usize, revocations: &[(Username, Scope)]) -> Applied {
        let generation = next.state().generation;
        let old = self.tables.swap(Arc::new(next));
        let mut count = RevokedCount::default();
        for (username, scope) in revocations {
            count += self.registry.revoke(username, *scope);
        }
        // A reader that still looks into the old tables, which takes a moment, would
        // be the one to free what only they had, in the middle of a request.
        while Arc::strong_count(&old) > 1 {
            std::thread::yield_now();
        }
        let RevokedCount { sockets, requests } = count;
        if count == RevokedCount::default() {
            debug!(%generation, changes, "serving generation {generation}");
        } else {
            info!(
                %generation, changes, sockets, requests,
                "serving generation {generation}; cut {sockets} sockets and {requests} requests"
            );
        }
        Applied { generation, sockets_cut: sockets, requests_cut: requests, durable: true }
    }
}

const SERVING: &str = "nothing panics while it changes the tables";

fn open_or_move_aside(path: &Path) -> Result<((Store, Tables), Option<MovedAside>), OpenError> {
    let cannot_open = |source| OpenError::Store { path: path.to_owned(), source };
    let reason = match Store::open(path) {
        Ok(opened) => return Ok((opened, None)),
        Err(StoreError::Spoiled(reason)) => reason,
        Err(other) => return Err(cannot_open(other)),
    };
    let to = match move_aside(path) {
        Ok(to) => to,
        Err(source) => return Err(OpenError::MoveAside { path: path.to_owned(), reason, source }),
    };
    let opened = Store::open(path).map_err(cannot_open)?;
    Ok((opened, Some(MovedAside { to, reason })))
}

/// To `<path>.spoiled-<unix seconds>`, which nothing here ever reads or deletes.
fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let mut to = path.as_os_str().to_owned();
    to.push(format!(".spoiled-{}", time::unix_seconds()));
    let to = PathBuf::from(to);
    fs::rename(path, &to)?;
    Ok(to)
}
