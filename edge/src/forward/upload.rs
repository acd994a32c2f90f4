//! The body of a request on its way to a sprite.
//!
//! Read as strictly as a head, and written anew: extensions and trailers of a
//! client's chunks end here, so that a sprite can read a body in one way only.

use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BufMut as _, BytesMut};
use tokio_util::io::poll_write_buf;

use super::body_framing::{BodyFraming, LAST_CHUNK};
use super::error::{ForwardError, Malformed};
use crate::head::Body;
use crate::upstream::Duplex;

pub(super) struct Upload {
    framing: BodyFraming,
    is_chunked: bool,
    /// Bytes of content that may still come.
    room: u64,
    /// For the sprite, and not yet written.
    out: BytesMut,
    must_flush: bool,
    has_begun: bool,
    is_abandoned: bool,
}

impl Upload {
    /// A body with at most `max_bytes` of content.
    pub(super) fn new(body: Body, max_bytes: u64) -> Self {
        let framing = match body {
            Body::None => BodyFraming::Done,
            Body::Length(length) => BodyFraming::length(length),
            Body::Chunked => BodyFraming::chunked(),
        };
        Self {
            framing,
            is_chunked: body == Body::Chunked,
            room: max_bytes,
            out: BytesMut::new(),
            must_flush: false,
            has_begun: false,
            is_abandoned: false,
        }
    }

    /// Is more of it to come from the client?
    pub(super) fn wants_more(&self) -> bool {
        !self.framing.is_done() && !self.is_abandoned
    }

    /// Has something of it come from the client?
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Is something of it to be written to the sprite?
    pub(super) fn has_unsent(&self) -> bool {
        !self.is_abandoned && (self.must_flush || !self.out.is_empty())
    }

    /// Has the sprite all of it? Only then can another request follow, on either connection.
    pub(super) fn is_done(&self) -> bool {
        self.framing.is_done() && !self.is_abandoned && !self.has_unsent()
    }

    /// Takes what belongs to the body from the front of `bytes`, and says how much that was:
    /// nothing any more once it is whole.
    ///
    /// # Errors
    /// `TooLarge` and `Body`; then the sprite must not be given an end of it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, ForwardError> {
        if !self.wants_more() {
            return Ok(0);
        }
        self.has_begun |= !bytes.is_empty();
        let mut content = BytesMut::new();
        let used = self.framing.unwrap(bytes, |part| content.extend_from_slice(part)).map_err(
            |error| match error {
                Malformed::Packing => ForwardError::TooLarge,
                error => ForwardError::Body(error),
            },
        )?;
        let length = content.len() as u64;
        self.room = self.room.checked_sub(length).ok_or(ForwardError::TooLarge)?;
        if !self.is_chunked {
            self.out.unsplit(content);
        } else if length > 0 {
            write!((&mut self.out).writer(), "{length:x}\r\n").expect("writing to memory");
            self.out.unsplit(content);
            self.out.extend_from_slice(b"\r\n");
        }
        if self.is_chunked && self.framing.is_done() {
            self.out.extend_from_slice(LAST_CHUNK);
        }
        Ok(used)
    }

    /// Writes to `sprite` what can be written now. Ready when something was.
    ///
    /// A sprite that takes no more may have answered already: then the rest of
    /// the body is dropped, and what it says or does not say counts.
    pub(super) fn poll_send(
        &mut self,
        sprite: &mut dyn Duplex,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let sent = ready!(self.poll_write(sprite, context));
        if sent.is_err() {
            self.is_abandoned = true;
            self.out = BytesMut::new();
        }
        Poll::Ready(())
    }

    fn poll_write(
        &mut self,
        sprite: &mut dyn Duplex,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut sprite = Pin::new(sprite);
        if self.out.has_remaining() {
            self.must_flush = true;
            if ready!(poll_write_buf(sprite.as_mut(), context, &mut self.out))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if self.out.has_remaining() {
                return Poll::Ready(Ok(()));
            }
        }
        // At once: a sprite that answers what it has whole must not find us undone.
        ready!(sprite.as_mut().poll_flush(context))?;
        self.must_flush = false;
        self.out = BytesMut::new();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_BYTES: u64 = 8;

    /// Takes `text` in two pieces, split anywhere; says what goes on and what stays.
    fn check(body: Body, text: &str, content: &str, rest: &str) {
        for split in 0..=text.len() {
            let mut upload = Upload::new(body, MAX_BYTES);
            let used = upload.take(&text.as_bytes()[..split]).unwrap();
            let used = used + upload.take(&text.as_bytes()[used..]).unwrap();
            assert!(!upload.wants_more(), "{text:?} split at {split}");
            assert_eq!(&text[used..], rest, "{text:?} split at {split}");
            let mut framing = match body {
                Body::Chunked => BodyFraming::chunked(),
                _ => BodyFraming::length(content.len() as u64),
            };
            let mut seen = Vec::new();
            let sent = &upload.out[..];
            let length = framing.unwrap(sent, |part| seen.extend_from_slice(part)).unwrap();
            assert_eq!((length, framing.is_done()), (sent.len(), true), "{sent:?}");
            assert_eq!(seen, content.as_bytes(), "{text:?} split at {split}");
        }
    }

    #[test]
    fn what_follows_a_body_is_no_part_of_it() {
        check(Body::None, "GET /", "", "GET /");
        check(Body::Length(5), "helloGET /", "hello", "GET /");
        check(Body::Chunked, "5\r\nhello\r\n0\r\n\r\nGET /", "hello", "GET /");
        check(Body::Chunked, "0\r\n\r\n", "", "");
    }

    #[test]
    fn extensions_and_trailers_stay_behind() {
        let mut upload = Upload::new(Body::Chunked, MAX_BYTES);
        upload.take(b"2;a=b\r\nhi\r\n00\r\nX-Arca-Identity: forged\r\n\r\n").unwrap();
        assert_eq!(&upload.out[..], b"2\r\nhi\r\n0\r\n\r\n");
    }

    #[test]
    fn content_is_limited_and_its_packing_too() {
        let mut packed = Upload::new(Body::Chunked, u64::MAX);
        let chunks = format!("1;{}\r\nx\r\n", "x".repeat(4_000)).repeat(9);
        assert!(matches!(packed.take(chunks.as_bytes()), Err(ForwardError::TooLarge)));
        let mut upload = Upload::new(Body::Chunked, MAX_BYTES);
        upload.take(b"4\r\nfour\r\n4\r\nfive\r\n").unwrap();
        assert!(matches!(upload.take(b"1\r\nx"), Err(ForwardError::TooLarge)));
    }

    #[test]
    fn a_malformed_body_is_given_no_end() {
        let mut upload = Upload::new(Body::Chunked, MAX_BYTES);
        let taken = upload.take(b"2\r\nhi\r\nx\r\n");
        assert!(matches!(taken, Err(ForwardError::Body(Malformed::Chunk))), "{taken:?}");
        assert!(!upload.is_done());
    }

    #[tokio::test]
    async fn it_is_done_when_the_sprite_has_it() {
        let (mut near, far) = tokio::io::duplex(3);
        let mut upload = Upload::new(Body::Length(5), MAX_BYTES);
        upload.take(b"hello").unwrap();
        assert!(!upload.is_done() && upload.has_unsent());
        let mut far = tokio::io::AsyncReadExt::take(far, 5);
        let mut taken = Vec::new();
        let send = async {
            while upload.has_unsent() {
                std::future::poll_fn(|context| upload.poll_send(&mut near, context)).await;
            }
        };
        let (_, read) =
            tokio::join!(send, tokio::io::AsyncReadExt::read_to_end(&mut far, &mut taken));
        assert_eq!((read.unwrap(), taken.as_slice()), (5, b"hello".as_slice()));
        assert!(upload.is_done());
    }

    #[tokio::test]
    async fn a_sprite_that_takes_no_more_ends_the_upload_undone() {
        let (mut near, _) = tokio::io::duplex(3);
        let mut upload = Upload::new(Body::Length(5), MAX_BYTES);
        upload.take(b"hel").unwrap();
        std::future::poll_fn(|context| upload.poll_send(&mut near, context)).await;
        assert!(!upload.wants_more() && !upload.has_unsent() && !upload.is_done());
    }
}
