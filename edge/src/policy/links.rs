//! Links in headers: none of them leads past the edge to the machine itself.
//!
//! Many servers write the address at which they were asked into what they answer. A
//! browser cannot reach it, so those links become paths.

use std::ops::Range;

/// How a header's value holds links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// It is one.
    Url,
    /// Behind a time: `5; url=/next`.
    Refresh,
    /// Between angle brackets, with parameters (RFC 8288, 3).
    List,
}

/// Appends `value` with a path in place of each URL that names `authority`.
pub(super) fn append(form: Form, value: &[u8], authority: &str, out: &mut Vec<u8>) {
    match form {
        Form::Url => append_url(value, authority, out),
        Form::Refresh => {
            let Range { start, end } = refresh_url(value);
            out.extend_from_slice(&value[..start]);
            append_url(&value[start..end], authority, out);
            out.extend_from_slice(&value[end..]);
        }
        Form::List => append_list(value, authority, out),
    }
}

/// Where a browser finds the URL (HTML, "shared declarative refresh steps").
fn refresh_url(value: &[u8]) -> Range<usize> {
    let skip = |from: usize, is_skipped: fn(&u8) -> bool| {
        from + value[from..].iter().take_while(|byte| is_skipped(byte)).count()
    };
    let space = |from: usize| skip(from, u8::is_ascii_whitespace);
    let mut at = space(skip(space(0), |byte| byte.is_ascii_digit() || *byte == b'.'));
    if matches!(value.get(at), Some(b';' | b',')) {
        at = space(at + 1);
    }
    if value[at..].get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"url")) {
        let equals = space(at + 3);
        if value.get(equals) == Some(&b'=') {
            at = space(equals + 1);
        }
    }
    let quote = value.get(at).copied().filter(|byte| matches!(byte, b'"' | b'\''));
    at += usize::from(quote.is_some());
    let rest = &value[at..];
    let end = rest.iter().position(|byte| Some(*byte) == quote);
    at..at + rest[..end.unwrap_or(rest.len())].trim_ascii_end().len()
}

fn append_list(value: &[u8], authority: &str, out: &mut Vec<u8>) {
    let mut rest = value;
    let (mut is_quoted, mut is_escaped) = (false, false);
    while let Some((byte, after)) = rest.split_first() {
        out.push(*byte);
        rest = after;
        if *byte == b'<' && !is_quoted {
            let end = rest.iter().position(|byte| *byte == b'>').unwrap_or(rest.len());
            append_url(rest[..end].trim_ascii(), authority, out);
            rest = &rest[end..];
        } else if *byte == b'"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = is_quoted && !is_escaped && *byte == b'\\';
    }
}

fn append_url(url: &[u8], authority: &str, out: &mut Vec<u8>) {
    let Some(path) = path_at(url, authority) else { return out.extend_from_slice(url) };
    match path {
        // A path that begins with two slashes would lead to another host.
        [b'/', b'/' | b'\\', ..] => out.extend_from_slice(b"/."),
        [b'/', ..] => {}
        _ => out.push(b'/'),
    }
    out.extend_from_slice(path);
}

/// What follows `authority` in a URL that names it.
fn path_at<'v>(url: &'v [u8], authority: &str) -> Option<&'v [u8]> {
    let (scheme, rest) = match url.iter().position(|byte| matches!(byte, b':' | b'/')) {
        Some(at) if url[at] == b':' => (&url[..at], &url[at + 1..]),
        _ => (&b""[..], url),
    };
    let default_port = if scheme.eq_ignore_ascii_case(b"https") {
        ":443"
    } else if scheme.is_empty() || scheme.eq_ignore_ascii_case(b"http") {
        ":80"
    } else {
        return None;
    };
    let rest = rest.strip_prefix(b"//")?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\'));
    let (named, path) = rest.split_at(end.unwrap_or(rest.len()));
    let is_own = named.eq_ignore_ascii_case(authority.as_bytes())
        || named
            .strip_suffix(default_port.as_bytes())
            .is_some_and(|named| named.eq_ignore_ascii_case(authority.as_bytes()))
        || (authority.contains(':')
            && named.eq_ignore_ascii_case(without_port(authority).as_bytes()));
    is_own.then_some(path)
}

pub(super) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(form: Form, value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        append(form, value, "sprite.test:8080", &mut out);
        out
    }

    fn check(form: Form, value: &str, expected: &str) {
        assert_eq!(
            String::from_utf8(written(form, value.as_bytes())).unwrap(),
            expected,
            "{value}"
        );
    }

    #[test]
    fn a_refresh_leads_to_a_path_however_it_is_written() {
        let check = |value: &str, expected: &str| check(Form::Refresh, value, expected);
        check("0; url=http://sprite.test:8080/next", "0; url=/next");
        check("0;URL = 'http://sprite.test/next' x", "0;URL = '/next' x");
        check(" 1.5 , \"//sprite.test:8080\"", " 1.5 , \"/\"");
        check("3 http://sprite.test ", "3 / ");
        check("0;url=http://sprite.test//evil.test/", "0;url=/.//evil.test/");
        for kept in
            ["", "5", "5;", "5; url=", "5; url='", "0; url=/next", "0;url=http://other.test/"]
        {
            check(kept, kept);
        }
    }

    #[test]
    fn a_list_of_links_keeps_all_but_the_machine() {
        let check = |value: &str, expected: &str| check(Form::List, value, expected);
        check(
            "<http://sprite.test:8080/a>; rel=next, < //sprite.test/b >; title=\"c\"",
            "</a>; rel=next, </b>; title=\"c\"",
        );
        for kept in [
            "</a>; title=\"<http://sprite.test/>\"",
            "</a>; title=\"\\\"<http://sprite.test/>\"",
            "<http://other.test/>; rel=next",
            "<",
        ] {
            check(kept, kept);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_what_does_not_name_the_machine_is_kept(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            for form in [Form::Url, Form::Refresh] {
                prop_assert_eq!(&written(form, &bytes), &bytes);
            }
            written(Form::List, &bytes);
        }
    }
}
