//! The client's side of a request, while its answer is awaited.

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWrite;
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

use super::error::ForwardError;
use super::upload::Upload;
use crate::alarm::Alarm;
use crate::client_stream::ClientStream;
use crate::head::HeadReader;
use crate::upstream::Duplex;

#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// Between two reads of an answer.
    pub(super) read: Duration,
    /// For a client to take what is written to it.
    pub(super) write: Duration,
    /// For it to send the next bytes of a body.
    pub(super) pause: Duration,
}

pub(super) struct Downstream<'a> {
    pub(super) alarm: &'a Alarm,
    pub(super) stream: &'a mut ClientStream,
    pub(super) reader: &'a mut HeadReader,
    pub(super) upload: Upload,
    /// When the client is asked for the body that it holds back, if nobody was sooner.
    pub(super) ask_at: Option<Instant>,
    /// The client says nothing more, and may still listen.
    pub(super) has_ended: bool,
    pub(super) timeouts: Timeouts,
}

/// One step forward while an answer is awaited.
enum Step {
    /// So many bytes came from the sprite; none, when it has closed.
    Heard(usize),
    /// The body of the request went on a little.
    Sent,
}

/// What is to be done when nothing has come for too long.
enum Late {
    /// Ask the client for its body.
    Ask,
    /// Give up on the client's body.
    Body,
    /// Give up on the sprite.
    Sprite,
}

impl Downstream<'_> {
    /// Asks for the body, if the client waits to be asked.
    pub(super) async fn ask(&mut self) -> Result<(), ForwardError> {
        let is_waiting = self.ask_at.take().is_some() && !self.upload.has_begun();
        if is_waiting {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        Ok(())
    }

    /// Reads from the sprite until `deadline` at most. Meanwhile the body of the request goes on.
    pub(super) async fn read(
        &mut self,
        sprite: &mut dyn Duplex,
        into: &mut BytesMut,
        deadline: Option<Instant>,
    ) -> Result<usize, ForwardError> {
        let alarm = self.alarm;
        loop {
            let (patience, late) = self.patience(deadline);
            let step = poll_fn(|context| self.poll_step(sprite, into, context));
            match (alarm.timeout(patience, step).await, late) {
                (Ok(step), _) => {
                    if let Step::Heard(count) = step? {
                        return Ok(count);
                    }
                }
                (Err(_), Late::Ask) => self.ask().await?,
                (Err(_), Late::Body) => return Err(ForwardError::BodyTimeout),
                (Err(_), Late::Sprite) => return Err(ForwardError::SpriteTimeout),
            }
        }
    }

    /// Ends with an error when the client takes nothing for as long as it may; one that
    /// takes a little at a time may take as long as it needs.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), ForwardError> {
        write(&mut *self.stream, bytes, self.timeouts.write, self.alarm).await
    }

    /// Resolves when the client cannot be answered any more; it may send on meanwhile.
    pub(super) async fn left(&mut self) {
        let Self { stream, reader, has_ended, .. } = self;
        while !*has_ended {
            match poll_fn(|context| reader.poll_more(&mut **stream, context)).await {
                Ok(0) => *has_ended = true,
                Ok(_) => {}
                Err(_) => return,
            }
        }
        pending::<()>().await;
    }

    fn patience(&self, deadline: Option<Instant>) -> (Duration, Late) {
        let left = |at: Instant| at.saturating_duration_since(Instant::now());
        if let Some(ask_at) = self.ask_at {
            (left(ask_at), Late::Ask)
        } else if let Some(deadline) = deadline {
            (left(deadline), Late::Sprite)
        } else if self.upload.wants_more() && !self.upload.has_unsent() {
            (self.timeouts.pause, Late::Body)
        } else {
            (self.timeouts.read, Late::Sprite)
        }
    }

    /// Reads from the sprite, or else sends on what there is of the body, or
    /// else reads from the client and so notices that it left.
    fn poll_step(
        &mut self,
        sprite: &mut dyn Duplex,
        into: &mut BytesMut,
        context: &mut Context<'_>,
    ) -> Poll<Result<Step, ForwardError>> {
        if let Poll::Ready(result) = poll_read_buf(Pin::new(&mut *sprite), context, into) {
            return Poll::Ready(result.map(Step::Heard).map_err(ForwardError::Sprite));
        }
        loop {
            if self.upload.wants_more() && !self.upload.has_unsent() {
                let used = self.upload.take(self.reader.bytes())?;
                self.reader.consume(used);
            }
            if self.upload.has_unsent() {
                return self.upload.poll_send(sprite, context).map(|()| Ok(Step::Sent));
            }
            match (self.has_ended, self.upload.wants_more()) {
                (true, true) => return Poll::Ready(Err(ForwardError::Client)),
                (true, false) => return Poll::Pending,
                (false, _) => {}
            }
            match ready!(self.reader.poll_more(&mut *self.stream, context)) {
                // It may still wait for its answer; one that has left cannot be told
                // from it until something is written.
                Ok(0) if !self.upload.wants_more() => self.has_ended = true,
                Ok(0) | Err(_) => return Poll::Ready(Err(ForwardError::Client)),
                Ok(_) => {}
            }
        }
    }
}

/// See [`Downstream::write`].
async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    mut bytes: &[u8],
    patience: Duration,
    alarm: &Alarm,
) -> Result<(), ForwardError> {
    while !bytes.is_empty() {
        let some = poll_fn(|context| Pin::new(&mut *stream).poll_write(context, bytes));
        match alarm.timeout(patience, some).await {
            Ok(Ok(count)) if count > 0 => bytes = &bytes[count..],
            _ => return Err(ForwardError::Client),
        }
    }
    // Encrypted, some of it may wait in our own memory: no more than one record.
    let rest = poll_fn(|context| Pin::new(&mut *stream).poll_flush(context));
    match alarm.timeout(patience, rest).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(ForwardError::Client),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};
    use tokio::time::sleep;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// What the client has of `bytes` that takes one of them every `pause`, and how the
    /// writer ends.
    async fn taken(
        bytes: &[u8],
        pause: Duration,
        until: usize,
    ) -> (usize, Result<(), ForwardError>) {
        let (mut edge, mut client) = duplex(8);
        let alarm = Alarm::default();
        let taken = async {
            let mut count = 0;
            while count < until && client.read_u8().await.is_ok() {
                count += 1;
                sleep(pause).await;
            }
            (count, client)
        };
        let write = async {
            let written = write(&mut edge, bytes, PATIENCE, &alarm).await;
            drop::<DuplexStream>(edge);
            written
        };
        let write = async { alarm.over(pin!(write)).await };
        let ((count, _client), written) = tokio::join!(taken, write);
        (count, written)
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_little_at_a_time_may_take_hours_and_who_takes_nothing_a_minute() {
        let bytes = [7; 500];
        let (count, written) = taken(&bytes, PATIENCE / 2, usize::MAX).await;
        assert!(count == bytes.len() && written.is_ok(), "{count} {written:?}");
        let started = Instant::now();
        let (_, written) = taken(&bytes, Duration::ZERO, 100).await;
        assert!(matches!(written, Err(ForwardError::Client)), "{written:?}");
        assert!(started.elapsed() < 2 * PATIENCE, "{:?}", started.elapsed());
    }
}
