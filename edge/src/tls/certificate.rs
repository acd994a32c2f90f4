//! One certificate with its key, read from two PEM files and checked against each other.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// Where a pair comes from.
#[derive(Debug, Clone)]
pub(crate) struct CertificateFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// A pair that can be served.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// In lower case; `*.` stands for one label. Clients ask for no address by name: a
    /// certificate for one is shown when no other fits.
    pub names: Vec<String>,
    /// Unix seconds; from then on clients refuse it.
    pub expires: u64,
    pub key: Arc<CertifiedKey>,
}

impl CertificateFiles {
    /// # Errors
    /// Names the file. Never quotes what is in a key file.
    pub(crate) fn read(&self, now: u64) -> anyhow::Result<Certificate> {
        let path = self.certificate.display();
        let chain: Vec<_> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .with_context(|| format!("{path} cannot be read"))?;
        let first = chain.first().with_context(|| format!("{path} has no certificate in it"))?;
        let (_, parsed) = X509Certificate::from_der(first)
            .with_context(|| format!("{path}: the first certificate cannot be read"))?;
        let (from, until) = (parsed.validity().not_before, parsed.validity().not_after);
        let seconds =
            |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
        ensure!(seconds(until) > now, "{path} has expired: it was valid until {until}");
        ensure!(seconds(from) <= now, "{path} is not valid yet: it is from {from} on");
        let names = names(&parsed);
        ensure!(!names.is_empty(), "{path} names no host (subjectAltName)");
        let key_path = self.key.display();
        // The error of the parser might quote the file.
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| anyhow::anyhow!("{key_path} cannot be read: {}", kind(&error)))?;
        let expires = seconds(until);
        let provider = rustls::crypto::ring::default_provider();
        let key = CertifiedKey::from_der(chain, key, &provider)
            .with_context(|| format!("{key_path} is not the key of {path}"))?;
        Ok(Certificate { names, expires, key: Arc::new(key) })
    }
}

fn kind(error: &rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::Io(error) => error.to_string(),
        _ => "it is no private key in PEM".to_owned(),
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.map(|extension| &extension.value.general_names);
    let texts = names.into_iter().flatten().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => match **bytes {
            [a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d).to_string()),
            _ => Some(Ipv6Addr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string()),
        },
        _ => None,
    });
    texts.collect()
}
