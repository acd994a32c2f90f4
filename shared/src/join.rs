//! How a machine becomes an edge: what it brings, and what it is told.
//!
//! It is told the key ring, so both ends have to know each other. Control knows the machine by
//! a secret that is good once; the machine knows control by the key of its TLS, whose pin is
//! part of the token that the operator carries over.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::keyring::KeyRing;
use crate::{Secret, hex};

/// Where control takes [`JoinRequest`]s.
pub const JOIN_PATH: &str = "/v1/join";

/// SHA-256 of a public key as certificates have it (SubjectPublicKeyInfo).
#[derive(Debug, Clone, Copy)]
pub struct Pin([u8; 32]);

impl Pin {
    pub fn of(public_key: &[u8]) -> Self {
        Self(Sha256::digest(public_key).into())
    }

    /// Is it this key's? In constant time.
    pub fn matches(&self, public_key: &[u8]) -> bool {
        self.0.ct_eq(&Self::of(public_key).0).into()
    }
}

/// What an operator carries from control to the machine.
#[derive(Debug, Clone)]
pub struct JoinToken {
    /// What the edge will be called.
    pub edge: String,
    /// Good for one edge, once.
    pub secret: Secret<String>,
    pub pin: Pin,
}

impl JoinToken {
    /// `None` when `text` cannot be one. Nothing of it is quoted anywhere.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().rsplitn(3, '.');
        let (pin, secret, edge) = (parts.next()?, parts.next()?, parts.next()?);
        let pin = Pin(hex::decode(pin)?);
        let is_whole = !secret.is_empty() && !edge.is_empty();
        is_whole.then(|| Self {
            edge: edge.to_owned(),
            secret: Secret::new(secret.to_owned()),
            pin,
        })
    }

    /// As [`JoinToken::parse`] reads it.
    pub fn to_text(&self) -> Secret<String> {
        let pin = hex::encode(&self.pin.0);
        Secret::new(format!("{}.{}.{pin}", self.edge, self.secret.expose()))
    }
}

/// What the key of control's TLS towards machines that join is made of (Ed25519).
///
/// It follows from the ring, so that every control process has the same one, and it is the
/// one that the pin is of.
pub fn listener_key(ring: &KeyRing) -> Secret<[u8; 32]> {
    let key = ring.derive(ring.current().as_str(), "join listener", &[]);
    Secret::new(key.expect("the id was taken from this ring"))
}

/// Controls among which an edge chooses: each takes seconds to be found away.
pub const CONTROLS_MAX: usize = 8;

/// What the machine says. A second call that says exactly the same is answered the same.
#[derive(Serialize, Deserialize)]
pub struct JoinRequest {
    pub edge: String,
    pub secret: String,
    /// Of its private API, as control reaches it.
    pub url: String,
    /// Where visitors reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitors: Option<String>,
    /// What its private API will take from control.
    pub admin_token: String,
    /// Of its private API, in PEM; it made the key itself.
    pub certificate: String,
}

/// What it is told.
#[derive(Serialize, Deserialize)]
pub struct JoinAnswer {
    pub base_domain: String,
    pub site_url: String,
    pub site_upstream: String,
    /// Of further controls; an edge of the release before asks the first one alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_site_upstreams: Vec<String>,
    /// The key ring, as its file has it.
    pub keys: String,
    /// Networks of sprites that are not public addresses.
    pub allow_addresses: Vec<String>,
    pub allow_http: Vec<String>,
    /// Control hands certificates over; else there have to be files.
    pub hands_out_certificates: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::tests::ring;

    #[test]
    fn a_token_is_read_back_whatever_the_edge_is_called() {
        for edge in ["edge-2", "fra.edge-2"] {
            let token = JoinToken {
                edge: edge.to_owned(),
                secret: Secret::new("s3cret".to_owned()),
                pin: Pin::of(b"a key"),
            };
            let text = token.to_text();
            let read = JoinToken::parse(&format!(" {}\n", text.expose())).unwrap();
            assert_eq!((read.edge.as_str(), read.secret.expose().as_str()), (edge, "s3cret"));
            assert!(read.pin.matches(b"a key") && !read.pin.matches(b"another"));
        }
        for wrong in ["", "a.b.c", "..", &format!(".s.{}", "0".repeat(64))] {
            assert!(JoinToken::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_key_follows_from_the_ring() {
        let key = |id| *listener_key(&ring(id)).expose();
        assert_eq!(key("k1"), key("k1"));
        assert_ne!(key("k1"), key("k2"));
    }
}
