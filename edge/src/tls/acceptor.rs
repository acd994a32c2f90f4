//! Turns an accepted connection into an encrypted one, or says why it cannot be one.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::certificates::Certificates;
use super::config::TlsConfig;
use super::tickets::Tickets;
use crate::http2;
use crate::keys::KeyFile;
use crate::limits::{ADMIN_CONNECTIONS_MAX, ADMIN_HANDSHAKE_DEADLINE, TLS_UNSENT_MAX_BYTES};

/// Session tickets that a client gets with one handshake of TLS 1.3: a browser opens
/// several connections at once, and must not use one ticket twice (RFC 8446 §C.4).
const TICKETS: usize = 2;

/// Why a connection did not become an encrypted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandshakeError {
    /// It is not TLS, of no version or kind that we speak, or the client gave up.
    Failed,
    Timeout,
}

pub(crate) struct TlsAcceptor {
    acceptor: tokio_rustls::TlsAcceptor,
    timeout: Duration,
    places: Semaphore,
    hsts: Option<Arc<str>>,
}

impl TlsAcceptor {
    /// # Errors
    /// When the provider has none of the versions, which is ours to prevent.
    pub(crate) fn new(config: &TlsConfig, keys: &Arc<KeyFile>) -> Result<Self, rustls::Error> {
        let mut server = server_config(&config.certificates)?;
        if config.http2 {
            server.alpn_protocols.insert(0, http2::PROTOCOL.to_vec());
        }
        server.ticketer = Arc::new(Tickets(Arc::clone(keys)));
        server.send_tls13_tickets = TICKETS;
        let places = usize::try_from(config.handshakes).unwrap_or(Semaphore::MAX_PERMITS);
        Ok(Self {
            acceptor: Arc::new(server).into(),
            timeout: config.handshake_timeout,
            places: Semaphore::new(places.min(Semaphore::MAX_PERMITS)),
            hsts: config.hsts.clone(),
        })
    }

    /// For the private API, whose connections are few and stay.
    ///
    /// # Errors
    /// As [`TlsAcceptor::new`].
    pub(crate) fn private(certificates: &Arc<Certificates>) -> Result<Self, rustls::Error> {
        Ok(Self {
            acceptor: Arc::new(server_config(certificates)?).into(),
            timeout: ADMIN_HANDSHAKE_DEADLINE,
            places: Semaphore::new(ADMIN_CONNECTIONS_MAX),
            hsts: None,
        })
    }

    /// What each answer says about coming over TLS alone.
    pub(crate) fn hsts(&self) -> Option<&Arc<str>> {
        self.hsts.as_ref()
    }

    /// The handshake, within its time. Waiting for a place counts.
    pub(crate) async fn accept(
        &self,
        tcp: TcpStream,
    ) -> Result<TlsStream<TcpStream>, HandshakeError> {
        let handshake = async {
            let _place = self.places.acquire().await;
            self.acceptor.accept(tcp).await
        };
        match timeout(self.timeout, handshake).await {
            Ok(Ok(mut stream)) => {
                stream.get_mut().1.set_buffer_limit(Some(TLS_UNSENT_MAX_BYTES));
                Ok(stream)
            }
            Ok(Err(_)) => Err(HandshakeError::Failed),
            Err(_) => Err(HandshakeError::Timeout),
        }
    }
}

fn server_config(certificates: &Arc<Certificates>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(certificates) as _);
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    // All of them are good, and who looks at a server from outside wants the best one first.
    server.ignore_client_order = true;
    Ok(server)
}
