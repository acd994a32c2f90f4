//! A sum of money, as people write it and as Stripe counts it. Pure.

use std::fmt;

use super::language::Language;

/// Below a million of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// Hundredths.
    cents: u64,
    currency: Currency,
}

/// Each has hundredths, and a sign that stands before the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Currency {
    Dollar,
    Euro,
    Pound,
}

/// Digits before the point.
const MAX_DIGITS: usize = 6;

impl Amount {
    pub const fn dollars(whole: u32) -> Self {
        Self { cents: whole as u64 * 100, currency: Currency::Dollar }
    }

    /// `$7` or `€7.50`.
    ///
    /// # Errors
    /// Says what it should look like.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        parse(text).ok_or("must look like $7 or $7.50, in $, € or £")
    }

    /// So many of it; beyond what can be counted, the most that can.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self { cents: self.cents.saturating_mul(count), ..self }
    }

    /// Another sum of the same currency.
    #[must_use]
    pub const fn of_cents(self, cents: u64) -> Self {
        Self { cents, ..self }
    }

    pub const fn cents(self) -> u64 {
        self.cents
    }

    /// What is left of it after `cost` of the same currency: `$5.50`, `-$27.06`.
    pub fn less(self, cost: Self) -> String {
        let left = self.of_cents(self.cents.abs_diff(cost.cents));
        if self.cents < cost.cents { format!("-{left}") } else { left.to_string() }
    }

    /// `$7.50`, `7,50 $`; in German a line does not break before the sign.
    pub fn in_language(self, language: Language) -> String {
        let (whole, cents, sign) = (self.cents / 100, self.cents % 100, self.currency.sign());
        match (language, cents) {
            (Language::English, 0) => format!("{sign}{whole}"),
            (Language::English, _) => format!("{sign}{whole}.{cents:02}"),
            (Language::German, 0) => format!("{whole}\u{a0}{sign}"),
            (Language::German, _) => format!("{whole},{cents:02}\u{a0}{sign}"),
        }
    }

    /// As Stripe names it: `usd`.
    pub const fn currency(self) -> &'static str {
        self.currency.as_str()
    }

    /// `currency` as Stripe names it, `amount` in its smallest unit.
    pub fn is(self, amount: u64, currency: &str) -> bool {
        (self.cents, self.currency.as_str()) == (amount, currency)
    }
}

fn parse(text: &str) -> Option<Amount> {
    let currency = Currency::ALL.into_iter().find(|currency| text.starts_with(currency.sign()))?;
    let number = text.strip_prefix(currency.sign())?;
    let (whole, cents) = number.split_once('.').unwrap_or((number, "00"));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = (1..=MAX_DIGITS).contains(&whole.len()) && cents.len() == 2;
    if !fits || !are_digits(whole) || !are_digits(cents) {
        return None;
    }
    let (whole, cents): (u64, u64) = (whole.parse().ok()?, cents.parse().ok()?);
    Some(Amount { cents: whole * 100 + cents, currency })
}

impl Currency {
    const ALL: [Self; 3] = [Self::Dollar, Self::Euro, Self::Pound];

    const fn sign(self) -> char {
        match self {
            Self::Dollar => '$',
            Self::Euro => '€',
            Self::Pound => '£',
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Dollar => "usd",
            Self::Euro => "eur",
            Self::Pound => "gbp",
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.in_language(Language::English))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_read_and_written_as_people_do() {
        let check = |text: &str, expected: Option<&str>| {
            let amount = Amount::parse(text).ok().map(|amount| amount.to_string());
            assert_eq!(amount.as_deref(), expected, "{text}");
        };
        check("$7", Some("$7"));
        check("$7.00", Some("$7"));
        check("€7.50", Some("€7.50"));
        check("£0.05", Some("£0.05"));
        for wrong in ["", "7", "$", "$7.5", "$7.", "$.50", "$-7", "$1000000", "$7 a month", "¥7"] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_german_sum_has_a_comma_and_its_sign_behind_it() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Amount::parse(text).unwrap().in_language(Language::German), expected);
        };
        check("$7", "7\u{a0}$");
        check("€7.50", "7,50\u{a0}€");
    }

    #[test]
    fn what_is_left_may_be_less_than_nothing() {
        let seven = Amount::dollars(7);
        assert_eq!(seven.less(seven.of_cents(150)), "$5.50");
        assert_eq!(seven.less(seven), "$0");
        assert_eq!(seven.less(seven.of_cents(3406)), "-$27.06");
    }

    #[test]
    fn it_is_what_stripe_counts_in_hundredths() {
        let seven = Amount::parse("$7").unwrap();
        assert_eq!(seven, Amount::dollars(7));
        assert!(seven.is(700, "usd"));
        assert!(!seven.is(7, "usd") && !seven.is(700, "eur"));
    }
}
