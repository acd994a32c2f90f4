//! The `Cookie` header: finding our session in it, and taking it out.

use shared::session::SESSION_COOKIE;

/// Cookies whose names begin so are ours; a sprite never sees them.
const OURS: &str = "__Host-arca_";

/// The session token among `values`, the `Cookie` lines of one request.
///
/// When a browser sends the name twice something else has set one of them:
/// then none counts.
pub(crate) fn session_token<'a>(values: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut tokens = values.flat_map(pairs).filter_map(|pair| {
        pair.strip_prefix(SESSION_COOKIE).and_then(|rest| rest.strip_prefix('='))
    });
    let token = tokens.next()?;
    if tokens.next().is_some() { None } else { Some(token) }
}

/// Appends the cookies of `value` that are not ours, joined by `; `, to `out`.
/// Says whether there were any.
pub(crate) fn append_foreign(value: &str, out: &mut Vec<u8>) -> bool {
    let before = out.len();
    for pair in pairs(value).filter(|pair| !is_ours(pair)) {
        if out.len() > before {
            out.extend_from_slice(b"; ");
        }
        out.extend_from_slice(pair.as_bytes());
    }
    out.len() > before
}

/// May a sprite set this cookie, given as the value of its `Set-Cookie`?
///
/// Not one of ours, and none with a `Domain`, which would reach the site and
/// every other workspace.
pub(crate) fn sprite_may_set(set_cookie: &str) -> bool {
    let mut parts = set_cookie.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let has_domain = parts.any(|attribute| {
        let name = attribute.split('=').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("domain")
    });
    !is_ours(name) && !has_domain
}

fn is_ours(pair: &str) -> bool {
    pair.get(..OURS.len()).is_some_and(|start| start.eq_ignore_ascii_case(OURS))
}

fn pairs(value: &str) -> impl Iterator<Item = &str> {
    value.split(';').map(str::trim).filter(|pair| !pair.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_found_once_or_not_at_all() {
        let token = |lines: &[&'static str]| session_token(lines.iter().copied());
        assert_eq!(token(&["a=b; __Host-arca_session=x; c=d"]), Some("x"));
        assert_eq!(token(&["a=b", "__Host-arca_session=x"]), Some("x"));
        assert_eq!(token(&["__Host-arca_session=x; __Host-arca_session=y"]), None);
        assert_eq!(token(&["__Host-arca_sessionx=x"]), None);
        assert_eq!(token(&["x__Host-arca_session=x", ""]), None);
        assert_eq!(token(&[]), None);
    }

    #[test]
    fn our_cookies_go_no_further() {
        let check = |value: &str, expected: &str| {
            let mut out = Vec::new();
            let any = append_foreign(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
            assert_eq!(any, !expected.is_empty());
        };
        check("a=b; __Host-arca_session=x;c=d", "a=b; c=d");
        check("__Host-arca_session=x; __host-ARCA_nonce=y", "");
        check("a=__Host-arca_session=x", "a=__Host-arca_session=x");
    }

    #[test]
    fn a_sprite_sets_cookies_for_itself_only() {
        assert!(sprite_may_set("a=b; Path=/; HttpOnly"));
        assert!(sprite_may_set("domain=b"));
        assert!(!sprite_may_set("__Host-arca_session=x; Secure; Path=/"));
        assert!(!sprite_may_set("a=b; Domain=arcamatrix.com"));
        assert!(!sprite_may_set("a=b;domain = x"));
    }
}
