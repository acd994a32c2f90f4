//! One certificate for all peers, and a client that trusts it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::tenants::BASE_DOMAIN;

/// ECDSA on P-256, for every workspace of the run.
pub struct Certificate {
    pub chain: PathBuf,
    pub key: PathBuf,
    /// Both in one file, as haproxy wants it.
    pub both: PathBuf,
    pub client: Client,
}

/// Unless asked to, it never resumes a session: each handshake is a full one.
#[derive(Clone)]
pub struct Client {
    http1: TlsConnector,
    http2: TlsConnector,
}

impl Certificate {
    /// Makes one that nobody else knows, and writes it into `folder`.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn make(folder: &Path) -> anyhow::Result<Self> {
        let names = [format!("*.{BASE_DOMAIN}"), BASE_DOMAIN.to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names)?;
        let (chain, key) = (cert.pem(), signing_key.serialize_pem());
        let write = |name: &str, text: &str| -> anyhow::Result<PathBuf> {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
            Ok(path)
        };
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone())?;
        Ok(Self {
            chain: write("chain.pem", &chain)?,
            key: write("key.pem", &key)?,
            both: write("both.pem", &format!("{chain}{key}"))?,
            client: Client::trusting(roots)?,
        })
    }
}

impl Client {
    fn trusting(roots: RootCertStore) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = config.with_no_client_auth();
        config.resumption = Resumption::disabled();
        let http1 = TlsConnector::from(Arc::new(config.clone()));
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { http1, http2: TlsConnector::from(Arc::new(config)) })
    }

    /// One that keeps its sessions, and resumes the last.
    pub(crate) fn resuming(&self) -> Self {
        let resuming = |connector: &TlsConnector| {
            let mut config = ClientConfig::clone(connector.config());
            config.resumption = Resumption::in_memory_sessions(8);
            TlsConnector::from(Arc::new(config))
        };
        Self { http1: resuming(&self.http1), http2: resuming(&self.http2) }
    }

    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.http1.connect(name, stream).await
    }

    /// The same for a connection of HTTP/2.
    pub(crate) async fn connect_http2(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.http2.connect(name, stream).await
    }
}
