//! How a workspace that nobody pays for comes to its end, and how its customer is told. Pure.
//!
//! ```text
//! closed, with a letter → first warning → last warning → ended
//! ```
//!
//! Each step is taken once, and none before the one that announces it is as old as the
//! letter has promised: a clock that was wrong, or a program that stood still, makes the way
//! longer and never shorter. A payment on the way begins it anew.

use std::time::Duration;

use crate::base::clock::Moment;

/// How long what is in it is kept, and when its end is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpaidTimes {
    /// From the closing to the end.
    pub keep: Duration,
    /// The first warning is written so long before the end, the last one so long.
    pub first_warning: Duration,
    pub last_warning: Duration,
}

/// Where on the way a workspace is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpaid {
    /// When it was closed.
    pub since: Moment,
    pub warnings: Warnings,
    /// When the next step is due.
    pub due: Moment,
}

/// Letters that were written since it was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warnings {
    None,
    First,
    Last,
}

/// What a look at an unpaid workspace comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnpaidStep {
    /// It is closed from now on; what is in it is kept until `ends`.
    Close {
        ends: Moment,
    },
    Warn {
        ends: Moment,
        is_last: bool,
    },
    End,
}

impl Unpaid {
    /// Where it is at `now`, and what is to be done about it. `before` is where it was;
    /// `None` while it was paid for.
    pub fn after(
        before: Option<Self>,
        times: &UnpaidTimes,
        now: Moment,
    ) -> (Self, Option<UnpaidStep>) {
        let UnpaidTimes { keep, first_warning, last_warning } = *times;
        let Some(before) = before else {
            let due = now.after(keep.saturating_sub(first_warning));
            let closed = Self { since: now, warnings: Warnings::None, due };
            return (closed, Some(UnpaidStep::Close { ends: closed.ends(times) }));
        };
        if now < before.due {
            return (before, None);
        }
        let (warnings, wait) = match before.warnings {
            Warnings::None => (Warnings::First, first_warning.saturating_sub(last_warning)),
            Warnings::First => (Warnings::Last, last_warning),
            Warnings::Last => return (before, Some(UnpaidStep::End)),
        };
        let warned = Self { warnings, due: now.after(wait), ..before };
        let is_last = warnings == Warnings::Last;
        (warned, Some(UnpaidStep::Warn { ends: warned.ends(times), is_last }))
    }

    /// When it ends unless somebody pays.
    pub fn ends(&self, times: &UnpaidTimes) -> Moment {
        self.due.after(match self.warnings {
            Warnings::None => times.first_warning,
            Warnings::First => times.last_warning,
            Warnings::Last => Duration::ZERO,
        })
    }
}

impl Warnings {
    /// As it is stored.
    pub const fn count(self) -> u64 {
        match self {
            Self::None => 0,
            Self::First => 1,
            Self::Last => 2,
        }
    }

    pub const fn of_count(count: u64) -> Self {
        match count {
            0 => Self::None,
            1 => Self::First,
            _ => Self::Last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Moment = Moment::from_seconds(1_800_000_000);
    const TIMES: UnpaidTimes = UnpaidTimes {
        keep: Duration::from_secs(30 * 86_400),
        first_warning: Duration::from_secs(14 * 86_400),
        last_warning: Duration::from_secs(3 * 86_400),
    };

    fn day(number: u32) -> Moment {
        NOW.after(DAY * number)
    }

    #[test]
    fn two_warnings_announce_the_end_and_then_it_comes() {
        let mut unpaid = None;
        let mut seen = Vec::new();
        for number in 0..=30 {
            // Looked at twice, each step is taken once.
            for _ in 0..2 {
                let (next, step) = Unpaid::after(unpaid, &TIMES, day(number));
                unpaid = Some(next);
                seen.extend(
                    step.filter(|step| *step != UnpaidStep::End).map(|step| (number, step)),
                );
            }
        }
        let ends = day(30);
        assert_eq!(
            seen,
            [
                (0, UnpaidStep::Close { ends }),
                (16, UnpaidStep::Warn { ends, is_last: false }),
                (27, UnpaidStep::Warn { ends, is_last: true }),
            ]
        );
        assert_eq!(Unpaid::after(unpaid, &TIMES, day(30)).1, Some(UnpaidStep::End));
    }

    #[test]
    fn nothing_ends_without_the_warnings_that_announce_it() {
        let (closed, _) = Unpaid::after(None, &TIMES, NOW);
        // Nobody looked for a year.
        let (first, step) = Unpaid::after(Some(closed), &TIMES, day(365));
        let ends = day(365 + 14);
        assert_eq!(step, Some(UnpaidStep::Warn { ends, is_last: false }));
        assert_eq!(Unpaid::after(Some(first), &TIMES, day(375)), (first, None));
        let (last, step) = Unpaid::after(Some(first), &TIMES, day(376));
        assert_eq!(step, Some(UnpaidStep::Warn { ends, is_last: true }));
        assert_eq!(Unpaid::after(Some(last), &TIMES, day(378)).1, None);
        assert_eq!(Unpaid::after(Some(last), &TIMES, ends).1, Some(UnpaidStep::End));
    }
}
