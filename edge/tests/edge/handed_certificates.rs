//! Certificates that control hands over by the private API.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection};
use serde_json::{Value, json};

use crate::harness::{DEADLINE, TestEdge, free_address, read_head, wait_until};
use crate::tls::Authority;

struct BareEdge {
    edge: TestEdge,
    address: SocketAddr,
    authority: Authority,
    files: tempfile::TempDir,
    client: Arc<ClientConfig>,
}

/// It ends TLS, and has no certificate.
fn start() -> BareEdge {
    let address = free_address();
    let edge = TestEdge::with("", &format!("[tls]\nlisten = [\"{address}\"]\n"));
    let authority = Authority::new();
    let client = authority.client(&[&rustls::version::TLS13]);
    BareEdge { edge, address, authority, files: tempfile::tempdir().unwrap(), client }
}

impl BareEdge {
    /// A new pair as control sends it, and the certificate as clients see it.
    fn issue(&self, names: &[&str]) -> (Value, CertificateDer<'static>) {
        let shown = self.authority.issue(self.files.path(), "pair", names);
        let read = |ending: &str| {
            std::fs::read_to_string(self.files.path().join(format!("pair.{ending}"))).unwrap()
        };
        (json!({ "chain": read("pem"), "key": read("key") }), shown)
    }

    fn hand_over(&self, pairs: &[Value]) -> (u16, String) {
        let body = json!({ "certificates": pairs }).to_string();
        self.edge.ask("PUT", "/v1/certificates", &body).unwrap()
    }

    fn served(&self) -> Value {
        let (_, served) = self.edge.ask("GET", "/v1/certificates", "").unwrap();
        serde_json::from_str(&served).unwrap()
    }

    /// What a visitor is shown; `None` when there is no handshake.
    fn shown(&self) -> Option<CertificateDer<'static>> {
        let mut tcp = TcpStream::connect(self.address).ok()?;
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        let name = ServerName::try_from("ada.arca.test").unwrap();
        let mut connection = ClientConnection::new(Arc::clone(&self.client), name).unwrap();
        connection.complete_io(&mut tcp).ok()?;
        Some(connection.peer_certificates()?[0].clone().into_owned())
    }
}

#[test]
fn what_is_handed_over_is_shown_and_kept_over_restart_and_upgrade_without_control() {
    let mut bare = start();
    assert_eq!(bare.shown(), None, "there is none yet");
    assert_eq!(bare.served()["wanted"], true);
    let (pair, first) = bare.issue(&["arca.test", "*.arca.test"]);
    let (status, answer) = bare.hand_over(std::slice::from_ref(&pair));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(bare.shown(), Some(first.clone()));
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), bare.served());
    assert!(bare.edge.metric("arca_edge_certificate_seconds").unwrap() > 86_400.0);
    let kept = bare.edge.folder.path().join("routes.certificates");
    assert_eq!(kept.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    bare.edge.signal("HUP");
    wait_until("the configuration was read", || {
        bare.edge.log().contains("certificates were read again").then_some(())
    });
    assert_eq!(bare.shown(), Some(first.clone()), "a reload is about files");
    let served = bare.served();
    for arguments in [&["--upgrade"][..], &[]] {
        if arguments.is_empty() {
            bare.edge.signal("TERM");
        }
        bare.edge.succeed(arguments);
        bare.edge.wait_until_ready();
        wait_until("the next process shows it", || {
            (bare.shown().as_ref() == Some(&first)).then_some(())
        });
        wait_until("the next process answers", || (bare.served() == served).then_some(()));
    }
    let (pair, next) = bare.issue(&["arca.test", "*.arca.test"]);
    assert_eq!(bare.hand_over(&[pair]).0, 200);
    assert_eq!(bare.shown(), Some(next));
    assert!(!bare.edge.log().contains("PRIVATE KEY"));
}

#[test]
fn a_bad_pair_is_refused_with_its_reason_and_the_old_one_stays() {
    let bare = start();
    let (good, shown) = bare.issue(&["*.arca.test"]);
    assert_eq!(bare.hand_over(std::slice::from_ref(&good)).0, 200);
    let served = bare.served();
    let (other, _) = bare.issue(&["*.arca.test"]);
    let check = |pair: Value, expected: &str| {
        let (status, answer) = bare.hand_over(&[good.clone(), pair]);
        assert_eq!(status, 422, "{answer}");
        assert!(answer.contains(expected), "{expected}: {answer}");
        assert!(!answer.contains("s3cr3t"), "{answer}");
        assert_eq!(bare.shown(), Some(shown.clone()));
        assert_eq!(bare.served(), served);
    };
    check(json!({ "chain": good["chain"], "key": other["key"] }), "certificate 2: the key is not");
    check(json!({ "chain": good["chain"], "key": "s3cr3t" }), "it is no private key in PEM");
    check(json!({ "chain": "", "key": good["key"] }), "has no certificate in it");
    check(json!({ "chain": good["chain"], "key": "s3cr3t", "more": 1 }), "malformed");
}

#[test]
fn a_challenge_of_controls_is_answered_to_an_authority() {
    let bare = start();
    let ask = || {
        let mut tcp = bare.edge.connect();
        let head = "GET /.well-known/acme-challenge/token-1 HTTP/1.1\r\nHost: arca.test\r\n\
                    Connection: close\r\n\r\n";
        tcp.write_all(head.as_bytes()).unwrap();
        let head = read_head(&mut tcp);
        let mut body = String::new();
        tcp.read_to_string(&mut body).unwrap();
        (head, body)
    };
    let path = "/v1/challenges/token-1";
    let answer = json!({ "answer": "token-1.thumb" }).to_string();
    assert_eq!(bare.edge.ask("PUT", path, &answer).unwrap().0, 204);
    let (head, body) = ask();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body, "token-1.thumb");
    assert_eq!(bare.edge.ask("DELETE", path, "").unwrap().0, 204);
    assert!(ask().0.starts_with("HTTP/1.1 421"));
    assert_eq!(bare.edge.ask("PUT", "/v1/challenges/a.b", &answer).unwrap().0, 422);
}

#[test]
fn an_edge_that_ends_no_tls_wants_no_certificate() {
    let edge = TestEdge::start();
    let (_, served) = edge.ask("GET", "/v1/certificates", "").unwrap();
    assert!(served.contains("\"wanted\":false"), "{served}");
    let (status, answer) = edge.ask("PUT", "/v1/certificates", "{\"certificates\":[]}").unwrap();
    assert_eq!(status, 409, "{answer}");
}
