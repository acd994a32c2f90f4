//! What the state of the machine means to those who ask: a phase, a reason, a
//! sentence for the operator. Pure.

use super::events::{Exit, Obstacle};
use super::state::{Machine, Ready, RecoveryStage, State, Then};
use crate::gateway_status::{Phase, Reason};

/// Probes without an answer that may be chance: the gateway blocks for seconds under load.
const SILENT_MAX: u32 = 1;

/// What went wrong last, until the gateway has proven itself again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trouble {
    pub reason: Option<Reason>,
    /// What was seen of it: an exit, a complaint, what the machine lacks.
    pub seen: String,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    pub phase: Phase,
    pub reason: Reason,
    pub detail: String,
}

pub fn report(machine: &Machine, trouble: &Trouble) -> Report {
    let (phase, reason) = judge(machine, trouble);
    let what = what(machine);
    let seen = &trouble.seen;
    let detail = if seen.is_empty() { what } else { format!("{what}; last seen: {seen}") };
    Report { phase, reason, detail }
}

pub fn reason_of(obstacle: Obstacle) -> Reason {
    match obstacle {
        Obstacle::Disk => Reason::DiskFull,
        Obstacle::Port => Reason::PortTaken,
        Obstacle::Memory => Reason::MemoryShort,
    }
}

fn judge(machine: &Machine, trouble: &Trouble) -> (Phase, Reason) {
    let away = if machine.stage() == RecoveryStage::Exhausted {
        Phase::Failed
    } else if machine.was_ready() {
        Phase::Restarting
    } else {
        Phase::Starting
    };
    let quiet = if machine.was_ready() { Reason::Restarting } else { Reason::Starting };
    let because = trouble.reason.unwrap_or(quiet);
    match machine.state() {
        State::Ready(Ready { silent, .. }) if silent > SILENT_MAX => {
            (Phase::Restarting, Reason::NotAnswering)
        }
        // It drains, and takes nothing new.
        State::Ready(Ready { unready_since: Some(_), silent: 0, .. }) => {
            (Phase::Restarting, Reason::Draining)
        }
        // It runs, and will not for long: the customer may still save a word.
        State::Ready(_) if trouble.reason == Some(Reason::DiskFull) => {
            (Phase::Ready, Reason::DiskFull)
        }
        State::Ready(_) => (Phase::Ready, Reason::Ready),
        State::Waiting { obstacle, .. } => (waiting(away), reason_of(obstacle)),
        State::Terminating { then: Then::WaitFor(obstacle), .. } => {
            (waiting(away), reason_of(obstacle))
        }
        State::Failed { .. } => (Phase::Failed, trouble.reason.unwrap_or(Reason::Crashing)),
        _ => (away, because),
    }
}

/// Who waits for room is not starting, and has not failed.
fn waiting(away: Phase) -> Phase {
    if away == Phase::Failed { away } else { Phase::Restarting }
}

fn what(machine: &Machine) -> String {
    let pinned = if machine.is_pinned() { " (the pinned version)" } else { "" };
    match machine.state() {
        State::Stopped => "stopped".to_owned(),
        State::Inspecting => "about to be started".to_owned(),
        State::Waiting { obstacle, .. } => format!(
            "waits for {}, looked at every few seconds; it starts by itself",
            match obstacle {
                Obstacle::Disk => "room on the disk",
                Obstacle::Port => "its port",
                Obstacle::Memory => "memory",
            }
        ),
        State::Starting { .. } => format!("started{pinned}, not ready yet"),
        State::Ready(Ready { silent: 1.., .. }) => "ready before, does not answer now".to_owned(),
        State::Ready(Ready { unready_since: Some(_), .. }) => {
            "ready before, says now that it is not".to_owned()
        }
        State::Ready(_) => format!("ready{pinned}"),
        State::Terminating { kill_at: Some(_), .. } => "told to stop".to_owned(),
        State::Terminating { kill_at: None, .. } => "killed".to_owned(),
        State::BackingOff { .. } => format!(
            "ended, waiting before it is started again; {} failed starts in a row",
            machine.failures()
        ),
        State::Doctoring { .. } => "does not start; the doctor is at its configuration".to_owned(),
        State::Restoring => "does not start; going back to the last good configuration".to_owned(),
        State::Pinning => "does not start; going back to the pinned version".to_owned(),
        State::Failed { .. } => "does not start, and every repair was tried; tried again every 10 \
                                 to 15 minutes, when openclaw.json changes, and on SIGHUP"
            .to_owned(),
    }
}

pub fn describe(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("ended with code {code}"),
        Exit::Signal(signal) => format!("was ended by signal {signal}"),
        Exit::NeverStarted => "could not be started".to_owned(),
    }
}
