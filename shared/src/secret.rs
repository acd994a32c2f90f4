//! A value that does not print itself.

use std::fmt;

use subtle::ConstantTimeEq as _;

/// Prints as `***`; [`Secret::expose`] marks each place that really reads it.
#[derive(Clone)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl Secret<String> {
    /// Compares in constant time; only the length can be learnt from the time taken.
    pub fn matches(&self, candidate: &str) -> bool {
        self.0.as_bytes().ct_eq(candidate.as_bytes()).into()
    }

    /// Is this secret the token in `header`? As [`bearer`].
    pub fn matches_bearer(&self, header: Option<&str>) -> bool {
        header.and_then(bearer).is_some_and(|token| self.matches(token))
    }
}

/// The token in an `authorization` header. Schemes have no case (RFC 9110, 11.1), and one or more
/// blanks stand behind them (11.4).
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim_start_matches(' '))
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_stars() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
    }

    #[test]
    fn only_the_exact_bearer_matches() {
        let secret = Secret::new("abc".to_owned());
        for right in ["Bearer abc", "bearer abc", "BEARER  abc"] {
            assert!(secret.matches_bearer(Some(right)), "{right}");
        }
        let wrong = ["", "abc", "Bearer", "Bearer ", "Bearerabc", "Bearer abcd", "Bearer ABC"];
        for wrong in wrong.map(Some).into_iter().chain([None, Some("Basic abc")]) {
            assert!(!secret.matches_bearer(wrong), "{wrong:?}");
        }
    }
}
