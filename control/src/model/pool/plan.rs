//! Decides how many sprites to begin preparing. Pure: counts in, a number out.

use std::time::Duration;

use super::Counts;

/// What the operator wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Sprites that stand ready, at least.
    pub available: u64,
    /// Sprites that stand ready at most, however many sign up: what they may cost.
    pub most_available: u64,
    /// Sprites prepared at the same time, at most.
    pub at_once: u64,
}

/// What is known at the moment of deciding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    pub counts: Counts,
    /// Too many preparations failed, and nobody has looked yet.
    pub is_paused: bool,
    /// So many preparations may still fail before the pool is paused.
    pub failures_left: u64,
    /// Sprites that may still run beside those that do, as far as the provider says.
    pub room: Option<u64>,
}

/// How long sign-ups are looked back at.
pub const DEMAND_SPAN: Duration = Duration::from_secs(2 * 60 * 60);

/// How many of those who signed up within [`DEMAND_SPAN`] one machine stands ready for: with
/// as many as came in half an hour, a crowd that doubles within it finds the pool filled
/// again, at ten creations a minute.
const SIGN_UPS_A_SPRITE: u64 = 4;

/// How many are to stand ready when so many have signed up within [`DEMAND_SPAN`].
///
/// An operator who wants none gets none.
pub fn wanted(target: Target, sign_ups: u64) -> u64 {
    if target.available == 0 {
        return 0;
    }
    let demand = sign_ups.div_ceil(SIGN_UPS_A_SPRITE);
    demand.min(target.most_available).max(target.available)
}

/// How many to begin now, so that those available and those coming are enough.
pub fn short_of(target: Target, now: &Situation) -> u64 {
    if now.is_paused {
        return 0;
    }
    let Counts { available, preparing, .. } = now.counts;
    let missing = target.available.saturating_sub(available + preparing);
    // No more are under way than may fail: a provider that makes only broken ones is
    // not given more to break than the limit says.
    let risk = now.failures_left.saturating_sub(preparing);
    missing.min(slots(target, now)).min(risk)
}

/// How many of the `wanted` that the operator asks for at once may be begun.
///
/// Also beyond the target, and while the pool is paused: who asks is looking.
pub fn allowed(wanted: u64, target: Target, now: &Situation) -> u64 {
    wanted.min(slots(target, now))
}

fn slots(target: Target, now: &Situation) -> u64 {
    let free = target.at_once.saturating_sub(now.counts.preparing);
    // A sprite runs while it is prepared.
    now.room.map_or(free, |room| free.min(room))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Target = Target { available: 3, most_available: 10, at_once: 3 };

    fn situation(available: u64, preparing: u64) -> Situation {
        let counts = Counts { available, preparing, assigned: 9, ..Counts::default() };
        Situation { counts, is_paused: false, failures_left: 99, room: None }
    }

    #[test]
    fn what_is_missing_is_begun_and_no_more() {
        let check = |available, preparing, expected| {
            let seen = short_of(TARGET, &situation(available, preparing));
            assert_eq!(seen, expected, "{available} available, {preparing} preparing");
        };
        check(0, 0, 3);
        check(1, 0, 2);
        check(1, 2, 0);
        check(0, 3, 0);
        check(3, 0, 0);
        check(9, 0, 0);
        check(0, 9, 0);
    }

    #[test]
    fn never_more_at_once_than_is_wanted_and_possible() {
        let wide = Target { available: 50, most_available: 50, at_once: 3 };
        assert_eq!(short_of(wide, &situation(0, 1)), 2);
        let room = |room| Situation { room: Some(room), ..situation(0, 0) };
        assert_eq!(short_of(wide, &room(1)), 1);
        assert_eq!(short_of(wide, &room(0)), 0);
        assert_eq!(short_of(wide, &room(99)), 3);
    }

    #[test]
    fn a_paused_pool_begins_nothing_by_itself() {
        let paused = Situation { is_paused: true, ..situation(0, 0) };
        assert_eq!(short_of(TARGET, &paused), 0);
        assert_eq!(allowed(1, TARGET, &paused), 1);
    }

    #[test]
    fn no_more_are_begun_than_may_fail() {
        let begun = |preparing, failures_left| {
            short_of(TARGET, &Situation { failures_left, ..situation(0, preparing) })
        };
        assert_eq!(begun(0, 2), 2);
        assert_eq!(begun(1, 2), 1);
        assert_eq!(begun(1, 1), 0);
    }

    #[test]
    fn what_is_wanted_follows_the_sign_ups_within_its_bounds() {
        let check = |sign_ups, expected| {
            assert_eq!(wanted(TARGET, sign_ups), expected, "{sign_ups} sign-ups");
        };
        check(0, 3);
        check(12, 3);
        check(13, 4);
        check(40, 10);
        check(1_000_000, 10);
        assert_eq!(wanted(Target { available: 0, ..TARGET }, 99), 0);
    }

    #[test]
    fn an_operator_may_ask_for_more_than_the_target() {
        assert_eq!(allowed(2, TARGET, &situation(9, 0)), 2);
        assert_eq!(allowed(5, TARGET, &situation(9, 1)), 2);
    }
}
