//! Collects the bytes of one request head, and not one longer than allowed.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use memchr::memchr_iter;
use pingora::time::timeout;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use super::error::HeadError;
use crate::limits::{Deadlines, MAX_HEAD_BYTES};

/// Why there is no further request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadEnd {
    /// The client went away, or waited longer than [`Deadlines::idle`].
    Closed,
    Refused(HeadError),
}

/// What was read of a connection and not used yet.
#[derive(Default)]
pub struct HeadReader {
    buffer: BytesMut,
    /// How far `buffer` was searched for the end of the head.
    searched: usize,
}

impl HeadReader {
    /// Reads until a whole head is there and returns its length in [`HeadReader::bytes`].
    ///
    /// One deadline covers the head: a client that sends a byte every few
    /// seconds is cut off like one who sends nothing.
    ///
    /// # Errors
    /// Says how the connection ends.
    pub async fn read_head<S: AsyncRead + Unpin + ?Sized>(
        &mut self,
        stream: &mut S,
        is_first: bool,
        deadlines: &Deadlines,
    ) -> Result<usize, ReadEnd> {
        let mut limit = None;
        loop {
            if let Some(length) = self.find_end().map_err(ReadEnd::Refused)? {
                return Ok(length);
            }
            let wait = match limit {
                _ if self.buffer.is_empty() && !is_first => deadlines.idle,
                None => {
                    limit = Some(Instant::now() + deadlines.head);
                    deadlines.head
                }
                Some(limit) => limit.saturating_duration_since(Instant::now()),
            };
            let read = poll_fn(|context| poll_read(stream, context, &mut self.buffer));
            match timeout(wait, read).await {
                Ok(Ok(count)) if count > 0 => {}
                Ok(_) => return Err(ReadEnd::Closed),
                Err(_) if self.buffer.is_empty() => return Err(ReadEnd::Closed),
                Err(_) => return Err(ReadEnd::Refused(HeadError::Timeout)),
            }
        }
    }

    /// Reads ahead, while the client waits for an answer. Ready with zero when
    /// it has left; never more than one head is kept.
    pub fn poll_more<S: AsyncRead + Unpin + ?Sized>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        if self.buffer.len() >= MAX_HEAD_BYTES {
            return Poll::Pending;
        }
        poll_read(stream, context, &mut self.buffer)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Drops the first `length` bytes, and the memory with them when nothing is left.
    pub fn consume(&mut self, length: usize) {
        self.searched = 0;
        if length == self.buffer.len() {
            self.buffer = BytesMut::new();
        } else {
            let _ = self.buffer.split_to(length);
        }
    }

    /// Takes out up to `limit` bytes that follow a head of `head_length`.
    pub fn take_body(&mut self, head_length: usize, limit: u64) -> BytesMut {
        self.searched = 0;
        let mut rest = self.buffer.split_off(head_length);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(rest.len());
        let body = rest.split_to(limit);
        self.buffer = rest;
        body
    }

    /// Where the head ends, if it is all there. Looks at each byte once.
    fn find_end(&mut self) -> Result<Option<usize>, HeadError> {
        for at in memchr_iter(b'\n', &self.buffer[self.searched..]) {
            let at = self.searched + at;
            let before = &self.buffer[..at];
            // A head with bare line feeds might never end here: say so at once.
            if before.last() != Some(&b'\r') {
                return Err(HeadError::LineEnding);
            }
            if before.ends_with(b"\r\n\r") {
                let length = at + 1;
                return if length <= MAX_HEAD_BYTES {
                    Ok(Some(length))
                } else {
                    Err(HeadError::TooLarge)
                };
            }
        }
        self.searched = self.buffer.len();
        if self.searched < MAX_HEAD_BYTES { Ok(None) } else { Err(HeadError::TooLarge) }
    }
}

/// Appends what one read gives. While it waits, no buffer is held for it:
/// ten thousand idle connections must not cost ten thousand buffers.
fn poll_read<S: AsyncRead + Unpin + ?Sized>(
    stream: &mut S,
    context: &mut Context<'_>,
    into: &mut BytesMut,
) -> Poll<std::io::Result<usize>> {
    let mut space = [std::mem::MaybeUninit::uninit(); 8 * 1024];
    let mut read = ReadBuf::uninit(&mut space);
    ready!(Pin::new(stream).poll_read(context, &mut read))?;
    into.extend_from_slice(read.filled());
    Poll::Ready(Ok(read.filled().len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::AsyncWriteExt as _;

    const DEADLINES: Deadlines =
        Deadlines { head: Duration::from_millis(50), idle: Duration::from_millis(20) };

    async fn check(sent: &[u8], close: bool, expected: Result<usize, ReadEnd>) {
        let (mut client, mut edge) = tokio::io::duplex(64 * 1024);
        client.write_all(sent).await.unwrap();
        let keep_open = (!close).then_some(client);
        let seen = HeadReader::default().read_head(&mut edge, true, &DEADLINES).await;
        assert_eq!(seen, expected, "{:?}", String::from_utf8_lossy(&sent[..sent.len().min(40)]));
        drop(keep_open);
    }

    #[tokio::test]
    async fn a_head_ends_at_its_empty_line() {
        check(b"GET / HTTP/1.1\r\n\r\nrest", true, Ok(18)).await;
        check(b"", true, Err(ReadEnd::Closed)).await;
        check(b"GET / HT", true, Err(ReadEnd::Closed)).await;
        check(b"", false, Err(ReadEnd::Closed)).await;
        check(b"GET / HT", false, Err(ReadEnd::Refused(HeadError::Timeout))).await;
        check(b"GET / HTTP/1.1\n\n", false, Err(ReadEnd::Refused(HeadError::LineEnding))).await;
        let long = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'a'; MAX_HEAD_BYTES]].concat();
        check(&long, false, Err(ReadEnd::Refused(HeadError::TooLarge))).await;
    }

    #[tokio::test]
    async fn a_head_that_drips_in_is_found_wherever_it_is_split() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for split in 0..text.len() {
            let mut reader = HeadReader::default();
            reader.buffer.extend_from_slice(&text[..split]);
            assert_eq!(reader.find_end(), Ok(None), "{split}");
            reader.buffer.extend_from_slice(&text[split..]);
            assert_eq!(reader.find_end(), Ok(Some(text.len())), "{split}");
        }
    }

    #[tokio::test]
    async fn what_follows_a_head_stays_for_the_next() {
        let mut reader = HeadReader::default();
        reader.buffer.extend_from_slice(b"POST\r\n\r\nbodyGET\r\n\r\n");
        assert_eq!(reader.find_end(), Ok(Some(8)));
        assert_eq!(&reader.take_body(8, 4)[..], b"body");
        assert_eq!(reader.bytes(), b"GET\r\n\r\n");
    }
}
