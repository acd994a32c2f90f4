//! Which workspace is where: served from memory, kept on disk, changed while running.
//!
//! Requests read [`tables`]; they never wait for a change. A change is planned
//! (pure, [`plan`]), written ([`store`]), made visible, and then revokes what
//! it ends ([`revocation`]), in this order: what was answered for is there after a crash,
//! and a request that is let in after a revocation has seen the change.

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

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;
use shared::process::time;
use shared::wire::{Applied, GenerationState, RoutesPage};
use shared::{AddressPolicy, Route, SessionId, Username};
use tracing::{debug, error, info};

use crate::connections::{ConnectionRegistry, RevokedCount};

pub(crate) use batch::Batch;
pub(crate) use rejection::Rejection;
pub(crate) use store::StoreError;
pub use tables::Tables;
pub(crate) use upload::{Upload, Whole};

use plan::Plan;
use step::Step;
use store::Store;

/// The route table of this edge. Shared by `Arc`.
pub(crate) struct Routes {
    tables: ArcSwap<Tables>,
    policy: AddressPolicy,
    registry: Arc<ConnectionRegistry>,
    path: PathBuf,
    /// Held by the one who changes the tables.
    ///
    /// `None` after a failed write, when it is unknown what is on disk: the next
    /// change looks first.
    store: Mutex<Option<Store>>,
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
        let routes = Self {
            tables: ArcSwap::from_pointee(tables),
            policy,
            registry,
            path: path.to_owned(),
            store: Mutex::new(Some(store)),
        };
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

    /// Brings the tables from one generation to the next: durable, then served,
    /// then cut. Blocking, one at a time.
    ///
    /// # Errors
    /// Nothing of the batch is served.
    pub(crate) fn apply(&self, batch: impl Into<Batch>) -> Result<Applied, ApplyError> {
        let mut store = self.store()?;
        let plan = plan::plan_batch(batch.into(), &self.tables.load(), &self.policy)?;
        write(&mut store, &plan)?;
        Ok(self.serve(plan))
    }

    /// Serves `whole` in place of everything; cuts what the difference ends.
    /// Blocking, one at a time.
    ///
    /// # Errors
    /// The table that was served stays.
    pub(crate) fn replace(&self, whole: Whole) -> Result<Applied, ApplyError> {
        let mut store = self.store()?;
        let plan = plan::plan_whole(whole, &self.tables.load())?;
        write(&mut store, &plan)?;
        let GenerationState { generation, routes, .. } = plan.next.state();
        info!(%generation, routes, "a whole table came: generation {generation}, {routes} routes");
        Ok(self.serve(plan))
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
        let names = self.store()?.as_ref().expect("open").names(after, limit)?;
        let next = names.last().filter(|_| names.len() == limit).map(ToString::to_string);
        let routes = names.iter().filter_map(|name| Some(Route::clone(&*self.find(name)?)));
        Ok(RoutesPage { routes: routes.collect(), next })
    }

    /// The store, open; only the thread that holds it changes anything.
    fn store(&self) -> Result<MutexGuard<'_, Option<Store>>, StoreError> {
        let mut store = self.store.lock().expect("nothing panics while it holds the store");
        if store.is_none() {
            let (opened, next) = Store::open(&self.path)?;
            // The write that failed may have reached the disk after all.
            let steps = self.tables.load().steps_to(&next);
            self.serve(Plan { steps, next });
            *store = Some(opened);
        }
        Ok(store)
    }

    /// What remains to be done when a change is on disk.
    fn serve(&self, plan: Plan) -> Applied {
        let Plan { steps, next } = plan;
        let generation = next.state().generation;
        let old = self.tables.swap(Arc::new(next));
        let count = self.revoke(&steps);
        // A reader that still looks into the old tables, which takes a moment, would
        // be the one to free what only they had, in the middle of a request.
        while Arc::strong_count(&old) > 1 {
            std::thread::yield_now();
        }
        let changes = steps.len();
        let RevokedCount { sockets, requests } = count;
        if count == RevokedCount::default() {
            debug!(%generation, changes, "serving generation {generation}");
        } else {
            info!(
                %generation, changes, sockets, requests,
                "serving generation {generation}; cut {sockets} sockets and {requests} requests"
            );
        }
        Applied { generation, sockets_cut: sockets, requests_cut: requests }
    }

    fn revoke(&self, steps: &[Step]) -> RevokedCount {
        let now = time::unix_seconds();
        let mut count = RevokedCount::default();
        for (username, scope) in steps.iter().filter_map(|step| revocation::scope(step, now)) {
            count += self.registry.revoke(&username, scope);
        }
        count
    }
}

fn write(store: &mut Option<Store>, plan: &Plan) -> Result<(), StoreError> {
    let written = store.as_ref().expect("open").write(&plan.next.state(), &plan.steps);
    if let Err(error) = &written {
        let generation = plan.next.state().generation;
        error!(%generation, error = error as &dyn std::error::Error, "generation {generation} could not be written; still serving the one before");
        *store = None;
    }
    written
}

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
