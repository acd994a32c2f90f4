//! The workspaces of a run: their names, their routes, and a visitor signed in to each.

use std::net::SocketAddr;

use shared::process::time::unix_seconds;
use shared::session::SESSION_COOKIE;
use shared::{KeyRing, Route, Session, SessionId, SessionKeys, SpriteId, Username};

use crate::frame::SAMPLE_KEY;

/// Workspaces live below this name; `.test` belongs to nobody (RFC 6761).
pub const BASE_DOMAIN: &str = "arcamatrix.test";

/// How long the visitors stay signed in, in seconds: longer than any run.
const SESSION_SECONDS: u64 = 86_400;

/// A key ring of one key, made for this run.
pub struct Ring {
    pub toml: String,
    sessions: SessionKeys,
}

impl Ring {
    pub fn random() -> Self {
        let key = format!("{}{}", SessionId::random(), SessionId::random());
        let toml = format!("current = \"k1\"\n[keys]\nk1 = \"{key}\"\n");
        let ring = KeyRing::from_toml(&toml).expect("64 hexadecimal digits");
        Self { sessions: SessionKeys::new(&ring), toml }
    }
}

/// The name of workspace number `index`.
pub fn username(index: u64) -> Username {
    Username::parse(&format!("user-{index:07}")).expect("a plain name")
}

/// A route as production has them: as long, and to nowhere.
pub fn sleeping_route(index: u64, epoch: u64) -> Route {
    let sprite = format!("arca-{index:07}");
    let upstream = format!("https://{sprite}-x7k2.sprites.app");
    let upstream = upstream.parse().expect("a plain origin");
    let sprite = SpriteId::parse(&sprite).expect("a plain name");
    Route { epoch, ..Route::new(username(index), upstream, sprite, 1) }
}

/// A route to a server of this run.
pub fn served_route(index: u64, upstream: SocketAddr) -> Route {
    let upstream = format!("http://{upstream}").parse().expect("an address with a port");
    Route { upstream, ..sleeping_route(index, 0) }
}

/// Somebody who is signed in to one workspace. Every peer is sent the same bytes.
pub struct Visitor {
    host: String,
    cookie: String,
}

impl Visitor {
    pub fn new(ring: &Ring, index: u64) -> Self {
        let username = username(index);
        let issued = unix_seconds();
        let expires = issued + SESSION_SECONDS;
        let session = Session { username, id: SessionId::random(), issued, expires, epoch: 0 };
        let cookie = format!("{SESSION_COOKIE}={}", ring.sessions.sign(&session));
        Self { host: format!("{username}.{BASE_DOMAIN}"), cookie }
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    pub fn get(&self, path: &str) -> Vec<u8> {
        let Self { host, cookie } = self;
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nCookie: {cookie}\r\n\r\n")
            .into()
    }

    /// With a body of `bytes` bytes.
    pub fn post(&self, path: &str, bytes: usize) -> Vec<u8> {
        let Self { host, cookie } = self;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nAccept: */*\r\n\
             Cookie: {cookie}\r\nContent-Length: {bytes}\r\n\r\n"
        );
        [head.as_bytes(), &vec![b'x'; bytes]].concat()
    }

    pub fn upgrade(&self) -> Vec<u8> {
        let Self { host, cookie } = self;
        format!(
            "GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {SAMPLE_KEY}\r\n\
             Cookie: {cookie}\r\n\r\n"
        )
        .into()
    }
}
