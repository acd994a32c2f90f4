//! The gateway's life as we see it: events in, actions out.
//!
//! A gateway that does not start is helped in this order: wait for what the
//! machine lacks, let the doctor at its configuration, go back to the last good
//! one, run the pinned version with its own, say so and try again every 10 to
//! 15 minutes, when `openclaw.json` changes, and on SIGHUP.
//!
//! Three failed starts make a configuration suspect; one does where it is another one than a gateway
//! ran well with last, and the gateway ended by itself with an exit code.
//!
//! Two things stay true, whatever happens (the tests try it at random): once
//! the world is good the gateway becomes ready, and each of the three repairs is
//! made at most once until the gateway has run well for a minute, its
//! configuration has changed, or the operator asks. Who changes it whenever it was
//! repaired, before that minute is over, has it repaired three times more.
//!
//! Nothing here runs anything or asks the time. `now` is time during which the
//! machine was awake: see [`super::awake_clock`].
//!
//! The whole table; a test keeps it true:
#![doc = include_str!("state_table.md")]

mod probes;
mod recovery;
mod transitions;

use std::time::{Duration, Instant};

use shared::retry::Backoff;

use super::events::{Action, Event, Obstacle};
use crate::gateway_status::Repair;

const RESTART_FIRST: Duration = Duration::from_secs(1);
const RESTART_CAP: Duration = Duration::from_secs(60);

/// A gateway that complains of something we cannot measure is started again, which costs
/// fifteen seconds of a processor: less and less often.
const COMPLAINT_FIRST: Duration = Duration::from_secs(10);
const COMPLAINT_CAP: Duration = Duration::from_secs(300);

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
    /// It was not ready in time, or took more than it may before it had run well.
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

/// What the state becomes, and what is done.
type Next = (State, Option<Action>);

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
    /// How often the configuration was changed after a repair had put the last good one in place.
    changes: u32,
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
            changes: 0,
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
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod worlds;
