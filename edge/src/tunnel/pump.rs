//! Two directions of bytes, and almost no memory: a buffer stands on the stack
//! while something moves, and on the heap only while the other side does not take it.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Most bytes that wait in one direction. Nothing is read while any wait.
const CHUNK_BYTES: usize = 16 * 1024;

pub(super) struct Pump {
    to_sprite: Direction,
    to_visitor: Direction,
    active: Instant,
}

impl Pump {
    /// `early` is what the sprite has sent already.
    pub(super) fn new(early: Bytes) -> Self {
        Self {
            to_sprite: Direction::default(),
            to_visitor: Direction { waiting: early, unflushed: false },
            active: Instant::now(),
        }
    }

    /// When bytes last moved, either way.
    pub(super) fn active(&self) -> Instant {
        self.active
    }

    /// Ready when either side has ended or failed.
    pub(super) fn poll<V, S>(
        &mut self,
        context: &mut Context<'_>,
        visitor: &mut V,
        sprite: &mut S,
    ) -> Poll<()>
    where
        V: AsyncRead + AsyncWrite + Unpin + ?Sized,
        S: AsyncRead + AsyncWrite + Unpin + ?Sized,
    {
        let mut moved = false;
        let ended = self.to_sprite.poll(context, visitor, sprite, &mut moved).is_ready()
            || self.to_visitor.poll(context, sprite, visitor, &mut moved).is_ready();
        if moved {
            self.active = Instant::now();
        }
        if ended { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[derive(Default)]
struct Direction {
    /// Read and not taken yet.
    waiting: Bytes,
    unflushed: bool,
}

impl Direction {
    /// Moves all that can be moved now. Ready when this direction has ended.
    fn poll<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        moved: &mut bool,
    ) -> Poll<()>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        loop {
            while !self.waiting.is_empty() {
                match Pin::new(&mut *writer).poll_write(context, &self.waiting) {
                    Poll::Ready(Ok(count)) if count > 0 => {
                        (*moved, self.unflushed) = (true, true);
                        self.waiting.advance(count);
                    }
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
            self.waiting = Bytes::new();
            let mut space = [MaybeUninit::uninit(); CHUNK_BYTES];
            let mut read = ReadBuf::uninit(&mut space);
            match Pin::new(&mut *reader).poll_read(context, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    *moved = true;
                    if self.write_now(context, writer, read.filled()).is_ready() {
                        return Poll::Ready(());
                    }
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.flush(context, writer),
            }
        }
    }

    /// Writes what is taken at once and keeps the rest. Ready when the writer is gone.
    fn write_now<W: AsyncWrite + Unpin + ?Sized>(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut W,
        mut bytes: &[u8],
    ) -> Poll<()> {
        self.unflushed = true;
        while !bytes.is_empty() {
            match Pin::new(&mut *writer).poll_write(context, bytes) {
                Poll::Ready(Ok(count)) if count > 0 => bytes = &bytes[count..],
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    self.waiting = Bytes::copy_from_slice(bytes);
                    break;
                }
            }
        }
        Poll::Pending
    }

    fn flush<W: AsyncWrite + Unpin + ?Sized>(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<()> {
        if !self.unflushed {
            return Poll::Pending;
        }
        match Pin::new(&mut *writer).poll_flush(context) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                Poll::Pending
            }
            Poll::Ready(Err(_)) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    /// A pump between two pipes of `capacity`; returns the far ends.
    fn start(early: &'static [u8], capacity: usize) -> (DuplexStream, DuplexStream) {
        let (visitor, mut near_visitor) = duplex(capacity);
        let (sprite, mut near_sprite) = duplex(capacity);
        tokio::spawn(async move {
            let mut pump = Pump::new(Bytes::from_static(early));
            std::future::poll_fn(|context| pump.poll(context, &mut near_visitor, &mut near_sprite))
                .await;
        });
        (visitor, sprite)
    }

    #[tokio::test]
    async fn bytes_keep_their_order_through_a_narrow_place() {
        let (mut visitor, mut sprite) = start(b"early", 7);
        let sent: Vec<u8> = (0..200_000_u32).map(|number| number as u8).collect();
        let expected = sent.clone();
        let writer = tokio::spawn(async move {
            visitor.write_all(&sent).await.unwrap();
            visitor
        });
        let mut seen = vec![0; expected.len()];
        sprite.read_exact(&mut seen).await.unwrap();
        assert_eq!(seen, expected);
        let mut visitor = writer.await.unwrap();
        let mut early = [0; 5];
        visitor.read_exact(&mut early).await.unwrap();
        assert_eq!(&early, b"early");
    }

    #[tokio::test]
    async fn a_side_that_takes_nothing_stops_the_other_from_sending() {
        let (mut visitor, _sprite) = start(b"", 1024);
        let flood = vec![0; 10 * CHUNK_BYTES];
        let sent = tokio::time::timeout(Duration::from_millis(50), visitor.write_all(&flood)).await;
        assert!(sent.is_err(), "everything was taken, so something buffers without a bound");
    }

    #[tokio::test]
    async fn when_one_side_ends_so_does_the_other() {
        let (visitor, mut sprite) = start(b"", 64);
        drop(visitor);
        assert_eq!(sprite.read(&mut [0; 8]).await.unwrap(), 0);
    }
}
