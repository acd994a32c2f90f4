//! Moments and spans as people read them. Pure.

use std::fmt;
use std::time::Duration;

use time::Month;

use super::clock::Moment;
use super::language::Language;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const GERMAN_MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `24 November 2026`, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    year: u64,
    /// From 1.
    month: u64,
    day: u64,
}

/// `24 November 2026, 11:44 UTC`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    date: Date,
    minute_of_day: u64,
}

/// `3 days`, `60 minutes`: the largest unit of which it is two or more, rounded down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(Duration);

/// `45s`, `12m`, `3h`, `5d`, for columns: as [`Span`], and as exact when it is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(Duration);

impl Date {
    pub fn of(moment: Moment) -> Self {
        // Howard Hinnant's `civil_from_days`, of years that begin in March, so
        // that the leap day is their last.
        let days = moment.seconds() / DAY + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let leaps = day_of_era / 36_524 - day_of_era / 146_096;
        let year_of_era = (day_of_era - day_of_era / 1_460 + leaps) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
        }
    }

    /// `24 November 2026`, `24. November 2026`
    pub fn in_language(self, language: Language) -> String {
        match language {
            Language::English => self.to_string(),
            Language::German => self.in_german(),
        }
    }

    fn in_german(self) -> String {
        let month = GERMAN_MONTHS[usize::try_from(self.month - 1).expect("1 to 12")];
        format!("{}. {month} {}", self.day, self.year)
    }

    /// Days of this month that are over, and all that it has.
    pub fn in_month(self) -> (u64, u64) {
        let month = u8::try_from(self.month).ok().and_then(|month| Month::try_from(month).ok());
        let year = i32::try_from(self.year).expect("far below 2^31");
        let days = month.expect("1 to 12").length(year);
        (self.day - 1, days.into())
    }

    /// `2026-11-24`, for keys.
    pub fn iso(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// `2026-02-14T15:45:28Z`
pub fn iso_time(moment: Moment) -> String {
    let seconds = moment.seconds() % 86_400;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", Date::of(moment).iso())
}

/// What an operator may write for a time: `2026-02-14T15:45:28Z` with any offset, `2h` or
/// `30m` from `now`, or unix seconds.
///
/// # Errors
/// Says which forms there are.
pub fn parse_time(text: &str, now: Moment) -> Result<Moment, &'static str> {
    const FORMS: &str = "must look like 2026-02-14T15:45:28Z, or like 30m, 2h or 3d from now";
    if let Ok(seconds) = text.parse() {
        return Ok(Moment::from_seconds(seconds));
    }
    if let Some(span) = parse_span(text) {
        return Ok(now.after(span));
    }
    let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
    let seconds = time.map_err(|_| FORMS)?.unix_timestamp();
    u64::try_from(seconds).map(Moment::from_seconds).map_err(|_| FORMS)
}

/// `90s`, `30m`, `2h` or `3d`.
fn parse_span(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => MINUTE,
        'h' => HOUR,
        'd' => DAY,
        _ => return None,
    };
    let count: u64 = text[..text.len() - 1].parse().ok()?;
    count.checked_mul(unit).map(Duration::from_secs)
}

impl Age {
    pub fn of(duration: Duration) -> Self {
        Self(duration)
    }
}

impl fmt::Display for Age {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "m")];
        match units.iter().find(|(unit, _)| seconds >= 2 * unit) {
            Some((unit, name)) => write!(formatter, "{}{name}", seconds / unit),
            None => write!(formatter, "{seconds}s"),
        }
    }
}

impl DateTime {
    pub fn of(moment: Moment) -> Self {
        Self { date: Date::of(moment), minute_of_day: moment.seconds() % DAY / MINUTE }
    }

    /// `24 November 2026, 11:44 UTC`, `24. November 2026, 11:44 Uhr UTC`
    pub fn in_language(self, language: Language) -> String {
        match language {
            Language::English => self.to_string(),
            Language::German => {
                let (hour, minute) = (self.minute_of_day / 60, self.minute_of_day % 60);
                format!("{}, {hour:02}:{minute:02} Uhr UTC", self.date.in_german())
            }
        }
    }
}

impl Span {
    pub fn of(duration: Duration) -> Self {
        Self(duration)
    }

    /// `3 days`; in German as after "für": `3 Tage`.
    pub fn in_language(self, language: Language) -> String {
        let (names, shortest) = match language {
            Language::English => (["days", "hours", "minutes"], "a minute"),
            Language::German => (["Tage", "Stunden", "Minuten"], "eine Minute"),
        };
        let seconds = self.0.as_secs();
        let mut units = [DAY, HOUR, MINUTE].into_iter().zip(names);
        match units.find(|(unit, _)| seconds >= 2 * unit) {
            Some((unit, name)) => format!("{} {name}", seconds / unit),
            None => shortest.to_owned(),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let month = MONTHS[usize::try_from(self.month - 1).expect("1 to 12")];
        write!(formatter, "{} {month} {}", self.day, self.year)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute) = (self.minute_of_day / 60, self.minute_of_day % 60);
        write!(formatter, "{}, {hour:02}:{minute:02} UTC", self.date)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.in_language(Language::English))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_has_its_date() {
        let check = |seconds: u64, iso: &str, words: &str| {
            let date = Date::of(Moment::from_seconds(seconds));
            assert_eq!((date.iso().as_str(), date.to_string().as_str()), (iso, words));
        };
        check(0, "1970-01-01", "1 January 1970");
        check(951_782_399, "2000-02-28", "28 February 2000");
        check(951_782_400, "2000-02-29", "29 February 2000");
        check(951_868_800, "2000-03-01", "1 March 2000");
        check(1_798_761_599, "2026-12-31", "31 December 2026");
        check(1_798_761_600, "2027-01-01", "1 January 2027");
        check(4_107_542_400, "2100-03-01", "1 March 2100");
    }

    #[test]
    fn the_last_day_of_each_month_is_its_last() {
        for day in 0..60_000 {
            let date = |day: u64| Date::of(Moment::from_seconds(day * DAY));
            let ((over, days), (next, _)) = (date(day).in_month(), date(day + 1).in_month());
            assert_eq!(next == 0, over + 1 == days, "{}", date(day));
        }
    }

    #[test]
    fn days_follow_each_other() {
        let mut last = String::new();
        for day in 0..60_000 {
            let iso = Date::of(Moment::from_seconds(day * DAY)).iso();
            assert!(iso > last, "{iso} after {last}");
            last = iso;
        }
    }

    #[test]
    fn a_time_of_day_is_in_utc() {
        let moment = Moment::from_seconds(1_798_761_600 + 11 * HOUR + 4 * MINUTE + 59);
        assert_eq!(DateTime::of(moment).to_string(), "1 January 2027, 11:04 UTC");
        assert_eq!(
            DateTime::of(moment).in_language(Language::German),
            "1. Januar 2027, 11:04 Uhr UTC"
        );
    }

    #[test]
    fn spans_are_said_in_the_unit_people_use() {
        let check = |seconds, english: &str, german: &str| {
            let span = Span::of(Duration::from_secs(seconds));
            assert_eq!(span.to_string(), english);
            assert_eq!(span.in_language(Language::German), german);
        };
        check(72 * HOUR, "3 days", "3 Tage");
        check(47 * HOUR, "47 hours", "47 Stunden");
        check(HOUR, "60 minutes", "60 Minuten");
        check(90, "a minute", "eine Minute");
        check(0, "a minute", "eine Minute");
    }

    #[test]
    fn an_age_is_short() {
        let check = |seconds, expected: &str| {
            assert_eq!(Age::of(Duration::from_secs(seconds)).to_string(), expected);
        };
        check(0, "0s");
        check(119, "119s");
        check(120, "2m");
        check(7_199, "119m");
        check(7_200, "2h");
        check(2 * DAY, "2d");
    }

    #[test]
    fn operators_write_times_as_they_read_them() {
        let now = Moment::from_seconds(1_800_000_000);
        let check = |text: &str, expected: Option<u64>| {
            let seen = parse_time(text, now).ok().map(Moment::seconds);
            assert_eq!(seen, expected, "{text}");
        };
        check("2026-02-14T15:45:28Z", Some(1_771_083_928));
        check("2026-02-14T16:45:28+01:00", Some(1_771_083_928));
        check("2026-02-14t15:45:28.5z", Some(1_771_083_928));
        check("90s", Some(1_800_000_090));
        check("2h", Some(1_800_007_200));
        check("3d", Some(1_800_259_200));
        check("1800000000", Some(1_800_000_000));
        for wrong in [
            "",
            "tomorrow",
            "2026-02-14",
            "2026-02-14T15:45:28",
            "2026-13-14T15:45:28Z",
            "-2h",
            "2w",
            "m",
            "1960-01-01T00:00:00Z",
        ] {
            check(wrong, None);
        }
        assert_eq!(
            iso_time(parse_time("2026-02-14T15:45:28Z", now).unwrap()),
            "2026-02-14T15:45:28Z"
        );
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let check = |seconds, expected: &str| {
            assert_eq!(Date::of(Moment::from_seconds(seconds)).iso(), expected, "{seconds}");
        };
        check(0, "1970-01-01");
        check(951_782_399, "2000-02-28");
        check(951_782_400, "2000-02-29");
        check(1_771_027_200, "2026-02-14");
        check(1_798_761_599, "2026-12-31");
        check(4_107_542_400, "2100-03-01");
    }
}
