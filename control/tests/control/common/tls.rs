//! TLS in front of an edge, with a certificate that nobody but its own file vouches for.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub struct Sealed {
    pub address: SocketAddr,
    /// The certificate, in PEM.
    pub certificate: PathBuf,
}

/// Speaks TLS as 127.0.0.1 and hands everything on to `edge`.
pub async fn seal(edge: SocketAddr, folder: &Path, stem: &str) -> Sealed {
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let shown = parameters.self_signed(&key).unwrap();
    let certificate = folder.join(format!("{stem}.pem"));
    std::fs::write(&certificate, shown.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![shown.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut tls) = acceptor.accept(tcp).await else { return };
                let mut edge = TcpStream::connect(edge).await.unwrap();
                let _ended = tokio::io::copy_bidirectional(&mut tls, &mut edge).await;
            });
        }
    });
    Sealed { address, certificate }
}
