//! What became of each sign-up of a crowd, and what that says of all. Pure.

use std::time::Duration;

/// Moments count from when the first of the crowd began to pay.
#[derive(Debug, Clone, Copy)]
pub struct SignUp {
    /// The button was pressed.
    pub began_to_pay: Duration,
    /// So many payments control had noted before theirs.
    pub turn: usize,
    /// A sprite was theirs: whoever came to the workspace was told to wait.
    pub served: Duration,
    pub live: Duration,
    /// A sprite stood ready when they were first looked at.
    pub found_ready: bool,
}

impl SignUp {
    pub fn wait(&self) -> Duration {
        self.live.saturating_sub(self.began_to_pay)
    }
}

/// How many were served after somebody whose payment was noted later.
pub fn overtaken(crowd: &[SignUp]) -> usize {
    let passes = |one: &SignUp, other: &SignUp| one.served < other.served && one.turn > other.turn;
    crowd.iter().filter(|other| crowd.iter().any(|one| passes(one, other))).count()
}

/// The shortest wait, in seconds, that `share` (0 to 1) of all do not exceed.
///
/// Not a number when there are none.
pub fn quantile(waits: impl IntoIterator<Item = Duration>, share: f64) -> f64 {
    let mut waits: Vec<Duration> = waits.into_iter().collect();
    waits.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between nothing and the count"
    )]
    let rank = (share * waits.len() as f64).ceil() as usize;
    waits.get(rank.saturating_sub(1)).map_or(f64::NAN, Duration::as_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each was served, in seconds, in the order of their turns.
    fn check(served: &[u64], expected: usize) {
        let seconds = Duration::from_secs;
        let crowd: Vec<SignUp> = served
            .iter()
            .enumerate()
            .map(|(turn, &served)| SignUp {
                began_to_pay: seconds(0),
                turn,
                served: seconds(served),
                live: seconds(served + 1),
                found_ready: false,
            })
            .collect();
        assert_eq!(overtaken(&crowd), expected, "{crowd:?}");
    }

    #[test]
    fn who_is_served_at_the_same_look_is_not_overtaken() {
        check(&[1, 2, 3], 0);
        check(&[1, 1, 1], 0);
        check(&[2, 1, 3], 1);
        check(&[3, 2, 1], 2);
    }

    #[test]
    fn a_quantile_is_one_of_the_waits() {
        let waits = || (1..=20).rev().map(Duration::from_secs);
        assert!((quantile(waits(), 0.5) - 10.0).abs() < 1e-9);
        assert!((quantile(waits(), 0.95) - 19.0).abs() < 1e-9);
        assert!((quantile(waits().take(1), 0.95) - 20.0).abs() < 1e-9);
        assert!(quantile([], 0.5).is_nan());
    }
}
