//! What is known of one sprite's sleep.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use shared::Upstream;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::limits::{AWAKE_FOR, GIVE_UP_TRIES, GIVEN_UP_FOR, WANTED_FOR};

pub(crate) struct Sprite {
    pub(super) upstream: Upstream,
    /// What the times below count from, in milliseconds.
    origin: Instant,
    /// Of its last sign of life; zero when there was none.
    last_sign: AtomicU64,
    /// When somebody last wanted to know.
    last_wanted: AtomicU64,
    /// There is trouble: kept beside it, so that whoever finds none takes no lock.
    is_troubled: AtomicBool,
    pub(super) has_prober: AtomicBool,
    pub(super) held: AtomicUsize,
    state: watch::Sender<State>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct State {
    /// Signs of life that somebody waited for.
    pub(crate) signs: u64,
    /// Tries that failed.
    pub(crate) failures: u64,
    trouble: Option<Trouble>,
}

/// Since its last sign of life nothing but failures.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    since: Instant,
    last: Instant,
    tries: u32,
    is_given_up: bool,
}

/// What a sign of life has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recovery {
    pub(super) after: Duration,
    pub(super) was_given_up: bool,
}

impl State {
    pub(crate) fn is_given_up(&self) -> bool {
        let is_fresh =
            |trouble: Trouble| trouble.is_given_up && trouble.last.elapsed() < GIVEN_UP_FOR;
        self.trouble.is_some_and(is_fresh)
    }
}

impl Sprite {
    pub(super) fn new(upstream: Upstream) -> Self {
        Self {
            upstream,
            // Zero is no time.
            origin: Instant::now() - Duration::from_millis(1),
            last_sign: AtomicU64::new(0),
            last_wanted: AtomicU64::new(0),
            is_troubled: AtomicBool::new(false),
            has_prober: AtomicBool::new(false),
            held: AtomicUsize::new(0),
            state: watch::Sender::new(State::default()),
        }
    }

    /// Has it shown so lately that it is awake that it cannot have gone to sleep since?
    pub(crate) fn is_awake(&self) -> bool {
        !self.is_troubled.load(Ordering::Acquire) && self.is_recent(&self.last_sign, AWAKE_FOR)
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.is_troubled.load(Ordering::Acquire) && self.state.borrow().is_given_up()
    }

    /// What changes from here on.
    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// It has given a sign of life.
    pub(super) fn heard(&self) -> Option<Recovery> {
        self.last_sign.store(self.now(), Ordering::Release);
        if !self.is_troubled.load(Ordering::Acquire) && self.state.receiver_count() == 0 {
            return None;
        }
        let mut recovery = None;
        self.state.send_modify(|state| {
            state.signs += 1;
            recovery = state.trouble.take().map(|trouble| Recovery {
                after: trouble.since.elapsed(),
                was_given_up: trouble.is_given_up,
            });
            self.is_troubled.store(false, Ordering::Release);
        });
        recovery
    }

    /// A try has failed. `true` when that was the one by which it is given up: not before
    /// it had `patience` to wake.
    pub(super) fn failed(&self, patience: Duration) -> bool {
        let now = Instant::now();
        let mut is_last = false;
        self.state.send_modify(|state| {
            let begun = Trouble { since: now, last: now, tries: 0, is_given_up: false };
            // What was long ago says nothing of today.
            let known = state.trouble.filter(|trouble| trouble.last.elapsed() < GIVEN_UP_FOR);
            let mut trouble = known.unwrap_or(begun);
            trouble.last = now;
            trouble.tries = trouble.tries.saturating_add(1);
            let is_over = trouble.tries >= GIVE_UP_TRIES && trouble.since.elapsed() >= patience;
            is_last = is_over && !trouble.is_given_up;
            trouble.is_given_up |= is_over;
            state.failures += 1;
            state.trouble = Some(trouble);
            self.is_troubled.store(true, Ordering::Release);
        });
        is_last
    }

    /// Somebody wants it awake.
    pub(super) fn want(&self) {
        self.last_wanted.store(self.now(), Ordering::Relaxed);
    }

    /// Does anybody wait, or has lately asked?
    pub(super) fn is_wanted(&self) -> bool {
        self.held.load(Ordering::Acquire) > 0 || self.is_recent(&self.last_wanted, WANTED_FOR)
    }

    /// Is there anything about it that somebody may still need?
    pub(super) fn is_remembered(&self) -> bool {
        self.is_recent(&self.last_sign, AWAKE_FOR)
            || self.is_recent(&self.last_wanted, GIVEN_UP_FOR)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_recent(&self, time: &AtomicU64, within: Duration) -> bool {
        let time = time.load(Ordering::Acquire);
        let age = Duration::from_millis(self.now().saturating_sub(time));
        time > 0 && age < within
    }
}

/// Does the platform say this of a machine that is not awake? The machine itself may.
pub(crate) const fn is_platforms(status: u16) -> bool {
    matches!(status, 502..=504)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const PATIENCE: Duration = Duration::from_secs(15);

    fn sprite() -> Sprite {
        Sprite::new("https://sprite.test".parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_sign_of_life_holds_until_it_may_sleep_again() {
        let sprite = sprite();
        assert!(!sprite.is_awake(), "nobody has heard of it");
        sprite.heard();
        assert!(sprite.is_awake());
        advance(AWAKE_FOR).await;
        assert!(!sprite.is_awake());
        sprite.heard();
        sprite.failed(PATIENCE);
        assert!(!sprite.is_awake(), "a failure counts more");
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_given_up_after_real_tries_and_never_before_it_had_time_to_wake() {
        let sprite = sprite();
        for _ in 0..100 {
            assert!(!sprite.failed(PATIENCE) && !sprite.is_given_up());
        }
        advance(PATIENCE).await;
        assert!(sprite.failed(PATIENCE), "told once");
        assert!(!sprite.failed(PATIENCE) && sprite.is_given_up());
        let recovery = sprite.heard().unwrap();
        assert_eq!(recovery, Recovery { after: PATIENCE, was_given_up: true });
        assert!(sprite.is_awake() && !sprite.is_given_up());

        sprite.failed(PATIENCE);
        advance(PATIENCE).await;
        assert!(!sprite.failed(PATIENCE), "one silence is not many tries");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_long_ago_says_nothing_of_today() {
        let sprite = sprite();
        sprite.failed(Duration::ZERO);
        sprite.failed(Duration::ZERO);
        assert!(sprite.failed(Duration::ZERO) && sprite.is_given_up());
        advance(GIVEN_UP_FOR).await;
        assert!(!sprite.is_given_up());
        assert!(!sprite.failed(Duration::ZERO), "it begins anew");
    }
}
