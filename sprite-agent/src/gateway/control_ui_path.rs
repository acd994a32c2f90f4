//! Which paths below `/openclaw` may be asked of the gateway. Pure.
//!
//! The gateway resolves dot segments, in any spelling and with `\` for `/`,
//! before it looks where a path leads: `/openclaw/%2e%2e/healthz` is its root.
//! So a path that could be resolved to another is refused.

/// `path` without its query. Is it one path below the page, however it is read?
pub fn is_plain(path: &str) -> bool {
    decoded(path).is_some_and(|decoded| {
        !decoded.contains("//") && decoded.split('/').all(|segment| !is_dots(segment))
    })
}

/// What is before a `;` names the segment for some.
fn is_dots(segment: &str) -> bool {
    matches!(segment.split(';').next(), Some("." | ".."))
}

/// `None` when an escape is broken, or stands for what changes how a path is read.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = path.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let value = u8::try_from(digit()? * 16 + digit()?).ok()?;
                if matches!(value, b'.' | b'/' | b'%') {
                    return None;
                }
                value
            }
            byte => byte,
        };
        if byte == b'\\' || byte.is_ascii_control() {
            return None;
        }
        decoded.push(byte);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_where_it_says() {
        let check = |path: &str, expected: bool| assert_eq!(is_plain(path), expected, "{path}");
        for path in [
            "/openclaw",
            "/openclaw/",
            "/openclaw/assets/index-B9.js",
            "/openclaw/chat",
            "/openclaw/chat/agent%3Amain%3Amain",
            "/openclaw/a%20b",
            "/openclaw/..a/b..",
            "/openclaw/.hidden",
            "/openclaw/%C3%A4",
        ] {
            check(path, true);
        }
        for path in [
            "/openclaw/../healthz",
            "/openclaw/..",
            "/openclaw/.",
            "/openclaw/./x",
            "/openclaw/%2e%2e/healthz",
            "/openclaw/%2E%2e/healthz",
            "/openclaw/.%2e/healthz",
            "/openclaw/x/%2e",
            "/openclaw/..%2fhealthz",
            "/openclaw/%2f..%2fhealthz",
            "/openclaw/%252e%252e/healthz",
            "/openclaw/..\\healthz",
            "/openclaw/..%5chealthz",
            "/openclaw/..;/healthz",
            "/openclaw/..;x=1/healthz",
            "/openclaw//healthz",
            "/openclaw/x//../../healthz",
            "/openclaw/%00",
            "/openclaw/%0d%0a",
            "/openclaw/%",
            "/openclaw/%2",
            "/openclaw/%zz",
            "/openclaw/%ff",
        ] {
            check(path, false);
        }
    }
}
