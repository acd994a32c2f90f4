//! Renders `state_table.md`, and compares.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::recovery::FAILURES_MAX;
use super::*;
use crate::supervisor::events::{EXIT_CONFIGURATION, Excess, Exit, Probe};

const STAGES: [RecoveryStage; 5] = [
    RecoveryStage::AsItIs,
    RecoveryStage::Doctored,
    RecoveryStage::Restored,
    RecoveryStage::VersionPinned,
    RecoveryStage::Exhausted,
];

const UNTRIED: &str = ", the configuration is untried";

fn states(now: Instant) -> Vec<State> {
    let ready = Ready {
        since: now,
        well_since: Some(now),
        unready_since: None,
        silent: 0,
        is_proven: false,
    };
    let terminating = |then| State::Terminating { kill_at: Some(now), then };
    vec![
        State::Stopped,
        State::Inspecting,
        State::Waiting { obstacle: Obstacle::Disk, until: now },
        State::Starting { deadline: now },
        State::Ready(ready),
        State::Ready(Ready { is_proven: true, ..ready }),
        terminating(Then::Stop),
        terminating(Then::Restart),
        terminating(Then::CountFailure),
        terminating(Then::Recover),
        terminating(Then::Escalate),
        terminating(Then::WaitFor(Obstacle::Port)),
        State::BackingOff { until: now },
        State::Doctoring { deadline: now },
        State::Restoring,
        State::Pinning,
        State::Failed { retry_at: now },
    ]
}

fn events() -> Vec<(&'static str, Event)> {
    let gone =
        |code, obstacle, is_untried| Event::Exited { exit: Exit::Code(code), obstacle, is_untried };
    let exited = |code, obstacle| gone(code, obstacle, false);
    vec![
        ("start requested", Event::StartRequested),
        ("stop requested", Event::StopRequested),
        ("inspected, nothing lacks", Event::Inspected(None)),
        ("inspected, something lacks", Event::Inspected(Some(Obstacle::Disk))),
        ("exit 0", exited(0, None)),
        ("exit 1", exited(1, None)),
        ("exit 1 for the third time", exited(1, None)),
        ("exit 1, the configuration is untried", gone(1, None, true)),
        ("exit 78", exited(EXIT_CONFIGURATION, None)),
        ("exit 78, the configuration is untried", gone(EXIT_CONFIGURATION, None, true)),
        ("exit, something lacks", exited(EXIT_CONFIGURATION, Some(Obstacle::Disk))),
        ("probe: ready", Event::Probed(Probe::Ready)),
        ("probe: ready for a minute", Event::Probed(Probe::Ready)),
        ("probe: not ready", Event::Probed(Probe::NotReady)),
        ("probe: silent", Event::Probed(Probe::Silent)),
        ("probe: refused", Event::Probed(Probe::Refused)),
        ("probe: foreign", Event::Probed(Probe::Foreign)),
        ("deadline", Event::DeadlinePassed),
        ("memory above its ceiling", Event::MemoryExceeded(Excess::Ceiling)),
        ("memory far above it", Event::MemoryExceeded(Excess::FarAbove)),
        ("too many processes", Event::ProcessesExceeded),
        ("restored", Event::Restored(true)),
        ("nothing to restore", Event::Restored(false)),
        ("version pinned", Event::Pinned(true)),
        ("no version to pin", Event::Pinned(false)),
        ("nudged", Event::Nudged),
    ]
}

fn name(state: State) -> String {
    match state {
        State::Waiting { .. } => "Waiting".to_owned(),
        State::Starting { .. } => "Starting".to_owned(),
        State::Ready(Ready { is_proven: true, .. }) => "Ready, proven".to_owned(),
        State::Ready(_) => "Ready".to_owned(),
        State::Terminating { then, .. } => match then {
            Then::WaitFor(_) => "Terminating → WaitFor".to_owned(),
            then => format!("Terminating → {then:?}"),
        },
        State::BackingOff { .. } => "BackingOff".to_owned(),
        State::Doctoring { .. } => "Doctoring".to_owned(),
        State::Failed { .. } => "Failed".to_owned(),
        State::Stopped | State::Inspecting | State::Restoring | State::Pinning => {
            format!("{state:?}")
        }
    }
}

/// What comes of `event`: the same at every stage, or by stage.
fn outcome(state: State, label: &str, event: Event, stage: RecoveryStage) -> String {
    let now = Instant::now();
    let policy = Policy {
        ready_budget: Duration::from_secs(120),
        stop_grace: Duration::from_secs(30),
        proven_after: Duration::from_secs(60),
        has_doctor: true,
        has_pinned_version: true,
    };
    let mut machine = Machine { state, stage, ..Machine::new(policy) };
    machine.failures = if label.ends_with("third time") { FAILURES_MAX - 1 } else { 0 };
    let is_late = label.ends_with("minute");
    let now = if is_late { now + policy.proven_after } else { now };
    let before = name(state);
    let action = machine.step(event, now, 0.5);
    let after = name(machine.state());
    match action {
        None if before == after => String::new(),
        None => after,
        Some(action) => format!("{after}, {action:?}"),
    }
}

fn render() -> String {
    let mut table = "\n| state | event | then, and what is done |\n|---|---|---|\n".to_owned();
    for state in states(Instant::now()) {
        for (label, event) in events() {
            // Where it makes no difference, it is an exit as any.
            if let Some(plain) = label.strip_suffix(UNTRIED) {
                let (_, exit) = events().into_iter().find(|(other, _)| *other == plain).unwrap();
                let is_same = |stage: &RecoveryStage| {
                    outcome(state, label, event, *stage) == outcome(state, plain, exit, *stage)
                };
                if STAGES.iter().all(is_same) {
                    continue;
                }
            }
            let mut by_outcome: BTreeMap<String, Vec<RecoveryStage>> = BTreeMap::new();
            for stage in STAGES {
                by_outcome.entry(outcome(state, label, event, stage)).or_default().push(stage);
            }
            let is_same = by_outcome.len() == 1;
            for (outcome, stages) in by_outcome {
                if outcome.is_empty() {
                    continue;
                }
                let stages: Vec<_> = stages.iter().map(|stage| format!("{stage:?}")).collect();
                let at = if is_same { String::new() } else { format!(" ({})", stages.join(", ")) };
                writeln!(table, "| {} | {label}{at} | {outcome} |", name(state)).unwrap();
            }
        }
    }
    table
}

/// After a change of the machine: write what this prints into `state_table.md`, and read it.
#[test]
fn the_table_in_the_documentation_is_the_machines() {
    let rendered = render();
    assert!(include_str!("../state_table.md") == rendered, "state_table.md should be:\n{rendered}");
}
