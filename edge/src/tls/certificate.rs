//! One certificate with its key, both in PEM, checked against each other.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use shared::process::named_file;
use shared::wire::CertificatePair;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// Where a pair comes from.
#[derive(Debug, Clone)]
pub(crate) struct CertificateFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// A pair that can be served.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    /// In lower case; `*.` stands for one label. Clients ask for no address by name: a
    /// certificate for one is shown when no other fits.
    pub names: Vec<String>,
    /// Unix seconds; from then on clients refuse it.
    pub expires: u64,
    pub key: Arc<CertifiedKey>,
}

/// How the two halves of a pair are called in an error.
struct Halves<'a> {
    chain: &'a str,
    key: &'a str,
}

impl CertificateFiles {
    /// # Errors
    /// Names the file. Never quotes what is in a key file.
    pub(crate) fn read(&self, now: u64) -> anyhow::Result<Certificate> {
        let [chain, key] = [&self.certificate, &self.key].map(|path| path.display().to_string());
        let read = |path: &PathBuf| {
            named_file::read(path, named_file::MAX_BYTES)
                .with_context(|| format!("{} cannot be read", path.display()))
        };
        let halves = Halves { chain: &chain, key: &key };
        check(&read(&self.certificate)?, &read(&self.key)?, &halves, now)
    }
}

impl Certificate {
    /// What control hands over.
    ///
    /// # Errors
    /// Says what is wrong with it. Never quotes the key.
    pub(crate) fn of_pair(pair: &CertificatePair, now: u64) -> anyhow::Result<Self> {
        let halves = Halves { chain: "the chain", key: "the key" };
        check(pair.chain.as_bytes(), pair.key.as_bytes(), &halves, now)
    }
}

fn check(chain: &[u8], key: &[u8], called: &Halves<'_>, now: u64) -> anyhow::Result<Certificate> {
    let Halves { chain: chain_name, key: key_name } = called;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .with_context(|| format!("{chain_name} cannot be read"))?;
    let first = chain.first().with_context(|| format!("{chain_name} has no certificate in it"))?;
    let (_, parsed) = X509Certificate::from_der(first)
        .with_context(|| format!("{chain_name}: the first certificate cannot be read"))?;
    let (from, until) = (parsed.validity().not_before, parsed.validity().not_after);
    let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
    ensure!(seconds(until) > now, "{chain_name} has expired: it was valid until {until}");
    ensure!(seconds(from) <= now, "{chain_name} is not valid yet: it is from {from} on");
    let names = names(&parsed);
    ensure!(!names.is_empty(), "{chain_name} names no host (subjectAltName)");
    // The error of the parser might quote the key.
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| anyhow::anyhow!("{key_name} cannot be read: it is no private key in PEM"))?;
    let expires = seconds(until);
    let provider = rustls::crypto::ring::default_provider();
    let key = CertifiedKey::from_der(chain, key, &provider)
        .with_context(|| format!("{key_name} is not the key of {chain_name}"))?;
    Ok(Certificate { names, expires, key: Arc::new(key) })
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
