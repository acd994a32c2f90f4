//! A file as the body of an answer, read as fast as it is taken.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Of the file, in memory: this times [`PIECES_AHEAD`], twice.
const PIECE_BYTES: usize = 64 << 10;
const PIECES_AHEAD: usize = 2;

/// Who takes nothing for so long has gone, and is not in the way of the next one.
const STALLED_MAX: Duration = Duration::from_secs(60);

pub struct FileBody {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    left: u64,
}

impl FileBody {
    /// The first `length` bytes of `file`; `place` is given back at the end, whatever it is.
    pub fn read(file: File, length: u64, place: OwnedSemaphorePermit) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        tokio::spawn(async move {
            send(tokio::fs::File::from_std(file), length, &sender).await;
            drop(place);
        });
        Self { pieces, left: length }
    }
}

async fn send(mut file: impl AsyncRead + Unpin, length: u64, to: &mpsc::Sender<io::Result<Bytes>>) {
    let mut left = length;
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let mut piece = BytesMut::with_capacity(wanted);
        let read = match (&mut file).take(left).read_buf(&mut piece).await {
            // The assistant has shortened it in the meantime: the client must not take it for whole.
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => {
                left -= bytes as u64;
                Ok(piece.freeze())
            }
            Err(error) => Err(error),
        };
        let is_end = read.is_err();
        let sent = tokio::time::timeout(STALLED_MAX, to.send(read)).await;
        if is_end || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let piece = match self.pieces.poll_recv(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(piece) => piece,
        };
        Poll::Ready(match piece {
            Some(Ok(piece)) => {
                self.left = self.left.saturating_sub(piece.len() as u64);
                Some(Ok(Frame::data(piece)))
            }
            Some(Err(error)) => Some(Err(error)),
            None if self.left > 0 => Some(Err(io::ErrorKind::TimedOut.into())),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;

    use http_body_util::BodyExt as _;
    use tokio::sync::Semaphore;

    use super::*;

    async fn body(content: &[u8], length: u64) -> (FileBody, Arc<Semaphore>) {
        let places = Arc::new(Semaphore::new(1));
        let place = places.clone().acquire_owned().await.unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        (FileBody::read(file, length, place), places)
    }

    #[tokio::test]
    async fn a_file_of_many_pieces_comes_whole_and_its_place_is_free_again() {
        let content: Vec<u8> = (0..PIECE_BYTES * 5 + 3).map(|at| at as u8).collect();
        let (body, places) = body(&content, content.len() as u64).await;
        assert_eq!(body.size_hint().exact(), Some(content.len() as u64));
        assert_eq!(body.collect().await.unwrap().to_bytes(), content);
        let _free = places.acquire().await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_grew_is_cut_and_one_that_shrank_is_an_error() {
        let (grown, _) = body(b"twelve bytes", 6).await;
        assert_eq!(grown.collect().await.unwrap().to_bytes(), "twelve");
        let (shrunk, places) = body(b"short", 6).await;
        assert!(shrunk.collect().await.is_err());
        let _free = places.acquire().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_gives_the_place_back() {
        let content = vec![0; PIECE_BYTES * 9];
        let (stalled, places) = body(&content, content.len() as u64).await;
        let _free = places.acquire().await.unwrap();
        assert!(stalled.collect().await.is_err());
    }
}
