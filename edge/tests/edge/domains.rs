//! Customers' own domains: another host of a workspace, with sessions of its own.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use rustls::ClientConnection;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use shared::{KeyRing, Session, SessionId, SessionKeys};

use crate::harness::{TestEdge, echo, free_address, read_head, read_to_end, wait_until};
use crate::tls::Authority;

const CHAT: &str = "chat.example.org";

fn grant(edge: &TestEdge, domain: &str, name: &str) -> (CertificateDer<'static>, Authority) {
    let (authority, files) = (Authority::new(), tempfile::tempdir().unwrap());
    let shown = authority.issue(files.path(), "pair", &[domain]);
    let read = |ending: &str| {
        std::fs::read_to_string(files.path().join(format!("pair.{ending}"))).unwrap()
    };
    let body =
        json!({ "username": name, "certificate": { "chain": read("pem"), "key": read("key") } });
    let (status, answer) =
        edge.ask("PUT", &format!("/v1/domains/{domain}"), &body.to_string()).unwrap();
    assert_eq!(status, 200, "{answer}");
    (shown, authority)
}

fn served(edge: &TestEdge) -> Vec<String> {
    let (_, served) = edge.ask("GET", "/v1/domains", "").unwrap();
    let served: Value = serde_json::from_str(&served).unwrap();
    let domains = served["domains"].as_array().unwrap().iter();
    domains.map(|it| format!("{} {}", it["domain"], it["username"]).replace('"', "")).collect()
}

/// Of a session that was opened at `domain`.
fn cookie(domain: Option<&str>) -> String {
    let now = shared::process::time::unix_seconds();
    let session = Session {
        username: "ada".parse().unwrap(),
        id: SessionId::random(),
        issued: now,
        expires: now + 3_600,
        epoch: 1,
    };
    // The ring of the harness.
    let byte = b"k1".iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let key = format!("{byte:02x}").repeat(32);
    let ring = KeyRing::from_toml(&format!("current = \"k1\"\n[keys]\nk1 = \"{key}\"\n")).unwrap();
    let domain = domain.map(|domain| domain.parse().unwrap());
    let token = SessionKeys::new(&ring).sign_at(domain.as_ref(), &session);
    format!("Cookie: __Host-arca_session={token}\r\n")
}

fn head_of(edge: &TestEdge, host: &str, lines: &str) -> String {
    let mut tcp = edge.connect();
    write!(tcp, "GET /a HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n{lines}\r\n").unwrap();
    read_head(&mut tcp)
}

fn upgrade(edge: &TestEdge, origin: &str, cookie: &str) -> (std::net::TcpStream, String) {
    let mut tcp = edge.connect();
    write!(
        tcp,
        "GET /ws HTTP/1.1\r\nHost: {CHAT}\r\nOrigin: {origin}\r\n{cookie}Connection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    let head = read_head(&mut tcp);
    (tcp, head)
}

fn check(edge: &TestEdge, host: &str, lines: &str, expected: &str) {
    let head = head_of(edge, host, lines);
    assert!(head.starts_with(&format!("HTTP/1.1 {expected}")), "{host}: {head}");
}

#[test]
fn a_domain_is_served_as_its_workspace_with_sessions_of_its_own() {
    let edge = TestEdge::start();
    edge.put("ada", echo());
    let (own, theirs) = (cookie(None), cookie(Some(CHAT)));
    check(&edge, CHAT, &theirs, "404");
    grant(&edge, CHAT, "ada");
    assert_eq!(served(&edge), ["chat.example.org ada"]);

    check(&edge, CHAT, &theirs, "200");
    check(&edge, "Chat.Example.org:80", &theirs, "200");
    check(&edge, "ada.arca.test", &own, "200");
    check(&edge, CHAT, "", "302");
    let sign_in = head_of(&edge, CHAT, "");
    assert!(sign_in.contains("\r\nlocation: /auth/login?return=/a\r\n"), "{sign_in}");
    check(&edge, CHAT, &own, "302");
    check(&edge, "ada.arca.test", &theirs, "302");
    check(&edge, CHAT, &cookie(Some("mail.example.org")), "302");
    check(&edge, "mail.example.org", &theirs, "404");

    let (_, foreign) = upgrade(&edge, "http://ada.arca.test", &theirs);
    assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
    let (_, own) = upgrade(&edge, &format!("http://{CHAT}"), &theirs);
    assert!(own.starts_with("HTTP/1.1 101"), "{own}");

    edge.change(&json!([{ "lock": { "username": "ada" } }]));
    check(&edge, CHAT, &theirs, "403");
    edge.change(&json!([{ "unlock": { "username": "ada" } }]));
    check(&edge, CHAT, &theirs, "200");
    edge.remove("ada");
    check(&edge, CHAT, &theirs, "404");
}

#[test]
fn who_left_on_the_site_is_made_to_forget_at_every_host_of_the_workspace() {
    const MAIL: &str = "mail.example.org";
    let edge = TestEdge::start();
    edge.put("ada", echo());
    grant(&edge, MAIL, "ada");
    grant(&edge, CHAT, "ada");
    grant(&edge, "bob.example.org", "bob");
    // The site sends it to the workspace's own host, and from there a browser follows.
    let ask = |host: &str, target: &str, from: &str| {
        let mut tcp = edge.connect();
        let lines = format!("Accept: text/html\r\nSec-Fetch-Site: {from}\r\n");
        write!(tcp, "GET {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n").unwrap();
        let head = read_head(&mut tcp);
        let location =
            head.split("\r\nlocation: http://").nth(1).unwrap_or_else(|| panic!("{head}"));
        let (location, forgets) =
            (location.lines().next().unwrap(), head.contains("clear-site-data"));
        (location.to_owned(), forgets)
    };
    let (mut to, mut forgets) = ask("ada.arca.test", "/auth/signed-out", "same-site");
    for domain in [CHAT, MAIL] {
        let (host, path) = to.split_once('/').unwrap();
        assert_eq!((host, forgets), (domain, true));
        (to, forgets) = ask(domain, &format!("/{path}"), "cross-site");
    }
    assert_eq!((&*to, forgets), ("arca.test/login?signed_out=1", true));
    // A link on somebody's page makes nobody forget.
    for target in ["/auth/signed-out", "/auth/signed-out?proof=00"] {
        assert_eq!(
            ask(CHAT, target, "cross-site"),
            ("arca.test/login?signed_out=1".to_owned(), false)
        );
    }
}

#[test]
fn the_machine_hears_of_one_origin_wherever_its_customer_comes_in() {
    let edge = TestEdge::start();
    let machine = crate::harness::sprite(|mut tcp, head| {
        let body = head.to_ascii_lowercase();
        let _ = write!(tcp, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    });
    edge.put("ada", machine);
    grant(&edge, CHAT, "ada");
    let mut tcp = edge.connect();
    let lines = format!("Origin: http://{CHAT}\r\nConnection: close\r\n{}", cookie(Some(CHAT)));
    write!(tcp, "GET / HTTP/1.1\r\nHost: {CHAT}\r\n{lines}\r\n").unwrap();
    let (seen, _) = read_to_end(&mut tcp);
    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert!(seen.contains("origin: http://ada.arca.test\r\n"), "{seen}");
}

#[test]
fn what_is_taken_away_is_cut_at_once_also_at_a_former_process() {
    let mut edge = TestEdge::start();
    edge.put("ada", echo());
    grant(&edge, CHAT, "ada");
    let (mut early, head) = upgrade(&edge, &format!("http://{CHAT}"), &cookie(Some(CHAT)));
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    edge.succeed(&["--upgrade"]);
    wait_until("the successor has the private API", || {
        edge.log().matches("the edge serves").nth(1).map(|_| ())
    });
    assert_eq!(served(&edge), ["chat.example.org ada"]);
    let (mut late, head) = upgrade(&edge, &format!("http://{CHAT}"), &cookie(Some(CHAT)));
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    for expected in [2, 0] {
        let (status, answer) = edge.ask("DELETE", &format!("/v1/domains/{CHAT}"), "").unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((status, answer["sockets_cut"].as_u64()), (200, Some(expected)), "{answer}");
    }
    for socket in [&mut early, &mut late] {
        let _ended = read_to_end(socket);
    }
    check(&edge, CHAT, &cookie(Some(CHAT)), "404");
    assert_eq!(served(&edge), [""; 0]);
}

fn shown(address: SocketAddr, client: &Arc<rustls::ClientConfig>) -> Option<Vec<u8>> {
    let mut tcp = std::net::TcpStream::connect(address).ok()?;
    tcp.set_read_timeout(Some(crate::harness::DEADLINE)).unwrap();
    let name = ServerName::try_from(CHAT).unwrap();
    let mut connection = ClientConnection::new(Arc::clone(client), name).unwrap();
    connection.complete_io(&mut tcp).ok()?;
    Some(connection.peer_certificates()?[0].to_vec())
}

#[test]
fn its_certificate_is_shown_and_kept_over_a_start_and_plain_requests_are_sent_to_it() {
    let address = free_address();
    let tls = format!("[tls]\nlisten = [\"{address}\"]\n");
    let mut edge = TestEdge::with("", &tls);
    let (expected, authority) = grant(&edge, CHAT, "ada");
    let client = authority.client(&[&rustls::version::TLS13]);
    assert_eq!(shown(address, &client).as_deref(), Some(&expected[..]));
    let moved = head_of(&edge, CHAT, "");
    assert!(moved.contains("\r\nlocation: http://chat.example.org/a\r\n"), "{moved}");
    let kept = edge.folder.path().join("routes.domains");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&kept), mode(&kept.join(CHAT))), (0o700, 0o600));
    assert!(!edge.log().contains("PRIVATE"), "{}", edge.log());

    edge.signal("INT");
    wait_until("it has ended", || edge.has_ended().then_some(()));
    edge.succeed(&[]);
    edge.wait_until_ready();
    assert_eq!(shown(address, &client).as_deref(), Some(&expected[..]));
}

#[test]
fn what_is_no_domain_or_has_no_fitting_certificate_is_refused_without_a_word_of_the_key() {
    let edge = TestEdge::start();
    let put = |domain: &str, body: &str| {
        let (status, answer) = edge.ask("PUT", &format!("/v1/domains/{domain}"), body).unwrap();
        assert!(!answer.contains("secret"), "{answer}");
        status
    };
    let pair = json!({ "chain": "none", "key": "secret" });
    let body = json!({ "username": "ada", "certificate": pair }).to_string();
    for (domain, body) in [
        ("10.0.0.1", &*body),
        ("localhost", &body),
        ("..%2Fx", &body),
        (CHAT, &body),
        (CHAT, "{}"),
        (CHAT, "secret"),
    ] {
        assert_eq!(put(domain, body), 422, "{domain} {body}");
    }
    assert_eq!(put(CHAT, &"x".repeat(70_000)), 413);
    assert_eq!(served(&edge), [""; 0]);
}
