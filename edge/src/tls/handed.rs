//! What control hands over: checked, served, and kept on the edge's own disk, so that it is
//! there at the next start although control is not.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use shared::process::time::unix_seconds;
use shared::wire::{Certificates as Handed, CertificatesServed};
use tracing::{error, info, warn};

use super::certificate::Certificate;
use super::certificates::Certificates;

/// Certificates that control hands over, where this edge ends TLS.
#[derive(Debug)]
pub(crate) struct HandedCertificates {
    /// Where TLS is not ended here, there are none.
    shown: Option<Arc<Certificates>>,
    path: PathBuf,
    /// Of those that are served. Held while others take their place.
    fingerprint: Mutex<String>,
}

/// Why what was handed over is not served, or not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandOverError {
    #[error("this edge has no [tls]: it shows its clients no certificate")]
    NoTls,
    /// One line for each pair that is bad. What was served before goes on being served.
    #[error("a certificate cannot be served; those from before stay")]
    Bad(Vec<String>),
    /// It is served all the same: a certificate does not wait for a disk.
    #[error("they are served, and cannot be kept")]
    NotKept(#[source] anyhow::Error),
}

impl HandedCertificates {
    /// Serves what is in the file at `path`. One that is spoiled, or has expired, is named in
    /// the log and left for control to replace.
    pub(crate) fn open(path: PathBuf, shown: Option<Arc<Certificates>>) -> Self {
        let none = Handed { certificates: Vec::new() };
        let opened = Self { shown, path, fingerprint: Mutex::new(none.fingerprint()) };
        if let Some(shown) = &opened.shown {
            match read(&opened.path) {
                Ok(Some(kept)) => match check(&kept) {
                    Ok(certificates) => {
                        shown.replace_handed(certificates);
                        *opened.fingerprint() = kept.fingerprint();
                    }
                    Err(lines) => error!(
                        "{}: {}; waiting for control to hand over others",
                        opened.path.display(),
                        lines.join("; ")
                    ),
                },
                Ok(None) => {}
                Err(error) => error!("{error:#}; waiting for control to hand over others"),
            }
            if shown.expires() == 0 {
                warn!("there is no certificate yet: no TLS until control hands one over");
            }
        }
        opened
    }

    pub(crate) fn served(&self) -> CertificatesServed {
        let fingerprint = self.fingerprint().clone();
        CertificatesServed { wanted: self.shown.is_some(), fingerprint }
    }

    /// All of them, or none. Again with the same ones it changes nothing.
    ///
    /// # Errors
    /// [`HandOverError`].
    pub(crate) fn replace(&self, handed: &Handed) -> Result<CertificatesServed, HandOverError> {
        let shown = self.shown.as_ref().ok_or(HandOverError::NoTls)?;
        let certificates = check(handed).map_err(HandOverError::Bad)?;
        let names: Vec<_> = certificates.iter().flat_map(|it| it.names.clone()).collect();
        let mut fingerprint = self.fingerprint();
        shown.replace_handed(certificates);
        keep(&self.path, handed).map_err(HandOverError::NotKept)?;
        *fingerprint = handed.fingerprint();
        info!(?names, "control has handed over certificates");
        Ok(CertificatesServed { wanted: true, fingerprint: fingerprint.clone() })
    }

    fn fingerprint(&self) -> std::sync::MutexGuard<'_, String> {
        self.fingerprint.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(handed: &Handed) -> Result<Vec<Certificate>, Vec<String>> {
    let now = unix_seconds();
    let checked = handed.certificates.iter().map(|pair| Certificate::of_pair(pair, now));
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (number, checked) in (1..).zip(checked) {
        match checked {
            Ok(certificate) => good.push(certificate),
            Err(error) => bad.push(format!("certificate {number}: {error:#}")),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

fn read(path: &Path) -> anyhow::Result<Option<Handed>> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{}", path.display())),
    };
    // The error of the parser might quote a key.
    let parsed = serde_json::from_slice(&text);
    parsed.map(Some).map_err(|_| anyhow::anyhow!("{} is spoiled", path.display()))
}

/// In one step: a process that is killed on the way leaves the former file.
fn keep(path: &Path, handed: &Handed) -> anyhow::Result<()> {
    let making = path.with_extension("certificates.new");
    let write = || -> std::io::Result<()> {
        let _ = std::fs::remove_file(&making);
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&making)?;
        file.write_all(&serde_json::to_vec(handed)?)?;
        file.sync_all()?;
        std::fs::rename(&making, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}
