//! The table `[tls]` of the configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shared::process::Section;

use super::certificate::CertificateFiles;
use super::certificates::Certificates;

pub(crate) struct TlsConfig {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) handshake_timeout: Duration,
    /// Is HTTP/2 offered beside HTTP/1.1?
    pub(crate) http2: bool,
    /// What browsers are told about coming over TLS alone (RFC 6797).
    pub(crate) hsts: Option<Arc<str>>,
    /// Handshakes at one time; further connections wait in the kernel's queue.
    pub(crate) handshakes: u64,
    /// Where whoever obtains certificates puts the answers to HTTP-01 challenges
    /// (RFC 8555 §8.3).
    pub(crate) acme_folder: Option<PathBuf>,
}

impl TlsConfig {
    /// `None` after a complaint.
    pub(crate) fn from_section(tls: &mut Section<'_>) -> Option<Self> {
        let listen = tls.list("listen", str::parse);
        if listen.is_empty() {
            tls.complain("listen", "needs at least one address with a port");
        }
        let files = tls.tables("certificates", pair);
        let handshake_timeout = tls.seconds("handshake_seconds", 1..=60, 10);
        let http2 = tls.flag("http2", true);
        let hsts = tls.optional("hsts", parse_hsts);
        let handshakes = tls.number("handshakes", 1..=100_000, 512);
        let acme_folder = tls.optional("acme_folder", |path| Ok::<_, String>(PathBuf::from(path)));
        let certificates = open(tls, "certificates", &files)?;
        Some(Self { listen, certificates, handshake_timeout, http2, hsts, handshakes, acme_folder })
    }
}

/// `max-age=31536000; includeSubDomains`
fn parse_hsts(text: &str) -> Result<Arc<str>, &'static str> {
    let mut directives = text.split(';').map(str::trim);
    let age = directives.next().and_then(|first| first.strip_prefix("max-age="));
    let is_age = age.is_some_and(|age| {
        age.bytes().all(|byte| byte.is_ascii_digit()) && age.parse::<u32>().is_ok()
    });
    let is_known = |directive: &str| matches!(directive, "includeSubDomains" | "preload");
    if is_age && directives.all(is_known) {
        Ok(text.into())
    } else {
        Err("is max-age=<seconds>, perhaps with ; includeSubDomains and ; preload")
    }
}

/// The table `[admin_tls]`: the certificate of the private API. `None` after a complaint.
pub(crate) fn private_certificate(table: &mut Section<'_>) -> Option<Arc<Certificates>> {
    let files = pair(table)?;
    open(table, "certificate", &[files])
}

fn pair(pair: &mut Section<'_>) -> Option<CertificateFiles> {
    let certificate = pair.path("certificate");
    let key = pair.path("key");
    Some(CertificateFiles { certificate: certificate?, key: key? })
}

fn open(
    section: &mut Section<'_>,
    key: &'static str,
    files: &[CertificateFiles],
) -> Option<Arc<Certificates>> {
    let opened = Certificates::open(files);
    opened
        .map(Arc::new)
        .map_err(|complaints| {
            for complaint in complaints {
                section.complain(key, &complaint);
            }
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_understands_is_said_about_tls() {
        for good in ["max-age=0", "max-age=31536000; includeSubDomains", "max-age=1;preload"] {
            assert!(parse_hsts(good).is_ok(), "{good}");
        }
        for bad in ["", "31536000", "max-age=", "max-age=1y", "max-age=1; x", "max-age=1\r\nx: y"] {
            assert!(parse_hsts(bad).is_err(), "{bad}");
        }
    }
}
