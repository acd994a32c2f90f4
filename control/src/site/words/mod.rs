//! What the site's pages say, a table for each page with all of it in each language: a text that
//! is missing in one of them does not compile.

/// A table: what a page says, by name, in English and in German.
macro_rules! words {
    ($name:ident { $($(#[$doc:meta])* $field:ident: $english:expr, $german:expr;)+ }) => {
        pub(in crate::site) struct $name {
            $($(#[$doc])* pub(in crate::site) $field: &'static str,)+
        }

        impl $name {
            pub(in crate::site) fn of(language: Language) -> &'static Self {
                const ENGLISH: $name = $name { $($field: $english,)+ };
                const GERMAN: $name = $name { $($field: $german,)+ };
                match language {
                    Language::English => &ENGLISH,
                    Language::German => &GERMAN,
                }
            }
        }
    };
}

pub(super) mod account;
pub(super) mod cancelled;
pub(super) mod deletion;
pub(super) mod domain;
pub(super) mod email_change;
pub(super) mod error;
pub(super) mod field;
pub(super) mod forgot_password;
pub(super) mod frame;
pub(super) mod handover;
pub(super) mod home;
pub(super) mod login;
pub(super) mod logout;
pub(super) mod set_password;
pub(super) mod skills;
pub(super) mod static_page;
pub(super) mod welcome;

use std::time::Duration;

use crate::base::clock::Moment;
use crate::base::date::{Date, DateTime};
use crate::base::language::Language;

pub(super) fn day(language: Language, moment: Moment) -> String {
    Date::of(moment).in_language(language)
}

pub(super) fn day_and_time(language: Language, moment: Moment) -> String {
    DateTime::of(moment).in_language(language)
}

/// `15 Minuten`, `2 Stunden`: rounded up, so that nobody comes too early.
fn german_span(wait: Duration) -> String {
    let minutes = wait.as_secs().div_ceil(60).max(1);
    match minutes {
        1 => "einer Minute".to_owned(),
        2..=90 => format!("{minutes} Minuten"),
        _ => format!("{} Stunden", minutes.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up() {
        let check = |seconds, expected: &str| {
            assert_eq!(german_span(Duration::from_secs(seconds)), expected);
        };
        check(0, "einer Minute");
        check(61, "2 Minuten");
        check(900, "15 Minuten");
        check(5_401, "2 Stunden");
    }
}
