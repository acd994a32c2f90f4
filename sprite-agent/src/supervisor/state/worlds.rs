//! Random worlds: whatever happened before, a good world leads to ready, and no
//! sequence of events is repaired without bound.

use proptest::prelude::*;

use super::recovery::{CHANGES_MAX, RETRY_FIRST, RETRY_SPREAD};
use super::*;
use crate::supervisor::events::{EXIT_CONFIGURATION, Excess, Exit, Probe};

/// Steps of a good world, in each of which one event comes, until the gateway is ready.
const STEPS_MAX: usize = 12;

/// Doctor, last good, pinned version.
const REPAIRS: usize = 3;

fn obstacle() -> impl Strategy<Value = Option<Obstacle>> {
    prop::option::weighted(
        0.2,
        prop::sample::select(vec![Obstacle::Disk, Obstacle::Port, Obstacle::Memory]),
    )
}

fn event() -> impl Strategy<Value = Event> {
    let exit = prop_oneof![
        Just(Exit::Code(0)),
        Just(Exit::Code(1)),
        Just(Exit::Code(EXIT_CONFIGURATION)),
        Just(Exit::Signal(9)),
        Just(Exit::NeverStarted),
    ];
    let probe = prop::sample::select(vec![
        Probe::Ready,
        Probe::NotReady,
        Probe::Silent,
        Probe::Refused,
        Probe::Foreign,
    ]);
    prop_oneof![
        8 => (exit, obstacle(), any::<bool>()).prop_map(|(exit, obstacle, is_untried)| {
            Event::Exited { exit, obstacle, is_untried }
        }),
        4 => probe.prop_map(Event::Probed),
        6 => Just(Event::DeadlinePassed),
        4 => obstacle().prop_map(Event::Inspected),
        2 => any::<bool>().prop_map(Event::Restored),
        2 => any::<bool>().prop_map(Event::Pinned),
        1 => Just(Event::MemoryExceeded(Excess::Ceiling)),
        1 => Just(Event::MemoryExceeded(Excess::FarAbove)),
        1 => Just(Event::ProcessesExceeded),
        1 => Just(Event::Nudged),
        1 => Just(Event::StartRequested),
    ]
}

prop_compose! {
    fn policy()(has_doctor: bool, has_pinned_version: bool) -> Policy {
        Policy {
            ready_budget: Duration::from_secs(120),
            stop_grace: Duration::from_secs(30),
            proven_after: Duration::from_secs(60),
            has_doctor,
            has_pinned_version,
        }
    }
}

/// Events with the time that passes before each, in seconds.
fn history() -> impl Strategy<Value = Vec<(Event, u64)>> {
    prop::collection::vec((event(), 0..700_u64), 0..60)
}

/// What a world without a fault answers to a machine in this state.
fn good_answer(state: State) -> Event {
    let gone = Event::Exited { exit: Exit::Code(0), obstacle: None, is_untried: false };
    match state {
        State::Stopped => Event::StartRequested,
        State::Inspecting => Event::Inspected(None),
        State::Starting { .. } | State::Ready(_) => Event::Probed(Probe::Ready),
        State::Doctoring { .. } | State::Terminating { .. } => gone,
        State::Restoring => Event::Restored(true),
        State::Pinning => Event::Pinned(true),
        State::Waiting { .. } | State::BackingOff { .. } | State::Failed { .. } => {
            Event::DeadlinePassed
        }
    }
}

proptest! {
    #[test]
    fn from_every_state_a_good_world_leads_to_ready(policy in policy(), history in history()) {
        let mut machine = Machine::new(policy);
        let mut now = Instant::now();
        machine.step(Event::StartRequested, now, 0.5);
        for (event, seconds) in history {
            now += Duration::from_secs(seconds);
            machine.step(event, now, 0.5);
        }
        let begin = now;
        for _ in 0..STEPS_MAX {
            if matches!(machine.state(), State::Ready(_)) {
                break;
            }
            let event = good_answer(machine.state());
            if event == Event::DeadlinePassed {
                now = now.max(machine.deadline().expect("who waits knows how long"));
            }
            machine.step(event, now, 0.5);
        }
        prop_assert!(matches!(machine.state(), State::Ready(_)), "{machine:?}");
        let waited = now - begin;
        prop_assert!(waited <= RETRY_FIRST + RETRY_SPREAD, "{waited:?}");
    }

    #[test]
    fn each_repair_is_made_once_until_there_is_a_reason_to_make_it_again(
        policy in policy(),
        history in history(),
    ) {
        let mut machine = Machine::new(policy);
        let mut now = Instant::now();
        machine.step(Event::StartRequested, now, 0.5);
        let most = REPAIRS * (1 + CHANGES_MAX as usize);
        let (mut repairs, mut occasions) = (0, 1);
        for (event, seconds) in history {
            now += Duration::from_secs(seconds);
            let action = machine.step(event, now, 0.5);
            repairs += usize::from(action.is_some_and(Action::is_repair));
            // A gateway that has proven itself; a new configuration or the operator's wish.
            occasions += usize::from(
                action == Some(Action::KeepConfiguration) || event == Event::Nudged,
            );
        }
        prop_assert!(repairs <= most * occasions, "{repairs} repairs, {occasions} occasions");
    }
}
