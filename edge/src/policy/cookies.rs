//! The cookie headers: finding our session, and keeping ours and a sprite's apart.
//!
//! Cookies are bytes, split at `;` as bytes: anyone may have set one that is not
//! text, and it must not hide ours.

use shared::session::SESSION_COOKIE;
use shared::{PublicSite, cookies};

/// Cookies whose names begin so, in one spelling, are ours.
const OURS: &[u8] = b"hostarca";

/// The session token among `lines`, the `Cookie` lines of one request.
pub(crate) fn session_token<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<&'a str> {
    cookies::value(lines, SESSION_COOKIE)
}

/// Appends the cookies of `line` that are not ours, joined by `; `, to `out`.
/// Says whether there were any.
pub(super) fn append_foreign(line: &[u8], out: &mut Vec<u8>) -> bool {
    let before = out.len();
    for pair in cookies::pairs(line).filter(|pair| !is_ours(name_of(pair))) {
        if out.len() > before {
            out.extend_from_slice(b"; ");
        }
        out.extend_from_slice(pair);
    }
    out.len() > before
}

/// Appends a sprite's `Set-Cookie` value as the browser may have it. `false`, and
/// nothing, when it may not have it at all.
///
/// None of ours; none without a name, which a browser sends back as whatever its
/// value says; and none for a domain, which would reach the site and every other
/// workspace. One for an own host alone, or for no domain in particular, is kept
/// without saying so.
pub(super) fn append_sprites(
    set_cookie: &[u8],
    is_own_host: impl Fn(&str) -> bool,
    out: &mut Vec<u8>,
) -> bool {
    let mut parts = set_cookie.split(|byte| *byte == b';');
    let pair = parts.next().unwrap_or_default();
    let name = name_of(pair);
    if !pair.contains(&b'=') || name.is_empty() || is_ours(name) {
        return false;
    }
    let before = out.len();
    out.extend_from_slice(pair);
    for attribute in parts {
        let (name, value) = split_pair(attribute);
        if !name.eq_ignore_ascii_case(b"domain") {
            out.push(b';');
            out.extend_from_slice(attribute);
            continue;
        }
        let domain = value.strip_prefix(b".").unwrap_or(value);
        if !domain.is_empty() && !std::str::from_utf8(domain).is_ok_and(&is_own_host) {
            out.truncate(before);
            return false;
        }
    }
    true
}

/// `Set-Cookie` values by which a browser forgets the cookie `name` of its host, and
/// of the domain above.
pub(crate) fn expired(name: &str, site: &PublicSite) -> impl Iterator<Item = String> {
    let is_secure = site.scheme_name() == "https" || name.starts_with("__");
    let secure = if is_secure { "; Secure" } else { "" };
    let own = format!("{name}=; Max-Age=0; Path=/{secure}");
    // Of one host by its name.
    let is_shared = !name.to_ascii_lowercase().starts_with("__host-");
    let shared = is_shared.then(|| format!("{own}; Domain={}", site.base_domain()));
    std::iter::once(own).chain(shared)
}

/// Servers and browsers differ in what they trim, and some decode names: all
/// spellings of a name that could be read as ours are ours.
fn is_ours(name: &[u8]) -> bool {
    let mut letters = 0;
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        let escaped = || {
            let digits = bytes.as_slice().get(..2)?;
            u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        };
        let byte = match byte {
            b'%' => match escaped() {
                Some(byte) => {
                    bytes.nth(1);
                    byte
                }
                None => continue,
            },
            byte => *byte,
        };
        if !byte.is_ascii_alphanumeric() {
            continue;
        }
        if byte.to_ascii_lowercase() != OURS[letters] {
            return false;
        }
        letters += 1;
        if letters == OURS.len() {
            return true;
        }
    }
    false
}

fn name_of(pair: &[u8]) -> &[u8] {
    split_pair(pair).0
}

fn split_pair(pair: &[u8]) -> (&[u8], &[u8]) {
    match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => (pair[..at].trim_ascii(), pair[at + 1..].trim_ascii()),
        None => (pair.trim_ascii(), b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;
    use proptest::prelude::*;

    #[test]
    fn the_session_is_found_once_or_not_at_all() {
        let token = |lines: &[&'static [u8]]| session_token(lines.iter().copied());
        assert_eq!(token(&[b"a=b; __Host-arca_session=x; c=d"]), Some("x"));
        assert_eq!(token(&[b"a=b", b"__Host-arca_session=x"]), Some("x"));
        assert_eq!(token(&[b"a=\xff; __Host-arca_session=x; theme=gr\xc3\xbcn"]), Some("x"));
        assert_eq!(token(&[b"__Host-arca_session=x; __Host-arca_session=y"]), None);
        assert_eq!(token(&[b"__Host-arca_session=\xff"]), None);
        assert_eq!(token(&[b"__Host-arca_sessionx=x"]), None);
        assert_eq!(token(&[b"x__Host-arca_session=x", b""]), None);
        assert_eq!(token(&[]), None);
    }

    #[test]
    fn our_cookies_go_no_further() {
        let check = |value: &[u8], expected: &[u8]| {
            let mut out = Vec::new();
            let any = append_foreign(value, &mut out);
            assert_eq!(out, expected);
            assert_eq!(any, !expected.is_empty());
        };
        check(b"a=b; __Host-arca_session=x;c=d", b"a=b; c=d");
        check(b"__Host-arca_session=x; __host-ARCA_nonce=y", b"");
        check(b"a=__Host-arca_session=x", b"a=__Host-arca_session=x");
        check(b"\xff=\xfe; __Host%2Darca%5fsession=x", b"\xff=\xfe");
    }

    /// What the browser gets of a sprite's `Set-Cookie`.
    fn set(set_cookie: &str) -> Option<String> {
        let mut out = Vec::new();
        let is_own = |host: &str| host.eq_ignore_ascii_case("ada.arca.test");
        append_sprites(set_cookie.as_bytes(), is_own, &mut out)
            .then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_sprite_sets_cookies_for_itself_only() {
        let kept = |text: &str| assert_eq!(set(text).as_deref(), Some(text));
        kept("a=b; Path=/; HttpOnly");
        kept("domain=b");
        kept("host-arc=b");
        for refused in [
            "__Host-arca_session=x; Secure; Path=/",
            " \t__Host-arca_session =x",
            "__host-ARCA_nonce=x",
            "__Host%2Darca_session=x",
            "__Host.arca-session=x",
            "=__Host-arca_session=x",
            "  =x",
            "__Host-arca_session",
            "x",
            "",
            "; Path=/",
            "a=b; Domain=arcamatrix.com",
            "a=b;domain = x",
            "a=b; Domain=ada.arca.test; Domain=arca.test",
        ] {
            assert_eq!(set(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn a_cookie_for_the_own_host_or_for_no_domain_is_kept_without_saying_so() {
        for domain in ["Domain=", "domain", "Domain=ada.arca.test", "DOMAIN = .Ada.Arca.test"] {
            let text = format!("a=b; Path=/; {domain}; Secure");
            assert_eq!(set(&text).as_deref(), Some("a=b; Path=/; Secure"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_goes_on_is_a_session(line in corpus::near("cookies")) {
            let mut out = Vec::new();
            append_foreign(&line, &mut out);
            prop_assert_eq!(session_token(std::iter::once(&out[..])), None);
            for pair in cookies::pairs(&out) {
                prop_assert!(!is_ours(name_of(pair)));
            }
        }

        #[test]
        fn no_spelling_of_our_names_passes(
            start in "[ \t_$%-]{0,4}", middle in "[-_.%]{1,3}", upper in any::<bool>(), end in "[_a-z]{0,9}"
        ) {
            let name = format!("{start}host{middle}arca{end}");
            let name = if upper { name.to_uppercase() } else { name };
            // A percent sign may eat two letters; what it leaves is another name.
            prop_assume!(!name.contains('%'));
            prop_assert_eq!(set(&format!("{name}=x; Path=/")), None);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut out = Vec::new();
            append_foreign(&bytes, &mut out);
            append_sprites(&bytes, |_| true, &mut out);
            session_token(std::iter::once(&bytes[..]));
        }
    }
}
