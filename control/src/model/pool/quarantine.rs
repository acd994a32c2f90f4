//! When a machine that works against expectation is kept apart, and for how long. Pure.

use std::time::Duration;

use super::PoolSprite;
use crate::base::clock::Moment;

/// So many times a machine that stands ready may leave a call unanswered and come back: once
/// is the network, twice a bad night, and what does it again is not given to anybody.
pub const SETBACKS_MAX: u64 = 3;

/// Machines that are kept apart at the same time: each costs its disk, and a person looks at a
/// handful. Beyond it the oldest go first.
pub const QUARANTINED_MAX: usize = 10;

/// Those of `quarantined` whose time is over, or for which there is no room, with the reason.
/// The oldest stand first.
pub fn to_destroy(
    quarantined: &[PoolSprite],
    patience: Duration,
    now: Moment,
) -> Vec<(&PoolSprite, &'static str)> {
    let too_many = quarantined.len().saturating_sub(QUARANTINED_MAX);
    let judge = |(position, sprite): (usize, _)| {
        let sprite: &PoolSprite = sprite;
        let is_over = now.since(sprite.changed) >= patience;
        match (is_over, position < too_many) {
            (true, _) => Some((sprite, "its time in quarantine is over")),
            (false, true) => Some((sprite, "too many are in quarantine")),
            (false, false) => None,
        }
    };
    quarantined.iter().enumerate().filter_map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::pool::SpriteState;
    use vendors::sprites::SpriteName;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Moment = Moment::from_seconds(1_800_000_000);

    fn since(number: usize, age: Duration) -> PoolSprite {
        PoolSprite {
            name: SpriteName::parse(format!("arca-{number}")).unwrap(),
            state: SpriteState::Quarantined,
            upstream: None,
            base: String::new(),
            checkpoint: None,
            username: None,
            assignment: 1,
            task: None,
            proved: None,
            last_error: None,
            setbacks: 0,
            created: NOW.before(DAY * 9),
            changed: NOW.before(age),
        }
    }

    fn names(quarantined: &[PoolSprite]) -> Vec<&str> {
        let gone = to_destroy(quarantined, DAY, NOW);
        gone.into_iter().map(|(sprite, _)| sprite.name.as_str()).collect()
    }

    #[test]
    fn a_machine_is_kept_for_its_time() {
        assert_eq!(names(&[since(1, DAY), since(2, DAY / 2)]), ["arca-1"]);
        assert!(names(&[]).is_empty());
    }

    #[test]
    fn the_oldest_make_room() {
        let many: Vec<_> = (0..=QUARANTINED_MAX).map(|number| since(number, DAY / 2)).collect();
        assert_eq!(names(&many), ["arca-0"]);
        assert!(names(&many[1..]).is_empty());
    }

    /// A clock that went back keeps it longer, and destroys nothing.
    #[test]
    fn a_clock_that_went_back_destroys_nothing() {
        let mut sprite = since(1, DAY);
        sprite.changed = NOW.after(DAY);
        assert!(names(&[sprite]).is_empty());
    }
}
