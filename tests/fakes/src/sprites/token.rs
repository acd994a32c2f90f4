//! The organisation's bearer token.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};

/// Compared by hash, so that the time taken tells nothing.
pub fn is_carried(headers: &HeaderMap, token: &str) -> bool {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let carried = header.and_then(|value| value.strip_prefix("Bearer "));
    carried.is_some_and(|carried| Sha256::digest(carried) == Sha256::digest(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_after_bearer_counts() {
        let carried = |value: &str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
            is_carried(&headers, "org/1/2/secret")
        };
        assert!(carried("Bearer org/1/2/secret"));
        assert!(!carried("Bearer org/1/2/secre"));
        assert!(!carried("org/1/2/secret"));
        assert!(!is_carried(&HeaderMap::new(), "org/1/2/secret"));
    }
}
