//! All certificates of this edge, and which of them a client is shown.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use shared::process::time::unix_seconds;

use super::certificate::{Certificate, CertificateFiles};

/// The present certificates.
#[derive(Debug)]
pub(crate) struct Certificates {
    present: ArcSwap<Present>,
}

#[derive(Debug)]
struct Present {
    by_name: HashMap<String, Arc<CertifiedKey>>,
    /// For clients that ask for no name, and for names that are in no certificate: the
    /// first pair of the configuration. The client tells its user that the name is wrong.
    fallback: Arc<CertifiedKey>,
    /// Of the first one that expires, unix seconds.
    expires: u64,
}

impl Certificates {
    /// # Errors
    /// Everything that is wrong with any of them.
    pub(crate) fn open(files: &[CertificateFiles]) -> Result<Self, Vec<String>> {
        Ok(Self { present: ArcSwap::from_pointee(read(files, unix_seconds())?) })
    }

    /// The next handshake is shown one of `others`.
    pub(crate) fn replace(&self, others: &Self) {
        self.present.store(others.present.load_full());
    }

    /// When the first of them expires, unix seconds.
    pub(crate) fn expires(&self) -> u64 {
        self.present.load().expires
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.present.load().find(hello.server_name()))
    }
}

impl Present {
    fn new(certificates: Vec<Certificate>) -> Result<Self, Vec<String>> {
        let Some(first) = certificates.first() else {
            return Err(vec!["there is none: a certificate and its key are needed".to_owned()]);
        };
        let fallback = Arc::clone(&first.key);
        let expires = certificates.iter().map(|certificate| certificate.expires).min();
        let mut by_name = HashMap::new();
        for certificate in certificates {
            for name in certificate.names {
                // The first one that has a name serves it.
                by_name.entry(name).or_insert_with(|| Arc::clone(&certificate.key));
            }
        }
        Ok(Self { by_name, fallback, expires: expires.unwrap_or_default() })
    }

    /// The certificate of exactly this name before one with a wildcard for its first label.
    fn find(&self, name: Option<&str>) -> Arc<CertifiedKey> {
        let found = name.map(str::to_ascii_lowercase).and_then(|name| {
            self.by_name.get(&name).or_else(|| {
                let (_, parent) = name.split_once('.')?;
                self.by_name.get(&format!("*.{parent}"))
            })
        });
        Arc::clone(found.unwrap_or(&self.fallback))
    }
}

fn read(files: &[CertificateFiles], now: u64) -> Result<Present, Vec<String>> {
    let mut certificates = Vec::new();
    let mut complaints = Vec::new();
    for pair in files {
        match pair.read(now) {
            Ok(certificate) => certificates.push(certificate),
            Err(error) => complaints.push(format!("{error:#}")),
        }
    }
    if complaints.is_empty() { Present::new(certificates) } else { Err(complaints) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn write(folder: &Path, stem: &str, names: &[&str], year: i32) -> CertificateFiles {
        let names: Vec<_> = names.iter().copied().map(str::to_owned).collect();
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(year, 1, 1);
        let certificate = parameters.self_signed(&key).unwrap();
        let path = |ending| folder.join(format!("{stem}.{ending}"));
        std::fs::write(path("crt"), certificate.pem()).unwrap();
        std::fs::write(path("key"), key.serialize_pem()).unwrap();
        CertificateFiles { certificate: path("crt"), key: path("key") }
    }

    #[test]
    fn the_exact_name_comes_before_the_wildcard_and_that_before_the_first_pair() {
        let folder = tempfile::tempdir().unwrap();
        let files = vec![
            write(folder.path(), "site", &["arca.test", "www.arca.test"], 2090),
            write(folder.path(), "all", &["*.arca.test"], 2080),
            write(folder.path(), "ada", &["ada.arca.test"], 2090),
        ];
        let certificates = Certificates::open(&files).unwrap();
        let present = certificates.present.load();
        let shown = |name| present.find(name).cert[0].clone();
        let expected = |at: usize| files[at].read(unix_seconds()).unwrap().key.cert[0].clone();
        assert_eq!(shown(Some("arca.test")), expected(0));
        assert_eq!(shown(Some("GRACE.arca.test")), expected(1));
        assert_eq!(shown(Some("ada.arca.test")), expected(2));
        assert_eq!(shown(Some("a.b.arca.test")), expected(0), "a wildcard is one label");
        assert_eq!(shown(None), expected(0));
        assert_eq!(certificates.expires(), 3_471_292_800, "the first one to expire");
    }

    #[test]
    fn every_bad_pair_is_named_and_the_old_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let good = write(folder.path(), "good", &["arca.test"], 2090);
        let other = write(folder.path(), "other", &["b.test"], 2090);
        let certificates = Certificates::open(&[good.clone(), other.clone()]).unwrap();
        let before = certificates.present.load().find(Some("arca.test")).cert[0].clone();
        write(folder.path(), "good", &["arca.test"], 2021);
        let stranger = write(folder.path(), "stranger", &["b.test"], 2090);
        std::fs::copy(&stranger.key, &other.key).unwrap();
        let read_again = || Certificates::open(&[good.clone(), other.clone()]).unwrap_err();
        let complaints = read_again().join("\n");
        assert!(complaints.contains("good.crt has expired"), "{complaints}");
        assert!(complaints.contains("other.key is not the key of"), "{complaints}");
        assert!(!complaints.contains("PRIVATE"), "{complaints}");
        std::fs::remove_file(&good.certificate).unwrap();
        std::fs::write(&other.key, "-----BEGIN PRIVATE KEY-----\nsecret\n").unwrap();
        let complaints = read_again().join("\n");
        assert!(complaints.contains("good.crt cannot be read"), "{complaints}");
        assert!(!complaints.contains("secret"), "{complaints}");
        let next = [write(folder.path(), "good", &["arca.test"], 2090)];
        certificates.replace(&Certificates::open(&next).unwrap());
        assert_ne!(certificates.present.load().find(Some("arca.test")).cert[0], before);
    }

    #[test]
    fn without_any_pair_nothing_is_served() {
        assert!(Certificates::open(&[]).unwrap_err()[0].contains("there is none"));
    }
}
