//! A new connection to a sprite or to control.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use shared::Upstream;
use shared::process::named_file;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::resolver::{ResolveError, Resolver};
use crate::limits::{NEXT_ADDRESS_AFTER, SPRITE_LOST_AFTER, TUNNEL_RECEIVE_BYTES};
use crate::sockets::notice_loss;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Requests,
    Tunnel,
}

/// A plain or a TLS connection.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

pub(crate) struct Connector {
    resolver: Arc<Resolver>,
    tls: TlsConnector,
    connect_timeout: Duration,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("connecting to {upstream} failed")]
    Connect { upstream: Upstream, source: io::Error },
    #[error("connecting to {upstream} took too long")]
    Timeout { upstream: Upstream },
    #[error("{upstream} has no name that a certificate could have")]
    Name { upstream: Upstream, source: InvalidDnsNameError },
}

impl ConnectError {
    /// Can it be otherwise in a moment? What was refused by the policy cannot.
    pub(crate) fn is_passing(&self) -> bool {
        !matches!(self, Self::Name { .. } | Self::Resolve(ResolveError::Refused(_)))
    }
}

impl Connector {
    /// Trusts the certificates in `ca_file`, or else the system's.
    ///
    /// # Errors
    /// When no certificate can be loaded.
    pub(crate) fn new(
        resolver: Arc<Resolver>,
        ca_file: Option<&Path>,
        connect_timeout: Duration,
    ) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("choosing TLS versions")?
            .with_root_certificates(roots(ca_file)?)
            .with_no_client_auth();
        Ok(Self { resolver, tls: TlsConnector::from(Arc::new(config)), connect_timeout })
    }

    /// # Errors
    /// Says which upstream, and at which step. Certificates are always verified.
    pub(crate) async fn connect(
        &self,
        upstream: &Upstream,
        purpose: Purpose,
    ) -> Result<Box<dyn Duplex>, ConnectError> {
        let addresses = self.resolver.resolve(upstream).await?;
        let connect = connect_any(&addresses, purpose);
        let failed = |source| ConnectError::Connect { upstream: upstream.clone(), source };
        let late = |_| ConnectError::Timeout { upstream: upstream.clone() };
        let tcp = timeout(self.connect_timeout, connect).await.map_err(late)?.map_err(failed)?;
        if !upstream.is_tls() {
            return Ok(Box::new(tcp));
        }
        let name = ServerName::try_from(upstream.host_name().to_owned())
            .map_err(|source| ConnectError::Name { upstream: upstream.clone(), source })?;
        let handshake = self.tls.connect(name, tcp);
        let tls = timeout(self.connect_timeout, handshake).await.map_err(late)?.map_err(failed)?;
        Ok(Box::new(tls))
    }
}

/// The first of `addresses` that answers; the next is tried beside one that takes long.
async fn connect_any(addresses: &[SocketAddr], purpose: Purpose) -> io::Result<TcpStream> {
    let mut rest = addresses.iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        attempts.extend(rest.next().map(|address| connect_one(*address, purpose)));
        let has_more = rest.len() > 0;
        tokio::select! {
            result = attempts.next() => match result {
                Some(Ok(tcp)) => return Ok(tcp),
                Some(Err(error)) => failure = error,
                None => return Err(failure),
            },
            () = sleep(NEXT_ADDRESS_AFTER), if has_more => {}
        }
    }
}

async fn connect_one(address: SocketAddr, purpose: Purpose) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if purpose == Purpose::Tunnel {
        // Before it connects: what the other side may send at once is agreed then.
        socket.set_recv_buffer_size(TUNNEL_RECEIVE_BYTES)?;
    }
    let tcp = socket.connect(address).await?;
    tcp.set_nodelay(true)?;
    notice_loss(&tcp, SPRITE_LOST_AFTER)?;
    Ok(tcp)
}

fn roots(ca_file: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca_file {
        let what = || format!("reading certificates from {}", path.display());
        let pem = named_file::read(path, named_file::MAX_BYTES).with_context(what)?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.with_context(what)?;
            roots.add(certificate).with_context(|| format!("trusting {}", path.display()))?;
        }
    } else {
        // Broken ones among the system's are common and harmless.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::SockRef;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn every_address_of_a_name_is_tried() {
        let (dead, live) = (TcpListener::bind("127.0.0.1:0"), TcpListener::bind("127.0.0.1:0"));
        let (dead, live) = (dead.await.unwrap(), live.await.unwrap());
        let (refusing, answering) = (dead.local_addr().unwrap(), live.local_addr().unwrap());
        drop(dead);
        // Documentation addresses answer nobody, and say nothing either.
        let silent = "192.0.2.1:9".parse().unwrap();
        for first in [refusing, silent] {
            let tcp = connect_any(&[first, answering], Purpose::Requests).await.unwrap();
            assert_eq!(tcp.peer_addr().unwrap(), answering, "behind {first}");
        }
        assert!(connect_any(&[refusing, refusing], Purpose::Requests).await.is_err());
        assert!(connect_any(&[], Purpose::Requests).await.is_err());
    }

    #[tokio::test]
    async fn the_kernel_notices_a_sprite_that_vanished() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tcp = connect_one(address, Purpose::Tunnel).await.unwrap();
        let socket = SockRef::from(&tcp);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(SPRITE_LOST_AFTER));
        let room = socket.recv_buffer_size().unwrap();
        assert!(room <= 2 * TUNNEL_RECEIVE_BYTES as usize, "{room}");
    }
}
