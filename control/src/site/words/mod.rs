//! What the site's pages say, a table for each page with all of it in each language: a text that
//! is missing in one of them does not compile.

pub(super) mod email_change;
pub(super) mod field;
pub(super) mod forgot_password;
pub(super) mod frame;
pub(super) mod login;

use std::time::Duration;

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
