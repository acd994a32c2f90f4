use super::*;

const BUDGET: Duration = Duration::from_secs(120);
const GRACE: Duration = Duration::from_secs(30);
const REFUSED: Event = Event::Exited(Exit::Code(78));
const CRASHED: Event = Event::Exited(Exit::Code(1));
const READY: Event = Event::Probed(Probe::Ready);
const SILENT: Event = Event::Probed(Probe::Silent);
const NOT_READY: Event = Event::Probed(Probe::NotReady);

/// A machine and a clock that moves by hand. The jitter is off.
struct Story {
    machine: Machine,
    now: Instant,
}

impl Story {
    fn begin(has_doctor: bool) -> Self {
        let policy = Policy { ready_budget: BUDGET, stop_grace: GRACE, has_doctor };
        let mut story = Self { machine: Machine::new(policy), now: Instant::now() };
        story.expect(Event::StartRequested, Some(Action::StartGateway));
        story
    }

    fn ready() -> Self {
        let mut story = Self::begin(true);
        story.expect(READY, Some(Action::KeepConfiguration));
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

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Seconds until the next deadline.
    fn due(&self) -> Option<u64> {
        self.machine.deadline().map(|at| at.duration_since(self.now).as_secs())
    }
}

#[test]
fn a_gateway_becomes_ready_and_its_configuration_is_kept() {
    let mut story = Story::begin(true);
    assert_eq!(story.due(), Some(BUDGET.as_secs()));
    story.expect_all(&[(SILENT, None), (NOT_READY, None)]);
    story.expect(READY, Some(Action::KeepConfiguration));
    story.expect(READY, None);
    assert_eq!((story.due(), story.machine.restarts()), (None, 0));
}

#[test]
fn a_gateway_that_is_not_ready_in_time_is_started_again() {
    let mut story = Story::begin(true);
    story.pass(BUDGET);
    story.expect(Event::DeadlinePassed, Some(Action::Terminate));
    assert_eq!(story.due(), Some(GRACE.as_secs()));
    story.expect(Event::DeadlinePassed, Some(Action::Kill));
    assert_eq!(story.due(), None);
    story.expect(Event::Exited(Exit::Signal(9)), None);
    story.expect(Event::DeadlinePassed, Some(Action::StartGateway));
    assert_eq!(story.machine.restarts(), 1);
}

#[test]
fn crashes_are_answered_ever_more_slowly() {
    let mut story = Story::begin(true);
    let mut waits = Vec::new();
    for _ in 0..8 {
        story.expect(CRASHED, None);
        waits.push(story.due().unwrap());
        story.expect(Event::DeadlinePassed, Some(Action::StartGateway));
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
}

#[test]
fn five_good_minutes_earn_a_quick_restart() {
    let restart_after = |healthy: u64| {
        let mut story = Story::begin(true);
        for _ in 0..4 {
            story.expect(CRASHED, None);
            story.expect(Event::DeadlinePassed, Some(Action::StartGateway));
        }
        story.expect(READY, Some(Action::KeepConfiguration));
        story.pass(Duration::from_secs(healthy));
        story.expect(CRASHED, None);
        story.due().unwrap()
    };
    assert_eq!(restart_after(299), 16);
    assert_eq!(restart_after(300), 1);
}

#[test]
fn a_refused_configuration_is_doctored_then_restored_then_given_up() {
    let mut story = Story::begin(true);
    story.expect(REFUSED, Some(Action::StartDoctor));
    story.expect(Event::Exited(Exit::Code(0)), Some(Action::StartGateway));
    story.expect(REFUSED, Some(Action::RestoreConfiguration));
    story.expect(Event::Restored(true), Some(Action::StartGateway));
    story.expect(REFUSED, None);
    assert_eq!(story.machine.state(), State::GivenUp);
    story.expect_all(&[(READY, None), (Event::DeadlinePassed, None), (CRASHED, None)]);
    assert_eq!(story.machine.state(), State::GivenUp);
}

#[test]
fn a_gateway_that_was_ready_gets_the_whole_ladder_again() {
    let mut story = Story::begin(true);
    story.expect(REFUSED, Some(Action::StartDoctor));
    story.expect(Event::Exited(Exit::Code(0)), Some(Action::StartGateway));
    story.expect(READY, Some(Action::KeepConfiguration));
    story.expect(REFUSED, Some(Action::StartDoctor));
}

#[test]
fn a_crash_on_the_ladder_does_not_start_it_again() {
    let mut story = Story::begin(true);
    story.expect(REFUSED, Some(Action::StartDoctor));
    story.expect(Event::Exited(Exit::Code(0)), Some(Action::StartGateway));
    story.expect(CRASHED, None);
    story.expect(Event::DeadlinePassed, Some(Action::StartGateway));
    story.expect(REFUSED, Some(Action::RestoreConfiguration));
}

#[test]
fn a_doctor_that_fails_hangs_or_is_missing_is_passed_over() {
    let mut failing = Story::begin(true);
    failing.expect(REFUSED, Some(Action::StartDoctor));
    failing.expect(Event::Exited(Exit::NeverStarted), Some(Action::RestoreConfiguration));

    let mut hanging = Story::begin(true);
    hanging.expect(REFUSED, Some(Action::StartDoctor));
    assert_eq!(hanging.due(), Some(DOCTOR_MAX.as_secs()));
    hanging.expect(Event::DeadlinePassed, Some(Action::Terminate));
    hanging.expect(Event::DeadlinePassed, Some(Action::Kill));
    hanging.expect(Event::Exited(Exit::Signal(9)), Some(Action::RestoreConfiguration));

    let mut missing = Story::begin(false);
    missing.expect(REFUSED, Some(Action::RestoreConfiguration));
    missing.expect(Event::Restored(false), None);
    assert_eq!(missing.machine.state(), State::GivenUp);
}

#[test]
fn a_silent_gateway_is_restarted_and_one_answer_forgives() {
    let mut story = Story::ready();
    for _ in 1..SILENT_MAX {
        story.expect(SILENT, None);
    }
    story.expect(READY, None);
    for _ in 1..SILENT_MAX {
        story.expect(SILENT, None);
    }
    story.expect(SILENT, Some(Action::Terminate));
    story.expect(Event::Exited(Exit::Code(0)), None);
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
fn whatever_it_does_it_stops_when_told_to() {
    let mut ready = Story::ready();
    ready.expect(Event::StopRequested, Some(Action::Terminate));
    ready.expect(Event::DeadlinePassed, Some(Action::Kill));
    ready.expect(Event::Exited(Exit::Signal(9)), None);
    assert_eq!(ready.machine.state(), State::Stopped);

    let mut doctoring = Story::begin(true);
    doctoring.expect(REFUSED, Some(Action::StartDoctor));
    doctoring.expect(Event::StopRequested, Some(Action::Terminate));
    doctoring.expect(CRASHED, None);
    assert_eq!(doctoring.machine.state(), State::Stopped);

    let mut backing_off = Story::begin(true);
    backing_off.expect_all(&[(CRASHED, None), (Event::StopRequested, None)]);
    assert_eq!(backing_off.machine.state(), State::Stopped);

    let mut restarting = Story::begin(true);
    restarting.expect(Event::DeadlinePassed, Some(Action::Terminate));
    restarting.expect(Event::StopRequested, None);
    restarting.expect(Event::Exited(Exit::Code(0)), None);
    assert_eq!(restarting.machine.state(), State::Stopped);
}
