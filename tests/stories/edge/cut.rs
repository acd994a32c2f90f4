//! Access that is taken away takes with it what is under way, and nothing else.

use std::net::SocketAddr;

use e2e::mirror::{DOWNLOAD_BYTES, GOODBYE, LEAVE};
use e2e::wait::ensure;
use e2e::{BASE_DOMAIN, Chat, Mirror, Opening, Plan, Visitor, Wire, World, wait_until};
use reqwest::Method;
use serde_json::{Value, json};
use shared::process::time::unix_seconds;
use shared::session::SESSION_COOKIE;
use shared::{SessionKeys, Username};

/// WebSockets that each browser has open.
const SOCKETS: u64 = 2;

/// Other requests that each browser has under way: see [`Live`].
const REQUESTS: u64 = 3;

/// Two workspaces of one upstream: ada's with two browsers signed in, grace's with one.
struct Town {
    world: World,
    mirror: Mirror,
    ada: Live,
    adas_other: Live,
    grace: Live,
    cut_before: (u64, u64),
}

/// A browser with one of everything that lives long.
struct Live {
    visitor: Visitor,
    username: &'static str,
    name: &'static str,
    sockets: Vec<Chat>,
    events: Wire,
    download: Wire,
    upload: Wire,
}

impl Live {
    async fn begin(
        world: &World,
        mirror: &Mirror,
        username: &'static str,
        name: &'static str,
    ) -> Self {
        let visitor = world.visitor();
        let url = world.workspace_url(username);
        let page = visitor.sign_in(&url, username, &password(username)).await.unwrap();
        assert_eq!((page.status.as_u16(), page.url.path()), (200, "/"), "{page:?}");
        world.watch_cookies(&visitor);
        let token = token(&visitor, username);
        let host = world.workspace_host(username);
        let address = world.edges[0].address();
        let mut sockets = Vec::new();
        for _ in 0..SOCKETS {
            sockets.push(socket(address, &host, &url, &token).await);
        }
        let mut live = Self {
            events: begin(address, &host, &token, "GET /events", "").await,
            download: begin(address, &host, &token, "GET /download", "").await,
            upload: begin(address, &host, &token, "POST /upload", CHUNKED).await,
            visitor,
            username,
            name,
            sockets,
        };
        live.events.skip_past("data: hello\n\n").await.unwrap();
        live.download.skip_past("\r\n\r\n").await.unwrap();
        live.goes_on(mirror, "at first").await;
        live
    }

    /// Something gets through each of them.
    async fn goes_on(&mut self, mirror: &Mirror, when: &str) {
        for socket in &mut self.sockets {
            socket
                .echo(when)
                .await
                .unwrap_or_else(|error| panic!("{} {when}: {error:#}", self.name));
        }
        mirror.announce(when);
        self.events.skip_past(&format!("data: {when}\n\n")).await.unwrap();
        self.download.exactly(DOWNLOAD_BYTES / 64).await.unwrap();
        let piece = format!("{} {when}", self.name);
        self.upload.send(format!("{:x}\r\n{piece}\r\n", piece.len())).await.unwrap();
        wait_until(&format!("the upload goes on {when}"), async || {
            ensure(mirror.has_uploaded(&piece), self.name)
        })
        .await
        .unwrap();
    }

    /// None of them is left, and none of the bodies came to a proper end.
    async fn ends(mut self) {
        for socket in &mut self.sockets {
            let goodbye = socket.closed().await.unwrap();
            assert_eq!(goodbye.map(|(code, _)| code), Some(4001), "{}", self.name);
        }
        let events = self.events.rest().await.unwrap();
        assert!(!events.ends_with(b"0\r\n\r\n"), "{} was told that this is all", self.name);
        let rest = self.download.rest().await.unwrap();
        assert!(rest.len() < DOWNLOAD_BYTES / 2, "{} got it all the same", self.name);
        self.upload.rest().await.unwrap();
    }
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

fn password(username: &str) -> String {
    format!("correct horse battery {}", username.chars().rev().collect::<String>())
}

fn token(visitor: &Visitor, username: &str) -> String {
    let host = format!("{username}.{BASE_DOMAIN}");
    visitor.jar().value(&host, SESSION_COOKIE).unwrap().to_owned()
}

async fn socket(address: SocketAddr, host: &str, origin: &str, token: &str) -> Chat {
    let cookie = format!("{SESSION_COOKIE}={token}");
    let headers = [("cookie", cookie.as_str()), ("origin", origin)];
    let opening = Opening { address, host, path: "/ws", headers: &headers };
    Chat::open(&opening).await.unwrap().unwrap()
}

async fn begin(address: SocketAddr, host: &str, token: &str, start: &str, lines: &str) -> Wire {
    let mut wire = Wire::open(address).await.unwrap();
    let head = format!(
        "{start} HTTP/1.1\r\nHost: {host}\r\nCookie: {SESSION_COOKIE}={token}\r\n{lines}\r\n"
    );
    wire.send(head).await.unwrap();
    wire
}

impl Town {
    async fn start() -> Self {
        let world = World::start(Plan::with_tenants(&[])).await.unwrap();
        let mirror = Mirror::start().await.unwrap();
        for username in ["ada", "grace"] {
            world.control.add_customer(username, &password(username)).await.unwrap();
            let sprite = format!("sprite-{username}");
            world.control.put_route(username, mirror.address(), &sprite).await.unwrap();
        }
        let ada = Live::begin(&world, &mirror, "ada", "ada").await;
        let adas_other = Live::begin(&world, &mirror, "ada", "ada's other browser").await;
        let grace = Live::begin(&world, &mirror, "grace", "grace").await;
        let cut_before = cut(&world).await;
        Self { world, mirror, ada, adas_other, grace, cut_before }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        self.world.control.call(method, path, body).await.unwrap().success().unwrap()
    }

    /// All of ada's has ended, nothing of grace's, and `answer` says how much it was.
    async fn has_lost_ada(mut self, answer: &Value) {
        assert_eq!(counts(answer), (2 * SOCKETS, 2 * REQUESTS), "{answer}");
        self.ada.ends().await;
        self.adas_other.ends().await;
        self.grace.goes_on(&self.mirror, "afterwards").await;
        has_cut(&self.world, self.cut_before, 2).await;
        let left = usize::try_from(SOCKETS).unwrap();
        wait_until("the sprite has lost the sockets too", async || {
            ensure(self.mirror.sockets() == left, self.mirror.sockets())
        })
        .await
        .unwrap();
    }

    /// All of one browser has ended, nothing of ada's other one nor of grace's.
    async fn has_lost_one_browser(mut self) {
        self.ada.ends().await;
        self.adas_other.goes_on(&self.mirror, "afterwards").await;
        self.grace.goes_on(&self.mirror, "afterwards").await;
        has_cut(&self.world, self.cut_before, 1).await;
    }
}

/// WebSockets and requests that the one edge says it has cut.
fn counts(answer: &Value) -> (u64, u64) {
    let edge = &answer["edges"][0];
    (edge["sockets_cut"].as_u64().unwrap(), edge["requests_cut"].as_u64().unwrap())
}

/// The same, of all time, as its metrics say.
async fn cut(world: &World) -> (u64, u64) {
    let edge = &world.edges[0];
    let sockets = edge.metric("arca_edge_cut_total{kind=\"socket\"}").await.unwrap();
    (sockets, edge.metric("arca_edge_cut_total{kind=\"request\"}").await.unwrap())
}

async fn has_cut(world: &World, before: (u64, u64), browsers: u64) {
    let expected = (before.0 + browsers * SOCKETS, before.1 + browsers * REQUESTS);
    wait_until(&format!("{expected:?} are counted as cut"), async || {
        let seen = cut(world).await;
        ensure(seen == expected, format!("{seen:?}"))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_removed_route_ends_all_of_its_workspace() {
    let town = Town::start().await;
    let answer = town.call(Method::DELETE, "/api/routes/ada", None).await;
    town.has_lost_ada(&answer).await;
}

#[tokio::test]
async fn a_suspended_customer_loses_all_of_the_workspace() {
    let town = Town::start().await;
    let answer = town.call(Method::POST, "/api/customers/ada/suspend", None).await;
    town.has_lost_ada(&answer).await;
}

#[tokio::test]
async fn a_locked_workspace_ends_as_a_whole() {
    let town = Town::start().await;
    let answer = town.call(Method::PUT, "/api/locks/ada", None).await;
    town.has_lost_ada(&answer).await;
}

#[tokio::test]
async fn a_new_password_ends_every_session() {
    let town = Town::start().await;
    let body = json!({"password": "an entirely different staple"});
    let answer = town.call(Method::POST, "/api/customers/ada/password", Some(body)).await;
    town.has_lost_ada(&answer).await;
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session() {
    let town = Town::start().await;
    let answer = town.call(Method::POST, "/api/customers/ada/sign-out-everywhere", None).await;
    town.has_lost_ada(&answer).await;
}

#[tokio::test]
async fn a_locked_session_ends_alone() {
    let town = Town::start().await;
    let name: Username = "ada".parse().unwrap();
    let token = token(&town.ada.visitor, "ada");
    let session = SessionKeys::new(&town.world.ring).verify(&token, &name, unix_seconds()).unwrap();
    let answer = town.call(Method::PUT, &format!("/api/locks/ada/{}", session.id), None).await;
    assert_eq!(counts(&answer), (SOCKETS, REQUESTS), "{answer}");
    town.has_lost_one_browser().await;
}

#[tokio::test]
async fn signing_out_ends_the_one_session() {
    let town = Town::start().await;
    let url = town.world.workspace_url(town.ada.username);
    let logout = format!("{url}/auth/logout");
    let answer = town.ada.visitor.fetch(&url, Method::POST, &logout, &[]).await.unwrap();
    assert!(answer.status.is_redirection(), "{answer:?}");
    town.has_lost_one_browser().await;
}

#[tokio::test]
async fn a_sprites_last_words_reach_the_visitor() {
    let world = World::start(Plan::with_tenants(&[])).await.unwrap();
    let mirror = Mirror::start().await.unwrap();
    world.control.put_route("ada", mirror.address(), "sprite-ada").await.unwrap();
    let (url, host) = (world.workspace_url("ada"), world.workspace_host("ada"));
    let token = world.session_token("ada").await.unwrap();
    // The sprite hangs up right behind them: whoever looks at the end first would lose them.
    for _ in 0..50 {
        let mut socket = socket(world.edges[0].address(), &host, &url, &token).await;
        socket.send_text(LEAVE).await.unwrap();
        let (code, reason) = socket.closed().await.unwrap().expect("a close code");
        assert_eq!((code, reason.as_str()), GOODBYE);
    }
}
