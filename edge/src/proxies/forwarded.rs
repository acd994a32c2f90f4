//! The addresses in `X-Forwarded-For` and `Forwarded` (RFC 7239), in the order in which
//! proxies have added them. What is no address is `None`.

use std::net::{IpAddr, SocketAddr};

pub(super) fn x_forwarded_for<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<Option<IpAddr>> {
    let elements = lines.flat_map(|line| line.split(|byte| *byte == b','));
    elements.map(|element| address(element.trim_ascii())).collect()
}

pub(super) fn forwarded<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<Option<IpAddr>> {
    let mut addresses = Vec::new();
    for line in lines {
        match split(line, b',') {
            Some(elements) => addresses.extend(elements.into_iter().map(forwarded_for)),
            None => addresses.push(None),
        }
    }
    addresses
}

/// What one element says behind `for`, once.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut said = None;
    for pair in split(element, b';')? {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (pair[..at].trim_ascii(), pair[at + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"for") && said.replace(value).is_some() {
            return None;
        }
    }
    let said = said?;
    let unquoted = said.strip_prefix(b"\"").and_then(|said| said.strip_suffix(b"\""));
    address(unquoted.unwrap_or(said))
}

/// The parts between `separator`s that are not quoted; `None` when a quote does not end.
fn split(text: &[u8], separator: u8) -> Option<Vec<&[u8]>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|byte| {
        let is_end = *byte == separator && !is_quoted;
        if *byte == b'"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = is_quoted && !is_escaped && *byte == b'\\';
        is_end
    });
    let parts = parts.collect();
    (!is_quoted).then_some(parts)
}

/// An address, with a port or without.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address: IpAddr =
        bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(address.to_canonical())
}
