//! Where the body of a request or an answer ends.

use std::io::Write as _;

use super::error::Malformed;
use crate::head::is_token;
use crate::limits::{MAX_CHUNK_EXCESS_BYTES, MAX_CHUNK_LINE_BYTES};

/// Measures a body as it passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyFraming {
    Done,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

/// A chunked body as it is read (RFC 9112, 7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunked {
    next: Next,
    /// Bytes of the present line, or of all trailers.
    line: u16,
    /// Bytes of packing beyond what small chunks need.
    excess: u64,
}

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The size's digits; `digits` of them so far, leading zeros aside.
    Size {
        value: u64,
        digits: u8,
        is_begun: bool,
    },
    /// Blanks behind the size, then an extension or the line's end.
    SizeBlank {
        value: u64,
    },
    /// The rest of the size's line, which is not for anybody.
    Extension {
        value: u64,
    },
    SizeEnd {
        value: u64,
    },
    Data {
        left: u64,
    },
    DataEnd,
    DataEndFeed,
    /// A line behind the last chunk begins.
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerEnd,
    /// The empty line behind all trailers.
    End,
}

/// How a body is packed for the client, whatever its own framing was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// It has a length.
    None,
    Chunks,
    /// For HTTP/1.0: the end of the connection ends it.
    UntilClose,
}

impl BodyFraming {
    pub(super) const fn length(length: u64) -> Self {
        if length == 0 { Self::Done } else { Self::Length(length) }
    }

    pub(super) const fn chunked() -> Self {
        let next = Next::Size { value: 0, digits: 0, is_begun: false };
        Self::Chunked(Chunked { next, line: 0, excess: 0 })
    }

    pub(crate) const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// How many of `bytes` belong to the body. Fewer than all only when it is done.
    /// Gives `content` what is neither size nor trailer of a chunk.
    pub(crate) fn unwrap(
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
            Self::Chunked(chunked) => {
                let (count, done) = chunked.unwrap(bytes, content)?;
                if done {
                    *self = Self::Done;
                }
                Ok(count)
            }
        }
    }

    /// Appends to `out` what a client is sent of `bytes`, packed as `packing` says.
    /// Says how many of them belong to the body.
    pub(super) fn repack(
        &mut self,
        bytes: &[u8],
        packing: Packing,
        out: &mut Vec<u8>,
    ) -> Result<usize, Malformed> {
        if packing != Packing::Chunks {
            return self.unwrap(bytes, |part| out.extend_from_slice(part));
        }
        // One chunk for all of it. No more than `bytes` can be content: room for the
        // digits of that, with zeros in front.
        let start = out.len();
        let width = (usize::BITS - bytes.len().leading_zeros()).div_ceil(4).max(1) as usize;
        let room = width + 2;
        out.resize(start + room, b'0');
        let used = self.unwrap(bytes, |part| out.extend_from_slice(part))?;
        let length = out.len() - start - room;
        if length == 0 {
            out.truncate(start);
        } else {
            let mut size = &mut out[start..start + room];
            write!(size, "{length:0width$x}\r\n").expect("there is room");
            out.extend_from_slice(b"\r\n");
        }
        if self.is_done() {
            out.extend_from_slice(LAST_CHUNK);
        }
        Ok(used)
    }
}

/// Ends a chunked body, without trailers.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

impl Chunked {
    fn unwrap(
        &mut self,
        bytes: &[u8],
        mut content: impl FnMut(&[u8]),
    ) -> Result<(usize, bool), Malformed> {
        let mut at = 0;
        while at < bytes.len() {
            if let Next::Data { left } = &mut self.next {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                *left -= count as u64;
                content(&bytes[at..at + count]);
                at += count;
                if *left == 0 {
                    self.next = Next::DataEnd;
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
        self.line += 1;
        if self.line > MAX_CHUNK_LINE_BYTES {
            return Err(Malformed::Chunk);
        }
        self.next = match (self.next, byte) {
            (Next::Size { value, digits, .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                size(value, digits, byte)?
            }
            (Next::Size { is_begun: false, .. }, _) => return Err(Malformed::Chunk),
            (
                Next::Size { value, .. } | Next::SizeBlank { value } | Next::Extension { value },
                b'\r',
            ) => Next::SizeEnd { value },
            (Next::Size { value, .. } | Next::SizeBlank { value }, b' ' | b'\t') => {
                Next::SizeBlank { value }
            }
            (Next::Size { value, .. } | Next::SizeBlank { value }, b';') => {
                Next::Extension { value }
            }
            (Next::Extension { value }, _) if is_text(byte) => Next::Extension { value },
            (Next::SizeEnd { value: 0 }, b'\n') => Next::TrailerStart,
            (Next::SizeEnd { value }, b'\n') => {
                self.begin_data(value)?;
                Next::Data { left: value }
            }
            (Next::DataEnd, b'\r') => Next::DataEndFeed,
            (Next::DataEndFeed, b'\n') => Next::Size { value: 0, digits: 0, is_begun: false },
            (Next::TrailerStart, b'\r') => Next::End,
            (Next::TrailerStart | Next::TrailerName, _) if is_token(byte) => Next::TrailerName,
            (Next::TrailerName, b':') => Next::TrailerValue,
            (Next::TrailerValue, b'\r') => Next::TrailerEnd,
            (Next::TrailerValue, _) if is_text(byte) => Next::TrailerValue,
            (Next::TrailerEnd, b'\n') => Next::TrailerStart,
            (Next::End, b'\n') => return Ok(true),
            _ => return Err(Malformed::Chunk),
        };
        Ok(false)
    }

    /// Holds the packing of one more chunk against the content that it brings, as
    /// Go's `net/http` does: a body must not consist of packing.
    fn begin_data(&mut self, length: u64) -> Result<(), Malformed> {
        let line = u64::from(std::mem::take(&mut self.line));
        let fair = length.saturating_mul(2).saturating_add(16);
        self.excess = (self.excess + line).saturating_sub(fair);
        if self.excess > MAX_CHUNK_EXCESS_BYTES { Err(Malformed::Packing) } else { Ok(()) }
    }
}

/// One more digit of a size. Zeros in front say nothing and cannot overflow; fifteen
/// digits are more than any disk holds.
fn size(value: u64, digits: u8, digit: u8) -> Result<Next, Malformed> {
    let digit = char::from(digit).to_digit(16).ok_or(Malformed::Chunk)?;
    let digits = if value == 0 && digit == 0 { 0 } else { digits + 1 };
    if digits > 15 {
        return Err(Malformed::Chunk);
    }
    Ok(Next::Size { value: value * 16 + u64::from(digit), digits, is_begun: true })
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;
    use proptest::prelude::*;

    /// Feeds `text` in two pieces, split anywhere; says how much belonged to the body.
    fn check(text: &str, expected: Result<usize, Malformed>) {
        for split in 0..=text.len() {
            let mut framing = BodyFraming::chunked();
            let mut feed = || {
                let first = framing.unwrap(&text.as_bytes()[..split], |_| {})?;
                let second = framing.unwrap(&text.as_bytes()[split..], |_| {})?;
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
        check("0000000000000000000003\r\nabc\r\n0000000000000000\r\n\r\n", Ok(49));
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
            "2 zz\r\n",
            "2 2\r\n",
            "2;\0\r\n",
            "0\r\nno colon\r\n\r\n",
            "0\r\n: x\r\n\r\n",
            "0\r\n folded: x\r\n\r\n",
            "0\r\nX: y\r\n folded\r\n\r\n",
        ] {
            let mut framing = BodyFraming::chunked();
            assert_eq!(framing.unwrap(text.as_bytes(), |_| {}), Err(Malformed::Chunk), "{text:?}");
        }
        let long = "x".repeat(5_000);
        for text in [format!("1;{long}"), format!("0\r\n{}", "X: y\r\n".repeat(2_000))] {
            let seen = BodyFraming::chunked().unwrap(text.as_bytes(), |_| {});
            assert_eq!(seen, Err(Malformed::Chunk));
        }
    }

    #[test]
    fn a_body_does_not_consist_of_packing() {
        let wrapped = format!("1;{}\r\nx\r\n", "x".repeat(4_000)).repeat(900);
        let seen = BodyFraming::chunked().unwrap(wrapped.as_bytes(), |_| {});
        assert_eq!(seen, Err(Malformed::Packing));
        let small = "1\r\nx\r\n".repeat(100_000);
        assert_eq!(BodyFraming::chunked().unwrap(small.as_bytes(), |_| {}), Ok(small.len()));
    }

    #[test]
    fn chunks_are_written_anew() {
        let check = |framing: BodyFraming, text: &str, packing, expected: &str| {
            let (mut framing, mut out) = (framing, b"head".to_vec());
            let used = framing.repack(text.as_bytes(), packing, &mut out).unwrap();
            assert_eq!(used, text.len());
            assert_eq!(String::from_utf8(out).unwrap(), format!("head{expected}"));
        };
        let text = "2;a=b\r\nhi\r\n1\r\n!\r\n0\r\nSet-Cookie: x=y\r\n\r\n";
        check(BodyFraming::chunked(), text, Packing::Chunks, "03\r\nhi!\r\n0\r\n\r\n");
        check(BodyFraming::chunked(), text, Packing::UntilClose, "hi!");
        check(BodyFraming::chunked(), "5\r\nh", Packing::Chunks, "1\r\nh\r\n");
        check(BodyFraming::chunked(), "5\r\n", Packing::Chunks, "");
        check(BodyFraming::UntilClose, "hello", Packing::Chunks, "5\r\nhello\r\n");
        check(BodyFraming::length(5), "hello", Packing::None, "hello");
    }

    #[test]
    fn a_length_is_measured_to_the_byte() {
        let mut framing = BodyFraming::length(5);
        assert_eq!(framing.unwrap(b"abc", |_| {}), Ok(3));
        assert_eq!(framing.unwrap(b"defg", |_| {}), Ok(2));
        assert!(framing.is_done());
        assert!(BodyFraming::length(0).is_done());
    }

    proptest! {
        #[test]
        fn a_body_is_the_same_wherever_the_network_cuts(
            text in corpus::near("chunks"), cut in any::<prop::sample::Index>()
        ) {
            let cut = cut.index(text.len() + 1);
            let read = |parts: &[&[u8]]| {
                let (mut framing, mut content, mut used) = (BodyFraming::chunked(), Vec::new(), 0);
                for part in parts {
                    used += framing.unwrap(part, |part| content.extend_from_slice(part))?;
                }
                Ok::<_, Malformed>((framing.is_done(), used, content))
            };
            prop_assert_eq!(read(&[&text]), read(&[&text[..cut], &text[cut..]]));
        }

        #[test]
        fn what_is_packed_anew_has_the_same_content(
            bytes in prop::collection::vec(any::<u8>(), 0..300), split in 0usize..300
        ) {
            let mut text = b"5\r\nhello\r\n".to_vec();
            text.extend_from_slice(&bytes);
            let split = split.min(text.len());
            let (mut framing, mut out) = (BodyFraming::chunked(), Vec::new());
            let mut plain = BodyFraming::chunked();
            let mut content = Vec::new();
            for part in [&text[..split], &text[split..]] {
                let packed = framing.repack(part, Packing::Chunks, &mut out);
                let seen = plain.unwrap(part, |part| content.extend_from_slice(part));
                prop_assert_eq!(packed, seen);
                if packed.is_err() || framing.is_done() { break }
            }
            let (mut again, mut unpacked) = (BodyFraming::chunked(), Vec::new());
            if framing != BodyFraming::Done || again.unwrap(&out, |part| unpacked.extend_from_slice(part)).is_ok() {
                prop_assert!(unpacked.is_empty() || unpacked == content);
            }
        }

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
