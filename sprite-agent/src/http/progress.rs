//! A stream that remembers when the peer last proved that it is there.
//!
//! Liveness is measured in bytes, not in messages: a message of 20 MiB takes
//! three minutes at 1 Mbit/s, and the peer is alive all the while. Bytes that
//! the kernel takes into an empty buffer prove nothing; bytes for which the
//! peer had to make room do.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

pub struct Watched<S> {
    stream: S,
    progress: Progress,
    /// The last write had to wait for the peer to make room.
    is_blocked: bool,
}

/// What is known of the peer of a [`Watched`] stream; a copy tells the same.
#[derive(Debug, Clone)]
pub struct Progress(Arc<Mutex<Times>>);

#[derive(Debug, Clone, Copy)]
struct Times {
    /// The peer's last bytes.
    heard: Instant,
    /// The last time that the peer made room for ours.
    taken: Instant,
}

impl<S> Watched<S> {
    pub fn new(stream: S) -> Self {
        let now = Instant::now();
        let times = Times { heard: now, taken: now };
        Self { stream, progress: Progress(Arc::new(Mutex::new(times))), is_blocked: false }
    }

    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl Progress {
    /// Resolves when no byte has come from the peer, nor found room there, for `limit`.
    pub async fn silent(&self, limit: Duration) {
        self.still(limit, |times| times.heard.max(times.taken)).await;
    }

    /// Resolves when the peer has made no room for `limit` since `started`.
    pub async fn stuck(&self, started: Instant, limit: Duration) {
        self.still(limit, |times| times.taken.max(started)).await;
    }

    async fn still(&self, limit: Duration, last: impl Fn(Times) -> Instant) {
        loop {
            let end = last(*self.times()) + limit;
            if end <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(end).await;
        }
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.lock().expect("no code panics while it holds the lock")
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.progress.times().heard = Instant::now();
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        if result.is_ready() && self.is_blocked {
            self.progress.times().taken = Instant::now();
        }
        self.is_blocked = result.is_pending();
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);
    const PIECE: usize = 1000;

    #[tokio::test(start_paused = true)]
    async fn a_message_may_take_long_as_long_as_bytes_come() {
        let (mut peer, stream) = tokio::io::duplex(PIECE);
        let mut stream = Watched::new(stream);
        let progress = stream.progress();
        let upload = async {
            for _ in 0..5 {
                peer.write_all(&[0; 10]).await.unwrap();
                tokio::time::sleep(LIMIT - Duration::from_secs(1)).await;
            }
        };
        let read = async { while stream.read(&mut [0; PIECE]).await.is_ok() {} };
        let started = Instant::now();
        tokio::select! {
            ((), ()) = async { tokio::join!(upload, progress.silent(LIMIT)) } => {}
            () = read => {}
        }
        // The last bytes came 59 s before the end of the upload.
        assert_eq!(started.elapsed(), (LIMIT - Duration::from_secs(1)) * 4 + LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_fit_into_a_buffer_prove_nothing() {
        let (_peer, stream) = tokio::io::duplex(PIECE);
        let mut stream = Watched::new(stream);
        let progress = stream.progress();
        let started = Instant::now();
        tokio::time::sleep(LIMIT / 2).await;
        stream.write_all(&[0; 10]).await.unwrap();
        progress.silent(LIMIT).await;
        assert_eq!(started.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_waited_for_and_one_that_stops_is_not() {
        let (mut peer, stream) = tokio::io::duplex(PIECE);
        let mut stream = Watched::new(stream);
        let progress = stream.progress();
        let started = Instant::now();
        let slow = async {
            for _ in 0..3 {
                tokio::time::sleep(LIMIT - Duration::from_secs(1)).await;
                peer.read_exact(&mut [0; 10]).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            written = stream.write_all(&[0; 10 * PIECE]) => panic!("{written:?}"),
            () = slow => {}
            () = progress.stuck(started, LIMIT) => {}
        }
        assert_eq!(started.elapsed(), (LIMIT - Duration::from_secs(1)) * 3 + LIMIT);
    }
}
