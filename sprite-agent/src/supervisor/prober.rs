//! One look at the gateway, as deep as it takes to know that a page would be served.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use shared::Secret;

use super::events::Probe;
use super::health_connection::{HealthConnection, NoConnection};
use super::port::{self, Holder};
use super::readiness::{self, Readiness};
use crate::gateway::owner_rights::OwnerRights;

/// How often the gateway is asked on the agent's own connection.
const ASK_EVERY: Duration = Duration::from_secs(60);

pub struct Prober {
    address: SocketAddr,
    token: Secret<String>,
    /// Must the listening socket be of a process below the agent?
    owns_gateway: bool,
    connection: Option<HealthConnection>,
    owner_rights: OwnerRights,
    answered: Instant,
    /// Sockets that were found to be the gateway's own.
    known: Vec<u64>,
    /// What is to be said about the last probe that was not ready.
    pub complaint: Option<String>,
}

impl Prober {
    /// `owns_gateway`: the agent runs the gateway itself.
    pub fn new(address: SocketAddr, token: Secret<String>, owns_gateway: bool) -> Self {
        Self {
            address,
            token,
            owns_gateway,
            connection: None,
            owner_rights: OwnerRights::Unknown,
            answered: Instant::now(),
            known: Vec::new(),
            complaint: None,
        }
    }

    /// The gateway's version, while it is connected.
    pub fn version(&self) -> Option<String> {
        self.connection.as_ref()?.version.clone()
    }

    /// Why the assistant cannot plan anything, by its gateway's word.
    pub fn cannot_plan(&self) -> Option<&str> {
        self.owner_rights.withheld()
    }

    /// The gateway is gone, and with it all that was known of it.
    pub fn forget(&mut self) {
        self.connection = None;
        self.owner_rights = OwnerRights::Unknown;
        self.known.clear();
    }

    /// May be dropped at any await; the next probe begins anew.
    pub async fn probe(&mut self) -> Probe {
        self.complaint = None;
        if let Some(holder) = self.foreign_holder() {
            self.connection = None;
            self.complaint = Some(format!("{} is taken by {holder}", self.address));
            return Probe::Foreign;
        }
        match readiness::ask(self.address).await {
            Readiness::Ready => self.greet().await,
            Readiness::NotReady(failing) => {
                self.complaint = (!failing.is_empty()).then(|| format!("it names {failing}"));
                Probe::NotReady
            }
            Readiness::Silent => Probe::Silent,
        }
    }

    fn foreign_holder(&mut self) -> Option<Holder> {
        if !self.owns_gateway {
            return None;
        }
        let sockets = port::listening(self.address);
        if sockets == self.known {
            return None;
        }
        let holder = port::foreign_holder(&sockets);
        self.known = if holder.is_none() { sockets } else { Vec::new() };
        holder
    }

    async fn greet(&mut self) -> Probe {
        if let Some(connection) = self.connection.take_if(|connection| !connection.is_closed()) {
            if self.answered.elapsed() < ASK_EVERY {
                self.connection = Some(connection);
                return Probe::Ready;
            }
            if let Some(rights) = connection.owner_rights().await {
                self.owner_rights = rights;
                self.connection = Some(connection);
                self.answered = Instant::now();
                return Probe::Ready;
            }
            self.complaint = Some("it does not answer on the agent's own connection".to_owned());
            return Probe::Silent;
        }
        match HealthConnection::open(self.address, &self.token).await {
            Ok(connection) => {
                // Asked again in a minute, where it does not answer that.
                self.owner_rights = connection.owner_rights().await.unwrap_or_default();
                self.connection = Some(connection);
                self.answered = Instant::now();
                Probe::Ready
            }
            Err(NoConnection::NotYet) => Probe::NotReady,
            Err(NoConnection::Refused(reason)) => {
                self.complaint = Some(format!("it refuses the agent's connection: {reason}"));
                Probe::Refused
            }
            Err(NoConnection::Silent) => {
                self.complaint = Some("it does not answer the agent's connect".to_owned());
                Probe::Silent
            }
        }
    }
}
