//! The `Cookie` header, read the same way by the edge and by control.
//!
//! Lines are bytes, split at `;` as bytes: anybody's script, and every page of a
//! customer's machine, can set a cookie that is no text. It must not hide ours.

/// The value of the cookie `name` among `lines`, the `Cookie` lines of one request.
///
/// When the browser sends the name twice with different values, something else has set
/// one of them: then none counts.
pub fn value<'a>(lines: impl IntoIterator<Item = &'a [u8]>, name: &str) -> Option<&'a str> {
    let mut values = lines.into_iter().flat_map(pairs).filter_map(|pair| {
        let value = pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        std::str::from_utf8(value).ok()
    });
    let value = values.next()?;
    values.all(|other| other == value).then_some(value)
}

/// The cookies of one line, such as `theme=dark`, without blanks around them.
pub fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&[u8]], expected: Option<&str>) {
        assert_eq!(value(lines.iter().copied(), "__Host-ours"), expected, "{lines:?}");
    }

    #[test]
    fn a_cookie_is_found_once_or_not_at_all() {
        check(&[b"__Host-ours=x"], Some("x"));
        check(&[b"a=b; __Host-ours=x;c=d"], Some("x"));
        check(&[b"a=b", b"__Host-ours=x"], Some("x"));
        check(&[b"__Host-ours=x; __Host-ours=x"], Some("x"));
        check(&[b"__Host-ours=x; __Host-ours=y"], None);
        check(&[b"__Host-ours=x", b"__Host-ours=y"], None);
        check(&[b"__Host-oursx=x"], None);
        check(&[b"x__Host-ours=x", b""], None);
        check(&[], None);
    }

    #[test]
    fn no_foreign_cookie_hides_ours() {
        let foreign: [&[u8]; 8] = [
            "theme=gr\u{fc}n".as_bytes(),
            b"theme=gr\xfcn",
            b"\xff\xfe",
            b"=",
            b"novalue",
            b"a=\"b",
            b"__Host-ours=\xff",
            "\u{65e5}\u{672c}=\u{8a9e}".as_bytes(),
        ];
        for foreign in foreign {
            let before = [foreign, b"; __Host-ours=x"].concat();
            let after = [b"__Host-ours=x;", foreign].concat();
            check(&[&before], Some("x"));
            check(&[&after], Some("x"));
            check(&[foreign, b"__Host-ours=x"], Some("x"));
        }
    }
}
