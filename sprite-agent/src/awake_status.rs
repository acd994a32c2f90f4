//! Why this machine is held awake, and when the assistant next has something to do.
//! One task writes it; health tells it, and notes that it was told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// A closed list, for health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The gateway is on its way up: what it has to do is not known yet.
    Starting,
    /// A turn, a tool or something else that the assistant has begun runs.
    Working,
    /// Something that is scheduled begins within minutes.
    Due,
    /// Control has not yet been told when to wake this machine.
    Untold,
}

impl Why {
    pub fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Working => "working",
            Self::Due => "due",
            Self::Untold => "untold",
        }
    }
}

/// What a machine that is awake is awake for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwakeFor {
    Held(Why),
    /// A page is open and nothing holds the machine.
    Page,
    /// Neither: it falls asleep within the provider's half minute.
    Nothing,
}

impl AwakeFor {
    pub const ALL: [Self; 6] = [
        Self::Held(Why::Starting),
        Self::Held(Why::Working),
        Self::Held(Why::Due),
        Self::Held(Why::Untold),
        Self::Page,
        Self::Nothing,
    ];

    /// A closed list, for a metric.
    pub fn label(self) -> &'static str {
        match self {
            Self::Held(why) => why.label(),
            Self::Page => "page",
            Self::Nothing => "nothing",
        }
    }
}

/// How long the machine was awake, and what for.
#[derive(Debug, Default)]
pub struct AwakeTimes {
    times: [Duration; AwakeFor::ALL.len()],
    /// Since when it has been awake for the present reason.
    present: Option<(AwakeFor, Instant)>,
}

/// Who keeps account looks at least this often. A longer gap is sleep.
const GAP_MAX: Duration = Duration::from_secs(90);

impl AwakeTimes {
    /// From `now` on it is awake for this, until the next call.
    pub fn note(&mut self, present: AwakeFor, now: Instant) {
        if let Some((before, since)) = self.present.replace((present, now)) {
            let passed = now.saturating_duration_since(since);
            if passed <= GAP_MAX {
                self.times[at(before)] += passed;
            }
        }
    }

    pub fn of(&self, reason: AwakeFor) -> Duration {
        self.times[at(reason)]
    }
}

fn at(reason: AwakeFor) -> usize {
    AwakeFor::ALL.iter().position(|it| *it == reason).expect("all of them are listed")
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// Why the machine is held awake at the moment.
    pub held: Option<Why>,
    /// Unix seconds.
    pub next_due: Option<u64>,
    /// Whether the gateway has been asked what is due: before, `None` says nothing.
    pub is_known: bool,
    /// What control was told last.
    pub told: Option<u64>,
}

#[derive(Debug, Default)]
pub struct AwakeStatus {
    known: Mutex<Known>,
    /// Somebody asked how we are: the machine may just have been woken.
    asked: Notify,
    /// Until when the gateway is closed to new work because somebody wants it so, in Unix
    /// seconds: the clock that goes on while a machine is frozen.
    closed_until: AtomicU64,
    times: Mutex<AwakeTimes>,
    /// Held alone by who closes the gateway or opens it, so that it is not opened between
    /// another's wish and the answer to it, and shared by who sends it a page's request, which
    /// waits for the moment.
    pub gate: tokio::sync::RwLock<()>,
}

impl AwakeStatus {
    pub fn known(&self) -> Known {
        *self.lock()
    }

    /// For control, which now knows.
    pub fn tell(&self) -> Known {
        let mut known = self.lock();
        if known.is_known {
            known.told = known.next_due;
        }
        self.asked.notify_one();
        *known
    }

    pub fn set(&self, held: Option<Why>, next_due: Option<u64>) {
        let mut known = self.lock();
        (known.held, known.next_due, known.is_known) = (held, next_due, true);
    }

    pub fn set_held(&self, held: Option<Why>) {
        self.lock().held = held;
    }

    /// From now on the machine is awake for this.
    pub fn account(&self, present: AwakeFor) {
        self.times().note(present, Instant::now());
    }

    /// Whole seconds for which it was awake, since the agent runs.
    pub fn seconds(&self, reason: AwakeFor) -> u64 {
        self.times().of(reason).as_secs()
    }

    fn times(&self) -> MutexGuard<'_, AwakeTimes> {
        self.times.lock().expect("nothing panics while it holds the lock")
    }

    /// The gateway is closed to new work, and is to be until `until`, in Unix seconds.
    pub fn close(&self, until: u64) {
        self.closed_until.store(until, Ordering::Relaxed);
        self.asked.notify_one();
    }

    /// Whether it is to be closed at `now`.
    pub fn is_closed(&self, now: u64) -> bool {
        now < self.closed_until.load(Ordering::Relaxed)
    }

    /// Somebody has met a gateway that is closed.
    pub fn found_closed(&self) {
        self.asked.notify_one();
    }

    /// Returns when one of those who notice something was called since.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nothing panics while it holds the lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_counted_for_what_it_was_begun_with_and_sleep_is_not() {
        let start = Instant::now();
        let mut times = AwakeTimes::default();
        for (second, reason) in [
            (0, AwakeFor::Held(Why::Starting)),
            (20, AwakeFor::Page),
            (80, AwakeFor::Held(Why::Working)),
            (83, AwakeFor::Nothing),
            // It slept for an hour in between.
            (3_683, AwakeFor::Held(Why::Due)),
            (3_690, AwakeFor::Nothing),
        ] {
            times.note(reason, start + Duration::from_secs(second));
        }
        let seconds = AwakeFor::ALL.map(|reason| (reason.label(), times.of(reason).as_secs()));
        let expected = [
            ("starting", 20),
            ("working", 3),
            ("due", 7),
            ("untold", 0),
            ("page", 60),
            ("nothing", 0),
        ];
        assert_eq!(seconds, expected);
    }
}
