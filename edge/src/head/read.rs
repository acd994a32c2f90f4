//! Collects the bytes of one request head, and not one longer than allowed.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use super::end::HeadEnd;
use super::error::HeadError;
use crate::alarm::Alarm;
use crate::limits::{Deadlines, MAX_EMPTY_LINES, MAX_HEAD_BYTES, MAX_METHOD_BYTES};

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
    end: HeadEnd,
    /// Empty lines that were passed over before the present head.
    empty_lines: usize,
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
        alarm: &Alarm,
    ) -> Result<usize, ReadEnd> {
        let mut limit = None;
        loop {
            if let Some(length) = self.find_end().map_err(ReadEnd::Refused)? {
                self.empty_lines = 0;
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
            match alarm.timeout(wait, read).await {
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

    pub(crate) fn into_bytes(self) -> BytesMut {
        self.buffer
    }

    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Drops the first `length` bytes, and the memory with them when nothing is left.
    pub fn consume(&mut self, length: usize) {
        self.end = HeadEnd::default();
        if length == self.buffer.len() {
            self.buffer = BytesMut::new();
        } else {
            let _ = self.buffer.split_to(length);
        }
    }

    /// Where the head ends, if it is all there.
    fn find_end(&mut self) -> Result<Option<usize>, HeadError> {
        self.pass_empty_lines()?;
        let found = self.end.find(&self.buffer, MAX_HEAD_BYTES)?;
        if found.is_none() {
            check_beginning(&self.buffer)?;
        }
        Ok(found)
    }

    /// Some clients send an empty line behind a body (RFC 9112, 2.2).
    fn pass_empty_lines(&mut self) -> Result<(), HeadError> {
        while self.buffer.starts_with(b"\r\n") {
            self.empty_lines += 1;
            if self.empty_lines > MAX_EMPTY_LINES {
                return Err(HeadError::RequestLine);
            }
            self.consume(2);
        }
        Ok(())
    }
}

/// Says of the first bytes of a head, while it is not whole, whether they can begin
/// one: a client of another protocol would wait for the deadline.
fn check_beginning(bytes: &[u8]) -> Result<(), HeadError> {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let is_whole = line.len() < bytes.len();
    let method = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_method = method.len() <= MAX_METHOD_BYTES && method.iter().copied().all(is_token);
    let is_method = is_method && (!method.is_empty() || line.is_empty());
    // Of whatever follows: text has none, and binary protocols cannot do without.
    let is_text = !line.iter().any(u8::is_ascii_control);
    if !is_method || !is_text || (is_whole && !line.is_empty() && !names_a_version(line)) {
        return Err(HeadError::Protocol);
    }
    Ok(())
}

/// Of a whole request line: does HTTP stand at its end? Which version is judged later.
fn names_a_version(line: &[u8]) -> bool {
    line.iter()
        .rposition(|byte| *byte == b' ')
        .is_some_and(|at| line[at + 1..].starts_with(b"HTTP/"))
}

/// RFC 9110, 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
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

    async fn read(
        reader: &mut HeadReader,
        stream: &mut tokio::io::DuplexStream,
        is_first: bool,
    ) -> Result<usize, ReadEnd> {
        let alarm = Alarm::default();
        let read = reader.read_head(stream, is_first, &DEADLINES, &alarm);
        alarm.over(std::pin::pin!(read)).await
    }

    async fn check(sent: &[u8], close: bool, expected: Result<usize, ReadEnd>) {
        let (mut client, mut edge) = tokio::io::duplex(64 * 1024);
        client.write_all(sent).await.unwrap();
        let keep_open = (!close).then_some(client);
        let seen = read(&mut HeadReader::default(), &mut edge, true).await;
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
    async fn another_protocol_is_told_so_at_its_first_bytes() {
        for bytes in [
            b"\x16\x03\x01\x02\x00\x01".as_slice(),
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"EHLO mail.test\r\n",
            b"{\"jsonrpc\"",
            b"\x00",
            b"*1\r\n$4\r\nPING\r\n",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
            b"AVERYLONGWORDTHATISNOMETHODATALLXXXX",
            b" GET / HTTP/1.1",
            b"GET /\x00\x01",
            b"0032git-upload-pack /project.git\x00host=x\x00",
        ] {
            check(bytes, false, Err(ReadEnd::Refused(HeadError::Protocol))).await;
        }
        check(b"GET / HTTP/1.1\r", false, Err(ReadEnd::Refused(HeadError::Timeout))).await;
        check(b"GET / HTTP/1.1\r\nHost", false, Err(ReadEnd::Refused(HeadError::Timeout))).await;
    }

    #[tokio::test]
    async fn empty_lines_before_a_head_are_passed_over() {
        let (mut client, mut edge) = tokio::io::duplex(1024);
        let mut reader = HeadReader::default();
        client.write_all(b"\r\n\r\nGET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert_eq!(read(&mut reader, &mut edge, true).await, Ok(18));
        assert!(reader.bytes().starts_with(b"GET"));
        let many = "\r\n".repeat(MAX_EMPTY_LINES + 1);
        check(many.as_bytes(), false, Err(ReadEnd::Refused(HeadError::RequestLine))).await;
        // A kept connection on which nothing but an empty line comes is idle.
        reader.consume(18);
        client.write_all(b"\r\n").await.unwrap();
        assert_eq!(read(&mut reader, &mut edge, false).await, Err(ReadEnd::Closed));
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
        reader.consume(8);
        assert_eq!(reader.bytes(), b"bodyGET\r\n\r\n");
        reader.consume(4);
        assert_eq!(reader.bytes(), b"GET\r\n\r\n");
    }
}
