//! What a request is for: the target, and the host that it and `Host` must agree on.

use memchr::memchr;

use super::error::HeadError;

/// Takes the absolute form apart and holds it against Host (RFC 9112, 3.2.2).
pub(super) fn split_target<'a>(
    method: &str,
    target: &'a str,
    host: Option<&'a str>,
) -> Result<(&'a str, &'a str), HeadError> {
    let host = host.filter(|host| is_host(host)).ok_or(HeadError::Host)?;
    if memchr(b'#', target.as_bytes()).is_some() {
        return Err(HeadError::Target);
    }
    if target.starts_with('/') || (method == "OPTIONS" && target == "*") {
        return Ok((target, host));
    }
    let (scheme, rest) = target.split_once("://").ok_or(HeadError::Target)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(HeadError::Target);
    }
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) if rest.as_bytes()[at] == b'/' => rest.split_at(at),
        Some(_) => return Err(HeadError::Target),
        None => (rest, "/"),
    };
    if authority.eq_ignore_ascii_case(host) { Ok((path, host)) } else { Err(HeadError::Target) }
}

/// A name or an address, and perhaps a port: `a.test`, `a.test:80`, `[::1]:80`.
fn is_host(host: &str) -> bool {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let is_address = |b: u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
    let (is_named, port) = if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        (!address.is_empty() && address.bytes().all(is_address), port)
    } else {
        let end = host.bytes().position(|byte| byte == b':');
        let (name, port) = host.split_at(end.unwrap_or(host.len()));
        (!name.is_empty() && name.bytes().all(is_name), port)
    };
    is_named && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// Digits, or none at all (RFC 3986, 3.2.3).
fn is_port(port: &str) -> bool {
    port.bytes().all(|b| b.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok())
}
