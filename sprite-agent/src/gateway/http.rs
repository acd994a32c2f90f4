//! One HTTP request to the gateway, on a connection of its own.
//!
//! No pool: the readiness probe comes every few seconds, the files of the
//! gateway's own page are few, and the way is the loopback interface.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("the gateway at {address} did not accept a connection")]
    Connect { address: SocketAddr, source: std::io::Error },
    #[error("the gateway at {address} broke off")]
    Broken { address: SocketAddr, source: hyper::Error },
    #[error("the gateway at {address} did not answer within {waited:?}")]
    Silent { address: SocketAddr, waited: Duration },
}

/// Returns when the head of the answer is there; its body follows.
///
/// # Errors
/// When there is no head after `limit`.
pub async fn fetch<B>(
    address: SocketAddr,
    request: Request<B>,
    limit: Duration,
) -> Result<Response<Incoming>, FetchError>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let attempt = async {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|source| FetchError::Connect { address, source })?;
        let broken = |source| FetchError::Broken { address, source };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // Ends with the body, or when the body is dropped.
        tokio::spawn(connection);
        sender.send_request(request).await.map_err(broken)
    };
    tokio::time::timeout(limit, attempt)
        .await
        .unwrap_or(Err(FetchError::Silent { address, waited: limit }))
}
