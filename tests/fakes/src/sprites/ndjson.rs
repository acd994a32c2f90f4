//! Answers that arrive line by line, each line a JSON object.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::mpsc;

/// Lines that may wait for a slow reader.
const WAITING_LINES_MAX: usize = 256;

/// The writing end of a stream of lines.
pub struct Lines(mpsc::Sender<Bytes>);

impl Lines {
    /// Sends one line.
    ///
    /// # Errors
    /// The reader has gone; what was begun may go on without it.
    pub async fn send(&self, line: &impl Serialize) -> Result<(), ReaderGone> {
        let mut text = serde_json::to_vec(line).expect("lines are plain JSON values");
        text.push(b'\n');
        self.0.send(text.into()).await.map_err(|_| ReaderGone)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the reader of the stream has gone")]
pub struct ReaderGone;

/// 200 and `application/x-ndjson`, ended when the [`Lines`] are dropped.
pub fn channel() -> (Lines, Response) {
    let (sender, receiver) = mpsc::channel(WAITING_LINES_MAX);
    let lines = stream::unfold(receiver, |mut receiver| async move {
        let line: Bytes = receiver.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(line), receiver))
    });
    let response = ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines));
    (Lines(sender), response.into_response())
}
