//! All certificates of this edge, and which of them a client is shown.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use shared::process::time::unix_seconds;

use super::certificate::{Certificate, CertificateFiles};

/// The present certificates: those of the configuration, and those that control hands over.
#[derive(Debug)]
pub(crate) struct Certificates {
    sources: Mutex<Sources>,
    present: ArcSwap<Present>,
    /// Of customers' own domains, by name: for names that are in no other certificate, so
    /// that none of them takes the place of ours.
    domains: ArcSwap<HashMap<String, Arc<CertifiedKey>>>,
}

#[derive(Debug, Default)]
struct Sources {
    files: Vec<Certificate>,
    handed: Vec<Certificate>,
}

#[derive(Debug)]
struct Present {
    by_name: HashMap<String, Arc<CertifiedKey>>,
    /// For clients that ask for no name, and for names that are in no certificate: the
    /// first pair. The client tells its user that the name is wrong.
    fallback: Option<Arc<CertifiedKey>>,
    /// Of the first one that expires, unix seconds.
    expires: Option<u64>,
}

impl Certificates {
    /// Without `files` nothing is shown until some are handed over.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub(crate) fn open(files: &[CertificateFiles]) -> Result<Self, Vec<String>> {
        let sources = Sources { files: read(files, unix_seconds())?, ..Sources::default() };
        let present = ArcSwap::from_pointee(Present::new(&sources));
        Ok(Self { sources: Mutex::new(sources), present, domains: ArcSwap::default() })
    }

    /// The next handshake is shown one of the files of `others`, or one that was handed over.
    pub(crate) fn replace_files(&self, others: &Self) {
        let files = others.sources().files.clone();
        self.change(|sources| sources.files = files);
    }

    /// The next handshake is shown one of `handed`, where no file has its name.
    pub(super) fn replace_handed(&self, handed: Vec<Certificate>) {
        self.change(|sources| sources.handed = handed);
    }

    /// The next handshake for one of these names is shown its certificate.
    pub(crate) fn replace_domains(&self, domains: HashMap<String, Arc<CertifiedKey>>) {
        self.domains.store(Arc::new(domains));
    }

    fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let present = self.present.load();
        let name = name.map(str::to_ascii_lowercase);
        let named = name.as_deref().and_then(|name| {
            present.find(name).or_else(|| self.domains.load().get(name).map(Arc::clone))
        });
        named.or_else(|| present.fallback.clone())
    }

    fn change(&self, change: impl FnOnce(&mut Sources)) {
        let mut sources = self.sources();
        change(&mut sources);
        self.present.store(Arc::new(Present::new(&sources)));
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the first of them expires, unix seconds; 0 while there is none.
    pub(crate) fn expires(&self) -> u64 {
        self.present.load().expires.unwrap_or_default()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name())
    }
}

impl Present {
    fn new(sources: &Sources) -> Self {
        let all = || sources.files.iter().chain(&sources.handed);
        let mut by_name = HashMap::new();
        for certificate in all() {
            for name in &certificate.names {
                // The first one that has a name serves it.
                by_name.entry(name.clone()).or_insert_with(|| Arc::clone(&certificate.key));
            }
        }
        Self {
            by_name,
            fallback: all().next().map(|first| Arc::clone(&first.key)),
            expires: all().map(|certificate| certificate.expires).min(),
        }
    }

    /// The certificate of exactly this name before one with a wildcard for its first label.
    fn find(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let found = self.by_name.get(name).or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.by_name.get(&format!("*.{parent}"))
        });
        found.map(Arc::clone)
    }
}

fn read(files: &[CertificateFiles], now: u64) -> Result<Vec<Certificate>, Vec<String>> {
    let mut certificates = Vec::new();
    let mut complaints = Vec::new();
    for pair in files {
        match pair.read(now) {
            Ok(certificate) => certificates.push(certificate),
            Err(error) => complaints.push(format!("{error:#}")),
        }
    }
    if complaints.is_empty() { Ok(certificates) } else { Err(complaints) }
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
        let shown = |name| certificates.find(name).unwrap().cert[0].clone();
        let expected = |at: usize| files[at].read(unix_seconds()).unwrap().key.cert[0].clone();
        assert_eq!(shown(Some("arca.test")), expected(0));
        assert_eq!(shown(Some("GRACE.arca.test")), expected(1));
        assert_eq!(shown(Some("ada.arca.test")), expected(2));
        assert_eq!(shown(Some("a.b.arca.test")), expected(0), "a wildcard is one label");
        assert_eq!(shown(None), expected(0));
        assert_eq!(certificates.expires(), 3_471_292_800, "the first one to expire");
    }

    #[test]
    fn a_customers_domain_is_shown_its_own_and_takes_no_name_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let site = write(folder.path(), "site", &["arca.test", "*.arca.test"], 2090);
        let certificates = Certificates::open(std::slice::from_ref(&site)).unwrap();
        let chat = write(folder.path(), "chat", &["chat.example.org"], 2090);
        let chat = chat.read(unix_seconds()).unwrap().key;
        let names = ["chat.example.org", "ada.arca.test"];
        let domains = names.map(|name| (name.to_owned(), Arc::clone(&chat)));
        certificates.replace_domains(domains.into());
        let is_chats = |name| certificates.find(Some(name)).unwrap().cert[0] == chat.cert[0];
        assert!(is_chats("Chat.Example.org"));
        assert!(!is_chats("ada.arca.test"));
        assert!(!is_chats("x.chat.example.org"));
        certificates.replace_domains(HashMap::new());
        assert!(!is_chats("chat.example.org"), "the first pair, as for any stranger");
    }

    #[test]
    fn every_bad_pair_is_named_and_the_old_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let good = write(folder.path(), "good", &["arca.test"], 2090);
        let other = write(folder.path(), "other", &["b.test"], 2090);
        let certificates = Certificates::open(&[good.clone(), other.clone()]).unwrap();
        let shown = || certificates.find(Some("arca.test")).unwrap().cert[0].clone();
        let before = shown();
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
        certificates.replace_files(&Certificates::open(&next).unwrap());
        assert_ne!(shown(), before);
    }

    #[test]
    fn without_any_pair_nothing_is_shown_and_files_come_before_what_is_handed_over() {
        let certificates = Certificates::open(&[]).unwrap();
        let shown = |name| certificates.find(Some(name)).map(|key| key.cert[0].clone());
        assert_eq!((shown("arca.test"), certificates.expires()), (None, 0));
        let folder = tempfile::tempdir().unwrap();
        let handed = write(folder.path(), "handed", &["arca.test", "*.arca.test"], 2080);
        let handed = handed.read(unix_seconds()).unwrap();
        certificates.replace_handed(vec![handed.clone()]);
        assert_eq!(shown("arca.test"), Some(handed.key.cert[0].clone()));
        let file = [write(folder.path(), "file", &["arca.test"], 2090)];
        certificates.replace_files(&Certificates::open(&file).unwrap());
        assert_ne!(shown("arca.test"), Some(handed.key.cert[0].clone()));
        assert_eq!(shown("ada.arca.test"), Some(handed.key.cert[0].clone()));
    }
}
