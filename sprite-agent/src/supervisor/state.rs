//! The gateway's life as we see it: events in, actions out.
//!
//! ```text
//! Stopped → Starting → Ready → (exit) → BackingOff → Starting …
//!              │ exit 78: the configuration is refused
//!              ├ first   → Doctoring → Starting
//!              ├ second  → Restoring → Starting   with the last configuration that worked
//!              └ third   → GivenUp
//! ```
//! Nothing here runs anything or asks the time.

use std::time::{Duration, Instant};

use super::readiness::Probe;
use shared::retry::Backoff;

/// The gateway's exit code for a configuration it will not run with.
const EXIT_CONFIGURATION: i32 = 78;

/// A gateway that was ready this long has earned a quick restart again.
const HEALTHY_AFTER: Duration = Duration::from_secs(300);

const RESTART_FIRST: Duration = Duration::from_secs(1);
const RESTART_CAP: Duration = Duration::from_secs(60);

/// Probes in a row without any answer before a ready gateway is restarted. With
/// [`PROBE_READY`] and the probe's own limit that is half a minute to a minute; a gateway
/// under load stops answering for some seconds.
const SILENT_MAX: u32 = 6;

/// How long a gateway that was ready may answer "not ready". It drains running turns for
/// up to 315 s before it restarts by itself.
const UNREADY_MAX: Duration = Duration::from_secs(360);

/// The doctor checks and rewrites a file; the gateway itself takes half a minute to load.
const DOCTOR_MAX: Duration = Duration::from_secs(180);

const PROBE_STARTING: Duration = Duration::from_millis(250);
const PROBE_READY: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
pub struct Policy {
    pub ready_budget: Duration,
    pub stop_grace: Duration,
    pub has_doctor: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Stopped,
    Starting {
        deadline: Instant,
    },
    Ready {
        since: Instant,
        silent: u32,
        unready_since: Option<Instant>,
    },
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
    GivenUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Restart,
    Stop,
    /// The doctor took too long: as if it had failed.
    Restore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    StartRequested,
    StopRequested,
    /// The child that was started last, gateway or doctor, is gone.
    Exited(Exit),
    Probed(Probe),
    DeadlinePassed,
    /// Whether there was a configuration to go back to, and it is in place.
    Restored(bool),
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    NeverStarted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    StartGateway,
    StartDoctor,
    Terminate,
    Kill,
    /// Keep a copy of the configuration the gateway became ready with.
    KeepConfiguration,
    RestoreConfiguration,
}

/// What has been tried since the gateway last ran with its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecoveryStage {
    AsItIs,
    Doctored,
    Restored,
}

#[derive(Debug)]
pub struct Machine {
    policy: Policy,
    state: State,
    stage: RecoveryStage,
    backoff: Backoff,
    starts: u64,
    was_ready: bool,
}

impl Machine {
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            state: State::Stopped,
            stage: RecoveryStage::AsItIs,
            backoff: Backoff::new(RESTART_FIRST, RESTART_CAP),
            starts: 0,
            was_ready: false,
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// Has the gateway ever been ready?
    pub fn was_ready(&self) -> bool {
        self.was_ready
    }

    pub fn restarts(&self) -> u64 {
        self.starts.saturating_sub(1)
    }

    /// When [`Event::DeadlinePassed`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Starting { deadline } | State::Doctoring { deadline } => Some(deadline),
            State::BackingOff { until } => Some(until),
            State::Terminating { kill_at, .. } => kill_at,
            State::Stopped | State::Ready { .. } | State::Restoring | State::GivenUp => None,
        }
    }

    /// How long to wait before the next readiness probe; `None` when there is nothing to probe.
    pub fn probe_after(&self) -> Option<Duration> {
        match self.state {
            State::Starting { .. } => Some(PROBE_STARTING),
            State::Ready { .. } => Some(PROBE_READY),
            _ => None,
        }
    }

    /// `chance`, 0 to 1, spreads the waits. An event that does not fit the state changes nothing.
    pub fn step(&mut self, event: Event, now: Instant, chance: f64) -> Option<Action> {
        let (state, action) = self.decide(event, now, chance);
        self.state = state;
        action
    }

    fn decide(&mut self, event: Event, now: Instant, chance: f64) -> (State, Option<Action>) {
        use Event::{DeadlinePassed, Exited, Probed, Restored, StartRequested, StopRequested};
        match (self.state, event) {
            (State::Stopped, StartRequested) => self.start(now),
            (State::BackingOff { .. }, DeadlinePassed) => self.start(now),

            (State::Starting { .. }, Probed(Probe::Ready)) => {
                self.stage = RecoveryStage::AsItIs;
                self.was_ready = true;
                let ready = State::Ready { since: now, silent: 0, unready_since: None };
                (ready, Some(Action::KeepConfiguration))
            }
            (State::Starting { .. }, DeadlinePassed) => self.terminate(now, Then::Restart),
            (State::Ready { since, silent, unready_since }, Probed(probe)) => {
                self.probed(probe, since, silent, unready_since, now)
            }

            (
                State::Starting { .. } | State::Ready { .. },
                Exited(Exit::Code(EXIT_CONFIGURATION)),
            ) => self.configuration_refused(now),
            (State::Ready { since, .. }, Exited(_)) => {
                if now.duration_since(since) >= HEALTHY_AFTER {
                    self.backoff.reset();
                }
                self.back_off(now, chance)
            }
            (State::Starting { .. }, Exited(_)) => self.back_off(now, chance),

            (State::Doctoring { .. }, Exited(Exit::Code(0))) => self.start(now),
            (State::Doctoring { .. }, Exited(_)) => restore(),
            (State::Doctoring { .. }, DeadlinePassed) => self.terminate(now, Then::Restore),
            (State::Restoring, Restored(true)) => {
                self.stage = RecoveryStage::Restored;
                self.start(now)
            }
            (State::Restoring, Restored(false)) => (State::GivenUp, None),

            (State::Terminating { then, .. }, Exited(_)) => match then {
                Then::Stop => (State::Stopped, None),
                Then::Restart => self.back_off(now, chance),
                Then::Restore => restore(),
            },
            (State::Terminating { then, .. }, DeadlinePassed) => {
                (State::Terminating { kill_at: None, then }, Some(Action::Kill))
            }

            (State::Terminating { kill_at, .. }, StopRequested) => {
                (State::Terminating { kill_at, then: Then::Stop }, None)
            }
            (
                State::Starting { .. } | State::Ready { .. } | State::Doctoring { .. },
                StopRequested,
            ) => self.terminate(now, Then::Stop),
            (_, StopRequested) => (State::Stopped, None),

            // Late news of a state that is over.
            (state, _) => (state, None),
        }
    }

    fn start(&mut self, now: Instant) -> (State, Option<Action>) {
        self.starts += 1;
        let deadline = now + self.policy.ready_budget;
        (State::Starting { deadline }, Some(Action::StartGateway))
    }

    fn back_off(&mut self, now: Instant, chance: f64) -> (State, Option<Action>) {
        (State::BackingOff { until: now + self.backoff.failed(chance) }, None)
    }

    fn terminate(&self, now: Instant, then: Then) -> (State, Option<Action>) {
        let kill_at = Some(now + self.policy.stop_grace);
        (State::Terminating { kill_at, then }, Some(Action::Terminate))
    }

    fn configuration_refused(&mut self, now: Instant) -> (State, Option<Action>) {
        match self.stage {
            RecoveryStage::AsItIs if self.policy.has_doctor => {
                self.stage = RecoveryStage::Doctored;
                (State::Doctoring { deadline: now + DOCTOR_MAX }, Some(Action::StartDoctor))
            }
            RecoveryStage::AsItIs | RecoveryStage::Doctored => restore(),
            RecoveryStage::Restored => (State::GivenUp, None),
        }
    }

    fn probed(
        &self,
        probe: Probe,
        since: Instant,
        silent: u32,
        unready_since: Option<Instant>,
        now: Instant,
    ) -> (State, Option<Action>) {
        let unready_since = unready_since.unwrap_or(now);
        let ready = |silent, unready_since| (State::Ready { since, silent, unready_since }, None);
        match probe {
            Probe::Ready => ready(0, None),
            Probe::NotReady if now.duration_since(unready_since) < UNREADY_MAX => {
                ready(0, Some(unready_since))
            }
            Probe::Silent if silent + 1 < SILENT_MAX => ready(silent + 1, Some(unready_since)),
            Probe::NotReady | Probe::Silent => self.terminate(now, Then::Restart),
        }
    }
}

fn restore() -> (State, Option<Action>) {
    (State::Restoring, Some(Action::RestoreConfiguration))
}

#[cfg(test)]
mod tests;
