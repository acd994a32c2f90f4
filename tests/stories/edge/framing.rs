//! Where a request or an answer ends: nothing that could be read in two ways gets past an edge.

use std::time::Duration;

use e2e::recorder::{Line, Taken, ok};
use e2e::wire::{Reply, Tape};
use e2e::{Plan, Recorder, SharedWorld, Wire, WorldGuard};
use shared::session::SESSION_COOKIE;
use tokio::net::TcpListener;
use tokio::time::timeout;

static WORLD: SharedWorld = SharedWorld::new();

/// Of a request's body, as the edge is configured.
const BODY_MAX_BYTES: usize = 65_536;

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const CHUNKED_TWICE: &str = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";

/// A workspace of its own for each story, with somebody signed in.
struct Place {
    world: WorldGuard,
    upstream: Recorder,
    username: &'static str,
    cookie: String,
}

impl Place {
    async fn new(
        username: &'static str,
        script: impl Fn(&Taken, usize) -> Line + Send + Sync + 'static,
    ) -> Self {
        let limits = format!("head_seconds = 3\nbody_max_bytes = {BODY_MAX_BYTES}");
        let plan = || Plan::with_tenants(&[]).with_edge_limits(&limits);
        let world = WORLD.enter(plan).await;
        let upstream = Recorder::start(script).await.unwrap();
        let sprite = format!("sprite-{username}");
        world.control.put_route(username, upstream.address(), &sprite).await.unwrap();
        let cookie = format!("{SESSION_COOKIE}={}", world.session_token(username).await.unwrap());
        Self { world, upstream, username, cookie }
    }

    async fn wire(&self) -> Wire {
        Wire::open(self.world.edges[0].address()).await.unwrap()
    }

    fn host(&self) -> String {
        self.world.workspace_host(self.username)
    }

    /// The head of a request that would be let through, but for `lines`, each with its line end.
    fn head(&self, start: &str, lines: &str) -> String {
        format!("{start}\r\nHost: {}\r\nCookie: {}\r\n{lines}\r\n", self.host(), self.cookie)
    }

    fn get(&self, target: &str) -> String {
        self.head(&format!("GET {target} HTTP/1.1"), "")
    }

    fn post(&self, target: &str, body: &str) -> String {
        let length = format!("Content-Length: {}\r\n", body.len());
        self.head(&format!("POST {target} HTTP/1.1"), &length) + body
    }

    /// The answer to one request on a connection of its own.
    async fn ask(&self, request: &str) -> Reply {
        let mut wire = self.wire().await;
        wire.send(request).await.unwrap();
        wire.reply().await.unwrap()
    }

    async fn refused(&self, reason: &str) -> u64 {
        let series = format!("arca_edge_malformed_requests_total{{reason=\"{reason}\"}}");
        self.world.edges[0].metric(&series).await.unwrap()
    }
}

/// Says what was asked for.
fn echo(request: &Taken, _times: usize) -> Line {
    ok(request.head.target())
}

#[tokio::test]
async fn a_head_that_means_two_things_is_refused_counted_and_kept_from_the_sprite() {
    let place = Place::new("ambiguous", echo).await;
    let host = place.host();
    let with = |lines: &str, rest: &str| place.head("POST / HTTP/1.1", lines) + rest;
    let smuggled = place.get("/smuggled");
    let chunks = format!("0\r\n\r\n{smuggled}");
    let handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let origin = format!("Origin: {}\r\n", place.world.workspace_url("ambiguous"));
    let handshake = place.head("GET /ws HTTP/1.1", &format!("{handshake}{origin}"));
    let many = (0..101).map(|number| format!("X-{number}: a\r\n")).collect::<String>();
    let cases = [
        (
            "a length and chunks",
            with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &chunks),
            400,
            "framing",
        ),
        (
            "chunks and a length",
            with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", &chunks),
            400,
            "framing",
        ),
        (
            "two lengths",
            with("Content-Length: 0\r\nContent-Length: 9\r\n", &smuggled),
            400,
            "framing",
        ),
        ("a list of lengths", with("Content-Length: 5, 5\r\n", "hello"), 400, "framing"),
        ("a length with a sign", with("Content-Length: +5\r\n", "hello"), 400, "framing"),
        (
            "a coding we do not know",
            with("Transfer-Encoding: xchunked\r\n", &chunks),
            501,
            "transfer_coding",
        ),
        ("chunks of HTTP/1.0", place.head("POST / HTTP/1.0", CHUNKED) + &chunks, 400, "framing"),
        ("bare line feeds", place.get("/").replace("\r\n", "\n"), 400, "line_ending"),
        ("one bare line feed", with("X: a\nContent-Length: 5\r\n", "hello"), 400, "line_ending"),
        ("a folded header", with("X: a\r\n Content-Length: 5\r\n", "hello"), 400, "header"),
        ("a space before the colon", with("Content-Length : 5\r\n", "hello"), 400, "header"),
        ("a NUL", with("X: a\0b\r\n", ""), 400, "header"),
        ("a second Host", with("Host: evil.test\r\n", ""), 400, "host"),
        ("no Host", "GET / HTTP/1.1\r\n\r\n".to_owned(), 400, "host"),
        ("a target on another host", place.get(&format!("http://grace.{host}/")), 400, "target"),
        ("a tunnel to anywhere", place.head("CONNECT evil.test:443 HTTP/1.1", ""), 400, "target"),
        ("an echo of everything", place.head("TRACE / HTTP/1.1", ""), 405, "method"),
        ("another echo", place.head("TRACK / HTTP/1.1", ""), 405, "method"),
        ("a tunnel to the sprite", place.head("CONNECT / HTTP/1.1", ""), 405, "method"),
        ("a length for one hop", with("Connection: content-length\r\n", ""), 400, "connection"),
        ("bytes behind an upgrade", handshake + &smuggled, 400, "early_bytes"),
        ("another protocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 505, "version"),
        ("no request at all", "hello\r\n\r\n".to_owned(), 400, "request_line"),
        ("a long head", with(&format!("X: {}\r\n", "a".repeat(33_000)), ""), 431, "too_large"),
        ("many headers", with(&many, ""), 431, "too_large"),
    ];
    for (what, request, status, reason) in cases {
        let before = place.refused(reason).await;
        let mut wire = place.wire().await;
        wire.send(&request).await.unwrap();
        let reply = wire.reply().await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
        assert_eq!(reply.status(), status, "{what}: {reply:?}");
        assert_eq!(wire.rest().await.unwrap(), b"", "nothing follows {what}");
        assert_eq!(place.refused(reason).await, before + 1, "{what} is counted as {reason}");
        assert_eq!(place.upstream.bytes(), b"", "{what} reached the sprite");
    }
    assert_eq!(place.ask(&place.get("/plain")).await.text(), "/plain");
}

#[tokio::test]
async fn a_head_that_drips_in_meets_one_deadline() {
    let place = Place::new("dripping", echo).await;
    let before = place.refused("timeout").await;
    let mut wire = place.wire().await;
    let head = place.get("/dripping");
    let mut drops = head.trim_end().bytes().chain(std::iter::repeat(b'a'));
    // Every byte is early enough for a deadline that would begin anew with it.
    let head = loop {
        wire.send([drops.next().expect("there is no end of them")]).await.unwrap();
        if let Ok(head) = timeout(Duration::from_millis(20), wire.head()).await {
            break head.unwrap().expect("an answer");
        }
    };
    assert_eq!(head.status(), 408, "{head:?}");
    wire.rest().await.unwrap();
    assert_eq!(place.refused("timeout").await, before + 1);
    assert_eq!(place.upstream.bytes(), b"");
}

#[tokio::test]
async fn requests_in_one_packet_are_answered_in_their_order() {
    let place = Place::new("pipelining", echo).await;
    let mut wire = place.wire().await;
    let targets = ["/1", "/2", "/3", "/4", "/5"];
    wire.send(targets.map(|target| place.get(target)).concat()).await.unwrap();
    for target in targets {
        assert_eq!(wire.reply().await.unwrap().text(), target);
    }
}

#[tokio::test]
async fn a_request_behind_a_body_is_never_part_of_it() {
    let place = Place::new("behind", echo).await;
    let chunked = place.head("POST /chunked HTTP/1.1", CHUNKED) + "5\r\nhello\r\n0\r\n\r\n";
    for (first, request) in [("/length", place.post("/length", "hello")), ("/chunked", chunked)] {
        let second = format!("{first}-second");
        let mut wire = place.wire().await;
        wire.send(request + &place.get(&second)).await.unwrap();
        assert_eq!(wire.reply().await.unwrap().text(), first);
        assert_eq!(wire.reply().await.unwrap().text(), second);
        let bodies = |target: &str| -> Vec<Vec<u8>> {
            place.upstream.requests_for(target).into_iter().map(|taken| taken.body).collect()
        };
        assert_eq!(bodies(first), [b"hello"]);
        assert!(bodies(&second).iter().all(Vec::is_empty), "{:?}", bodies(&second));
    }
    let known = ["/length", "/length-second", "/chunked", "/chunked-second"];
    for taken in place.upstream.requests() {
        assert!(known.contains(&taken.head.target()), "{taken:?}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whichever_way_it_comes() {
    let place = Place::new("large", echo).await;
    let fits = "x".repeat(BODY_MAX_BYTES);
    assert_eq!(place.ask(&place.post("/fits", &fits)).await.text(), "/fits");
    let seen = place.upstream.bytes().len();

    let length = format!("Content-Length: {}\r\n", BODY_MAX_BYTES + 1);
    let announced = place.ask(&place.head("POST /announced HTTP/1.1", &length)).await;
    assert_eq!(announced.status(), 413, "{announced:?}");
    assert_eq!(place.upstream.bytes().len(), seen, "an announced one is refused at its head");

    let chunk = format!("{:x}\r\n{fits}\r\n", fits.len());
    let chunks = place.head("POST /chunked HTTP/1.1", CHUNKED) + &chunk + "1\r\nx\r\n0\r\n\r\n";
    let chunked = place.ask(&chunks).await;
    assert_eq!(chunked.status(), 413, "{chunked:?}");
    assert_eq!(place.upstream.requests_for("/chunked"), [], "a body cut short is not a whole one");
}

#[tokio::test]
async fn every_kind_of_answer_ends_where_it_should() {
    let place = Place::new("answers", |request, _| match request.head.target() {
        "/head" => Line::Say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_owned()),
        "/nothing" => Line::Say("HTTP/1.1 204 No Content\r\n\r\n".to_owned()),
        "/unchanged" => {
            Line::Say("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n".to_owned())
        }
        "/chunks" => Line::Say(format!(
            "HTTP/1.1 200 OK\r\n{CHUNKED}\r\n4\r\nWiki\r\n5;x=\"y\"\r\npedia\r\n0\r\nX: y\r\n\r\n"
        )),
        "/hints" => Line::Say(
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
                .to_owned(),
        ),
        "/close" => Line::SayLast("HTTP/1.1 200 OK\r\n\r\nup to here".to_owned()),
        other => ok(other),
    })
    .await;
    let mut wire = place.wire().await;
    wire.send(place.head("HEAD /head HTTP/1.1", "")).await.unwrap();
    let head = wire.head().await.unwrap().unwrap();
    assert_eq!((head.status(), head.values("content-length")), (200, vec!["5"]));
    // Each on the connection of the one before: an end that was misjudged would show in the next.
    for (target, status, body) in [
        ("/after-head", 200, "/after-head"),
        ("/nothing", 204, ""),
        ("/after-nothing", 200, "/after-nothing"),
        ("/unchanged", 304, ""),
        ("/chunks", 200, "Wikipedia"),
        ("/after-chunks", 200, "/after-chunks"),
        ("/hints", 200, "yes"),
        ("/after-hints", 200, "/after-hints"),
        ("/close", 200, "up to here"),
        ("/after-close", 200, "/after-close"),
    ] {
        wire.send(place.get(target)).await.unwrap();
        let reply = wire.reply().await.unwrap_or_else(|error| panic!("{target}: {error:#}"));
        assert_eq!((reply.status(), reply.text().as_str()), (status, body), "{target}");
    }

    // HTTP/1.0 knows no chunks: there the end of the connection ends the body.
    let old = place.ask(&place.head("GET /chunks HTTP/1.0", "")).await;
    assert_eq!((old.status(), old.text().as_str()), (200, "Wikipedia"));
    assert_eq!(old.head.values("transfer-encoding"), Vec::<&str>::new());
    assert_eq!(old.head.values("connection"), ["close"]);
}

#[tokio::test]
async fn a_sprite_is_given_the_content_of_chunks_and_nothing_else_of_them() {
    let place = Place::new("chunks", echo).await;
    let chunked = |target: &str, chunks: &str| {
        place.head(&format!("POST {target} HTTP/1.1"), CHUNKED) + chunks
    };
    let decorated = "5;forged=1\r\nhello\r\n06\r\n world\r\n0\r\nX-Arca-Identity: forged\r\n\r\n";
    assert_eq!(place.ask(&chunked("/decorated", decorated)).await.text(), "/decorated");
    assert_eq!(place.upstream.requests_for("/decorated")[0].body, b"hello world");
    assert!(!String::from_utf8(place.upstream.bytes()).unwrap().contains("forged"));

    for (number, chunks) in ["x\r\n", "5\r\nhello6\r\n", "5\nhello\r\n"].into_iter().enumerate() {
        let before = place.refused("chunk").await;
        let target = format!("/malformed-{number}");
        let mut wire = place.wire().await;
        wire.send(chunked(&target, chunks) + &place.get("/smuggled")).await.unwrap();
        assert_eq!(wire.reply().await.unwrap().status(), 400, "{chunks:?}");
        assert_eq!(wire.rest().await.unwrap(), b"", "nothing follows {chunks:?}");
        assert_eq!(place.refused("chunk").await, before + 1, "{chunks:?}");
        assert_eq!(place.upstream.requests_for(&target), [], "{chunks:?}");
    }
    assert_eq!(place.upstream.requests_for("/smuggled"), []);
}

#[tokio::test]
async fn an_answer_that_does_not_wait_for_the_body_ends_the_connection() {
    let place = Place::new("early", echo).await;
    let sprite = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = sprite.local_addr().unwrap();
    place.world.control.put_route("early", address, "sprite-early-answer").await.unwrap();
    let mut visitor = place.wire().await;
    visitor.send(place.head("POST / HTTP/1.1", "Content-Length: 5\r\n") + "he").await.unwrap();
    let mut probe = Wire::new(sprite.accept().await.unwrap().0, Tape::default());
    assert_eq!(probe.head().await.unwrap().unwrap().target(), "/pflaster/health");
    probe.send("HTTP/1.1 405 Awake\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let mut sprite = Wire::new(sprite.accept().await.unwrap().0, Tape::default());
    sprite.head().await.unwrap().unwrap();
    sprite.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await.unwrap();
    let reply = visitor.reply().await.unwrap();
    assert_eq!((reply.status(), reply.text().as_str()), (403, "no"));
    assert_eq!(reply.head.values("connection"), ["close"]);
    assert_eq!(sprite.rest().await.unwrap(), b"he", "a body cut short is given no end");
    visitor.send("llo".to_owned() + &place.get("/smuggled")).await.unwrap();
    assert_eq!(visitor.rest().await.unwrap(), b"");
}

#[tokio::test]
async fn a_body_that_waits_to_be_asked_for_is_asked_for() {
    let place = Place::new("expecting", echo).await;
    let mut wire = place.wire().await;
    let lines = "Content-Length: 5\r\nExpect: 100-continue\r\n";
    wire.send(place.head("POST /expected HTTP/1.1", lines)).await.unwrap();
    assert_eq!(wire.head().await.unwrap().unwrap().status(), 100);
    wire.send("hello").await.unwrap();
    assert_eq!(wire.reply().await.unwrap().text(), "/expected");
    assert_eq!(place.upstream.requests_for("/expected")[0].body, b"hello");
}

#[tokio::test]
async fn a_kept_connection_that_dies_is_noticed_by_nobody_who_may_ask_twice() {
    let place = Place::new("kept", |request, times| match request.head.target() {
        "/flaky" if times == 1 => Line::HangUp,
        other => ok(other),
    })
    .await;
    let mut wire = place.wire().await;
    for target in ["/first", "/flaky", "/last"] {
        wire.send(place.get(target)).await.unwrap();
        let reply = wire.reply().await.unwrap();
        assert_eq!((reply.status(), reply.text().as_str()), (200, target));
    }
    let tries = place.upstream.requests_for("/flaky");
    assert_eq!(tries.len(), 2);
    let first = &place.upstream.requests_for("/first")[0];
    assert_eq!(tries[0].connection, first.connection, "the connection was kept");
    assert_ne!(tries[1].connection, first.connection);
}

#[tokio::test]
async fn a_post_is_never_sent_twice() {
    let place = Place::new("posting", |request, _| match request.head.target() {
        "/dies" => Line::HangUp,
        other => ok(other),
    })
    .await;
    // One visitor's connection stays with one thread, and so with one pool.
    let mut wire = place.wire().await;
    wire.send(place.post("/first", "hello")).await.unwrap();
    assert_eq!(wire.reply().await.unwrap().status(), 200);
    wire.send(place.post("/dies", "hello")).await.unwrap();
    let reply = wire.reply().await.unwrap();
    assert_eq!(reply.status(), 502, "{reply:?}");
    let tries = place.upstream.requests_for("/dies");
    assert_eq!(tries.len(), 1, "what the sprite has seen is not sent again: {tries:?}");
    let first = &place.upstream.requests_for("/first")[0];
    assert_eq!(tries[0].connection, first.connection, "the connection was kept");
}

/// Answers of a sprite whose ends cannot be found, or found in two places.
async fn garbled(username: &'static str) -> Place {
    Place::new(username, |request, _| {
        let (status, lines, body) = match request.head.target() {
            "/both" => {
                ("200 OK", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")
            }
            "/differ" => ("200 OK", "Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
            "/coding" => ("200 OK", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
            "/twice" => ("200 OK", CHUNKED_TWICE, "0\r\n\r\n"),
            "/sign" => ("200 OK", "Content-Length: +5\r\n", "hello"),
            "/upgrade" => ("101 Yes", "Connection: upgrade\r\nUpgrade: websocket\r\n", ""),
            _ => return Line::SayLast("what?\r\n\r\n".to_owned()),
        };
        Line::SayLast(format!("HTTP/1.1 {status}\r\n{lines}\r\n{body}"))
    })
    .await
}

/// The requests, made by `request`, that were answered with anything but 502.
async fn passed_on(place: &Place, request: impl Fn(&str) -> String) -> Vec<String> {
    let mut passed_on = Vec::new();
    for target in ["/both", "/differ", "/coding", "/twice", "/sign", "/upgrade", "/nonsense"] {
        let mut wire = place.wire().await;
        wire.send(request(target)).await.unwrap();
        match wire.reply().await {
            Ok(reply) if reply.status() == 502 => {}
            Ok(reply) => passed_on.push(format!("{target}: {}", reply.head.start)),
            Err(error) => passed_on.push(format!("{target}: {error}")),
        }
    }
    passed_on
}

#[tokio::test]
async fn an_answer_that_means_two_things_is_a_bad_gateway() {
    let place = garbled("garbled").await;
    assert_eq!(passed_on(&place, |target| place.get(target)).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_to_a_post_that_means_two_things_is_a_bad_gateway() {
    let place = garbled("garbled-post").await;
    let passed_on = passed_on(&place, |target| place.post(target, "hello")).await;
    assert_eq!(passed_on, Vec::<String>::new());
}

#[tokio::test]
async fn a_sprites_headers_reach_no_further_than_its_workspace() {
    let place = Place::new("headers", |_, _| {
        Line::Say(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\
             Set-Cookie: theme=dark; Path=/\r\n\
             Set-Cookie: wide=1; Domain=arcamatrix.localhost\r\n\
             Set-Cookie: wider=1; Path=/; DOMAIN = .arcamatrix.localhost\r\n\
             Set-Cookie: __Host-arca_session=stolen; Path=/; Secure\r\n\
             Set-Cookie: __host-ARCA_nonce=stolen; Path=/; Secure\r\n\
             Service-Worker-Allowed: /\r\nClear-Site-Data: \"cookies\"\r\n\
             X-Request-Id: theirs\r\nX-Own: kept\r\n\r\nok"
                .to_owned(),
        )
    })
    .await;
    for request in [place.get("/"), place.post("/", "hello")] {
        let reply = place.ask(&request).await;
        assert_eq!((reply.status(), reply.text().as_str()), (200, "ok"));
        assert_eq!(reply.head.values("set-cookie"), ["theme=dark; Path=/"]);
        assert_eq!(reply.head.values("service-worker-allowed"), Vec::<&str>::new());
        assert_eq!(reply.head.values("clear-site-data"), Vec::<&str>::new());
        assert_eq!(reply.head.values("x-own"), ["kept"]);
        let ids = reply.head.values("x-request-id");
        assert!(ids.len() == 1 && ids[0] != "theirs", "{ids:?}");
    }
}
