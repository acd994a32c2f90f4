//! What single steps of a request cost, apart from everything around them.
//!
//! `cargo bench --package benches --bench micro`; a name as argument chooses.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use benches::tenants::{self, BASE_DOMAIN, sleeping_route, username};
use divan::Bencher;
use edge::measured::{
    Alarm, Credential, Deadlines, Forwarded, Head, HeadReader, LastToken, NO_HEADERS, RequestFacts,
    Tables, Workspace, check_session, decide, forward,
};
use shared::identity::{Identity, IdentityKey};
use shared::session::SESSION_COOKIE;
use shared::{Host, KeyRing, RequestId, RouteState, Session, SessionId, SessionKeys};

/// The edge's own: where a table lies in memory is half of what a look costs.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Before any token here expires, in unix seconds.
const NOW: u64 = 1_000;

fn ring() -> KeyRing {
    let key = "5a".repeat(32);
    KeyRing::from_toml(&format!("current = \"k1\"\n[keys]\nk1 = \"{key}\"\n")).expect("a ring")
}

fn session() -> Session {
    let (username, id) = (username(1), SessionId::random());
    Session { username, id, issued: NOW, expires: NOW + 86_400, epoch: 0 }
}

/// What Chromium sends when it loads a page, with our cookie in it.
fn page_request(token: &str) -> String {
    format!(
        "GET /index.html HTTP/1.1\r\nHost: {}.{BASE_DOMAIN}\r\nConnection: keep-alive\r\n\
         Cache-Control: max-age=0\r\n\
         sec-ch-ua: \"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\n\
         sec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/142.0.0.0 Safari/537.36\r\n\
         Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
         Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\n\
         Sec-Fetch-Dest: document\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
         Accept-Language: en-GB,en;q=0.9\r\nCookie: theme=dark; {SESSION_COOKIE}={token}\r\n\r\n",
        username(1)
    )
}

fn main() {
    divan::main();
}

#[divan::bench(args = [1_000, 1_000_000])]
fn route_lookup(bencher: Bencher<'_, '_>, count: u64) {
    let routes = (0..count).map(|index| Arc::new(sleeping_route(index, 0))).collect();
    let tables = Tables::of(None, routes, Vec::new()).expect("every name comes once");
    // More than fit into a cache, in no order.
    let names: Vec<_> =
        (0..1_u64 << 16).map(|_| tenants::username(fastrand::u64(..count))).collect();
    let mut turn = names.iter().cycle();
    bencher.bench_local(|| tables.route(turn.next().expect("names never end")).is_some());
}

#[divan::bench]
fn verify_a_token(bencher: Bencher<'_, '_>) {
    let (keys, session) = (SessionKeys::new(&ring()), session());
    let token = keys.sign(&session);
    bencher.bench_local(|| keys.verify(black_box(&token), &session.username, NOW));
}

/// The first request of a connection verifies the token, the others know it.
#[divan::bench(args = ["first request", "further requests"])]
fn check_a_session(bencher: Bencher<'_, '_>, which: &str) {
    let (keys, session) = (SessionKeys::new(&ring()), session());
    let text = page_request(&keys.sign(&session));
    let mut slots = NO_HEADERS;
    let head = Head::parse(text.as_bytes(), &mut slots).expect("a strict head");
    let mut last = LastToken::default();
    bencher.bench_local(|| {
        if which == "first request" {
            last = LastToken::default();
        }
        let is_locked = |_: &Session| false;
        check_session(
            &keys,
            &mut last,
            black_box(&head),
            (&session.username, None),
            0,
            is_locked,
            NOW,
        )
    });
}

#[divan::bench]
fn decide_a_request(bencher: Bencher<'_, '_>) {
    let session = session();
    let host = Host::Workspace(session.username);
    let workspace = Workspace {
        state: RouteState::Live,
        locked: false,
        session: Ok(session),
        is_telegram: false,
    };
    let question = RequestFacts {
        method: "GET",
        path: "/index.html",
        websocket: false,
        navigation: true,
        cross_site: false,
        sent_on: false,
        service_worker: false,
        own_origin: None,
        same_origin: false,
    };
    bencher.bench_local(|| decide(host, black_box(&question), Some(black_box(&workspace))));
}

#[divan::bench]
fn read_a_head(bencher: Bencher<'_, '_>) {
    let text = page_request(&SessionKeys::new(&ring()).sign(&session()));
    let deadlines = Deadlines { head: Duration::from_secs(10), idle: Duration::from_secs(75) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    bencher.bench_local(|| {
        runtime.block_on(async {
            let mut reader = HeadReader::default();
            let mut stream = text.as_bytes();
            let alarm = Alarm::default();
            let head = reader.read_head(&mut stream, true, &deadlines, &alarm);
            head.await.expect("a whole head")
        })
    });
}

#[divan::bench]
fn parse_a_head(bencher: Bencher<'_, '_>) {
    let text = page_request(&SessionKeys::new(&ring()).sign(&session()));
    bencher.bench_local(|| {
        let mut slots = NO_HEADERS;
        Head::parse(black_box(text.as_bytes()), &mut slots).expect("a strict head").headers.len()
    });
}

#[divan::bench]
fn rewrite_a_head(bencher: Bencher<'_, '_>) {
    let text = page_request(&SessionKeys::new(&ring()).sign(&session()));
    let mut slots = NO_HEADERS;
    let head = Head::parse(text.as_bytes(), &mut slots).expect("a strict head");
    let forwarded = Forwarded {
        host: "arca-0000001-x7k2.sprites.app",
        public_host: "user-0000001.arcamatrix.com",
        origin: None,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        scheme: "https",
        request: RequestId::from_bits(7),
        traceparent: None,
        credential: Credential::Identity("1.k1.user-0000001.signed"),
    };
    bencher.bench_local(|| forward(black_box(&head), &forwarded));
}

#[divan::bench]
fn derive_an_identity_key(bencher: Bencher<'_, '_>) {
    let (ring, route) = (ring(), sleeping_route(1, 0));
    bencher.bench_local(|| IdentityKey::current(&ring, &route.sprite, route.assignment));
}

#[divan::bench]
fn sign_an_identity(bencher: Bencher<'_, '_>) {
    let (ring, route, session) = (ring(), sleeping_route(1, 0), session());
    let request = RequestId::from_bits(7);
    let identity = Identity::of(&route, session.id, request, NOW);
    let key = IdentityKey::current(&ring, &route.sprite, route.assignment);
    bencher.bench_local(|| key.sign(black_box(&identity)));
}
