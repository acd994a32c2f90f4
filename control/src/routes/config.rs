//! Which edges there are, and how patiently they are told.

use std::time::Duration;

use reqwest::Certificate;
use shared::process::Section;
use shared::{Secret, Upstream};

#[derive(Clone)]
pub struct EdgeConfig {
    /// The operator's name for it; a label in metrics.
    pub name: String,
    /// Of its private API.
    pub url: Upstream,
    /// Where visitors reach it, for checks that ask as they would.
    pub visitors: Option<Upstream>,
    /// The only certificates that the private API is believed by, if not the system's.
    pub certificates: Option<Vec<Certificate>>,
    pub token: Secret<String>,
}

#[derive(Debug, Clone, Copy)]
pub struct PublishTimes {
    /// How long `?wait=all` waits for edges that are up.
    pub wait: Duration,
    /// How often each edge is looked at although nothing changed.
    pub sweep: Duration,
}

impl EdgeConfig {
    /// Can nobody else hear what is sent to its private API?
    pub fn is_confidential(&self) -> bool {
        let host = self.url.host_name();
        let address = host.parse::<std::net::IpAddr>();
        let is_here = address.map_or(host == "localhost", |it| it.to_canonical().is_loopback());
        self.url.is_tls() || is_here
    }

    pub fn from_section(edge: &mut Section<'_>) -> Option<Self> {
        let name = edge.required("name", |name| {
            let fits = (1..=63).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
            if fits {
                Ok(name.to_owned())
            } else {
                Err("is one to 63 of A-Z, a-z, 0-9, -, _ and .")
            }
        });
        let url = edge.required("url", Upstream::parse);
        let visitors = edge.optional("visitors", Upstream::parse);
        let certificates = edge.optional("ca_file", read_certificates);
        if certificates.is_some() && url.as_ref().is_some_and(|url| !url.is_tls()) {
            edge.complain("ca_file", "is for a url that begins with https://");
        }
        let token = edge.secret("token", "token_file");
        Some(Self { name: name?, url: url?, visitors, certificates, token: token? })
    }
}

fn read_certificates(path: &str) -> Result<Vec<Certificate>, String> {
    let pem = std::fs::read(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(format!("{path} has no certificate in PEM")),
        Err(error) => Err(format!("{path} has no certificates in PEM: {error}")),
    }
}

impl PublishTimes {
    pub fn from_section(publish: &mut Section<'_>) -> Self {
        Self {
            wait: publish.seconds("wait_seconds", 1..=60, 10),
            sweep: publish.seconds("sweep_seconds", 1..=3_600, 30),
        }
    }
}
