//! HTTP to the guest of a sprite.

use std::path::Path;

use anyhow::Context as _;
use axum::body::Body;
use axum::http::header::HOST;
use axum::http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// Sends one request over a connection of its own.
///
/// # Errors
/// The guest does not listen or does not answer.
pub async fn send(socket: &Path, mut request: Request<Body>) -> anyhow::Result<Response<Incoming>> {
    let stream = UnixStream::connect(socket).await.context("the guest does not listen")?;
    request.headers_mut().insert(HOST, HeaderValue::from_static("sprite"));
    connection(stream).await?.send_request(request).await.context("the guest did not answer")
}

/// Speaks HTTP/1.1 over the stream, upgrades included.
///
/// # Errors
/// The other end has gone.
pub async fn connection(stream: UnixStream) -> hyper::Result<SendRequest<Body>> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Its failures reach the sender as well.
    tokio::spawn(connection.with_upgrades());
    Ok(sender)
}
