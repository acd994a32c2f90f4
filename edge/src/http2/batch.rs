//! Gathers the frames of a connection, so that those of many answers leave by one write.
//!
//! The library flushes behind each DATA frame of a kilobyte or more. Obeyed, every answer
//! would be a record of TLS and a call of the kernel by itself, which cost more than all
//! else about it. So a flush waits here until the library has nothing more to say:
//! [`Batch::sending`] then sends what there is.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits::HTTP2_BATCH_BYTES;

/// Sends what the library has written to its [`BatchedIo`].
pub(crate) struct Batch<T>(Arc<Mutex<State<T>>>);

/// What the library takes for the connection.
pub(crate) struct BatchedIo<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    io: T,
    /// At most [`HTTP2_BATCH_BYTES`]; no memory while there is nothing.
    waiting: Vec<u8>,
    /// So many of them are sent.
    sent: usize,
    has_failed: bool,
}

pub(crate) fn batched<T>(io: T) -> (Batch<T>, BatchedIo<T>) {
    let state = State { io, waiting: Vec::new(), sent: 0, has_failed: false };
    let state = Arc::new(Mutex::new(state));
    (Batch(Arc::clone(&state)), BatchedIo(state))
}

impl<T: AsyncWrite + Unpin> Batch<T> {
    /// Carries `future` out, which speaks for the library, and sends what it has written
    /// whenever it waits.
    pub(crate) async fn sending<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        std::future::poll_fn(|context| {
            let polled = future.as_mut().poll(context);
            if polled.is_pending() {
                let mut state = lock(&self.0);
                let had_failed = state.has_failed;
                if let Poll::Ready(Err(_)) = state.poll_send(context)
                    && !had_failed
                {
                    // The library finds the failure when it looks again.
                    state.has_failed = true;
                    context.waker().wake_by_ref();
                }
            }
            polled
        })
        .await
    }
}

impl<T: AsyncWrite + Unpin> State<T> {
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_failed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        while self.sent < self.waiting.len() {
            let rest = &self.waiting[self.sent..];
            match ready!(Pin::new(&mut self.io).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        (self.waiting, self.sent) = (Vec::new(), 0);
        Pin::new(&mut self.io).poll_flush(context)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for BatchedIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = lock(&self.0);
        if state.has_failed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut state.io).poll_read(context, into)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for BatchedIo<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = lock(&self.0);
        if state.waiting.len() >= HTTP2_BATCH_BYTES {
            ready!(state.poll_send(context))?;
        }
        let count = bytes.len().min(HTTP2_BATCH_BYTES - state.waiting.len());
        if state.waiting.capacity() == 0 {
            state.waiting.reserve_exact(HTTP2_BATCH_BYTES);
        }
        state.waiting.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    /// Not yet: see above.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = lock(&self.0);
        ready!(state.poll_send(context))?;
        Pin::new(&mut state.io).poll_shutdown(context)
    }
}

fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    #[tokio::test]
    async fn what_is_written_leaves_when_its_writer_waits_and_not_before() {
        let (near, mut far) = duplex(1024);
        let (batch, mut io) = batched(near);
        let speak = async {
            io.write_all(b"one ").await.unwrap();
            io.flush().await.unwrap();
            io.write_all(b"two").await.unwrap();
            io.flush().await.unwrap();
            assert_eq!(lock(&io.0).waiting, b"one two");
            io.read_u8().await.unwrap();
            io
        };
        let listen = async {
            let mut said = [0; 16];
            let count = far.read(&mut said).await.unwrap();
            assert_eq!(&said[..count], b"one two");
            far.write_all(b"!").await.unwrap();
        };
        tokio::join!(batch.sending(speak), listen);
    }

    #[tokio::test]
    async fn no_more_waits_than_may_and_all_of_it_arrives() {
        let (near, mut far) = duplex(64);
        let (batch, mut io) = batched(near);
        let bytes: Vec<_> = (0..5 * HTTP2_BATCH_BYTES).map(|at| (at % 251) as u8).collect();
        let speak = async {
            io.write_all(&bytes).await.unwrap();
            assert!(lock(&io.0).waiting.len() <= HTTP2_BATCH_BYTES);
            io.shutdown().await.unwrap();
        };
        let mut said = Vec::new();
        let (_, read) = tokio::join!(batch.sending(speak), far.read_to_end(&mut said));
        read.unwrap();
        assert!(said == bytes);
        assert_eq!(lock(&io.0).waiting.capacity(), 0, "nothing is held for an idle one");
    }

    #[tokio::test]
    async fn a_client_that_is_gone_is_found_by_the_next_look() {
        let (near, far) = duplex(64);
        let (batch, mut io) = batched(near);
        drop(far);
        let speak = async {
            io.write_all(b"hello").await.unwrap();
            let end = std::future::poll_fn(|context| {
                let failed = lock(&io.0).has_failed;
                let _ = context;
                if failed { Poll::Ready(()) } else { Poll::Pending }
            });
            end.await;
            io.read(&mut [0; 1]).await
        };
        assert!(batch.sending(speak).await.is_err());
    }
}
