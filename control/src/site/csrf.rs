//! Refuses forms that another origin sent.
//!
//! `same-site` is refused too: every workspace is the same site, and a workspace
//! serves what its assistant wrote.

use axum::http::{HeaderMap, StatusCode};

use crate::http::Problem;
use crate::http::request_context::text;

/// What comes without either header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingOrigin {
    /// For forms: every browser of this decade sends one of them.
    Refuse,
    /// For programs, which hold no cookies that could be abused.
    Allow,
}

/// `origin` is our own, of the host that the request came to.
///
/// # Errors
/// 403 when it came from elsewhere, or nothing says where from.
pub(crate) fn check(
    headers: &HeaderMap,
    origin: &str,
    missing: MissingOrigin,
) -> Result<(), Problem> {
    let is_ours = match (text(headers, "sec-fetch-site"), text(headers, "origin")) {
        // A page that sends no referrer sends the origin "null", also to itself.
        (Some("same-origin"), Some("null") | None) => true,
        (Some("same-origin") | None, Some(from)) => from == origin,
        (Some(_), _) => false,
        (None, None) => missing == MissingOrigin::Allow && !is_said(headers),
    };
    if is_ours { Ok(()) } else { Err(foreign()) }
}

/// A header that came twice says something, but nothing to be trusted.
fn is_said(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-fetch-site") || headers.contains_key("origin")
}

fn foreign() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "foreign_origin",
        "This form was not sent from our own page. Please open the page and try again.",
    )
    .in_german(
        "Dieses Formular kam nicht von unserer eigenen Seite. Bitte öffne die Seite, und versuche \
         es noch einmal.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(site: Option<&str>, origin: Option<&str>, missing: MissingOrigin) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        super::check(&headers, "https://arca.test", missing).is_ok()
    }

    fn check(site: Option<&str>, origin: Option<&str>, expected: bool) {
        assert_eq!(verdict(site, origin, MissingOrigin::Refuse), expected, "{site:?} {origin:?}");
        assert_eq!(
            verdict(site, origin, MissingOrigin::Allow),
            expected || (site, origin) == (None, None),
            "{site:?} {origin:?}, from a program"
        );
    }

    #[test]
    fn only_our_own_origin_may_send_forms() {
        let (ours, ada) = (Some("https://arca.test"), Some("https://ada.arca.test"));
        check(Some("same-origin"), ours, true);
        check(Some("same-origin"), None, true);
        check(Some("same-origin"), Some("null"), true);
        check(None, ours, true);
        check(Some("same-origin"), ada, false);
        check(Some("same-site"), ada, false);
        check(Some("same-site"), ours, false);
        check(Some("cross-site"), Some("https://evil.test"), false);
        check(Some("none"), None, false);
        check(None, ada, false);
        check(None, Some("null"), false);
        check(None, Some("http://arca.test"), false);
        check(None, None, false);
    }
}
