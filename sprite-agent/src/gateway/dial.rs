//! Opening a WebSocket to the gateway.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue, ORIGIN};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::methods::SCOPES_HEADER;
use crate::http::websocket::{FRAME_MAX_BYTES, socket_config};

pub type GatewaySocket = WebSocketStream<TcpStream>;

/// A gateway that starts up blocks its event loop for seconds at a time.
const DIAL_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("the gateway at {address} did not accept a connection")]
    Connect { address: SocketAddr, source: std::io::Error },
    #[error("the gateway at {address} did not accept the WebSocket upgrade")]
    Upgrade { address: SocketAddr, source: Box<tungstenite::Error> },
    #[error("the gateway at {address} did not answer within {DIAL_MAX:?}")]
    Silent { address: SocketAddr },
}

/// Call only for a visitor who is known: ten wrong guesses lock the gateway for minutes.
///
/// Without `origin` the gateway takes us for a local program, which gets the
/// scopes it asks for; no forwarded header is ever sent.
///
/// # Errors
/// All are ordinary while the gateway starts or stops.
pub async fn dial(
    address: SocketAddr,
    path: &str,
    origin: Option<&str>,
) -> Result<GatewaySocket, DialError> {
    dial_with(address, path, origin, SCOPES_HEADER).await
}

/// [`dial`] with other scopes than those of a page.
///
/// # Errors
/// As there.
pub async fn dial_with(
    address: SocketAddr,
    path: &str,
    origin: Option<&str>,
    scopes: &'static str,
) -> Result<GatewaySocket, DialError> {
    let attempt = async {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|source| DialError::Connect { address, source })?;
        // An unset option only costs latency.
        let _ = stream.set_nodelay(true);
        upgrade(stream, &format!("ws://{address}{path}"), origin, scopes)
            .await
            .map_err(|source| DialError::Upgrade { address, source: Box::new(source) })
    };
    tokio::time::timeout(DIAL_MAX, attempt).await.unwrap_or(Err(DialError::Silent { address }))
}

async fn upgrade(
    stream: TcpStream,
    url: &str,
    origin: Option<&str>,
    scopes: &'static str,
) -> Result<GatewaySocket, tungstenite::Error> {
    let mut request = url.into_client_request()?;
    let headers = request.headers_mut();
    headers.insert(HeaderName::from_static("x-openclaw-scopes"), HeaderValue::from_static(scopes));
    if let Some(origin) = origin {
        headers.insert(ORIGIN, HeaderValue::from_str(origin).map_err(hyper::http::Error::from)?);
    }
    let config = socket_config(FRAME_MAX_BYTES);
    let (socket, _) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    Ok(socket)
}
