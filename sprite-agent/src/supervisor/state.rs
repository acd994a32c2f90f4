//! The gateway's life as we see it: events in, actions out.
//!
//! A gateway that does not start is helped in this order: wait for what the
//! machine lacks, let the doctor at its configuration, go back to the last good
//! one, run the pinned version with its own, say so and try again every 10 to
//! 15 minutes, when `openclaw.json` changes, and on SIGHUP.
//!
//! Two things stay true, whatever happens (the tests try it at random): once
//! the world is good the gateway becomes ready, and each of the three repairs is
//! made at most once until the gateway has run well for a minute, its
//! configuration has changed, or the operator asks.
//!
//! Nothing here runs anything or asks the time. `now` is time during which the
//! machine was awake: see [`super::awake_clock`].
//!
//! The whole table; a test keeps it true:
#![doc = include_str!("state_table.md")]

use std::time::{Duration, Instant};

use shared::retry::Backoff;

use super::events::{Action, Event, Excess, Exit, Obstacle, Probe};
use crate::gateway_status::Repair;

/// The gateway's exit code for a configuration it will not run with.
const EXIT_CONFIGURATION: i32 = 78;

/// A gateway that was ready this long has earned a quick restart again.
const HEALTHY_AFTER: Duration = Duration::from_secs(300);

const RESTART_FIRST: Duration = Duration::from_secs(1);
const RESTART_CAP: Duration = Duration::from_secs(60);

/// How soon disk, port and memory are looked at again: it costs three system calls.
const INSPECT_AGAIN: Duration = Duration::from_secs(5);

/// A gateway that complains of something we cannot measure is started again, which costs
/// fifteen seconds of a processor: less and less often.
const COMPLAINT_FIRST: Duration = Duration::from_secs(10);
const COMPLAINT_CAP: Duration = Duration::from_secs(300);

/// Failed starts in a row, whatever the exit code, before the configuration is suspected.
const FAILURES_MAX: u32 = 3;
/// The same after a repair, which has either helped or not.
const FAILURES_AFTER_REPAIR_MAX: u32 = 2;

/// Between two attempts when nothing more can be repaired: 10 to 15 minutes.
const RETRY_FIRST: Duration = Duration::from_secs(600);
const RETRY_SPREAD: Duration = Duration::from_secs(300);

/// Probes in a row without any answer before a ready gateway is restarted. With
/// [`PROBE_READY`] and the probe's own limit that is half a minute to two; a gateway
/// under load stops answering for some seconds.
const SILENT_MAX: u32 = 6;

/// How long a gateway that was ready may answer "not ready". It drains running turns for
/// up to 315 s before it restarts by itself.
const UNREADY_MAX: Duration = Duration::from_secs(360);

/// How long a gateway above its memory ceiling may finish its turns.
const DRAIN_MAX: Duration = Duration::from_secs(330);

/// The doctor checks and rewrites a file; the gateway itself takes half a minute to load.
const DOCTOR_MAX: Duration = Duration::from_secs(180);

const PROBE_STARTING: Duration = Duration::from_millis(250);
const PROBE_READY: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
pub struct Policy {
    pub ready_budget: Duration,
    pub stop_grace: Duration,
    /// How long a gateway must be well before its configuration counts as good.
    pub proven_after: Duration,
    pub has_doctor: bool,
    pub has_pinned_version: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Stopped,
    /// Between [`Action::Inspect`] and its answer.
    Inspecting,
    /// The machine lacks something; no fault of the gateway's.
    Waiting {
        obstacle: Obstacle,
        until: Instant,
    },
    Starting {
        deadline: Instant,
    },
    Ready(Ready),
    /// Told to stop; killed when it does not. `kill_at` is `None` once it is killed.
    Terminating {
        kill_at: Option<Instant>,
        then: Then,
    },
    BackingOff {
        until: Instant,
    },
    Doctoring {
        deadline: Instant,
    },
    Restoring,
    Pinning,
    /// Everything was tried.
    Failed {
        retry_at: Instant,
    },
}

/// Of a gateway that has been ready and still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    pub since: Instant,
    /// Since when every probe found it ready.
    pub well_since: Option<Instant>,
    /// Since when it says that it is not.
    pub unready_since: Option<Instant>,
    /// Probes without an answer, in a row.
    pub silent: u32,
    /// Its configuration is kept as the last good one.
    pub is_proven: bool,
}

/// What follows when the child that was told to stop is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Stop,
    /// It ran and has to run again: no fault of its configuration.
    Restart,
    /// It was not ready in time.
    CountFailure,
    /// It does not accept our connection: as if it had refused its configuration.
    Recover,
    /// The doctor took too long: as if it had failed.
    Escalate,
    WaitFor(Obstacle),
}

/// What has been tried since the gateway last ran well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryStage {
    AsItIs,
    Doctored,
    Restored,
    VersionPinned,
    Exhausted,
}

#[derive(Debug)]
pub struct Machine {
    policy: Policy,
    state: State,
    stage: RecoveryStage,
    /// Failed starts in a row at this stage.
    failures: u32,
    backoff: Backoff,
    complaints: Backoff,
    is_pinned: bool,
    starts: u64,
    was_ready: bool,
    mended: Option<Repair>,
}

impl Machine {
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            state: State::Stopped,
            stage: RecoveryStage::AsItIs,
            failures: 0,
            backoff: Backoff::new(RESTART_FIRST, RESTART_CAP),
            complaints: Backoff::new(COMPLAINT_FIRST, COMPLAINT_CAP),
            is_pinned: false,
            starts: 0,
            was_ready: false,
            mended: None,
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn stage(&self) -> RecoveryStage {
        self.stage
    }

    /// Has the gateway ever been ready?
    pub fn was_ready(&self) -> bool {
        self.was_ready
    }

    /// Is the pinned version to be run, instead of the ordinary one?
    pub fn is_pinned(&self) -> bool {
        self.is_pinned
    }

    /// The last repair after which the gateway has proven itself.
    pub fn mended(&self) -> Option<Repair> {
        self.mended
    }

    pub fn restarts(&self) -> u64 {
        self.starts.saturating_sub(1)
    }

    /// Failed starts in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    pub fn is_starting(&self) -> bool {
        matches!(self.state, State::Starting { .. })
    }

    pub fn is_doctoring(&self) -> bool {
        matches!(self.state, State::Doctoring { .. })
    }

    /// An end that was asked for is no trouble.
    pub fn is_stopping(&self) -> bool {
        matches!(self.state, State::Terminating { .. })
    }

    /// When [`Event::DeadlinePassed`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Starting { deadline } | State::Doctoring { deadline } => Some(deadline),
            State::BackingOff { until } | State::Waiting { until, .. } => Some(until),
            State::Failed { retry_at } => Some(retry_at),
            State::Terminating { kill_at, .. } => kill_at,
            State::Stopped
            | State::Inspecting
            | State::Ready { .. }
            | State::Restoring
            | State::Pinning => None,
        }
    }

    /// How long to wait before the next probe; `None` when there is nothing to probe.
    pub fn probe_after(&self) -> Option<Duration> {
        match self.state {
            State::Starting { .. } => Some(PROBE_STARTING),
            State::Ready { .. } => Some(PROBE_READY),
            _ => None,
        }
    }

    /// Does a changed `openclaw.json` matter now? A gateway that runs reads it by itself.
    pub fn watches_configuration(&self) -> bool {
        matches!(self.state, State::Failed { .. } | State::BackingOff { .. })
    }

    /// `chance`, 0 to 1, spreads the waits. An event that does not fit the state changes nothing.
    pub fn step(&mut self, event: Event, now: Instant, chance: f64) -> Option<Action> {
        let (state, action) = self.decide(event, now, chance);
        self.state = state;
        action
    }

    fn decide(&mut self, event: Event, now: Instant, chance: f64) -> (State, Option<Action>) {
        match event {
            Event::StopRequested => self.stop(now),
            Event::Exited { exit, obstacle } => self.exited(exit, obstacle, now, chance),
            Event::Probed(probe) => self.probed(probe, now),
            Event::DeadlinePassed => self.deadline_passed(now),
            Event::MemoryExceeded(excess) => self.memory_exceeded(excess, now),
            Event::Nudged => self.nudged(),
            Event::StartRequested if self.state == State::Stopped => inspect(),
            Event::Inspected(obstacle) if self.state == State::Inspecting => match obstacle {
                None => self.start(now),
                Some(obstacle) => (State::Waiting { obstacle, until: now + INSPECT_AGAIN }, None),
            },
            Event::Restored(is_restored) if self.state == State::Restoring => {
                self.stage = RecoveryStage::Restored;
                if is_restored { inspect() } else { self.escalate(now, chance) }
            }
            Event::Pinned(is_pinned) if self.state == State::Pinning => {
                self.stage = RecoveryStage::VersionPinned;
                self.is_pinned = is_pinned;
                if is_pinned { inspect() } else { self.escalate(now, chance) }
            }
            // Late news of a state that is over.
            _ => (self.state, None),
        }
    }

    fn start(&mut self, now: Instant) -> (State, Option<Action>) {
        self.starts += 1;
        let deadline = now + self.policy.ready_budget;
        (State::Starting { deadline }, Some(Action::StartGateway))
    }

    fn stop(&self, now: Instant) -> (State, Option<Action>) {
        match self.state {
            State::Terminating { kill_at, .. } => {
                // A gateway that may drain for minutes may not when the agent stops.
                let kill_at = kill_at.map(|at| at.min(now + self.policy.stop_grace));
                (State::Terminating { kill_at, then: Then::Stop }, None)
            }
            State::Starting { .. } | State::Ready(_) | State::Doctoring { .. } => {
                self.terminate(now, Then::Stop)
            }
            _ => (State::Stopped, None),
        }
    }

    fn deadline_passed(&mut self, now: Instant) -> (State, Option<Action>) {
        match self.state {
            State::BackingOff { .. } | State::Waiting { .. } | State::Failed { .. } => inspect(),
            State::Starting { .. } => self.terminate(now, Then::CountFailure),
            State::Doctoring { .. } => self.terminate(now, Then::Escalate),
            State::Terminating { then, .. } => {
                (State::Terminating { kill_at: None, then }, Some(Action::Kill))
            }
            state => (state, None),
        }
    }

    /// A new configuration, or the operator's wish, is a new beginning.
    fn nudged(&mut self) -> (State, Option<Action>) {
        match self.state {
            State::Failed { .. } | State::BackingOff { .. } | State::Waiting { .. } => {
                self.stage = RecoveryStage::AsItIs;
                self.failures = 0;
                self.is_pinned = false;
                self.backoff.reset();
                self.complaints.reset();
                inspect()
            }
            state => (state, None),
        }
    }

    fn exited(
        &mut self,
        exit: Exit,
        obstacle: Option<Obstacle>,
        now: Instant,
        chance: f64,
    ) -> (State, Option<Action>) {
        match self.state {
            State::Starting { .. } | State::Ready(_) => {
                if let State::Ready(ready) = self.state
                    && now.duration_since(ready.since) >= HEALTHY_AFTER
                {
                    self.backoff.reset();
                }
                match (obstacle, exit, self.state) {
                    (Some(obstacle), ..) => {
                        let until = now + self.complaints.failed(chance);
                        (State::Waiting { obstacle, until }, None)
                    }
                    (None, Exit::Code(EXIT_CONFIGURATION), _) => self.escalate(now, chance),
                    (None, _, State::Ready(Ready { is_proven: true, .. })) => {
                        self.back_off(now, chance)
                    }
                    (None, ..) => self.start_failed(now, chance),
                }
            }
            State::Doctoring { .. } if exit == Exit::Code(0) => inspect(),
            State::Doctoring { .. } => self.escalate(now, chance),
            State::Terminating { then, .. } => match then {
                Then::Stop => (State::Stopped, None),
                Then::Restart => self.back_off(now, chance),
                Then::CountFailure => match obstacle {
                    Some(obstacle) => {
                        let until = now + self.complaints.failed(chance);
                        (State::Waiting { obstacle, until }, None)
                    }
                    None => self.start_failed(now, chance),
                },
                Then::Recover | Then::Escalate => self.escalate(now, chance),
                Then::WaitFor(obstacle) => {
                    (State::Waiting { obstacle, until: now + INSPECT_AGAIN }, None)
                }
            },
            state => (state, None),
        }
    }

    fn start_failed(&mut self, now: Instant, chance: f64) -> (State, Option<Action>) {
        self.failures += 1;
        let max = match self.stage {
            RecoveryStage::AsItIs => FAILURES_MAX,
            RecoveryStage::Exhausted => 1,
            _ => FAILURES_AFTER_REPAIR_MAX,
        };
        if self.failures >= max { self.escalate(now, chance) } else { self.back_off(now, chance) }
    }

    /// The next repair in their order, or the end of them.
    fn escalate(&mut self, now: Instant, chance: f64) -> (State, Option<Action>) {
        self.failures = 0;
        self.backoff.reset();
        match self.stage {
            RecoveryStage::AsItIs if self.policy.has_doctor => {
                self.stage = RecoveryStage::Doctored;
                (State::Doctoring { deadline: now + DOCTOR_MAX }, Some(Action::StartDoctor))
            }
            RecoveryStage::AsItIs | RecoveryStage::Doctored => {
                (State::Restoring, Some(Action::Restore))
            }
            RecoveryStage::Restored if self.policy.has_pinned_version && !self.is_pinned => {
                (State::Pinning, Some(Action::PinVersion))
            }
            _ => {
                self.stage = RecoveryStage::Exhausted;
                let retry_at = now + RETRY_FIRST + RETRY_SPREAD.mul_f64(chance.clamp(0.0, 1.0));
                (State::Failed { retry_at }, None)
            }
        }
    }

    fn back_off(&mut self, now: Instant, chance: f64) -> (State, Option<Action>) {
        (State::BackingOff { until: now + self.backoff.failed(chance) }, None)
    }

    fn terminate(&self, now: Instant, then: Then) -> (State, Option<Action>) {
        let kill_at = Some(now + self.policy.stop_grace);
        (State::Terminating { kill_at, then }, Some(Action::Terminate))
    }

    fn memory_exceeded(&self, excess: Excess, now: Instant) -> (State, Option<Action>) {
        match (self.state, excess) {
            (State::Starting { .. } | State::Ready(_), _) => {
                let kill_at = Some(now + DRAIN_MAX);
                let state = State::Terminating { kill_at, then: Then::Restart };
                (state, Some(Action::Terminate))
            }
            (State::Terminating { kill_at: Some(_), then }, Excess::FarAbove) => {
                (State::Terminating { kill_at: None, then }, Some(Action::Kill))
            }
            (state, _) => (state, None),
        }
    }

    fn probed(&mut self, probe: Probe, now: Instant) -> (State, Option<Action>) {
        let ready = match (self.state, probe) {
            (State::Starting { .. }, Probe::Ready) => {
                self.was_ready = true;
                self.complaints.reset();
                Ready {
                    since: now,
                    well_since: Some(now),
                    unready_since: None,
                    silent: 0,
                    is_proven: false,
                }
            }
            (State::Starting { .. } | State::Ready(_), Probe::Refused) => {
                return self.terminate(now, Then::Recover);
            }
            (State::Starting { .. } | State::Ready(_), Probe::Foreign) => {
                return self.terminate(now, Then::WaitFor(Obstacle::Port));
            }
            (State::Ready(ready), Probe::Ready) => return self.well(ready, now),
            (State::Ready(ready), Probe::NotReady) => {
                let unready_since = ready.unready_since.unwrap_or(now);
                if now.duration_since(unready_since) >= UNREADY_MAX {
                    return self.terminate(now, unwell(ready));
                }
                let unready_since = Some(unready_since);
                Ready { unready_since, well_since: None, silent: 0, ..ready }
            }
            (State::Ready(ready), Probe::Silent) => {
                let silent = ready.silent + 1;
                if silent >= SILENT_MAX {
                    return self.terminate(now, unwell(ready));
                }
                Ready { silent, well_since: None, ..ready }
            }
            (state, _) => return (state, None),
        };
        (State::Ready(ready), None)
    }

    fn well(&mut self, ready: Ready, now: Instant) -> (State, Option<Action>) {
        let well_since = ready.well_since.unwrap_or(now);
        let is_due = now.duration_since(well_since) >= self.policy.proven_after;
        let proves_now = is_due && !ready.is_proven;
        if proves_now {
            self.mended = match self.stage {
                RecoveryStage::Doctored => Some(Repair::Doctor),
                RecoveryStage::Restored => Some(Repair::LastGood),
                RecoveryStage::VersionPinned => Some(Repair::PinnedVersion),
                RecoveryStage::AsItIs | RecoveryStage::Exhausted => self.mended,
            };
            self.stage = RecoveryStage::AsItIs;
            self.failures = 0;
        }
        let ready = Ready {
            well_since: Some(well_since),
            unready_since: None,
            silent: 0,
            is_proven: ready.is_proven || proves_now,
            ..ready
        };
        (State::Ready(ready), proves_now.then_some(Action::KeepConfiguration))
    }
}

/// A gateway that has never been well for long may have its configuration to blame.
fn unwell(ready: Ready) -> Then {
    if ready.is_proven { Then::Restart } else { Then::CountFailure }
}

fn inspect() -> (State, Option<Action>) {
    (State::Inspecting, Some(Action::Inspect))
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod worlds;
