//! What becomes of the state at each event.

use std::time::{Duration, Instant};

use super::probes::unwell;
use super::{Machine, Next, Ready, RecoveryStage, State, Then};
use crate::supervisor::events::{Action, EXIT_CONFIGURATION, Event, Excess, Exit, Obstacle};

/// A gateway that was ready this long has earned a quick restart again.
const HEALTHY_AFTER: Duration = Duration::from_secs(300);

/// How soon disk, port and memory are looked at again: it costs three system calls.
pub(super) const INSPECT_AGAIN: Duration = Duration::from_secs(5);

/// How long a gateway above its memory ceiling may finish its turns.
pub(super) const DRAIN_MAX: Duration = Duration::from_secs(330);

impl Machine {
    pub(super) fn decide(&mut self, event: Event, now: Instant, chance: f64) -> Next {
        match event {
            Event::StopRequested => self.stop(now),
            Event::Exited { exit, obstacle, is_untried } => {
                // What the machine lacks is no fault of a change, and a doctor makes them.
                if is_untried && obstacle.is_none() && !self.is_doctoring() {
                    self.note_change();
                }
                self.exited((exit, is_untried), obstacle, now, chance)
            }
            Event::Probed(probe) => self.probed(probe, now),
            Event::DeadlinePassed => self.deadline_passed(now),
            Event::MemoryExceeded(excess) => self.memory_exceeded(excess, now),
            Event::ProcessesExceeded => self.processes_exceeded(),
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

    fn start(&mut self, now: Instant) -> Next {
        self.starts += 1;
        let deadline = now + self.policy.ready_budget;
        (State::Starting { deadline }, Some(Action::StartGateway))
    }

    fn stop(&self, now: Instant) -> Next {
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

    fn deadline_passed(&mut self, now: Instant) -> Next {
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
    fn nudged(&mut self) -> Next {
        match self.state {
            State::Failed { .. } | State::BackingOff { .. } | State::Waiting { .. } => {
                self.changes = 0;
                self.begin_anew();
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
        (exit, is_untried): (Exit, bool),
        obstacle: Option<Obstacle>,
        now: Instant,
        chance: f64,
    ) -> Next {
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
                    (None, Exit::Code(code), State::Starting { .. }) if code != 0 && is_untried => {
                        self.untried_failed(now, chance)
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

    pub(super) fn terminate(&self, now: Instant, then: Then) -> Next {
        let kill_at = Some(now + self.policy.stop_grace);
        (State::Terminating { kill_at, then }, Some(Action::Terminate))
    }

    fn memory_exceeded(&self, excess: Excess, now: Instant) -> Next {
        match (self.state, excess) {
            // It has no turns yet that it could finish.
            (State::Starting { .. }, _) => self.terminate(now, Then::CountFailure),
            (State::Ready(ready), _) => {
                let kill_at = Some(now + DRAIN_MAX);
                let state = State::Terminating { kill_at, then: unwell(ready) };
                (state, Some(Action::Terminate))
            }
            (State::Terminating { kill_at: Some(_), then }, Excess::FarAbove) => {
                (State::Terminating { kill_at: None, then }, Some(Action::Kill))
            }
            (state, _) => (state, None),
        }
    }

    /// What forks without end leaves no time for anything.
    fn processes_exceeded(&self) -> Next {
        let kill = |then| (State::Terminating { kill_at: None, then }, Some(Action::Kill));
        match self.state {
            State::Starting { .. } => kill(Then::CountFailure),
            State::Ready(ready) => kill(unwell(ready)),
            State::Terminating { kill_at: Some(_), then } => kill(then),
            state => (state, None),
        }
    }
}

fn inspect() -> Next {
    (State::Inspecting, Some(Action::Inspect))
}
