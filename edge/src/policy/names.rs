//! A header's name as every server that reads it may understand it.
//!
//! Servers that hand headers on as variables take `_`, and some of them any other
//! mark, for a hyphen: `X_Arca_Identity` arrives as `x-arca-identity`. So names are
//! held against the tables in one spelling, whatever they look like on the wire.

/// Longer than any name of the tables.
const NAME_MAX_BYTES: usize = 48;

/// By byte: letters in lower case, digits, and a hyphen for everything else.
const FOLDED: [u8; 256] = {
    let mut table = [b'-'; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            table[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

pub(super) struct Name {
    bytes: [u8; NAME_MAX_BYTES],
    length: usize,
    /// Other servers may read it differently.
    is_odd: bool,
}

impl Name {
    /// Only the beginning of a name that is longer than any we know.
    pub(super) fn new(name: &str) -> Self {
        let mut folded = Self { bytes: [0; NAME_MAX_BYTES], length: 0, is_odd: false };
        let mut last = b'-';
        for byte in name.bytes() {
            let letter = FOLDED[usize::from(byte)];
            if letter == b'-' && (byte != b'-' || last == b'-') {
                folded.is_odd = true;
                if last == b'-' {
                    continue;
                }
            }
            let Some(place) = folded.bytes.get_mut(folded.length) else { break };
            *place = letter;
            folded.length += 1;
            last = letter;
        }
        if folded.bytes[..folded.length].last() == Some(&b'-') && name.len() < NAME_MAX_BYTES {
            folded.is_odd = true;
            folded.length -= 1;
        }
        folded
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub(super) fn is_odd(&self) -> bool {
        self.is_odd
    }
}

/// Is it about one connection, in a request or an answer (RFC 9110, 7.6.1), or
/// about framing, which is written anew? `name` is folded.
pub(super) fn is_for_one_hop(name: &[u8]) -> bool {
    matches!(
        name,
        b"connection"
            | b"content-length"
            | b"expect"
            | b"http2-settings"
            | b"keep-alive"
            | b"te"
            | b"trailer"
            | b"transfer-encoding"
            | b"upgrade"
    ) || name.starts_with(b"proxy-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        let check = |name: &str, expected: &str, is_odd: bool| {
            let folded = Name::new(name);
            assert_eq!(folded.bytes(), expected.as_bytes(), "{name}");
            assert_eq!(folded.is_odd(), is_odd, "{name}");
        };
        check("Content-Type", "content-type", false);
        check("X_Arca_Identity", "x-arca-identity", true);
        check("Transfer---Encoding", "transfer-encoding", true);
        check("transfer.-_encoding", "transfer-encoding", true);
        check("--Cookie-", "cookie", true);
        check(&"a".repeat(60), &"a".repeat(NAME_MAX_BYTES), false);
    }
}
