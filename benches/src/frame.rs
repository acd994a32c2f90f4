//! As much of WebSocket framing as an echo needs: whole messages up to 64 KiB.

/// A key, and its answer, that RFC 6455 works out in section 1.3. Everybody here
/// uses it, so that nobody needs SHA-1.
pub const SAMPLE_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub const SAMPLE_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const FINAL: u8 = 0x80;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const MASKED: u8 = 0x80;
const MASK: [u8; 4] = *b"arca";

/// A binary message as a client sends it.
///
/// # Panics
/// Above 64 KiB.
pub fn from_client(payload: &[u8]) -> Vec<u8> {
    let mut frame = header(payload.len(), MASKED);
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A binary message as a server sends it.
///
/// # Panics
/// Above 64 KiB.
pub fn from_server(payload: &[u8]) -> Vec<u8> {
    let mut frame = header(payload.len(), 0);
    frame.extend_from_slice(payload);
    frame
}

fn header(length: usize, masked: u8) -> Vec<u8> {
    let mut frame = Vec::with_capacity(length + 8);
    frame.push(FINAL | BINARY);
    match u8::try_from(length) {
        Ok(short @ ..126) => frame.push(masked | short),
        _ => {
            frame.push(masked | 126);
            let length = u16::try_from(length).expect("messages here have at most 64 KiB");
            frame.extend_from_slice(&length.to_be_bytes());
        }
    }
    frame
}

/// Do these bytes begin with a close frame?
pub fn is_close(bytes: &[u8]) -> bool {
    bytes.first() == Some(&(FINAL | CLOSE))
}

/// What a server finds at the beginning of what a client has sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// The client ends the conversation, or speaks something else.
    End,
    /// Not a whole message yet.
    Partial,
    /// A message of so many bytes on the wire was unmasked and appended.
    Message { wire_bytes: usize },
}

/// Takes the first message of `bytes` and appends it, as the server's, to `out`.
pub fn echo_next(bytes: &[u8], out: &mut Vec<u8>) -> Received {
    let [first, second, rest @ ..] = bytes else { return Received::Partial };
    if *first != FINAL | BINARY || second & MASKED == 0 {
        return Received::End;
    }
    let (length, rest) = match (second & !MASKED, rest) {
        (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        (126, _) => return Received::Partial,
        (127, _) => return Received::End,
        (short, rest) => (usize::from(short), rest),
    };
    let Some((mask, rest)) = rest.split_first_chunk::<4>() else { return Received::Partial };
    let Some(payload) = rest.get(..length) else { return Received::Partial };
    out.extend_from_slice(&header(length, 0));
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    Received::Message { wire_bytes: bytes.len() - rest.len() + length }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_was_however_it_is_cut() {
        for length in [0, 1, 64, 125, 126, 1024, 65_535] {
            let payload: Vec<u8> = (0..=255).cycle().take(length).collect();
            let mut sent = from_client(&payload);
            let wire_bytes = sent.len();
            sent.extend_from_slice(b"\x82");
            let mut out = Vec::new();
            for cut in [0, 1, 3, wire_bytes - 1] {
                assert_eq!(echo_next(&sent[..cut], &mut out), Received::Partial, "{length} {cut}");
            }
            assert_eq!(echo_next(&sent, &mut out), Received::Message { wire_bytes });
            assert_eq!(out, from_server(&payload));
        }
    }

    #[test]
    fn a_close_or_an_unmasked_frame_ends_the_conversation() {
        let mut out = Vec::new();
        assert_eq!(echo_next(&[0x88, 0x80, 0, 0, 0, 0], &mut out), Received::End);
        assert_eq!(echo_next(&from_server(b"x"), &mut out), Received::End);
        assert!(is_close(&[0x88, 0x02]) && !is_close(&from_server(b"x")) && out.is_empty());
    }
}
