//! The turns that run now, and how earlier ones ended.
//!
//! A conversation has at most one running turn. A message that arrives
//! meanwhile steers it: it waits, and the same turn goes on to answer it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Notify, watch};

use super::session_store::{Body, LastRun, SessionStore, StopReason, StoredFile};
use crate::clock;
use crate::ids;

/// Ends of turns remembered, for clients that send the same key again.
const OUTCOMES_MAX: usize = 1_000;

/// Messages that may wait for one turn.
const STEERED_MAX: usize = 50;

/// A turn that runs. Whoever holds `live` decides what is published next.
#[derive(Debug)]
pub struct Turn {
    pub run_id: String,
    pub session_key: String,
    /// The connection that it was begun on.
    pub owner: Option<u64>,
    pub session_id: String,
    pub started_at: u64,
    pub live: Mutex<Live>,
    /// Wakes the turn when it was aborted.
    pub stopped: Notify,
}

/// The part of a turn that changes.
#[derive(Debug, Default)]
pub struct Live {
    /// Number of the last event of this run.
    pub seq: u64,
    /// Everything said so far.
    pub text: String,
    /// Where in `text` the answer to the present message begins.
    pub answer_start: usize,
    /// Aborted, failed or done: nothing more may be published.
    pub ended: bool,
    pub steered: VecDeque<Steered>,
    /// Files of the present answer.
    pub files: Vec<StoredFile>,
}

/// A message that waits for the running turn.
#[derive(Clone, Debug)]
pub struct Steered {
    pub id: String,
    pub run_id: String,
    pub message: String,
    pub accepted_at: u64,
}

/// What became of an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Running,
    Done,
    Failed { reason: String },
    Aborted { ended_at: u64 },
}

/// What a `chat.send` brought about.
#[derive(Debug)]
pub enum Begun {
    /// The key was used before.
    Again(Outcome),
    /// The message waits for the running turn.
    Steered,
    /// A turn to run.
    Turn(Arc<Turn>),
    /// Too many messages wait already.
    Full,
}

/// What follows an answer.
#[derive(Debug)]
pub enum Next {
    /// Another message waited: the turn goes on with it.
    Message(Steered),
    /// The turn is over.
    End,
    /// It was aborted meanwhile, and everybody knows.
    Stopped,
}

impl Turn {
    pub fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().expect("no holder panics")
    }
}

/// All turns of a gateway.
#[derive(Debug)]
pub struct Turns {
    inner: Mutex<Inner>,
    running: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By session key.
    active: HashMap<String, Arc<Turn>>,
    outcomes: BTreeMap<String, Outcome>,
    /// Keys of `outcomes`, the oldest first.
    order: VecDeque<String>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { inner: Mutex::default(), running: watch::channel(0).0 }
    }
}

impl Turns {
    /// Takes a message: starts a turn, steers the running one, or recognises
    /// a repetition. The same `run_id` never starts two turns.
    ///
    /// # Errors
    /// The message could not be saved; nothing was started.
    pub fn begin(
        &self,
        store: &SessionStore,
        session_key: &str,
        run_id: &str,
        message: &str,
        files: Vec<StoredFile>,
        owner: Option<u64>,
    ) -> io::Result<Begun> {
        let mut inner = self.lock();
        if let Some(outcome) = inner.outcomes.get(run_id) {
            return Ok(Begun::Again(outcome.clone()));
        }
        if let Some(turn) = inner.active.get(session_key).cloned() {
            let mut live = turn.live();
            if live.steered.len() >= STEERED_MAX {
                return Ok(Begun::Full);
            }
            live.steered.push_back(Steered {
                id: ids::uuid(),
                run_id: run_id.to_owned(),
                message: message.to_owned(),
                accepted_at: clock::unix_millis(),
            });
            inner.remember(run_id, Outcome::Running);
            return Ok(Begun::Steered);
        }
        let text = message.to_owned();
        let turn = Arc::new(Turn {
            run_id: run_id.to_owned(),
            session_key: session_key.to_owned(),
            owner,
            session_id: store.append_with(session_key, run_id, Body::User { text }, files)?,
            started_at: clock::unix_millis(),
            live: Mutex::default(),
            stopped: Notify::new(),
        });
        inner.active.insert(session_key.to_owned(), Arc::clone(&turn));
        inner.remember(run_id, Outcome::Running);
        Ok(Begun::Turn(turn))
    }

    /// Saves the answer to the present message and says what follows.
    ///
    /// # Errors
    /// The answer could not be saved; the turn still runs.
    pub fn answered(&self, store: &SessionStore, turn: &Turn) -> io::Result<Next> {
        let mut inner = self.lock();
        let mut live = turn.live();
        if live.ended {
            return Ok(Next::Stopped);
        }
        let answer = Body::Assistant {
            text: live.text[live.answer_start..].trim_start().to_owned(),
            stop_reason: StopReason::Stop,
        };
        let files = std::mem::take(&mut live.files);
        store.append_with(&turn.session_key, &turn.run_id, answer, files)?;
        live.answer_start = live.text.len();
        if let Some(next) = live.steered.pop_front() {
            let text = next.message.clone();
            store.append(&turn.session_key, &next.run_id, Body::User { text })?;
            inner.remember(&next.run_id, Outcome::Done);
            return Ok(Next::Message(next));
        }
        live.ended = true;
        inner.active.remove(&turn.session_key);
        inner.remember(&turn.run_id, Outcome::Done);
        store.end_run(&turn.session_key, last_run(turn, StopReason::Stop, None))?;
        Ok(Next::End)
    }

    /// Ends a turn that failed, together with what waited for it. Returns
    /// the runs that ended; none when the turn was aborted before.
    ///
    /// # Errors
    /// The failure could not be saved; the turn is over all the same.
    pub fn failed(
        &self,
        store: &SessionStore,
        turn: &Turn,
        reason: &str,
    ) -> io::Result<Vec<String>> {
        let mut inner = self.lock();
        let mut live = turn.live();
        if live.ended {
            return Ok(Vec::new());
        }
        let outcome = Outcome::Failed { reason: reason.to_owned() };
        let runs = inner.end(turn, &mut live, &outcome);
        let shown =
            Body::Assistant { text: format!("⚠️ {reason}"), stop_reason: StopReason::Error };
        store.append(&turn.session_key, &turn.run_id, shown)?;
        let error = Some(reason.to_owned());
        store.end_run(&turn.session_key, last_run(turn, StopReason::Error, error))?;
        Ok(runs)
    }

    /// Aborts the running turn of a conversation (only `run_id`, if given)
    /// and calls `announce` before anything else can be published.
    ///
    /// Returns the runs that ended, none when there was nothing to abort.
    ///
    /// # Errors
    /// The text so far could not be saved; the turn is aborted all the same.
    pub fn abort(
        &self,
        store: &SessionStore,
        session_key: &str,
        run_id: Option<&str>,
        announce: impl FnOnce(&Turn, &mut Live),
    ) -> io::Result<Vec<String>> {
        let mut inner = self.lock();
        let Some(turn) = inner.active.get(session_key).cloned() else {
            return Ok(Vec::new());
        };
        let mut live = turn.live();
        if run_id.is_some_and(|run_id| run_id != turn.run_id && !live.waits(run_id)) {
            return Ok(Vec::new());
        }
        let outcome = Outcome::Aborted { ended_at: clock::unix_millis() };
        let runs = inner.end(&turn, &mut live, &outcome);
        announce(&turn, &mut live);
        turn.stopped.notify_one();
        let text = live.text[live.answer_start..].trim().to_owned();
        if !text.is_empty() {
            let partial = Body::Assistant { text, stop_reason: StopReason::Aborted };
            store.append(&turn.session_key, &turn.run_id, partial)?;
        }
        store.end_run(session_key, last_run(&turn, StopReason::Aborted, None))?;
        Ok(runs)
    }

    /// The running turn of a conversation.
    pub fn active(&self, session_key: &str) -> Option<Arc<Turn>> {
        self.lock().active.get(session_key).cloned()
    }

    /// Counts a turn as running until the guard is dropped.
    pub fn count_running(self: &Arc<Self>) -> Running {
        self.running.send_modify(|running| *running += 1);
        Running(Arc::clone(self))
    }

    /// How many turns run.
    pub fn count(&self) -> usize {
        self.lock().active.len()
    }

    /// Resolves when the last event of the last turn is out.
    pub async fn idle(&self) {
        let mut running = self.running.subscribe();
        // The sender lives in `self`: this wait cannot fail.
        let _ = running.wait_for(|running| *running == 0).await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder panics")
    }
}

/// See [`Turns::count_running`].
#[derive(Debug)]
pub struct Running(Arc<Turns>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

impl Live {
    fn waits(&self, run_id: &str) -> bool {
        self.steered.iter().any(|steered| steered.run_id == run_id)
    }
}

impl Inner {
    fn end(&mut self, turn: &Turn, live: &mut Live, outcome: &Outcome) -> Vec<String> {
        live.ended = true;
        self.active.remove(&turn.session_key);
        let mut runs = vec![turn.run_id.clone()];
        runs.extend(live.steered.drain(..).map(|steered| steered.run_id));
        for run_id in &runs {
            self.remember(run_id, outcome.clone());
        }
        runs
    }

    fn remember(&mut self, run_id: &str, outcome: Outcome) {
        if self.outcomes.insert(run_id.to_owned(), outcome).is_none() {
            self.order.push_back(run_id.to_owned());
        }
        while self.order.len() > OUTCOMES_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.outcomes.remove(&oldest);
            }
        }
    }
}

fn last_run(turn: &Turn, stop_reason: StopReason, error: Option<String>) -> LastRun {
    LastRun {
        run_id: turn.run_id.clone(),
        started_at: turn.started_at,
        ended_at: clock::unix_millis(),
        stop_reason,
        error,
    }
}

#[cfg(test)]
#[path = "turns_tests.rs"]
mod tests;
