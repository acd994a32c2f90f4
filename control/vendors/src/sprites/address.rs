//! A sprite's own URL, asked for its health.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use shared::{Secret, Upstream};

use crate::http::{Limits, Lost};
use crate::sprites::Sprites;

/// A port that nobody listens on leaves the request hanging; a boot takes 2 s.
const PROBE: Limits = Limits { total: Duration::from_secs(5), answer_max_bytes: 64 * 1024 };

/// What is done may wait for the gateway behind the agent, twice as long as it may take to answer.
const ORDER: Limits = Limits { total: Duration::from_secs(30), answer_max_bytes: 64 * 1024 };

#[derive(Debug)]
pub enum Probe {
    /// Somebody in the VM answered.
    Answered {
        status: StatusCode,
        body: Vec<u8>,
    },
    /// The provider sends strangers to its sign-in: the URL is not public (any more).
    Walled,
    Silent(Lost),
}

impl Sprites {
    /// Asks `path` once. Wakes the sprite.
    ///
    /// `token` is what the VM's own server asks for. The organisation's token
    /// never goes there.
    pub async fn probe(&self, address: &Upstream, path: &str, token: &Secret<String>) -> Probe {
        self.address(Method::GET, address, path, token, PROBE).await
    }

    /// As [`Self::probe`], of something that is to be done.
    pub async fn order(&self, address: &Upstream, path: &str, token: &Secret<String>) -> Probe {
        self.address(Method::POST, address, path, token, ORDER).await
    }

    async fn address(
        &self,
        method: Method,
        address: &Upstream,
        path: &str,
        token: &Secret<String>,
        limits: Limits,
    ) -> Probe {
        let url = format!("{}{path}", address.as_str());
        let request = self.http.foreign(method, &url).bearer_auth(token.expose());
        match self.http.send(request, limits).await {
            Ok(reply) if reply.status.is_redirection() => Probe::Walled,
            Ok(reply) => Probe::Answered { status: reply.status, body: reply.body },
            Err(lost) => Probe::Silent(lost),
        }
    }
}
