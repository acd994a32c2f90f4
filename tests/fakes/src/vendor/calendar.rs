//! Months and dates in UTC, by the proleptic Gregorian calendar.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock;

/// Seconds of a day.
pub const DAY: u64 = 24 * 60 * 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Date {
    year: i64,
    /// 1 to 12.
    month: i64,
    /// 1 to 31.
    day: i64,
}

/// The same time of day, `months` later than the anchor; on the last day of
/// a month that is too short. Unix seconds.
///
/// Counted from the anchor each time, so that 31 January comes back to the
/// 31st after February.
pub fn months_after(anchor: u64, months: u32) -> u64 {
    let (days, time) = (anchor / DAY, anchor % DAY);
    let date = date(days);
    let month = date.year * 12 + date.month - 1 + i64::from(months);
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let day = date.day.min(days_in(year, month));
    days_since_1970(Date { year, month, day }) * DAY + time
}

/// `2025-11-22T08:26:42.000Z`. Unix seconds.
pub fn rfc3339(at: u64) -> String {
    rfc3339_of(UNIX_EPOCH + Duration::from_secs(at))
}

/// [`rfc3339`] of a time that knows its milliseconds.
pub fn rfc3339_of(at: SystemTime) -> String {
    let since_1970 = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let Date { year, month, day } = date(since_1970.as_secs() / DAY);
    let (time, millis) = (since_1970.as_secs() % DAY, since_1970.subsec_millis());
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// [`rfc3339`] of this moment.
pub fn rfc3339_now() -> String {
    rfc3339_of(clock::now())
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Years begin in March here, so that a leap day is the last of its year.
fn date(days: u64) -> Date {
    let days = i64::try_from(days).expect("dates are near ours") + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Date { year, month, day }
}

fn days_since_1970(Date { year, month, day }: Date) -> u64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    u64::try_from(era * 146_097 + day_of_era - 719_468).expect("dates are after 1970")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 31 January 2027, 10:00:00.
    const JANUARY_31: u64 = 1_801_389_600;

    fn check(months: u32, expected: &str) {
        assert_eq!(rfc3339(months_after(JANUARY_31, months)), expected);
    }

    #[test]
    fn a_month_later_is_the_same_day_or_the_last_one() {
        check(0, "2027-01-31T10:00:00.000Z");
        check(1, "2027-02-28T10:00:00.000Z");
        check(2, "2027-03-31T10:00:00.000Z");
        check(12, "2028-01-31T10:00:00.000Z");
        check(13, "2028-02-29T10:00:00.000Z");
    }

    #[test]
    fn dates_are_right_around_leap_days_and_new_years() {
        let check = |seconds, expected| assert_eq!(rfc3339(seconds), expected);
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_400, "2000-02-29T00:00:00.000Z");
        check(951_868_800, "2000-03-01T00:00:00.000Z");
        check(1_767_225_599, "2025-12-31T23:59:59.000Z");
        check(1_768_300_200, "2026-01-13T10:30:00.000Z");
        let with_millis = UNIX_EPOCH + Duration::from_millis(1_768_300_200_007);
        assert_eq!(rfc3339_of(with_millis), "2026-01-13T10:30:00.007Z");
    }

    #[test]
    fn every_day_of_a_century_is_its_own_date() {
        for days in 0..36_525 {
            assert_eq!(days_since_1970(date(days)), days);
        }
    }
}
