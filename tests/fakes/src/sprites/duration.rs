//! Durations as the API's queries write them: `5s`, `500ms`, `2.5s`, `1m`.

use std::time::Duration;

/// Longest duration a request may ask for.
const MAX: Duration = Duration::from_secs(3600);

/// A number without a unit is seconds. `None` when it is not a duration or over an hour.
pub fn parse(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let seconds = digits.parse::<f64>().ok()? * unit;
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    (duration <= MAX).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(parse(text), expected.map(Duration::from_millis), "{text}");
    }

    #[test]
    fn units_are_understood_and_nonsense_is_refused() {
        check("5s", Some(5_000));
        check("500ms", Some(500));
        check("2.5s", Some(2_500));
        check("1m", Some(60_000));
        check("0", Some(0));
        check("2h", None);
        check("-1s", None);
        check("5 parsecs", None);
        check("", None);
    }
}
