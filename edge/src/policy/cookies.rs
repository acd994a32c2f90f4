//! The `Cookie` header: finding our session in it, and taking it out.

use shared::cookies;
use shared::session::SESSION_COOKIE;

/// Cookies whose names begin so are ours; a sprite never sees them.
const OURS: &str = "__Host-arca_";

/// The session token among `lines`, the `Cookie` lines of one request.
pub(crate) fn session_token<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<&'a str> {
    cookies::value(lines, SESSION_COOKIE)
}

/// Appends the cookies of `line` that are not ours, joined by `; `, to `out`.
/// Says whether there were any.
pub(crate) fn append_foreign(line: &[u8], out: &mut Vec<u8>) -> bool {
    let before = out.len();
    for pair in cookies::pairs(line).filter(|pair| !is_ours(pair)) {
        if out.len() > before {
            out.extend_from_slice(b"; ");
        }
        out.extend_from_slice(pair);
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
    !is_ours(name.as_bytes()) && !has_domain
}

fn is_ours(pair: &[u8]) -> bool {
    pair.get(..OURS.len()).is_some_and(|start| start.eq_ignore_ascii_case(OURS.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_cookies_go_no_further() {
        let check_bytes = |line: &[u8], expected: &[u8]| {
            let mut out = Vec::new();
            let any = append_foreign(line, &mut out);
            assert_eq!(out, expected);
            assert_eq!(any, !expected.is_empty());
        };
        let check = |line: &str, expected: &str| check_bytes(line.as_bytes(), expected.as_bytes());
        check_bytes(b"a=\xff; __Host-arca_session=x; c=\xc3\xbc", b"a=\xff; c=\xc3\xbc");
        check_bytes(b"__Host-arca_session=\xff", b"");
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
