//! TLS on the private API.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use crate::harness::{DEADLINE, TestEdge, echo, read_head, wait_until};
use crate::tls::Authority;

const VERSIONS: [&rustls::SupportedProtocolVersion; 1] = [&rustls::version::TLS13];

#[test]
fn the_private_api_is_heard_by_those_who_trust_its_certificate_and_by_nobody_else() {
    let files = tempfile::tempdir().unwrap();
    let (ours, others) = (Authority::new(), Authority::new());
    ours.issue(files.path(), "admin", &["127.0.0.1"]);
    let path = |name: &str| files.path().join(name).display().to_string();
    let more = format!(
        "[admin_tls]\ncertificate = \"{}\"\nkey = \"{}\"\n",
        path("admin.pem"),
        path("admin.key")
    );
    let edge = TestEdge::with_private_tls(&more, ours.client(&VERSIONS));
    edge.put("ada", echo());
    assert!(read_head(&mut edge.get("ada", "/")).starts_with("HTTP/1.1 200"));
    assert!(edge.metric("arca_edge_certificate_seconds").unwrap() > 86_400.0);

    let connect = || {
        let tcp = TcpStream::connect(edge.admin).unwrap();
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        tcp
    };
    let mut plain = connect();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: edge\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.windows(4).any(|bytes| bytes == b"HTTP"), "{answer:?}");
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stranger = ClientConnection::new(others.client(&VERSIONS), name).unwrap();
    let refused = StreamOwned::new(stranger, connect()).write_all(b"GET");
    assert!(refused.unwrap_err().to_string().contains("certificate"));

    // A new certificate is shown from the signal on, here one of the other authority.
    others.issue(files.path(), "admin", &["127.0.0.1"]);
    edge.signal("HUP");
    wait_until("the other authority's certificate is shown", || {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let client = ClientConnection::new(others.client(&VERSIONS), name).unwrap();
        StreamOwned::new(client, connect()).write_all(b"GET").ok()
    });
}
