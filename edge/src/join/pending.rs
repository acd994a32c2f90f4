//! What the machine has made for itself, kept until its configuration stands: control answers
//! a call again only when it says the same.

use std::net::SocketAddr;

use anyhow::Context as _;
use rcgen::{CertificateParams, KeyPair};
use serde::{Deserialize, Serialize};
use shared::join::{JoinRequest, JoinToken};
use shared::{Upstream, hex};

use super::files::Places;

#[derive(Serialize, Deserialize)]
pub(super) struct Pending {
    url: String,
    visitors: Option<String>,
    pub(super) admin_token: String,
    /// Of the private API, in PEM.
    pub(super) certificate: String,
    pub(super) key: String,
}

impl Pending {
    /// What an attempt before this one has left, where it was about the same addresses; else
    /// made anew and kept.
    pub(super) fn open(
        places: &Places,
        private: SocketAddr,
        visitors: Option<&Upstream>,
    ) -> anyhow::Result<Self> {
        let url = format!("https://{private}");
        let visitors = visitors.map(ToString::to_string);
        if let Some(left) = places.pending()?
            && let Ok(left) = serde_json::from_str::<Self>(&left)
            && (&left.url, &left.visitors) == (&url, &visitors)
        {
            return Ok(left);
        }
        let made = Self::make(private, url, visitors)?;
        places.keep_pending(&serde_json::to_string(&made)?)?;
        Ok(made)
    }

    fn make(private: SocketAddr, url: String, visitors: Option<String>) -> anyhow::Result<Self> {
        let key = KeyPair::generate().context("cannot make a key")?;
        let parameters = CertificateParams::new([private.ip().to_string()]);
        let certificate = parameters.and_then(|it| it.self_signed(&key));
        let certificate = certificate.context("cannot make a certificate")?;
        let mut token = [0; 32];
        getrandom::fill(&mut token).expect("the operating system gives random bytes");
        Ok(Self {
            url,
            visitors,
            admin_token: hex::encode(&token),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// The call's body.
    pub(super) fn request(&self, token: &JoinToken) -> Vec<u8> {
        let request = JoinRequest {
            edge: token.edge.clone(),
            secret: token.secret.expose().clone(),
            url: self.url.clone(),
            visitors: self.visitors.clone(),
            admin_token: self.admin_token.clone(),
            certificate: self.certificate.clone(),
        };
        serde_json::to_vec(&request).expect("texts are plain data")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_goes_on_with_what_the_one_before_has_made_for_the_same_addresses() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::new(folder.path()).unwrap();
        let token = |private: &str, visitors: Option<&Upstream>| {
            let pending = Pending::open(&places, private.parse().unwrap(), visitors);
            pending.unwrap().admin_token
        };
        let first = token("127.0.0.1:9100", None);
        assert_eq!(token("127.0.0.1:9100", None), first);
        assert_ne!(token("127.0.0.2:9100", None), first);
        let visitors = Upstream::parse("https://203.0.113.7").unwrap();
        let other = token("127.0.0.2:9100", Some(&visitors));
        assert_eq!(token("127.0.0.2:9100", Some(&visitors)), other);
    }
}
