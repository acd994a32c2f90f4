//! What a customer's machine costs, by its provider's price list. Pure.
//!
//! An estimate, to see who costs more than they pay: how long a machine was awake its agent
//! counts, what it takes while it is awake the operator says. The bill is the provider's.

use std::time::Duration;

use crate::base::amount::Amount;
use crate::base::clock::Moment;
use crate::base::date::Date;

/// In the currency of what customers pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineCosts {
    /// Of an hour awake.
    pub awake_hour: Decimal,
    /// Of a month, awake or not: what is on its disk.
    pub disk_month: Decimal,
}

/// Millionths: prices of an hour have five decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal(u64);

/// How much of the month has passed, and how long it is.
#[derive(Debug, Clone, Copy)]
pub struct MonthSoFar {
    pub passed: Duration,
    pub whole: Duration,
}

const ONE: u64 = 1_000_000;
const MILLIONTHS_A_CENT: u64 = ONE / 100;
const SECONDS_AN_HOUR: u64 = 3_600;
const DAY: Duration = Duration::from_secs(86_400);

/// Less says nothing about a month.
const LEAST_PASSED: Duration = DAY;

impl MachineCosts {
    /// What a month costs whose machine was awake for `awake` of it so far.
    pub fn of_month(self, price: Amount, awake: Duration, month: MonthSoFar) -> Amount {
        self.of_all(price, 1, awake, month)
    }

    /// The same of `machines` together.
    pub fn of_all(
        self,
        price: Amount,
        machines: u64,
        awake: Duration,
        month: MonthSoFar,
    ) -> Amount {
        let awake = u128::from(self.awake_hour.0) * u128::from(month.projected(awake).as_secs())
            / u128::from(SECONDS_AN_HOUR);
        let disks = u128::from(self.disk_month.0) * u128::from(machines);
        let cents = (awake + disks) / u128::from(MILLIONTHS_A_CENT);
        price.of_cents(u64::try_from(cents).unwrap_or(u64::MAX))
    }

    /// For how long a machine may have been awake by now whose month costs no more than `price`;
    /// without an end where being awake costs nothing.
    pub fn affordable(self, price: Amount, month: MonthSoFar) -> Duration {
        let left = (price.cents() * MILLIONTHS_A_CENT).saturating_sub(self.disk_month.0);
        let seconds = u128::from(left) * u128::from(SECONDS_AN_HOUR);
        let Some(of_month) = seconds.checked_div(u128::from(self.awake_hour.0)) else {
            return Duration::MAX;
        };
        let passed = u128::from(month.counted().as_secs());
        let seconds = of_month * passed / u128::from(month.whole.as_secs().max(1));
        Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX))
    }
}

impl MonthSoFar {
    /// In UTC.
    pub fn at(now: Moment) -> Self {
        let (over, days) = Date::of(now).in_month();
        let of_day = Duration::from_secs(now.seconds() % DAY.as_secs());
        Self { passed: DAY * small(over) + of_day, whole: DAY * small(days) }
    }

    fn counted(self) -> Duration {
        self.passed.max(LEAST_PASSED).min(self.whole)
    }

    /// What becomes of `awake` if the rest of the month is as what has passed of it.
    fn projected(self, awake: Duration) -> Duration {
        let (awake, whole) = (u128::from(awake.as_secs()), u128::from(self.whole.as_secs()));
        let seconds = awake * whole / u128::from(self.counted().as_secs().max(1));
        Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX))
    }
}

fn small(days: u64) -> u32 {
    u32::try_from(days).expect("at most 31")
}

impl Decimal {
    pub const fn millionths(count: u64) -> Self {
        Self(count)
    }

    /// `0.04375`, below a thousand.
    ///
    /// # Errors
    /// Says what it should look like.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        parse(text).ok_or("must look like 0.04375: up to three digits, and six after the point")
    }

    #[must_use]
    pub const fn times(self, other: Self) -> Self {
        // Each is below a thousand: the product fits.
        Self(self.0 * other.0 / ONE)
    }

    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

fn parse(text: &str) -> Option<Decimal> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fit = (1..=3).contains(&whole.len()) && (1..=6).contains(&fraction.len());
    if !fit || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = format!("{fraction:0<6}").parse().ok()?;
    Some(Decimal(whole * ONE + fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn costs() -> MachineCosts {
        MachineCosts {
            awake_hour: Decimal::parse("0.04725").unwrap(),
            disk_month: Decimal::parse("0.04").unwrap(),
        }
    }

    fn after(days: u32) -> MonthSoFar {
        MonthSoFar { passed: DAY * days, whole: DAY * 30 }
    }

    #[test]
    fn a_month_is_projected_from_what_has_passed_of_it() {
        let check = |awake: Duration, days, expected: &str| {
            let cost = costs().of_month(Amount::dollars(7), awake, after(days));
            assert_eq!(cost.to_string(), expected, "{awake:?} in {days} days");
        };
        check(Duration::ZERO, 15, "$0.04");
        check(30 * HOUR, 30, "$1.45");
        check(15 * HOUR, 15, "$1.45");
        check(720 * HOUR, 30, "$34.06");
        // An hour of the first hour is not taken for a month without sleep.
        check(HOUR, 0, "$1.45");
    }

    #[test]
    fn who_was_awake_for_longer_than_is_affordable_costs_more_than_they_pay() {
        let (costs, price) = (costs(), Amount::dollars(7));
        for days in [0, 1, 10, 30] {
            let month = after(days);
            let affordable = costs.affordable(price, month);
            let cents = |awake| costs.of_month(price, awake, month).cents();
            assert!(cents(affordable) <= price.cents(), "{days}");
            assert!(cents(affordable + HOUR) > price.cents(), "{days}");
        }
        let free = MachineCosts { awake_hour: Decimal::millionths(0), ..costs };
        assert_eq!(free.affordable(price, after(10)), Duration::MAX);
    }

    #[test]
    fn the_month_is_that_of_the_calendar() {
        let leap = MonthSoFar::at(Moment::from_seconds(951_868_799));
        assert_eq!((leap.whole, leap.passed), (DAY * 29, DAY * 29 - Duration::from_secs(1)));
        assert_eq!(MonthSoFar::at(Moment::from_seconds(1_798_761_600)).passed, Duration::ZERO);
    }

    #[test]
    fn disks_cost_whether_anybody_is_awake_or_not() {
        let all = costs().of_all(Amount::dollars(7), 1_000, 30 * HOUR, after(30));
        assert_eq!(all.to_string(), "$41.41");
    }

    #[test]
    fn a_price_of_the_list_is_read_to_a_millionth() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(Decimal::parse(text).ok().map(|it| it.0), expected, "{text:?}");
        };
        check("0.04375", Some(43_750));
        check("2", Some(2_000_000));
        check("999.999999", Some(999_999_999));
        for wrong in ["", ".5", "1.", "-1", "1e3", "1000", "0.0437501", "0,04", "$1", "1.2.3"] {
            check(wrong, None);
        }
    }
}
