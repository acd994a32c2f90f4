use super::probes::{SILENT_MAX, UNREADY_MAX};
use super::recovery::{CHANGES_MAX, DOCTOR_MAX, FAILURES_MAX};
use super::transitions::{DRAIN_MAX, INSPECT_AGAIN};
use super::*;
use crate::supervisor::events::{Excess, Exit, Probe};

const BUDGET: Duration = Duration::from_secs(120);
const GRACE: Duration = Duration::from_secs(30);
const PROVEN: Duration = Duration::from_secs(60);
const REFUSED: Event = exited(78);
const CRASHED: Event = exited(1);
const KILLED: Event = gone(Exit::Signal(9));
const READY: Event = Event::Probed(Probe::Ready);
const SILENT: Event = Event::Probed(Probe::Silent);
const NOT_READY: Event = Event::Probed(Probe::NotReady);
const DUE: Event = Event::DeadlinePassed;
const ALL_THERE: Event = Event::Inspected(None);

const fn exited(code: i32) -> Event {
    gone(Exit::Code(code))
}

const fn gone(exit: Exit) -> Event {
    Event::Exited { exit, obstacle: None, is_untried: false }
}

/// Another configuration is in place than one ran well with.
const fn untried(exit: Exit) -> Event {
    Event::Exited { exit, obstacle: None, is_untried: true }
}

fn policy() -> Policy {
    Policy {
        ready_budget: BUDGET,
        stop_grace: GRACE,
        proven_after: PROVEN,
        has_doctor: true,
        has_pinned_version: true,
    }
}

/// A machine and a clock that moves by hand. The jitter is off.
struct Story {
    machine: Machine,
    now: Instant,
}

impl Story {
    fn begin() -> Self {
        Self::with(policy())
    }

    fn with(policy: Policy) -> Self {
        let mut story = Self { machine: Machine::new(policy), now: Instant::now() };
        story.expect(Event::StartRequested, Some(Action::Inspect));
        story.started();
        story
    }

    fn ready() -> Self {
        let mut story = Self::begin();
        story.expect(READY, None);
        story
    }

    fn proven() -> Self {
        let mut story = Self::ready();
        story.prove();
        story
    }

    #[track_caller]
    fn expect(&mut self, event: Event, action: Option<Action>) {
        let before = self.machine.state();
        let seen = self.machine.step(event, self.now, 1.0);
        assert_eq!(seen, action, "{before:?} + {event:?} → {:?}", self.machine.state());
    }

    #[track_caller]
    fn expect_all(&mut self, steps: &[(Event, Option<Action>)]) {
        for (event, action) in steps {
            self.expect(*event, *action);
        }
    }

    /// Nothing is lacking, and the gateway is started.
    #[track_caller]
    fn started(&mut self) {
        self.expect(ALL_THERE, Some(Action::StartGateway));
    }

    #[track_caller]
    fn started_again(&mut self) {
        self.expect(DUE, Some(Action::Inspect));
        self.started();
    }

    #[track_caller]
    fn prove(&mut self) {
        self.pass(PROVEN);
        self.expect(READY, Some(Action::KeepConfiguration));
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Seconds until the next deadline.
    fn due(&self) -> Option<u64> {
        self.machine.deadline().map(|at| at.duration_since(self.now).as_secs())
    }

    /// Everything was tried on a configuration that is refused.
    fn failed() -> Self {
        let mut story = Self::begin();
        story.expect(REFUSED, Some(Action::StartDoctor));
        story.expect(exited(1), Some(Action::Restore));
        story.expect(Event::Restored(false), Some(Action::PinVersion));
        story.expect(Event::Pinned(false), None);
        assert!(matches!(story.machine.state(), State::Failed { .. }));
        story
    }
}

#[test]
fn a_configuration_is_kept_after_a_minute_of_health_and_not_before() {
    let mut story = Story::begin();
    assert_eq!(story.due(), Some(BUDGET.as_secs()));
    story.expect_all(&[(SILENT, None), (NOT_READY, None), (READY, None)]);
    story.pass(PROVEN - Duration::from_secs(1));
    story.expect(READY, None);
    // One probe that fails, and the minute begins anew.
    story.expect(SILENT, None);
    story.pass(Duration::from_secs(1));
    story.expect(READY, None);
    story.prove();
    story.expect(READY, None);
    assert_eq!((story.due(), story.machine.restarts()), (None, 0));
}

#[test]
fn a_gateway_that_is_not_ready_in_time_is_started_again() {
    let mut story = Story::begin();
    story.pass(BUDGET);
    story.expect(DUE, Some(Action::Terminate));
    assert_eq!(story.due(), Some(GRACE.as_secs()));
    story.expect(DUE, Some(Action::Kill));
    assert_eq!(story.due(), None);
    story.expect(KILLED, None);
    story.started_again();
    assert_eq!(story.machine.restarts(), 1);
}

#[test]
fn crashes_of_a_gateway_that_was_well_are_answered_ever_more_slowly() {
    let mut story = Story::proven();
    let mut waits = Vec::new();
    for _ in 0..8 {
        story.expect(CRASHED, None);
        waits.push(story.due().unwrap());
        story.started_again();
        story.expect(READY, None);
        story.prove();
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
}

#[test]
fn five_good_minutes_earn_a_quick_restart() {
    let restart_after = |healthy: u64| {
        let mut story = Story::proven();
        for _ in 0..4 {
            story.expect(CRASHED, None);
            story.started_again();
            story.expect(READY, None);
            story.prove();
        }
        story.pass(Duration::from_secs(healthy) - PROVEN);
        story.expect(CRASHED, None);
        story.due().unwrap()
    };
    assert_eq!(restart_after(299), 16);
    assert_eq!(restart_after(300), 1);
}

#[test]
fn a_refused_configuration_is_doctored_then_restored_then_the_version_pinned() {
    let mut story = Story::begin();
    story.expect(REFUSED, Some(Action::StartDoctor));
    story.expect(exited(0), Some(Action::Inspect));
    story.started();
    story.expect(REFUSED, Some(Action::Restore));
    story.expect(Event::Restored(true), Some(Action::Inspect));
    story.started();
    story.expect(REFUSED, Some(Action::PinVersion));
    story.expect(Event::Pinned(true), Some(Action::Inspect));
    assert!(story.machine.is_pinned());
    story.started();
    story.expect(REFUSED, None);
    assert!(matches!(story.machine.state(), State::Failed { .. }));
}

#[test]
fn three_failed_starts_are_a_refusal_whatever_the_exit_code() {
    let mut story = Story::begin();
    for _ in 1..FAILURES_MAX {
        story.expect(CRASHED, None);
        story.started_again();
    }
    story.expect(CRASHED, Some(Action::StartDoctor));
    story.expect(exited(0), Some(Action::Inspect));
    story.started();
    // Ready, and gone before it has proven itself: that is a failed start too.
    story.expect(READY, None);
    story.expect(CRASHED, None);
    story.started_again();
    story.expect(CRASHED, Some(Action::Restore));
}

#[test]
fn a_changed_configuration_is_suspected_at_the_first_exit() {
    let mut story = Story::begin();
    story.expect(untried(Exit::Code(1)), Some(Action::StartDoctor));
    story.expect(exited(0), Some(Action::Inspect));
    story.started();
    story.expect(untried(Exit::Code(1)), Some(Action::Restore));
    story.expect(Event::Restored(true), Some(Action::Inspect));
    story.started();
    // Back at what ran well: an exit is counted as any.
    story.expect(CRASHED, None);
    story.started_again();
    story.expect(CRASHED, Some(Action::PinVersion));
}

/// As by an assistant that tries the next edit as soon as it is back.
#[test]
fn what_is_changed_right_after_a_repair_is_repaired_as_well_and_not_for_ever() {
    let mut story = Story::begin();
    for spoilt in 0..=CHANGES_MAX {
        story.expect(untried(Exit::Code(78)), Some(Action::StartDoctor));
        story.expect(CRASHED, Some(Action::Restore));
        story.expect(Event::Restored(true), Some(Action::Inspect));
        story.started();
        if spoilt % 2 == 0 {
            story.expect(READY, None);
        }
    }
    story.expect(untried(Exit::Code(78)), Some(Action::PinVersion));
    story.expect(Event::Pinned(true), Some(Action::Inspect));
    story.started();
    story.expect(READY, None);
    story.prove();
    story.expect(untried(Exit::Code(78)), Some(Action::StartDoctor));
    story.expect(CRASHED, Some(Action::Restore));
    story.expect(Event::Restored(true), Some(Action::Inspect));
    story.started();
    story.expect(Event::Probed(Probe::Refused), Some(Action::Terminate));
    story.expect(untried(Exit::Code(0)), Some(Action::StartDoctor));
}

#[test]
fn what_ends_a_gateway_from_outside_or_later_makes_no_changed_configuration_suspect() {
    for exit in [Exit::Signal(9), Exit::Code(0)] {
        Story::begin().expect(untried(exit), None);
    }
    Story::ready().expect(untried(Exit::Code(1)), None);
}

#[test]
fn a_gateway_that_accepts_nobody_has_a_configuration_to_blame() {
    let mut story = Story::begin();
    story.expect(Event::Probed(Probe::Refused), Some(Action::Terminate));
    story.expect(exited(0), Some(Action::StartDoctor));

    let mut running = Story::proven();
    running.expect(Event::Probed(Probe::Refused), Some(Action::Terminate));
    running.expect(exited(0), Some(Action::StartDoctor));
}

#[test]
fn what_the_machine_lacks_is_waited_for_and_nothing_is_repaired() {
    let mut story = Story::begin();
    let full = Some(Obstacle::Disk);
    let lacking = Event::Exited { exit: Exit::Code(78), obstacle: full, is_untried: false };
    story.expect(lacking, None);
    assert_eq!(story.due(), Some(COMPLAINT_FIRST.as_secs()));
    for _ in 0..100 {
        story.expect(DUE, Some(Action::Inspect));
        story.expect(Event::Inspected(full), None);
        assert_eq!(story.due(), Some(INSPECT_AGAIN.as_secs()));
    }
    story.started_again();
    story.expect(READY, None);
    assert_eq!(story.machine.stage(), RecoveryStage::AsItIs);
}

#[test]
fn a_port_that_another_process_has_is_waited_for() {
    let mut story = Story::begin();
    story.expect(Event::Probed(Probe::Foreign), Some(Action::Terminate));
    story.expect(exited(0), None);
    let waiting = matches!(story.machine.state(), State::Waiting { obstacle: Obstacle::Port, .. });
    assert!(waiting);
    story.started_again();
}

#[test]
fn when_all_was_tried_time_a_changed_file_and_the_operator_bring_another_attempt() {
    let mut story = Story::failed();
    assert_eq!(story.due(), Some(15 * 60));
    for _ in 0..10 {
        story.started_again();
        // No repair any more: they were made.
        story.expect(REFUSED, None);
        assert!(matches!(story.machine.state(), State::Failed { .. }));
    }
    story.expect(Event::Nudged, Some(Action::Inspect));
    story.started();
    story.expect(REFUSED, Some(Action::StartDoctor));
}

#[test]
fn a_repair_is_told_of_once_it_has_proven_itself() {
    let mut story = Story::begin();
    story.expect(REFUSED, Some(Action::StartDoctor));
    story.expect(exited(0), Some(Action::Inspect));
    story.started();
    story.expect(READY, None);
    assert_eq!(story.machine.mended(), None);
    story.prove();
    assert_eq!(story.machine.mended(), Some(Repair::Doctor));
    assert_eq!(story.machine.stage(), RecoveryStage::AsItIs, "all repairs are there again");
}

#[test]
fn a_doctor_that_fails_hangs_or_is_missing_is_passed_over() {
    let mut failing = Story::begin();
    failing.expect(REFUSED, Some(Action::StartDoctor));
    failing.expect(gone(Exit::NeverStarted), Some(Action::Restore));

    let mut hanging = Story::begin();
    hanging.expect(REFUSED, Some(Action::StartDoctor));
    assert_eq!(hanging.due(), Some(DOCTOR_MAX.as_secs()));
    hanging.expect(DUE, Some(Action::Terminate));
    hanging.expect(DUE, Some(Action::Kill));
    hanging.expect(KILLED, Some(Action::Restore));

    let mut missing =
        Story::with(Policy { has_doctor: false, has_pinned_version: false, ..policy() });
    missing.expect(REFUSED, Some(Action::Restore));
    missing.expect(Event::Restored(false), None);
    assert!(matches!(missing.machine.state(), State::Failed { .. }));
}

#[test]
fn a_silent_gateway_is_restarted_and_one_answer_forgives() {
    let mut story = Story::proven();
    for _ in 1..SILENT_MAX {
        story.expect(SILENT, None);
    }
    story.expect(READY, None);
    for _ in 1..SILENT_MAX {
        story.expect(SILENT, None);
    }
    story.expect(SILENT, Some(Action::Terminate));
    story.expect(exited(0), None);
    assert!(matches!(story.machine.state(), State::BackingOff { .. }));
}

#[test]
fn a_draining_gateway_is_left_to_finish_but_not_for_ever() {
    let mut story = Story::ready();
    story.expect(NOT_READY, None);
    story.pass(UNREADY_MAX - Duration::from_secs(1));
    story.expect(NOT_READY, None);
    story.pass(Duration::from_secs(1));
    story.expect(NOT_READY, Some(Action::Terminate));
}

#[test]
fn a_gateway_above_its_ceiling_may_finish_unless_it_grows_on() {
    let ceiling = Event::MemoryExceeded(Excess::Ceiling);
    let mut patient = Story::proven();
    patient.expect(ceiling, Some(Action::Terminate));
    assert_eq!(patient.due(), Some(DRAIN_MAX.as_secs()));
    patient.expect(ceiling, None);
    patient.expect(exited(0), None);
    patient.started_again();
    assert_eq!(patient.machine.stage(), RecoveryStage::AsItIs, "no configuration is to blame");

    let mut growing = Story::proven();
    growing.expect(ceiling, Some(Action::Terminate));
    growing.expect(Event::MemoryExceeded(Excess::FarAbove), Some(Action::Kill));
    growing.expect(Event::MemoryExceeded(Excess::FarAbove), None);
}

#[test]
fn a_gateway_that_takes_too_much_before_it_has_run_well_is_a_failed_start() {
    for (event, action) in [
        (Event::MemoryExceeded(Excess::Ceiling), Action::Terminate),
        (Event::ProcessesExceeded, Action::Kill),
    ] {
        for mut story in [Story::begin(), Story::ready()] {
            for failure in 1..=FAILURES_MAX {
                story.expect(event, Some(action));
                let next = (failure == FAILURES_MAX).then_some(Action::StartDoctor);
                story.expect(KILLED, next);
                if next.is_none() {
                    story.started_again();
                }
            }
        }
    }
    let mut starting = Story::begin();
    starting.expect(Event::MemoryExceeded(Excess::Ceiling), Some(Action::Terminate));
    assert_eq!(starting.due(), Some(GRACE.as_secs()), "it has no turns to finish");
}

#[test]
fn whatever_it_does_it_stops_when_told_to() {
    let mut ready = Story::ready();
    ready.expect(Event::StopRequested, Some(Action::Terminate));
    ready.expect(DUE, Some(Action::Kill));
    ready.expect(KILLED, None);
    assert_eq!(ready.machine.state(), State::Stopped);

    let mut doctoring = Story::begin();
    doctoring.expect(REFUSED, Some(Action::StartDoctor));
    doctoring.expect(Event::StopRequested, Some(Action::Terminate));
    doctoring.expect(CRASHED, None);
    assert_eq!(doctoring.machine.state(), State::Stopped);

    let mut backing_off = Story::begin();
    backing_off.expect_all(&[(CRASHED, None), (Event::StopRequested, None)]);
    assert_eq!(backing_off.machine.state(), State::Stopped);

    let mut restarting = Story::begin();
    restarting.expect(DUE, Some(Action::Terminate));
    restarting.expect(Event::StopRequested, None);
    restarting.expect(exited(0), None);
    assert_eq!(restarting.machine.state(), State::Stopped);

    // A gateway that may drain for minutes may not when the agent stops.
    let mut draining = Story::proven();
    draining.expect(Event::MemoryExceeded(Excess::Ceiling), Some(Action::Terminate));
    draining.expect(Event::StopRequested, None);
    assert_eq!(draining.due(), Some(GRACE.as_secs()));
}
