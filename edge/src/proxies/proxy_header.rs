//! The PROXY header, versions 1 and 2, with which a connection begins.
//!
//! As haproxy's `proxy-protocol.txt` has it. Read to the byte, because what follows is a
//! handshake or a request. A parser of others (`ppp`) would save some thirty lines and
//! leave the reading to us.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::limits::MAX_PROXY_HEADER_BYTES;

/// With which version 2 begins.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Longest line of version 1, its end included.
const LINE_MAX_BYTES: usize = 107;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyHeaderError {
    #[error("it is no PROXY header")]
    Malformed,
    #[error("the connection ended before it")]
    Ended(#[from] io::Error),
}

use ProxyHeaderError::Malformed;

/// The client that `stream`'s header names; `None` when it is about the proxy itself.
///
/// # Errors
/// After which nothing of what follows can be believed.
pub(crate) async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> Result<Option<IpAddr>, ProxyHeaderError> {
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        let mut fixed = [0; 4];
        stream.read_exact(&mut fixed).await?;
        let [command, family, high, low] = fixed;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > MAX_PROXY_HEADER_BYTES {
            return Err(Malformed);
        }
        let mut addresses = vec![0; length];
        stream.read_exact(&mut addresses).await?;
        return version_2(command, family, &addresses);
    }
    if !start.starts_with(b"PROXY ") {
        return Err(Malformed);
    }
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= LINE_MAX_BYTES {
            return Err(Malformed);
        }
        line.push(stream.read_u8().await?);
    }
    version_1(&line[..line.len() - 2])
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`
fn version_1(line: &[u8]) -> Result<Option<IpAddr>, ProxyHeaderError> {
    let line = std::str::from_utf8(line).map_err(|_| Malformed)?;
    if line == "PROXY UNKNOWN" || line.starts_with("PROXY UNKNOWN ") {
        return Ok(None);
    }
    let mut words = line.split(' ').skip(1);
    let mut word = || words.next().ok_or(Malformed);
    let (family, from, to, ports) = (word()?, word()?, word()?, [word()?, word()?]);
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if words.next().is_some() || !ports.into_iter().all(is_port) {
        return Err(Malformed);
    }
    let is_v4 = match family {
        "TCP4" => true,
        "TCP6" => false,
        _ => return Err(Malformed),
    };
    let address = |text: &str| text.parse::<IpAddr>().ok().filter(|it| it.is_ipv4() == is_v4);
    match (address(from), address(to)) {
        (Some(from), Some(_)) => Ok(Some(from.to_canonical())),
        _ => Err(Malformed),
    }
}

/// `rest` are the addresses, and whatever else the proxy tells.
fn version_2(command: u8, family: u8, rest: &[u8]) -> Result<Option<IpAddr>, ProxyHeaderError> {
    match command {
        // The proxy looks whether we are there.
        0x20 => return Ok(None),
        0x21 => {}
        _ => return Err(Malformed),
    }
    match family {
        // Two addresses and two ports.
        0x11 if rest.len() >= 12 => {
            let from = rest.first_chunk::<4>().copied().ok_or(Malformed)?;
            Ok(Some(Ipv4Addr::from(from).into()))
        }
        0x21 if rest.len() >= 36 => {
            let from = rest.first_chunk::<16>().copied().ok_or(Malformed)?;
            Ok(Some(IpAddr::from(Ipv6Addr::from(from)).to_canonical()))
        }
        // Nothing is known of it, or it has come over a socket of the proxy's machine.
        0x00 | 0x31 => Ok(None),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;
    use proptest::prelude::*;

    /// What `bytes` say, and what is left of them; an error is no header.
    fn heard(mut bytes: &[u8]) -> Result<(Option<IpAddr>, Vec<u8>), ProxyHeaderError> {
        let client = futures_util::FutureExt::now_or_never(read(&mut bytes));
        client.expect("all of it is there").map(|client| (client, bytes.to_vec()))
    }

    fn check(bytes: &[u8], expected: Option<Option<&str>>) {
        let followed = [bytes, b"GET / HTTP/1.1\r\n"].concat();
        let seen = heard(&followed).ok();
        let expected = expected.map(|client| {
            (client.map(|client| client.parse().unwrap()), b"GET / HTTP/1.1\r\n".to_vec())
        });
        assert_eq!(seen, expected, "{}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn a_line_of_version_1() {
        check(b"PROXY TCP4 203.0.113.9 10.0.0.1 56324 443\r\n", Some(Some("203.0.113.9")));
        check(b"PROXY TCP6 2001:db8::9 2001:db8::1 1 2\r\n", Some(Some("2001:db8::9")));
        check(b"PROXY UNKNOWN\r\n", Some(None));
        check(b"PROXY UNKNOWN ff:ff::1 whatever\r\n", Some(None));
        for malformed in [
            &b"PROXY TCP4 203.0.113.9 10.0.0.1 56324\r\n"[..],
            b"PROXY TCP4 203.0.113.9 10.0.0.1 56324 443 1\r\n",
            b"PROXY TCP4 203.0.113.9 10.0.0.1 56324 65536\r\n",
            b"PROXY TCP4 203.0.113.9 10.0.0.1 +1 443\r\n",
            b"PROXY TCP4 203.0.113.9 10.0.0.1  443\r\n",
            b"PROXY TCP4 2001:db8::9 2001:db8::1 1 2\r\n",
            b"PROXY TCP6 203.0.113.9 10.0.0.1 1 2\r\n",
            b"PROXY TCP4 203.0.113.009 10.0.0.1 1 2\r\n",
            b"PROXY UDP4 203.0.113.9 10.0.0.1 1 2\r\n",
            b"PROXY UNKNOWNS\r\n",
            b"proxy TCP4 203.0.113.9 10.0.0.1 1 2\r\n",
            b"PROXY TCP4 203.0.113.9 10.0.0.1 1 2\n",
            b"",
        ] {
            check(malformed, None);
        }
        check(&[b"PROXY UNKNOWN ".as_slice(), &[b'x'; 100], b"\r\n"].concat(), None);
    }

    #[test]
    fn the_bytes_of_version_2() {
        let header = |command: u8, family: u8, rest: &[u8]| {
            let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
            [&SIGNATURE[..], &[command, family], &length, rest].concat()
        };
        let v4 = [203, 0, 113, 9, 10, 0, 0, 1, 1, 2, 3, 4];
        let v6: Vec<u8> = (0..36).collect();
        check(&header(0x21, 0x11, &v4), Some(Some("203.0.113.9")));
        check(&header(0x21, 0x11, &[&v4[..], b"more to tell"].concat()), Some(Some("203.0.113.9")));
        check(&header(0x21, 0x21, &v6), Some(Some("1:203:405:607:809:a0b:c0d:e0f")));
        check(&header(0x20, 0x00, b""), Some(None));
        check(&header(0x20, 0x11, &v4), Some(None));
        check(&header(0x21, 0x00, b"what it knows"), Some(None));
        check(&header(0x21, 0x31, &[0; 216]), Some(None));
        for (command, family, rest) in [
            (0x21, 0x11, &v4[..11]),
            (0x21, 0x21, &v6[..35]),
            (0x11, 0x11, &v4[..]),
            (0x22, 0x11, &v4[..]),
            (0x21, 0x12, &v4[..]),
            (0x21, 0x11, &[0; MAX_PROXY_HEADER_BYTES + 1]),
        ] {
            check(&header(command, family, rest), None);
        }
    }

    proptest! {
        #[test]
        fn nothing_behind_a_header_is_taken_with_it(all in corpus::near("proxy")) {
            if let Ok((_, rest)) = heard(&all) {
                prop_assert!(all.ends_with(&rest) && rest.len() < all.len());
            }
        }

        #[test]
        fn no_bytes_panic_and_none_behind_a_header_are_taken(
            start in prop::sample::select(vec![&b"PROXY TCP4 "[..], &SIGNATURE[..], b""]),
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let all = [start, &bytes].concat();
            if let Ok((_, rest)) = heard(&all) {
                prop_assert!(all.ends_with(&rest));
            }
        }

        #[test]
        fn whoever_is_named_is_believed(from in any::<[u8; 4]>(), port: u16) {
            let from = Ipv4Addr::from(from);
            let line = format!("PROXY TCP4 {from} 10.0.0.1 {port} 443\r\n");
            prop_assert_eq!(heard(line.as_bytes()).unwrap().0, Some(from.into()));
        }
    }
}
