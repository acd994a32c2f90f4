//! Which address is which kind of entrance.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;

use crate::config::Config;
use crate::domains::Domains;
use crate::request::{Entrance, HttpsRedirect};
use crate::tls::{Challenges, TlsAcceptor};

pub(super) struct Entrances(Vec<(SocketAddr, Entrance)>);

impl Entrances {
    /// # Errors
    /// When TLS cannot be set up.
    pub(super) fn new(
        config: &Config,
        challenges: &Arc<Challenges>,
        domains: &Arc<Domains>,
    ) -> anyhow::Result<Self> {
        let Some(tls) = &config.tls else {
            return Ok(Self(config.listen.iter().map(|at| (*at, Entrance::Plain)).collect()));
        };
        let acceptor = TlsAcceptor::new(tls, &config.keys).context("setting up TLS")?;
        let acceptor = Entrance::Tls(Arc::new(acceptor));
        let redirect = Entrance::ToHttps(Arc::new(HttpsRedirect {
            site: Arc::new(config.site.clone()),
            challenges: Arc::clone(challenges),
            domains: Arc::clone(domains),
        }));
        let plain = config.listen.iter().map(|at| (*at, redirect.clone()));
        Ok(Self(plain.chain(tls.listen.iter().map(|at| (*at, acceptor.clone()))).collect()))
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|(address, _)| *address).collect()
    }

    /// Of the listener that is bound to `address`.
    pub(super) fn at(&self, address: SocketAddr) -> Option<Entrance> {
        self.0.iter().find(|(at, _)| *at == address).map(|(_, entrance)| entrance.clone())
    }
}
