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

    /// Is `header` the value `Bearer <this secret>`?
    pub fn matches_bearer(&self, header: Option<&str>) -> bool {
        header
            .and_then(|value| value.strip_prefix("Bearer "))
            .is_some_and(|token| self.matches(token))
    }
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
        assert!(secret.matches_bearer(Some("Bearer abc")));
        for wrong in [None, Some("abc"), Some("bearer abc"), Some("Bearer abcd"), Some("Bearer ")] {
            assert!(!secret.matches_bearer(wrong), "{wrong:?}");
        }
    }
}
