//! The cookies that control sets. All are `__Host-`: of one host, and secure.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};

/// The site's own session.
pub(super) const ACCOUNT: &str = "__Host-arca_account";

/// Of the browser that began a sign-up: it may see how far that is.
pub(super) const SIGN_UP: &str = "__Host-arca_signup";

/// The language that somebody chose.
pub(super) const LANGUAGE: &str = "__Host-arca_language";

/// What a browser holds on a workspace host while it signs in.
pub(super) const NONCE: &str = "__Host-arca_nonce";

/// The value of the cookie `name`; `None` when there is none, or two that differ.
pub(super) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    shared::cookies::value(lines, name)
}

pub(super) fn set(name: &str, value: &str, same_site: SameSite, lifetime: Duration) -> HeaderValue {
    let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    to_header(
        Cookie::build((name, value))
            .max_age(cookie::time::Duration::seconds(lifetime))
            .same_site(same_site),
    )
}

/// Makes the browser forget the cookie.
pub(super) fn clear(name: &str) -> HeaderValue {
    let cookie = Cookie::build((name, "")).max_age(cookie::time::Duration::ZERO);
    to_header(cookie.same_site(SameSite::Lax))
}

fn to_header(cookie: cookie::CookieBuilder<'_>) -> HeaderValue {
    let cookie = cookie.path("/").secure(true).http_only(true).build();
    HeaderValue::try_from(cookie.to_string()).expect("names and values of ours are plain ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_have_every_guard() {
        let cookie = set(ACCOUNT, "value", SameSite::Lax, Duration::from_secs(60));
        assert_eq!(
            cookie.to_str().unwrap(),
            "__Host-arca_account=value; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"
        );
        assert!(clear(NONCE).to_str().unwrap().contains("Max-Age=0"));
    }
}
