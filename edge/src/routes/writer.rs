//! Keeps the tables on disk in step with the tables that are served.
//!
//! A thread of its own owns the store: a disk that fails or hangs then holds up
//! neither the requests nor a change that takes access away. Whatever goes
//! wrong, the thread tries again until the disk holds what is served.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use shared::Username;
use shared::wire::GenerationState;
use tracing::{error, info};

use super::step::Step;
use super::store::{Store, StoreError};
use super::tables::Tables;
use crate::limits::{DURABLE_WAIT, STORE_JOBS_MAX, STORE_RETRY_FIRST, STORE_RETRY_MAX};

pub(super) struct Writer {
    /// `None` only while it is dropped.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    is_behind: Arc<AtomicBool>,
}

/// From one state to the next, as planned.
pub(super) struct Save {
    pub(super) from: GenerationState,
    pub(super) steps: Vec<Step>,
    pub(super) next: Tables,
}

/// A change that is on disk and not served yet. The writer waits until it is
/// dropped: until then the disk may be ahead of what is served.
pub(super) struct Saved {
    _served: SyncSender<()>,
}

enum Job {
    /// To be served when it is written, and only then.
    Grant {
        save: Save,
        reply: SyncSender<Result<(), StoreError>>,
        served: Receiver<()>,
    },
    /// Is served already.
    Follow {
        save: Save,
        reply: SyncSender<Result<(), StoreError>>,
    },
    Names {
        after: Option<Username>,
        limit: usize,
        reply: SyncSender<Result<Vec<Username>, StoreError>>,
    },
    GiveUp {
        reply: SyncSender<Tables>,
    },
    TakeBack,
}

impl Writer {
    /// `store` holds `served`.
    pub(super) fn start(path: &Path, store: Store, served: Arc<ArcSwap<Tables>>) -> Self {
        let (jobs, queue) = mpsc::sync_channel(STORE_JOBS_MAX);
        let is_behind = Arc::<AtomicBool>::default();
        let disk = Tables::clone(&served.load());
        let work = Work {
            path: path.to_owned(),
            store: Some(store),
            disk,
            served,
            is_given_up: false,
            retry: STORE_RETRY_FIRST,
            is_behind: Arc::clone(&is_behind),
        };
        let thread = thread::Builder::new()
            .name("route-store".into())
            .spawn(move || work.run(&queue))
            .expect("a thread can be started when the edge starts");
        Self { jobs: Some(jobs), thread: Some(thread), is_behind }
    }

    /// Writes what is to be served afterwards. Serve it before the answer is dropped.
    ///
    /// # Errors
    /// The disk refused, or did not answer in time; the change must not be served.
    pub(super) fn grant(&self, save: Save, patience: Duration) -> Result<Saved, StoreError> {
        let (served, until_served) = mpsc::sync_channel(0);
        let result = self.ask(|reply| Job::Grant { save, reply, served: until_served }, patience);
        result?.map(|()| Saved { _served: served })
    }

    /// Writes what is served already. Whatever this says, it will be written in the end.
    ///
    /// # Errors
    /// It is not on disk yet.
    pub(super) fn follow(&self, save: Save, patience: Duration) -> Result<(), StoreError> {
        self.ask(|reply| Job::Follow { save, reply }, patience)?
    }

    pub(super) fn names(
        &self,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<Vec<Username>, StoreError> {
        let after = after.copied();
        self.ask(|reply| Job::Names { after, limit, reply }, DURABLE_WAIT)?
    }

    /// Lets go of the file, so that another process can open it; says what is in it.
    /// Nothing is written any more until [`Writer::take_back`].
    ///
    /// # Errors
    /// The disk did not answer in time.
    pub(super) fn give_up(&self) -> Result<Tables, StoreError> {
        self.ask(|reply| Job::GiveUp { reply }, DURABLE_WAIT)
    }

    pub(super) fn take_back(&self) {
        if let Some(jobs) = &self.jobs {
            // A full queue is a disk that hangs; the thread is then asked in vain.
            let _ = jobs.try_send(Job::TakeBack);
        }
    }

    /// Is something served that is not on disk?
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    fn ask<T>(
        &self,
        job: impl FnOnce(SyncSender<T>) -> Job,
        patience: Duration,
    ) -> Result<T, StoreError> {
        let (reply, answer) = mpsc::sync_channel(1);
        let jobs = self.jobs.as_ref().expect("there until it is dropped");
        match jobs.try_send(job(reply)) {
            Ok(()) => answer.recv_timeout(patience).map_err(|_| StoreError::Slow),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(StoreError::Slow),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // The file is free when this returns.
            let _ = thread.join();
        }
    }
}

/// What the thread knows.
struct Work {
    path: PathBuf,
    /// `None` after a failed write, when it is unknown what is on disk, and while
    /// another process has the file.
    store: Option<Store>,
    /// What is on disk, as long as `store` is there.
    disk: Tables,
    served: Arc<ArcSwap<Tables>>,
    is_given_up: bool,
    /// How long to wait before the next try.
    retry: Duration,
    is_behind: Arc<AtomicBool>,
}

impl Work {
    fn run(mut self, queue: &Receiver<Job>) {
        loop {
            let is_behind = !self.is_given_up && !self.is_in_step();
            self.is_behind.store(is_behind, Ordering::Relaxed);
            let job = if is_behind {
                queue.recv_timeout(self.retry)
            } else {
                queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match job {
                Ok(job) => self.carry_out(job),
                Err(RecvTimeoutError::Timeout) => self.catch_up(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if !self.is_given_up && !self.is_in_step() {
            self.catch_up();
        }
    }

    fn carry_out(&mut self, job: Job) {
        // An answer that nobody waits for any more is of no interest.
        match job {
            Job::Grant { save, reply, served } => {
                let result = self.grant(save);
                let _ = reply.send(result);
                // Answers with an error as soon as the other end is dropped.
                let _ = served.recv();
            }
            Job::Follow { save, reply } => {
                let _ = reply.send(self.save(save));
            }
            Job::Names { after, limit, reply } => {
                let names = self.opened().and_then(|store| store.names(after.as_ref(), limit));
                let _ = reply.send(names);
            }
            Job::GiveUp { reply } => {
                if !self.is_in_step() {
                    self.catch_up();
                }
                self.store = None;
                self.is_given_up = true;
                let _ = reply.send(self.disk.clone());
            }
            Job::TakeBack => self.is_given_up = false,
        }
    }

    fn grant(&mut self, save: Save) -> Result<(), StoreError> {
        // Something else was served meanwhile: this would undo it on disk.
        if save.from != self.served.load().state() {
            return Err(StoreError::Slow);
        }
        self.save(save)
    }

    fn save(&mut self, save: Save) -> Result<(), StoreError> {
        let Save { from, steps, next } = save;
        self.opened()?;
        let steps = if self.disk.state() == from { steps } else { self.disk.steps_to(&next) };
        self.write(&steps, next)
    }

    /// Brings the disk to what is served.
    fn catch_up(&mut self) {
        let next = Tables::clone(&self.served.load());
        let result = self.opened().map(|_| ()).and_then(|()| {
            let steps = self.disk.steps_to(&next);
            self.write(&steps, next)
        });
        match result {
            Ok(()) => {
                let generation = self.disk.state().generation;
                info!(%generation, "the route store holds what is served again");
                self.retry = STORE_RETRY_FIRST;
            }
            Err(error) => {
                self.retry = (self.retry * 2).min(STORE_RETRY_MAX);
                let error = &error as &dyn std::error::Error;
                error!(error, "the route store is behind what is served; trying again");
            }
        }
    }

    fn write(&mut self, steps: &[Step], next: Tables) -> Result<(), StoreError> {
        let state = next.state();
        if self.disk.told == next.told {
            return Ok(());
        }
        let written = self.opened()?.write(&state, steps);
        match &written {
            Ok(()) => self.disk = next,
            Err(error) => {
                let error = error as &dyn std::error::Error;
                error!(generation = %state.generation, error, "the route store was not written");
                self.store = None;
            }
        }
        written
    }

    /// The store; after a failure it is opened anew, which tells what is in it.
    fn opened(&mut self) -> Result<&Store, StoreError> {
        if self.is_given_up {
            return Err(StoreError::GivenUp);
        }
        if self.store.is_none() {
            let (store, disk) = Store::open(&self.path)?;
            (self.store, self.disk) = (Some(store), disk);
        }
        Ok(self.store.as_ref().expect("opened above"))
    }

    fn is_in_step(&self) -> bool {
        self.store.is_some() && self.disk.told == self.served.load().told
    }
}
