//! The proxies that are compared, and the upstream by itself.

mod edge;
mod haproxy;
mod nginx;

use std::net::SocketAddr;

pub use edge::{Edge, WEB_TENANTS};
pub use haproxy::start_haproxy;
pub use nginx::{Nginx, start_nginx};

use crate::accounting::Account;
use crate::child::Child;
use crate::load::Kind;
use crate::stage::Stage;

/// What the server behind all proxies answers a request with.
pub const ANSWER_BYTES: usize = 1024;

/// Name of the peer that the others are compared with.
pub const REFERENCE: &str = "nginx";

/// Something that visitors can be sent to.
pub struct Peer {
    pub name: &'static str,
    http: Door,
    websocket: Door,
    /// Runs as long as the peer is there.
    _program: Option<Child>,
}

/// Where to knock, and who works behind it.
#[derive(Clone, Copy)]
pub struct Door {
    pub address: SocketAddr,
    pub account: Account,
}

impl Peer {
    /// No proxy at all: what load and upstream cost by themselves.
    pub fn direct(stage: &Stage) -> Self {
        Self {
            name: "direct (the upstream's own)",
            http: stage.web.door(),
            websocket: Door { address: stage.echo.address, account: stage.echo.account },
            _program: None,
        }
    }

    fn of_program(name: &'static str, address: SocketAddr, program: Child) -> Self {
        let door = Door { address, account: Account::Process { pid: program.pid() } };
        Self { name, http: door, websocket: door, _program: Some(program) }
    }

    pub fn door(&self, kind: Kind) -> Door {
        match kind {
            Kind::Http => self.http,
            Kind::WebSocket => self.websocket,
        }
    }

    /// Everybody who is compared, the reference among them.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn all(stage: &Stage) -> anyhow::Result<Vec<Self>> {
        let mut peers = vec![Self::direct(stage), start_nginx(stage).await?];
        if let Some(program) = &stage.programs.haproxy {
            peers.push(start_haproxy(stage, program).await?);
        }
        peers.push(Self::edge(stage).await?);
        Ok(peers)
    }

    /// Our edge with a thousand routes.
    ///
    /// # Errors
    /// When it does not start or does not take its table.
    pub async fn edge(stage: &Stage) -> anyhow::Result<Self> {
        let edge = Edge::start_serving(stage, "edge").await?;
        Ok(Self::of_program("edge (session checked)", edge.address, edge.into_program()))
    }
}
