//! The certificate that machines are shown which join.
//!
//! Nobody vouches for it: they know its key by the pin in their token.

use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::TLS13;
use shared::KeyRing;
use shared::join::{Pin, listener_key};

/// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7).
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

fn key_of(ring: &KeyRing) -> PrivatePkcs8KeyDer<'static> {
    [&PKCS8_HEAD[..], listener_key(ring).expose()].concat().into()
}

/// What the key of the present ring is known by.
///
/// # Errors
/// Never, as far as is known: the key is ours.
pub fn pin(ring: &KeyRing) -> anyhow::Result<Pin> {
    let key = KeyPair::try_from(&key_of(ring)).context("the key of the join listener")?;
    Ok(Pin::of(&key.subject_public_key_info()))
}

/// Of the present ring; made anew for each connection, as the ring may be another one.
pub(super) fn tls(ring: &KeyRing) -> anyhow::Result<Arc<ServerConfig>> {
    let der = key_of(ring);
    let key = KeyPair::try_from(&der)?;
    // Nobody looks at the name.
    let certificate = CertificateParams::new(["control".to_owned()])?.self_signed(&key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::from(der))?;
    Ok(Arc::new(config))
}
