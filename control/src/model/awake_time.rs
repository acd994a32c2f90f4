//! How long a customer's machine was awake this month, out of what its agent counts. Pure.
//!
//! An agent counts since it runs. What it says is compared with what it said before, so that
//! neither a machine that sleeps nor a control that was away loses anything; what passed before
//! the first word of an agent is not known, and is not made up.

use std::time::Duration;

use crate::base::clock::Moment;
use crate::base::date::Date;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwakeTime {
    /// `2026-11`, in UTC.
    pub month: String,
    pub seconds: u64,
    pub count: AwakeCount,
}

/// What an agent said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwakeCount {
    pub machine: String,
    pub assignment: u64,
    /// Seconds since this agent runs.
    pub counted: u64,
}

impl AwakeTime {
    /// With what an agent says at `now`. What was counted between two words is of the month of
    /// the second.
    pub fn after(before: Option<&Self>, count: AwakeCount, now: Moment) -> Self {
        let month = month(now);
        let Some(before) = before else { return Self { month, seconds: 0, count } };
        let is_same_agent = (&before.count.machine, before.count.assignment)
            == (&count.machine, count.assignment)
            && before.count.counted <= count.counted;
        let known = if is_same_agent { before.count.counted } else { 0 };
        let earlier = if before.month == month { before.seconds } else { 0 };
        Self { month, seconds: earlier.saturating_add(count.counted - known), count }
    }

    /// In the month of `now`; `None` when no agent has said anything in it.
    pub fn this_month(&self, now: Moment) -> Option<Duration> {
        (self.month == month(now)).then(|| Duration::from_secs(self.seconds))
    }
}

/// As [`AwakeTime::month`] has it.
pub fn month(now: Moment) -> String {
    Date::of(now).iso()[..7].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOVEMBER: Moment = Moment::from_seconds(1_795_000_000);
    const DECEMBER: Moment = Moment::from_seconds(1_797_000_000);

    fn count(machine: &str, counted: u64) -> AwakeCount {
        AwakeCount { machine: machine.to_owned(), assignment: 1, counted }
    }

    /// The seconds after each word, in November.
    fn seconds(words: &[(&str, u64)]) -> Vec<u64> {
        let mut time = None;
        let mut seen = Vec::new();
        for (machine, counted) in words {
            let after = AwakeTime::after(time.as_ref(), count(machine, *counted), NOVEMBER);
            seen.push(after.seconds);
            time = Some(after);
        }
        seen
    }

    #[test]
    fn what_passed_between_two_words_is_added() {
        assert_eq!(seconds(&[("m", 500), ("m", 500), ("m", 620)]), [0, 0, 120]);
    }

    #[test]
    fn an_agent_that_began_anew_and_another_machine_count_from_nothing() {
        assert_eq!(seconds(&[("m", 500), ("m", 30), ("n", 40), ("n", 50)]), [0, 30, 70, 80]);
    }

    #[test]
    fn a_month_begins_with_nothing_and_an_old_one_is_not_told() {
        let november = AwakeTime::after(None, count("m", 100), NOVEMBER);
        let november = AwakeTime::after(Some(&november), count("m", 400), NOVEMBER);
        assert_eq!(november.this_month(NOVEMBER), Some(Duration::from_secs(300)));
        assert_eq!(november.this_month(DECEMBER), None);
        let december = AwakeTime::after(Some(&november), count("m", 410), DECEMBER);
        assert_eq!(december.this_month(DECEMBER), Some(Duration::from_secs(10)));
    }
}
