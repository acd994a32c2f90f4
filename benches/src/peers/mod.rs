//! The proxies that are compared, and the upstream by itself.

mod edge;
mod haproxy;
mod nginx;

use std::net::SocketAddr;

pub use edge::{Bounds, Edge, WEB_TENANTS};
pub use haproxy::start_haproxy;
pub use nginx::{Nginx, start_nginx};

use crate::accounting::Account;
use crate::child::Child;
use crate::load::Kind;
use crate::stage::Stage;

/// What the server behind all proxies answers a request with.
pub const ANSWER_BYTES: usize = 1024;

/// What it answers with at `/large`.
pub const LARGE_ANSWER_BYTES: usize = 100 * 1024;

/// What it reads to the end at `/upload`: the most that nginx takes unless told otherwise.
pub const UPLOAD_BYTES: usize = 1 << 20;

/// Name of the peer that the others are compared with.
pub const REFERENCE: &str = "nginx";

/// Whether a peer writes a line about each request, into a file of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLog {
    /// As its users have it.
    On,
    Off,
}

/// Where visitors come in: the edge serves one or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    Plain,
    Tls,
}

impl Kind {
    pub fn entrance(self) -> Entrance {
        match self {
            Self::Http | Self::Large | Self::Upload | Self::WebSocket => Entrance::Plain,
            Self::Https | Self::Http2 | Self::Handshake | Self::Resumed => Entrance::Tls,
        }
    }
}

/// Something that visitors can be sent to.
pub struct Peer {
    pub name: &'static str,
    http: Door,
    websocket: Door,
    /// The upstream by itself speaks no TLS.
    https: Option<Door>,
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
            https: None,
            _program: None,
        }
    }

    fn of_program(
        name: &'static str,
        plain: SocketAddr,
        encrypted: SocketAddr,
        program: Child,
    ) -> Self {
        let account = Account::Process { pid: program.pid() };
        let door = Door { address: plain, account };
        let https = Some(Door { address: encrypted, account });
        Self { name, http: door, websocket: door, https, _program: Some(program) }
    }

    /// `None` where the peer does not serve it.
    pub fn door(&self, kind: Kind) -> Option<Door> {
        match kind {
            Kind::Http | Kind::Large | Kind::Upload => Some(self.http),
            Kind::Https | Kind::Http2 | Kind::Handshake | Kind::Resumed => self.https,
            Kind::WebSocket => Some(self.websocket),
        }
    }

    /// Everybody who is compared, the reference among them.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn all(
        stage: &Stage,
        log: AccessLog,
        entrance: Entrance,
    ) -> anyhow::Result<Vec<Self>> {
        let mut peers = vec![Self::direct(stage), start_nginx(stage, log).await?];
        if let Some(program) = &stage.programs.haproxy {
            peers.push(start_haproxy(stage, program, log).await?);
        }
        peers.push(Self::edge(stage, log, entrance).await?);
        Ok(peers)
    }

    /// Our edge with a thousand routes.
    ///
    /// # Errors
    /// When it does not start or does not take its table.
    pub async fn edge(stage: &Stage, log: AccessLog, entrance: Entrance) -> anyhow::Result<Self> {
        let edge = Edge::start_serving(stage, "edge", log, entrance).await?;
        let address = edge.address;
        Ok(Self::of_program("edge (session checked)", address, address, edge.into_program()))
    }
}
