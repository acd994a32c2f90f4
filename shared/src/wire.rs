//! Bodies of the edge's private API, and the one shape of every error.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Change, Checksum, Domain, Generation, Lock, Route, Username, hex};

/// `POST /v1/changes`: brings a table from `base` to `generation`.
#[derive(Debug, Clone, Serialize)]
pub struct ChangesRequest {
    pub base: Generation,
    pub generation: Generation,
    /// Of the table after the changes; a table that differs is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    pub changes: Vec<Change>,
}

/// The answer to a change: it is served, and this much was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub generation: Generation,
    pub sockets_cut: u64,
    pub requests_cut: u64,
    /// Is it on disk? A change that takes access away is served before it is; the
    /// edge goes on trying to write it.
    #[serde(default = "durable")]
    pub durable: bool,
}

/// An edge that does not say has written what it answers for.
fn durable() -> bool {
    true
}

/// `GET /v1/generation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationState {
    pub generation: Generation,
    pub routes: u64,
    pub locks: u64,
    pub checksum: Checksum,
}

/// First line of `PUT /v1/table`; says how many [`TableLine`]s follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableHead {
    pub generation: Generation,
    pub routes: u64,
    pub locks: u64,
    pub checksum: Checksum,
}

/// Each further line of `PUT /v1/table`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableLine {
    Route(Route),
    Lock(Lock),
}

/// `GET /v1/routes`: in the order of names, `next` is the `after` of the page that follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutesPage {
    pub routes: Vec<Route>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// 409 of `POST /v1/changes` and of an older table: the generation that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    pub generation: Generation,
}

/// `PUT /v1/certificates`: what the edge shows its clients, instead of what it was handed before.
///
/// It holds private keys, so that it goes over TLS or loopback only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificates {
    pub certificates: Vec<CertificatePair>,
}

/// A chain, the certificate itself first, and its private key; both in PEM.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificatePair {
    pub chain: String,
    pub key: String,
}

/// `GET /v1/certificates`, and the answer to a `PUT`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificatesServed {
    /// Does this edge end TLS? One that does not has no use for certificates.
    pub wanted: bool,
    /// [`Certificates::fingerprint`] of what it was handed last; of none at first.
    pub fingerprint: String,
}

/// `PUT /v1/challenges/{token}`: what a certificate authority is to read under
/// `/.well-known/acme-challenge/{token}` (RFC 8555 §8.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeAnswer {
    pub answer: String,
}

/// `PUT /v1/domains/{domain}`: the workspace that is reached at a domain of its customer's
/// own, and the certificate that the edge shows there.
///
/// It holds a private key, so that it goes over TLS or loopback only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainGrant {
    pub username: Username,
    pub certificate: CertificatePair,
}

impl DomainGrant {
    /// Of the workspace and the chain: a key is never used for two of them.
    pub fn fingerprint(&self) -> String {
        Self::fingerprint_of(&self.username, &self.certificate.chain)
    }

    /// As [`DomainGrant::fingerprint`], without the key.
    pub fn fingerprint_of(username: &Username, chain: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(username.as_bytes());
        hash.update([0]);
        hash.update(chain.as_bytes());
        hex::encode(&hash.finalize())
    }
}

/// `GET /v1/domains`: all that an edge serves, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainsServed {
    pub domains: Vec<DomainServed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainServed {
    pub domain: Domain,
    pub username: Username,
    /// [`DomainGrant::fingerprint`].
    pub fingerprint: String,
}

/// The answer to `DELETE /v1/domains/{domain}`: it is not served, and this much was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DomainWithdrawn {
    pub sockets_cut: u64,
    pub requests_cut: u64,
}

impl Certificates {
    /// Of the chains: a key is never used for two of them. Says nothing about the keys.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for pair in &self.certificates {
            hash.update((pair.chain.len() as u64).to_be_bytes());
            hash.update(pair.chain.as_bytes());
        }
        hex::encode(&hash.finalize())
    }
}

/// Without the keys.
impl std::fmt::Debug for Certificates {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Certificates({}, {})", self.certificates.len(), self.fingerprint())
    }
}

impl std::fmt::Debug for CertificatePair {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "CertificatePair({} bytes)", self.chain.len())
    }
}

/// The body of every error: `{"error":{"code","message","field"?}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    pub error: ErrorDetail,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// Stable, `snake_case`, for programs.
    pub code: Cow<'static, str>,
    /// A sentence for people.
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// One line for each entry of a refused batch that is at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<String>,
}

impl ErrorBody {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        let error = ErrorDetail {
            code: code.into(),
            message: message.into(),
            field: None,
            entries: vec![],
        };
        Self { error }
    }

    #[must_use]
    pub fn at_field(mut self, field: impl Into<String>) -> Self {
        self.error.field = Some(field.into());
        self
    }

    #[must_use]
    pub fn with_entries(mut self, entries: Vec<String>) -> Self {
        self.error.entries = entries;
        self
    }
}
