//! `PROV-20260214-a1b2c3d4`: what it is, the day it was made, and chance.

use std::fmt;

use super::Kind;
use crate::clock::Moment;
use crate::token::is_lower_hex;

/// Ids are said on the telephone and searched for in tickets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(String);

impl TaskId {
    /// The day is that of `now` in UTC. Two of one day may be equal, about once in
    /// four thousand million pairs: the database says so.
    pub fn random(kind: Kind, now: Moment) -> Self {
        let chance = getrandom::u32().expect("the operating system gives random bytes");
        let (year, month, day) = date(now);
        Self(format!("{}-{year:04}{month:02}{day:02}-{chance:08x}", kind.as_str()))
    }

    /// # Errors
    /// When `text` is not in the form of an id.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = text.split('-');
        let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
        let [Some(kind), Some(day), Some(chance), None] = parts else { return Err(FORM) };
        let is_day = day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit());
        if Kind::parse(kind).is_ok() && is_day && is_lower_hex(chance, 8) {
            Ok(Self(text.to_owned()))
        } else {
            Err(FORM)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const FORM: &str = "a task's id looks like PROV-20260214-a1b2c3d4";

impl fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

const DAY_MILLIS: u64 = 86_400_000;

/// Days of four hundred years, after which the calendar repeats itself.
const CYCLE_DAYS: u64 = 146_097;

/// Days from 1 March 0000 to 1 January 1970.
const BEFORE_1970: u64 = 719_468;

/// Year, month and day of the Gregorian calendar in UTC.
///
/// Years are counted from March: then the leap day is the last of its year.
fn date(moment: Moment) -> (u64, u64, u64) {
    let days = moment.millis() / DAY_MILLIS + BEFORE_1970;
    let (cycle, day) = (days / CYCLE_DAYS, days % CYCLE_DAYS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // From March, five months always have 153 days.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    (cycle * 400 + year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let check = |seconds, expected| {
            assert_eq!(date(Moment::from_seconds(seconds)), expected, "{seconds}");
        };
        check(0, (1970, 1, 1));
        check(951_782_399, (2000, 2, 28));
        check(951_782_400, (2000, 2, 29));
        check(1_771_027_200, (2026, 2, 14));
        check(1_798_761_599, (2026, 12, 31));
        check(4_107_542_400, (2100, 3, 1));
    }

    #[test]
    fn an_id_is_read_back() {
        let id = TaskId::random(Kind::Provision, Moment::from_seconds(1_771_027_200));
        assert!(id.as_str().starts_with("PROV-20260214-"), "{id}");
        assert_eq!(TaskId::parse(id.as_str()), Ok(id));
        for wrong in ["", "PROV", "PROV-20260214-A1B2C3D4", "X-20260214-a1b2c3d4", "PROV-2-0-0"] {
            assert_eq!(TaskId::parse(wrong), Err(FORM), "{wrong}");
        }
    }
}
