//! Two directions of bytes, and almost no memory: a buffer stands on the stack
//! while something moves, and on the heap only while the other side does not take it.

use std::io;
use std::mem::{self, MaybeUninit};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::Frames;
use super::pings::{ClientFrames, PING};

/// Most bytes that wait in one direction. Nothing is read while any wait.
const CHUNK_BYTES: usize = 16 * 1024;

pub(super) struct Pump {
    to_sprite: Direction,
    to_client: Direction,
    /// Where the sprite's frames end, for the one that we may want to add.
    frames: Frames,
    client_frames: ClientFrames,
    has_moved: bool,
    has_heard_client: bool,
}

impl Pump {
    /// `early` is what the sprite has sent already.
    pub(super) fn new(early: Bytes) -> Self {
        let mut frames = Frames::default();
        frames.pass(&early);
        Self {
            to_sprite: Direction::default(),
            to_client: Direction { waiting: early, ..Direction::default() },
            frames,
            client_frames: ClientFrames::default(),
            has_moved: false,
            has_heard_client: false,
        }
    }

    /// Has one side ended, so that only what both say last is still on its way?
    pub(super) fn is_ending(&self) -> bool {
        self.to_sprite.stage != Stage::Open || self.to_client.stage != Stage::Open
    }

    /// Does one side not take what waits for it?
    pub(super) fn is_blocked(&self) -> bool {
        !(self.to_sprite.waiting.is_empty() && self.to_client.waiting.is_empty())
    }

    /// The side that has taken nothing of what waits for it since this was last asked.
    pub(super) fn stuck(&mut self) -> Option<Side> {
        let (sprite, client) = (self.to_sprite.is_stuck(), self.to_client.is_stuck());
        if client { Some(Side::Client) } else { sprite.then_some(Side::Sprite) }
    }

    /// May a frame of our own follow what the client has been sent?
    pub(super) fn is_between_frames(&self) -> bool {
        self.frames.is_between() && self.to_client.waiting.is_empty()
    }

    /// Has either side taken anything since this was last asked?
    pub(super) fn has_advanced(&mut self) -> bool {
        mem::take(&mut self.to_sprite.has_advanced) | mem::take(&mut self.to_client.has_advanced)
    }

    /// Have bytes moved, either way, since this was last asked?
    pub(super) fn has_moved(&mut self) -> bool {
        mem::take(&mut self.has_moved)
    }

    /// Has the client sent anything, an answer to a ping included, since this was last asked?
    pub(super) fn has_heard_client(&mut self) -> bool {
        mem::take(&mut self.has_heard_client)
    }

    /// Has the next poll send a ping to the client. `false` within a frame of the sprite's,
    /// where none can be sent.
    pub(super) fn ping(&mut self) -> bool {
        let is_between = self.is_between_frames();
        if is_between {
            self.to_client.waiting = Bytes::from_static(&PING);
            self.client_frames.asked();
        }
        is_between
    }

    /// Ready when both directions are over. The end of one is passed on and leaves the other
    /// open: who has said its last may still be answered (RFC 6455, 5.5.1).
    pub(super) fn poll<V, S>(
        &mut self,
        context: &mut Context<'_>,
        client: &mut V,
        sprite: &mut S,
    ) -> Poll<()>
    where
        V: AsyncRead + AsyncWrite + Unpin + ?Sized,
        S: AsyncRead + AsyncWrite + Unpin + ?Sized,
    {
        let (mut has_sent, mut has_moved, mut has_heard) = (false, false, false);
        let (up, down) = (&mut self.to_sprite, &mut self.to_client);
        let (frames, client_frames) = (&mut self.frames, &mut self.client_frames);
        up.poll(context, client, sprite, |bytes| {
            has_heard = true;
            let on = client_frames.pass(bytes);
            has_sent |= on.as_ref().is_none_or(|on| !on.is_empty());
            on
        });
        if up.is_broken {
            down.stage = Stage::Over;
        }
        down.poll(context, sprite, client, |bytes| {
            has_moved = true;
            frames.pass(bytes);
            None
        });
        if down.is_broken {
            up.stage = Stage::Over;
        }
        let is_over = up.stage == Stage::Over && down.stage == Stage::Over;
        self.has_moved |= has_moved || has_sent;
        self.has_heard_client |= has_heard;
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Sprite,
}

#[derive(Default)]
struct Direction {
    /// Read and not taken yet.
    waiting: Bytes,
    /// Was anything taken since the last look?
    has_advanced: bool,
    unflushed: bool,
    /// The connection from which it comes was lost: nothing is taken there either.
    is_broken: bool,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    /// Nothing more will be read; what was read is still to be delivered, and then the end.
    Ending,
    /// The end was passed on, or nobody takes anything.
    Over,
}

impl Direction {
    fn is_stuck(&mut self) -> bool {
        !mem::take(&mut self.has_advanced) && !self.waiting.is_empty()
    }

    /// Moves all that can be moved now. What is read goes through `pass`, which says what
    /// is written in its place.
    fn poll<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        pass: impl FnMut(&[u8]) -> Option<Vec<u8>>,
    ) where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        if self.stage != Stage::Over && self.carry(context, reader, writer, pass).is_ready() {
            self.stage = Stage::Over;
        }
    }

    /// Ready when the end was passed on, or the writer is gone.
    fn carry<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        mut pass: impl FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        loop {
            while !self.waiting.is_empty() {
                let count = ready!(Pin::new(&mut *writer).poll_write(context, &self.waiting))?;
                self.took(count)?;
                self.waiting.advance(count);
            }
            self.waiting = Bytes::new();
            if self.stage == Stage::Ending {
                ready!(self.flush(context, writer))?;
                return Pin::new(&mut *writer).poll_shutdown(context);
            }
            let mut space = [MaybeUninit::uninit(); CHUNK_BYTES];
            let mut read = ReadBuf::uninit(&mut space);
            match Pin::new(&mut *reader).poll_read(context, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    let replaced = pass(read.filled());
                    let bytes = replaced.as_deref().unwrap_or_else(|| read.filled());
                    self.write_now(context, writer, bytes)?;
                }
                // The last words, a close code among them, must still arrive.
                Poll::Ready(result) => {
                    // Many leave out TLS's own word for the end. Frames say where they end,
                    // so nothing looks whole that is not.
                    self.is_broken =
                        result.is_err_and(|error| error.kind() != io::ErrorKind::UnexpectedEof);
                    self.stage = Stage::Ending;
                }
                Poll::Pending => {
                    if let Poll::Ready(Err(error)) = self.flush(context, writer) {
                        return Poll::Ready(Err(error));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Writes what is taken at once and keeps the rest.
    fn write_now<W: AsyncWrite + Unpin + ?Sized>(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut W,
        mut bytes: &[u8],
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            let Poll::Ready(result) = Pin::new(&mut *writer).poll_write(context, bytes) else {
                self.waiting = Bytes::copy_from_slice(bytes);
                break;
            };
            let count = result?;
            self.took(count)?;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// The writer has taken `count` bytes; with none it is gone.
    fn took(&mut self, count: usize) -> io::Result<()> {
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.has_advanced = true;
        self.unflushed = true;
        Ok(())
    }

    fn flush<W: AsyncWrite + Unpin + ?Sized>(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        if self.unflushed {
            ready!(Pin::new(&mut *writer).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{
        AsyncReadExt as _, AsyncWriteExt as _, BufReader, BufWriter, DuplexStream, duplex,
    };

    /// A pump between two pipes of `capacity`; returns the far ends.
    fn start(early: &'static [u8], capacity: usize) -> (DuplexStream, DuplexStream) {
        let (client, mut near_client) = duplex(capacity);
        let (sprite, mut near_sprite) = duplex(capacity);
        tokio::spawn(async move {
            let mut pump = Pump::new(Bytes::from_static(early));
            std::future::poll_fn(|context| pump.poll(context, &mut near_client, &mut near_sprite))
                .await;
        });
        (client, sprite)
    }

    #[tokio::test]
    async fn bytes_keep_their_order_through_a_narrow_place() {
        let (mut client, mut sprite) = start(b"early", 7);
        let sent: Vec<u8> = (0..200_000_u32).map(|number| number as u8).collect();
        let expected = sent.clone();
        let writer = tokio::spawn(async move {
            client.write_all(&sent).await.unwrap();
            client
        });
        let mut seen = vec![0; expected.len()];
        sprite.read_exact(&mut seen).await.unwrap();
        assert_eq!(seen, expected);
        let mut client = writer.await.unwrap();
        let mut early = [0; 5];
        client.read_exact(&mut early).await.unwrap();
        assert_eq!(&early, b"early");
    }

    #[tokio::test]
    async fn a_side_that_takes_nothing_stops_the_other_from_sending() {
        let (mut client, _sprite) = start(b"", 1024);
        let flood = vec![0; 10 * CHUNK_BYTES];
        let sent = tokio::time::timeout(Duration::from_millis(50), client.write_all(&flood)).await;
        assert!(sent.is_err(), "everything was taken, so something buffers without a bound");
    }

    #[tokio::test]
    async fn the_last_words_of_a_side_that_ends_arrive() {
        let (mut client, near_client) = duplex(64);
        let (mut sprite, mut near_sprite) = duplex(64);
        sprite.write_all(b"goodbye").await.unwrap();
        drop(sprite);
        client.shutdown().await.unwrap();
        // As pingora's streams do, this one keeps small writes until it is flushed.
        let mut near_client = BufWriter::new(near_client);
        let mut pump = Pump::new(Bytes::new());
        std::future::poll_fn(|context| pump.poll(context, &mut near_client, &mut near_sprite))
            .await;
        drop(near_client);
        let mut seen = String::new();
        BufReader::new(client).read_to_string(&mut seen).await.unwrap();
        assert_eq!(seen, "goodbye");
    }

    #[tokio::test]
    async fn the_end_of_one_side_is_passed_on_and_leaves_the_other_its_last_words() {
        for is_client_first in [true, false] {
            let (client, sprite) = start(b"", 4);
            let (mut first, mut second) =
                if is_client_first { (client, sprite) } else { (sprite, client) };
            first.write_all(b"close").await.unwrap();
            first.shutdown().await.unwrap();
            let mut heard = Vec::new();
            second.read_to_end(&mut heard).await.unwrap();
            assert_eq!(heard, b"close");
            second.write_all(b"closed too").await.unwrap();
            second.shutdown().await.unwrap();
            heard.clear();
            first.read_to_end(&mut heard).await.unwrap();
            assert_eq!(heard, b"closed too");
        }
    }

    #[tokio::test]
    async fn a_side_that_has_gone_leaves_its_last_words() {
        let ((mut client, near_client), (mut sprite, mut near_sprite)) = (duplex(64), duplex(64));
        client.write_all(b"for nobody").await.unwrap();
        sprite.write_all(b"goodbye").await.unwrap();
        drop(sprite);
        let (mut near_client, mut pump) = (near_client, Pump::new(Bytes::new()));
        let poll = |context: &mut Context<'_>| {
            let _ = pump.poll(context, &mut near_client, &mut near_sprite);
            Poll::Ready(())
        };
        std::future::poll_fn(poll).await;
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"goodbye");
    }
}
