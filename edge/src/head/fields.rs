//! The headers that decide where a request goes, where it ends, and what it becomes.

use httparse::Header;

use super::body::Body;
use super::error::HeadError;
use crate::limits::MAX_CONNECTION_NAMES;

pub(super) struct Fields<'a> {
    pub(super) host: Option<&'a str>,
    pub(super) body: Body,
    pub(super) connection: Connection<'a>,
    pub(super) expects_continue: bool,
    upgrade_websocket: bool,
    websocket_key: Once<'a>,
    websocket_version: Once<'a>,
}

/// A header of which there should be one.
#[derive(Clone, Copy, Default)]
struct Once<'a> {
    value: Option<&'a [u8]>,
    is_repeated: bool,
}

impl<'a> Once<'a> {
    fn add(&mut self, value: &'a [u8]) {
        self.is_repeated |= self.value.replace(value).is_some();
    }

    fn only(self) -> Option<&'a [u8]> {
        self.value.filter(|_| !self.is_repeated)
    }
}

impl<'a> Fields<'a> {
    pub(super) fn collect(headers: &'a [Header<'a>], version: u8) -> Result<Self, HeadError> {
        let mut fields = Self {
            host: None,
            body: Body::None,
            connection: Connection::default(),
            expects_continue: false,
            upgrade_websocket: false,
            websocket_key: Once::default(),
            websocket_version: Once::default(),
        };
        let (mut length, mut chunked, mut has_origin) = (None, false, false);
        for Header { name, value } in headers {
            // Most names are told apart by their length alone.
            match name.len() {
                4 if name.eq_ignore_ascii_case("host") => {
                    let value = std::str::from_utf8(value).map_err(|_| HeadError::Host)?;
                    if fields.host.replace(value).is_some() {
                        return Err(HeadError::Host);
                    }
                }
                14 if name.eq_ignore_ascii_case("content-length") => {
                    let before = length.replace(content_length(value)?);
                    before.map_or(Ok(()), |_| Err(HeadError::Framing))?;
                }
                17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                    if chunked || version == 0 {
                        return Err(HeadError::Framing);
                    }
                    if !value.eq_ignore_ascii_case(b"chunked") {
                        return Err(HeadError::TransferCoding);
                    }
                    chunked = true;
                }
                10 if name.eq_ignore_ascii_case("connection") => fields.connection.add(value)?,
                7 if name.eq_ignore_ascii_case("upgrade") => {
                    let mut protocols = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
                    fields.upgrade_websocket |=
                        protocols.any(|name| name.eq_ignore_ascii_case(b"websocket"));
                }
                // Of two the first would be judged, and the last perhaps believed.
                6 if name.eq_ignore_ascii_case("origin") && has_origin => {
                    return Err(HeadError::Header);
                }
                6 if name.eq_ignore_ascii_case("origin") => has_origin = true,
                6 if name.eq_ignore_ascii_case("expect") && version == 1 => {
                    if !value.eq_ignore_ascii_case(b"100-continue") {
                        return Err(HeadError::Expectation);
                    }
                    fields.expects_continue = true;
                }
                17 if name.eq_ignore_ascii_case("sec-websocket-key") => {
                    fields.websocket_key.add(value);
                }
                21 if name.eq_ignore_ascii_case("sec-websocket-version") => {
                    fields.websocket_version.add(value);
                }
                14.. if resembles_framing(name) => return Err(HeadError::Framing),
                _ => {}
            }
        }
        fields.body = match (length, chunked) {
            (Some(_), true) => return Err(HeadError::Framing),
            (None, true) => Body::Chunked,
            (None | Some(0), false) => Body::None,
            (Some(length), false) => Body::Length(length),
        };
        Ok(fields)
    }

    /// The key of an opening handshake; `None` for a request that is none.
    ///
    /// # Errors
    /// For one that is begun and not whole (RFC 6455, 4.2.1): it must not go on as
    /// something else.
    pub(super) fn handshake(&self, method: &str) -> Result<Option<&'a str>, HeadError> {
        if !self.upgrade_websocket || !self.connection.upgrade {
            return Ok(None);
        }
        if method != "GET" {
            return Err(HeadError::Handshake);
        }
        let key = self.websocket_key.only().filter(|key| is_key(key));
        let key = key.and_then(|key| std::str::from_utf8(key).ok()).ok_or(HeadError::Handshake)?;
        match self.websocket_version.only() {
            Some(b"13") => Ok(Some(key)),
            _ => Err(HeadError::HandshakeVersion),
        }
    }
}

/// Would a server that takes other marks for hyphens find the end of a body by it?
fn resembles_framing(name: &str) -> bool {
    let last = name.as_bytes().last().map(u8::to_ascii_lowercase);
    // Most names are told apart by this.
    if !last.is_some_and(|last| matches!(last, b'h' | b'g') || !last.is_ascii_alphanumeric()) {
        return false;
    }
    [["content", "length"], ["transfer", "encoding"]].iter().any(|expected| {
        let is_mark = |letter: char| !letter.is_ascii_alphanumeric();
        let mut words = name.split(is_mark).filter(|word| !word.is_empty());
        let mut is_next =
            |expected: &&str| words.next().is_some_and(|word| word.eq_ignore_ascii_case(expected));
        expected.iter().all(&mut is_next) && words.next().is_none()
    })
}

/// Sixteen bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key.strip_suffix(b"==").is_some_and(|digits| digits.iter().all(is_digit))
}

/// Digits only: `+1`, `1,1` and ` 1` are read differently by different servers.
fn content_length(value: &[u8]) -> Result<u64, HeadError> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(HeadError::Framing);
    }
    let digits = std::str::from_utf8(value).map_err(|_| HeadError::Framing)?;
    digits.parse().map_err(|_| HeadError::Framing)
}

/// What all `Connection` lines say together; the names in them go no further.
#[derive(Debug, Default)]
pub(crate) struct Connection<'a> {
    pub(crate) close: bool,
    pub(crate) upgrade: bool,
    names: [&'a str; MAX_CONNECTION_NAMES],
    count: usize,
}

impl<'a> Connection<'a> {
    /// # Errors
    /// When it names what it must not remove, or more than fits.
    pub(crate) fn add(&mut self, value: &'a [u8]) -> Result<(), HeadError> {
        const NEVER_HOP_BY_HOP: [&str; 5] =
            ["host", "content-length", "transfer-encoding", "cookie", "authorization"];
        let value = std::str::from_utf8(value).map_err(|_| HeadError::Header)?;
        for name in value.split(',').map(str::trim) {
            match name.len() {
                0 => {}
                5 if name.eq_ignore_ascii_case("close") => self.close = true,
                7 if name.eq_ignore_ascii_case("upgrade") => self.upgrade = true,
                // Those end here whoever names them.
                10 if name.eq_ignore_ascii_case("keep-alive") => {}
                _ if NEVER_HOP_BY_HOP.iter().any(|kept| name.eq_ignore_ascii_case(kept)) => {
                    return Err(HeadError::Connection);
                }
                _ => {
                    *self.names.get_mut(self.count).ok_or(HeadError::Connection)? = name;
                    self.count += 1;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn names(&self, name: &str) -> bool {
        self.names[..self.count].iter().any(|named| named.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_server_may_take_for_framing_is_no_name() {
        for name in [
            "Transfer_Encoding",
            "Content_Length",
            "Transfer---Encoding",
            "Transfer-_Encoding",
            "content.length",
            "-Content-Length",
            "Transfer-Encoding_",
        ] {
            assert!(resembles_framing(name), "{name}");
        }
        for name in ["Accept-Encoding", "X-Content-Length", "ContentLength", "Content-Length-Max"] {
            assert!(!resembles_framing(name), "{name}");
        }
        let header = [Header { name: "Content_Length", value: b"5" }];
        assert!(matches!(Fields::collect(&header, 1), Err(HeadError::Framing)));
    }
}
