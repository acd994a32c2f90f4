//! Where one WebSocket frame ends and the next begins (RFC 6455, 5.2).
//!
//! The tunnel carries bytes. Only to end it with a close frame of our own must
//! it know that no frame of the sprite's is half sent.

/// Follows a stream of frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// What was seen of the present frame's header: at most two bytes, eight of
    /// length and four of mask.
    header: [u8; 14],
    seen: usize,
    /// Bytes of its payload that are still to come.
    payload_left: u64,
}

impl Frames {
    /// Is everything that began also complete?
    pub(super) fn is_between(&self) -> bool {
        self.seen == 0 && self.payload_left == 0
    }

    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.step(bytes)..];
        }
    }

    /// The same up to the end of one frame at most; says how many bytes that were.
    pub(super) fn pass_one(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        while passed < bytes.len() {
            passed += self.step(&bytes[passed..]);
            if self.is_between() {
                break;
            }
        }
        passed
    }

    /// One byte of a header, or what there is of a payload.
    fn step(&mut self, bytes: &[u8]) -> usize {
        if self.payload_left > 0 {
            let count = usize::try_from(self.payload_left).unwrap_or(usize::MAX);
            let count = count.min(bytes.len());
            self.payload_left -= count as u64;
            return count;
        }
        self.header[self.seen] = bytes[0];
        self.seen += 1;
        if self.seen >= 2 && self.seen == self.header_length() {
            self.payload_left = self.payload_length();
            self.seen = 0;
        }
        1
    }

    fn header_length(&self) -> usize {
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        let length = match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + length + mask
    }

    fn payload_length(&self) -> u64 {
        let long = |count: usize| {
            self.header[2..2 + count].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        match self.header[1] & 0x7f {
            126 => long(2),
            127 => long(8),
            short => short.into(),
        }
    }
}

/// A close frame from a server: `code` and a short `reason`.
pub(super) fn close(code: u16, reason: &str) -> Vec<u8> {
    let length = u8::try_from(2 + reason.len()).ok().filter(|length| *length < 126);
    let mut frame = vec![0x88, length.expect("our own reasons are short")];
    frame.extend_from_slice(&code.to_be_bytes());
    frame.extend_from_slice(reason.as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `frames` byte by byte and in one piece; between them only at the ends.
    fn check(frames: &[Vec<u8>]) {
        let ends: Vec<usize> = frames
            .iter()
            .scan(0, |end, frame| {
                *end += frame.len();
                Some(*end)
            })
            .collect();
        let mut follower = Frames::default();
        for (at, byte) in frames.concat().iter().enumerate() {
            follower.pass(&[*byte]);
            assert_eq!(follower.is_between(), ends.contains(&(at + 1)), "after byte {at}");
        }
        let mut whole = Frames::default();
        whole.pass(&frames.concat());
        assert!(whole.is_between());
    }

    #[test]
    fn frames_of_every_length_are_followed() {
        let short = vec![0x81, 2, b'h', b'i'];
        let empty = vec![0x89, 0];
        let masked = vec![0x81, 0x82, 1, 2, 3, 4, 0, 0];
        let mut medium = vec![0x82, 126, 0x01, 0x00];
        medium.resize(4 + 256, 0);
        let mut long = vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0];
        long.resize(10 + 65_536, 0);
        check(&[short, empty, masked, medium, long, close(4001, "signed out")]);
    }
}
