//! A new connection to a sprite or to control.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use shared::Upstream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::resolver::{ResolveError, Resolver};

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
    ) -> Result<Box<dyn Duplex>, ConnectError> {
        let address = self.resolver.resolve(upstream).await?;
        let connect = async {
            let tcp = TcpStream::connect(address).await?;
            tcp.set_nodelay(true)?;
            io::Result::Ok(tcp)
        };
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

fn roots(ca_file: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca_file {
        let certificates = CertificateDer::pem_file_iter(path)
            .with_context(|| format!("reading certificates from {}", path.display()))?;
        for certificate in certificates {
            let certificate = certificate
                .with_context(|| format!("reading certificates from {}", path.display()))?;
            roots.add(certificate).with_context(|| format!("trusting {}", path.display()))?;
        }
    } else {
        // Broken ones among the system's are common and harmless.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    Ok(roots)
}
