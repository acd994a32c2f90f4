//! Which workspace is where: served from memory, kept on disk, changed while running.
//!
//! Requests read [`tables`]; they never wait for a change. A change is planned
//! (pure, [`plan`]), made visible, and revokes what it ends ([`revocation`]), in
//! this order: a request that is let in after a revocation has seen the change.
//! One that gives access is written before ([`writer`]), so that it is there after
//! a crash; one that takes access away never waits for a disk.

pub(crate) mod batch;
mod follower;
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
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use shared::process::time;
use shared::wire::{Applied, ChangesRequest, GenerationState, RoutesPage};
use shared::{AddressPolicy, Route, Username};
use tracing::{debug, info};

use crate::connections::{ConnectionRegistry, RevokedCount, Scope};
use crate::limits::{DURABLE_WAIT, TABLE_DURABLE_WAIT};

pub(crate) use batch::Batch;
pub(crate) use follower::{CHANGE, DOMAINS, Follower, RELOAD};
pub(crate) use rejection::Rejection;
pub(crate) use store::StoreError;
pub use tables::Tables;
pub(crate) use upload::{Upload, Whole};

use plan::Plan;
use step::Step;
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
    /// Told of every change, while the one that makes it holds `serving`.
    follower: Mutex<Option<Follower>>,
    /// Another process makes the changes now.
    is_handed_over: AtomicBool,
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
        let routes = Self {
            tables,
            policy,
            registry,
            serving: Mutex::default(),
            writer,
            follower: Mutex::default(),
            is_handed_over: AtomicBool::new(false),
        };
        let GenerationState { generation, routes: count, .. } = routes.state();
        info!(%generation, routes = count, "generation {generation} with {count} routes is on disk");
        Ok(Opened { routes, moved_aside })
    }

    /// What is served now, all of it.
    pub(crate) fn served(&self) -> Arc<Tables> {
        self.tables.load_full()
    }

    /// Where `username` is served. Never waits.
    pub(crate) fn find(&self, username: &Username) -> Option<Arc<Route>> {
        self.tables.load().route(username)
    }

    /// What is served now, for no longer than it takes to decide about a request. Never waits.
    pub(crate) fn look(&self) -> impl Deref<Target = Arc<Tables>> {
        self.tables.load()
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
        if self.is_handed_over.load(Ordering::Relaxed) {
            return Err(StoreError::GivenUp.into());
        }
        let plan = plan(&self.tables.load())?;
        let from = self.state();
        let revocations = revocation::scopes(&plan.steps, time::unix_seconds());
        if revocations.is_empty() {
            // Whoever takes access away meanwhile does not wait for the disk.
            drop(serving);
            return self.grant(from, plan, patience);
        }
        let save = Save { from, steps: plan.steps, next: plan.next.clone() };
        let mut applied = self.serve(plan.next, &save.steps, &revocations);
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
        let save = Save { from, steps: steps.clone(), next: next.clone() };
        let saved = self.writer.grant(save, patience)?;
        let _serving = self.serving.lock().expect(SERVING);
        let served = self.state();
        if served != from {
            return Err(Rejection::Conflict { served: served.generation }.into());
        }
        let applied = self.serve(next, &steps, &[]);
        drop(saved);
        Ok(applied)
    }

    /// Makes `next` visible, then revokes: a request that is let in afterwards has
    /// seen the change.
    fn serve(&self, next: Tables, steps: &[Step], revocations: &[(Username, Scope)]) -> Applied {
        let (base, generation) = (self.state().generation, next.state().generation);
        let changes = steps.len();
        let old = self.tables.swap(Arc::new(next));
        let mut count = RevokedCount::default();
        for (username, scope) in revocations {
            count += self.registry.revoke(username, *scope);
        }
        count += self.tell_follower(|follower| {
            follower::changes_of(base, generation, steps).map(|changes| follower.tell(&changes))
        });
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

/// Taking over from a former process, and being one.
impl Routes {
    /// Waits a moment for what is served to be on disk.
    pub(crate) fn settle(&self) {
        let deadline = Instant::now() + DURABLE_WAIT;
        while self.is_behind() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Tells `follower` of every change from now on.
    pub(crate) fn lead(&self, follower: Follower) {
        *self.follower.lock().unwrap_or_else(PoisonError::into_inner) = Some(follower);
    }

    /// Is there a former process that still has connections, and must be told of changes?
    pub(crate) fn has_follower(&self) -> bool {
        match self.follower.try_lock() {
            Ok(mut slot) => {
                if slot.as_ref().is_some_and(|follower| !follower.is_there()) {
                    *slot = None;
                }
                slot.is_some()
            }
            // It is being told something just now.
            Err(_) => true,
        }
    }

    /// Has a former process read its keys again.
    pub(crate) fn reload_follower(&self) {
        self.tell_follower(|follower| Some(follower.reload()));
    }

    /// Has a former process look which domains of customers are left; says what that ended.
    pub(crate) fn domains_of_follower(&self) -> RevokedCount {
        self.tell_follower(|follower| Some(follower.read_domains()))
    }

    /// Lets go of the store, so that a successor can open it; says what is in it.
    /// Until it is served there, what takes access away is still served here.
    ///
    /// # Errors
    /// The disk did not answer in time.
    pub(crate) fn give_up(&self) -> Result<Tables, StoreError> {
        self.writer.give_up()
    }

    /// The successor did not come to serve.
    pub(crate) fn take_back(&self) {
        self.writer.take_back();
    }

    /// No change is made here any more; says what the successor, which has read
    /// `on_disk`, does not know yet.
    pub(crate) fn hand_over(&self, on_disk: &Tables) -> Option<ChangesRequest> {
        let _serving = self.serving.lock().expect(SERVING);
        self.is_handed_over.store(true, Ordering::Relaxed);
        let served = self.tables.load();
        let (base, generation) = (on_disk.state().generation, served.state().generation);
        let steps = on_disk.steps_to(&served);
        if steps.is_empty() { None } else { follower::changes_of(base, generation, &steps) }
    }

    /// Makes a change that the successor has made: in memory only, and the disk is its.
    ///
    /// # Errors
    /// The two do not serve the same any more.
    pub(crate) fn follow(&self, batch: Batch) -> Result<RevokedCount, Rejection> {
        let _serving = self.serving.lock().expect(SERVING);
        let Plan { steps, next } = plan::plan_batch(batch, &self.tables.load(), &self.policy)?;
        let revocations = revocation::scopes(&steps, time::unix_seconds());
        let applied = self.serve(next, &steps, &revocations);
        Ok(RevokedCount { sockets: applied.sockets_cut, requests: applied.requests_cut })
    }

    /// What it has ended; it is let go when it does not follow, or is not told.
    fn tell_follower(
        &self,
        tell: impl FnOnce(&mut Follower) -> Option<io::Result<RevokedCount>>,
    ) -> RevokedCount {
        let mut slot = self.follower.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(follower) = slot.as_mut() else { return RevokedCount::default() };
        match tell(follower) {
            Some(Ok(count)) => count,
            Some(Err(_)) | None => {
                info!("the former process is gone, or ends now");
                *slot = None;
                RevokedCount::default()
            }
        }
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
