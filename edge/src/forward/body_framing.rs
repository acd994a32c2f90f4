//! Where the body of a request or an answer ends.

use super::error::Malformed;
use crate::limits::MAX_CHUNK_LINE_BYTES;

/// Measures a body as it passes. The bytes themselves are not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BodyFraming {
    Done,
    Length(u64),
    Chunked(Chunk),
    UntilClose,
}

/// What is expected next in a chunked body (RFC 9112, 7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chunk {
    /// The size's digits; `digits` so far.
    Size {
        value: u64,
        digits: u8,
    },
    /// The rest of the size's line, which we do not read.
    Extension {
        value: u64,
        length: u16,
    },
    SizeEnd {
        value: u64,
    },
    Data {
        left: u64,
    },
    DataEnd,
    DataEndFeed,
    /// A line behind the last chunk begins. `length` is that of all before it.
    TrailerStart {
        length: u16,
    },
    Trailer {
        length: u16,
    },
    TrailerEnd {
        length: u16,
    },
    /// The empty line behind all trailers.
    End,
}

impl BodyFraming {
    pub(super) const fn length(length: u64) -> Self {
        if length == 0 { Self::Done } else { Self::Length(length) }
    }

    pub(super) const fn chunked() -> Self {
        Self::Chunked(Chunk::Size { value: 0, digits: 0 })
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// How many of `bytes` belong to the body. Fewer than all only when it is done.
    pub(super) fn measure(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        self.unwrap(bytes, |_| {})
    }

    /// Like [`BodyFraming::measure`]; gives `content` what is neither size nor trailer of a chunk.
    pub(super) fn unwrap(
        &mut self,
        bytes: &[u8],
        mut content: impl FnMut(&[u8]),
    ) -> Result<usize, Malformed> {
        match self {
            Self::Done => Ok(0),
            Self::UntilClose => {
                content(bytes);
                Ok(bytes.len())
            }
            Self::Length(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *self = Self::length(*left - count as u64);
                content(&bytes[..count]);
                Ok(count)
            }
            Self::Chunked(chunk) => {
                let (count, done) = chunk.unwrap(bytes, content)?;
                if done {
                    *self = Self::Done;
                }
                Ok(count)
            }
        }
    }
}

impl Chunk {
    fn unwrap(
        &mut self,
        bytes: &[u8],
        mut content: impl FnMut(&[u8]),
    ) -> Result<(usize, bool), Malformed> {
        let mut at = 0;
        while at < bytes.len() {
            if let Self::Data { left } = self {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                *left -= count as u64;
                content(&bytes[at..at + count]);
                at += count;
                if *left == 0 {
                    *self = Self::DataEnd;
                }
                continue;
            }
            let done = self.step(bytes[at])?;
            at += 1;
            if done {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    /// Takes one byte that is not data. `true` when the body has ended.
    fn step(&mut self, byte: u8) -> Result<bool, Malformed> {
        *self = match (&*self, byte) {
            (Self::Size { value, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                // Fifteen digits are more than any disk holds, and cannot overflow.
                if *digits == 15 {
                    return Err(Malformed::Chunk);
                }
                let digit = char::from(byte).to_digit(16).ok_or(Malformed::Chunk)?;
                Self::Size { value: value * 16 + u64::from(digit), digits: digits + 1 }
            }
            (Self::Size { digits: 0, .. }, _) => return Err(Malformed::Chunk),
            (Self::Size { value, .. } | Self::Extension { value, .. }, b'\r') => {
                Self::SizeEnd { value: *value }
            }
            (Self::Size { value, .. }, b';' | b' ' | b'\t') => {
                Self::Extension { value: *value, length: 0 }
            }
            (Self::Extension { value, length }, _) if byte != b'\n' => {
                Self::Extension { value: *value, length: longer(*length)? }
            }
            (Self::SizeEnd { value: 0 }, b'\n') => Self::TrailerStart { length: 0 },
            (Self::SizeEnd { value }, b'\n') => Self::Data { left: *value },
            (Self::DataEnd, b'\r') => Self::DataEndFeed,
            (Self::DataEndFeed, b'\n') => Self::Size { value: 0, digits: 0 },
            (Self::TrailerStart { .. }, b'\r') => Self::End,
            (Self::Trailer { length }, b'\r') => Self::TrailerEnd { length: *length },
            (Self::TrailerStart { length } | Self::Trailer { length }, _) if byte != b'\n' => {
                Self::Trailer { length: longer(*length)? }
            }
            (Self::TrailerEnd { length }, b'\n') => Self::TrailerStart { length: *length },
            (Self::End, b'\n') => return Ok(true),
            _ => return Err(Malformed::Chunk),
        };
        Ok(false)
    }
}

fn longer(length: u16) -> Result<u16, Malformed> {
    if length < MAX_CHUNK_LINE_BYTES { Ok(length + 1) } else { Err(Malformed::Chunk) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Feeds `text` in two pieces, split anywhere; says how much belonged to the body.
    fn check(text: &str, expected: Result<usize, Malformed>) {
        for split in 0..=text.len() {
            let mut framing = BodyFraming::chunked();
            let mut feed = || {
                let first = framing.measure(&text.as_bytes()[..split])?;
                let second = framing.measure(&text.as_bytes()[split..])?;
                Ok(first + second)
            };
            let seen = feed();
            assert_eq!(seen, expected, "{text:?} split at {split}");
            assert_eq!(framing.is_done(), expected.is_ok(), "{text:?} split at {split}");
        }
    }

    #[test]
    fn a_chunked_body_ends_behind_its_trailers() {
        check("0\r\n\r\n", Ok(5));
        check("3\r\nabc\r\n0\r\n\r\nHTTP/1.1", Ok(13));
        check("A;name=value\r\n0123456789\r\n000\r\nX: y\r\n\r\n", Ok(39));
        check("3 \r\nabc\r\n0\r\n\r\n", Ok(14));
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for text in [
            "\r\n",
            "g\r\n",
            "-1\r\n",
            "3\nabc",
            "3\r\nabcd\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "0\r\n\n",
            "1000000000000000\r\n",
            "0x3\r\n",
            ";x\r\n",
        ] {
            let mut framing = BodyFraming::chunked();
            assert_eq!(framing.measure(text.as_bytes()), Err(Malformed::Chunk), "{text:?}");
        }
        let long = "x".repeat(5_000);
        for text in [format!("1;{long}"), format!("0\r\n{}", "X: y\r\n".repeat(2_000))] {
            assert_eq!(BodyFraming::chunked().measure(text.as_bytes()), Err(Malformed::Chunk));
        }
    }

    #[test]
    fn a_length_is_measured_to_the_byte() {
        let mut framing = BodyFraming::length(5);
        assert_eq!(framing.measure(b"abc"), Ok(3));
        assert_eq!(framing.measure(b"defg"), Ok(2));
        assert!(framing.is_done());
        assert!(BodyFraming::length(0).is_done());
    }

    proptest! {
        #[test]
        fn well_formed_chunks_are_measured_wherever_they_are_split(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..5),
            splits in prop::collection::vec(1usize..20, 1..40),
        ) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
            let mut framing = BodyFraming::chunked();
            let mut rest = &wire[..];
            let mut content = Vec::new();
            for size in splits.iter().cycle() {
                if rest.is_empty() { break }
                let piece = &rest[..(*size).min(rest.len())];
                prop_assert!(!framing.is_done());
                let unwrapped = framing.unwrap(piece, |data| content.extend_from_slice(data));
                prop_assert_eq!(unwrapped, Ok(piece.len()));
                rest = &rest[piece.len()..];
            }
            prop_assert!(framing.is_done());
            prop_assert_eq!(content, chunks.concat());
        }
    }
}
