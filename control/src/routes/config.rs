//! Which edges there are, and how patiently they are told.

use std::path::Path;
use std::time::Duration;

use reqwest::Certificate;
use shared::process::{Section, named_file};
use shared::{KeyRing, Secret, Upstream};

use crate::base::clock::Moment;
use crate::base::seal;
use crate::store::edges::EdgeRow;

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
        let name = edge.required("name", |name| check_edge_name(name).map(|()| name.to_owned()));
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

/// # Errors
/// The rule, when it is broken.
pub fn check_edge_name(name: &str) -> Result<(), &'static str> {
    let fits = (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        // Part of an address, in which such a name is a step.
        && name != "." && name != "..";
    if fits { Ok(()) } else { Err("is one to 63 of A-Z, a-z, 0-9, -, _ and .") }
}

/// An edge that is to be kept in the database, once its parts are checked.
pub struct NewEdge<'a> {
    pub name: &'a str,
    pub url: &'a str,
    pub visitors: Option<&'a str>,
    /// In PEM.
    pub certificate: Option<&'a str>,
    pub token: &'a Secret<String>,
    pub added: Moment,
}

impl NewEdge<'_> {
    /// Its row, with what only control may read sealed.
    ///
    /// # Errors
    /// The part that is wrong, and why.
    pub fn to_row(&self, ring: &KeyRing) -> Result<EdgeRow, (&'static str, String)> {
        check_edge_name(self.name).map_err(|rule| ("name", format!("a name {rule}")))?;
        let url = Upstream::parse(self.url).map_err(|error| ("url", error.to_string()))?;
        let visitors = self.visitors.map(Upstream::parse).transpose();
        let visitors = visitors.map_err(|error| ("visitors", error.to_string()))?;
        if let Some(pem) = self.certificate {
            parse_certificates(pem.as_bytes()).map_err(|error| ("certificate", error))?;
            if !url.is_tls() {
                let rule = "is for a url that begins with https://";
                return Err(("certificate", rule.to_owned()));
            }
        }
        if self.token.expose().len() < TOKEN_MIN_CHARS {
            return Err(("token", format!("must have at least {TOKEN_MIN_CHARS} characters")));
        }
        Ok(EdgeRow {
            name: self.name.to_owned(),
            url: url.to_string(),
            visitors: visitors.map(|visitors| visitors.to_string()),
            certificate: self.certificate.map(str::to_owned),
            sealed_token: seal::seal(ring, &sealed_as(self.name), self.token),
            added: self.added,
        })
    }
}

/// As for every secret of the configuration.
const TOKEN_MIN_CHARS: usize = 16;

fn sealed_as(name: &str) -> String {
    format!("edge {name}")
}

impl EdgeConfig {
    /// # Errors
    /// When the key that sealed its token has left the ring, or somebody else wrote the row.
    pub fn of_row(row: &EdgeRow, ring: &KeyRing) -> Result<Self, String> {
        let token = seal::open(ring, &sealed_as(&row.name), &row.sealed_token).ok_or(
            "its token cannot be opened with the present key ring: remove it and have it join \
             again"
                .to_owned(),
        )?;
        let parse = |url: &str| Upstream::parse(url).map_err(|error| error.to_string());
        let certificates = row.certificate.as_deref().map(str::as_bytes);
        Ok(Self {
            name: row.name.clone(),
            url: parse(&row.url)?,
            visitors: row.visitors.as_deref().map(parse).transpose()?,
            certificates: certificates.map(parse_certificates).transpose()?,
            token,
        })
    }

    /// Its token sealed by the key that seals now, where the row's is by a former one.
    pub(super) fn reseal(&self, row: &EdgeRow, ring: &KeyRing) -> Option<String> {
        let is_former = !seal::is_current(ring, &row.sealed_token);
        is_former.then(|| seal::seal(ring, &sealed_as(&self.name), &self.token))
    }
}

fn read_certificates(path: &str) -> Result<Vec<Certificate>, String> {
    let pem = named_file::read(Path::new(path), named_file::MAX_BYTES)
        .map_err(|error| format!("{path} cannot be read: {error}"))?;
    parse_certificates(&pem).map_err(|error| format!("{path} {error}"))
}

fn parse_certificates(pem: &[u8]) -> Result<Vec<Certificate>, String> {
    match Certificate::from_pem_bundle(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err("has no certificate in PEM".to_owned()),
        Err(error) => Err(format!("has no certificates in PEM: {error}")),
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
