//! TLS with clients: which certificate they are shown, how it is exchanged, and what
//! those get who come without it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};

use crate::harness::{
    DEADLINE, TestEdge, echo, free_address, read_head, read_to_end, sprite, upgrade, wait_until,
};

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        // Else it has the name of what it issues.
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "authority of a test");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(parameters, key).unwrap())
    }

    /// Writes `STEM.pem` and `STEM.key`, and tells the certificate as it is shown.
    pub(crate) fn issue(
        &self,
        folder: &Path,
        stem: &str,
        names: &[&str],
    ) -> CertificateDer<'static> {
        let names: Vec<_> = names.iter().copied().map(str::to_owned).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        std::fs::write(folder.join(format!("{stem}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{stem}.key")), key.serialize_pem()).unwrap();
        certificate.der().clone()
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn client(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }
}

pub(crate) struct TlsEdge {
    pub(crate) edge: TestEdge,
    pub(crate) address: SocketAddr,
    pub(crate) authority: Authority,
    /// Of the site, and of all workspaces.
    shown: [CertificateDer<'static>; 2],
    pub(crate) files: tempfile::TempDir,
}

fn start() -> TlsEdge {
    start_with("")
}

pub(crate) fn start_with(limits: &str) -> TlsEdge {
    start_configured(limits, "")
}

/// `limits` are lines of the table of that name, `lines` of that of TLS.
pub(crate) fn start_configured(limits: &str, lines: &str) -> TlsEdge {
    start_edge(limits, lines, "")
}

/// The same, with `top` as lines of the top level.
pub(crate) fn start_edge(limits: &str, lines: &str, top: &str) -> TlsEdge {
    let files = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let shown = [
        authority.issue(files.path(), "site", &["arca.test"]),
        authority.issue(files.path(), "all", &["*.arca.test"]),
    ];
    std::fs::write(files.path().join("token-1"), "token-1.thumb").unwrap();
    let address = free_address();
    let path = |name: &str| files.path().join(name).display().to_string();
    let more = format!(
        "{top}\n[tls]\nlisten = [\"{address}\"]\nhandshake_seconds = 1\nacme_folder = \"{}\"\n{lines}\n\
         [[tls.certificates]]\ncertificate = \"{}\"\nkey = \"{}\"\n\
         [[tls.certificates]]\ncertificate = \"{}\"\nkey = \"{}\"\n",
        files.path().display(),
        path("site.pem"),
        path("site.key"),
        path("all.pem"),
        path("all.key"),
    );
    let edge = TestEdge::with(limits, &more);
    edge.put("ada", echo());
    TlsEdge { edge, address, authority, shown, files }
}

pub(crate) type TlsStream = StreamOwned<ClientConnection, TcpStream>;

impl TlsEdge {
    pub(crate) fn connect(&self, config: &Arc<ClientConfig>, name: &'static str) -> TlsStream {
        let tcp = TcpStream::connect(self.address).unwrap();
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        let name = ServerName::try_from(name).unwrap();
        let mut stream =
            StreamOwned::new(ClientConnection::new(Arc::clone(config), name).unwrap(), tcp);
        stream.conn.complete_io(&mut stream.sock).unwrap();
        stream
    }

    /// What a workspace's client is shown that comes now.
    pub(crate) fn shown_to(&self, client: &Arc<ClientConfig>) -> CertificateDer<'static> {
        shown(&self.connect(client, "ada.arca.test"))
    }

    /// What `ada` is answered over `stream`, which stays open.
    fn get(&self, stream: &mut TlsStream) -> String {
        let cookie = self.edge.cookie("ada", "k1", 3_600);
        write!(stream, "GET / HTTP/1.1\r\nHost: ada.arca.test\r\n{cookie}\r\n").unwrap();
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\nhello") {
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        String::from_utf8(answer).unwrap()
    }
}

fn shown(stream: &TlsStream) -> CertificateDer<'static> {
    stream.conn.peer_certificates().unwrap()[0].clone().into_owned()
}

#[test]
fn each_name_gets_its_certificate_over_either_version() {
    let tls = start();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = tls.authority.client(&[version]);
        let mut stream = tls.connect(&client, "ada.arca.test");
        assert_eq!(shown(&stream), tls.shown[1]);
        assert!(tls.get(&mut stream).starts_with("HTTP/1.1 200"));
        assert!(tls.get(&mut stream).starts_with("HTTP/1.1 200"), "the connection is kept");
        assert_eq!(shown(&tls.connect(&client, "arca.test")), tls.shown[0]);
    }
}

#[test]
fn a_session_is_resumed_with_another_process_too() {
    let mut tls = start();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = tls.authority.client(&[version]);
        let mut first = tls.connect(&client, "ada.arca.test");
        assert_eq!(first.conn.handshake_kind(), Some(HandshakeKind::Full));
        // The tickets of TLS 1.3 come with the first answer.
        tls.get(&mut first);
        tls.edge.succeed(&["--upgrade"]);
        tls.edge.wait_until_ready();
        wait_until("the former process takes no more connections", || {
            let stream = tls.connect(&client, "ada.arca.test");
            (stream.conn.handshake_kind() == Some(HandshakeKind::Resumed)).then_some(())
        });
    }
}

#[test]
fn certificates_are_exchanged_while_connections_go_on_and_bad_ones_are_not() {
    let tls = start();
    let client = tls.authority.client(&[&rustls::version::TLS13]);
    let mut open = tls.connect(&client, "ada.arca.test");
    let next = tls.authority.issue(tls.files.path(), "all", &["*.arca.test"]);
    // The key of the other pair is not in step with its certificate any more.
    let key = tls.files.path().join("site.key");
    let good = std::fs::read(&key).unwrap();
    std::fs::write(&key, "no key").unwrap();
    tls.edge.signal("HUP");
    wait_until("the bad key is named", || {
        tls.edge.log().contains("site.key cannot be read").then_some(())
    });
    assert_eq!(shown(&tls.connect(&client, "grace.arca.test")), tls.shown[1], "none is taken");
    std::fs::write(&key, good).unwrap();
    tls.edge.signal("HUP");
    wait_until("the new certificate is shown", || {
        (shown(&tls.connect(&client, "grace.arca.test")) == next).then_some(())
    });
    assert!(tls.get(&mut open).starts_with("HTTP/1.1 200"), "what was open goes on");
    assert!(tls.edge.metric("arca_edge_certificate_seconds").unwrap() > 86_400.0);
}

#[test]
fn the_end_of_one_direction_leaves_the_other_open_whether_or_not_tls_has_said_it() {
    const CLOSE: &[u8] = b"\x88\x02\x03\xe8";
    const MASKED_CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";
    let tls = start();
    let (heard, all) = channel();
    tls.edge.put(
        "ada",
        sprite(move |mut tcp, _| {
            upgrade(&mut tcp);
            let _ = heard.send(read_to_end(&mut tcp).0);
            let _ = tcp.write_all(CLOSE);
        }),
    );
    for says_so in [true, false] {
        let mut stream = tls.connect(&tls.authority.client(rustls::ALL_VERSIONS), "ada.arca.test");
        write!(
            stream,
            "GET /ws HTTP/1.1\r\nHost: ada.arca.test\r\nOrigin: http://ada.arca.test\r\n{}\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            tls.edge.cookie("ada", "k1", 3_600)
        )
        .unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
        assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
        stream.write_all(MASKED_CLOSE).unwrap();
        if says_so {
            stream.conn.send_close_notify();
        }
        stream.flush().unwrap();
        stream.sock.shutdown(Shutdown::Write).unwrap();
        assert_eq!(all.recv_timeout(DEADLINE).unwrap(), MASKED_CLOSE);
        let mut last = Vec::new();
        stream.read_to_end(&mut last).unwrap();
        assert_eq!(last, CLOSE, "{says_so}");
    }
}

#[test]
fn who_comes_without_tls_is_sent_to_it_and_an_authority_is_answered() {
    let tls = start();
    let ask = |target: &str| {
        let mut tcp = tls.edge.connect();
        write!(tcp, "GET {target} HTTP/1.1\r\nHost: ada.arca.test\r\n\r\n").unwrap();
        read_head(&mut tcp)
    };
    let moved = ask("/x?y=z");
    assert!(moved.starts_with("HTTP/1.1 308"), "{moved}");
    assert!(moved.contains("location: http://ada.arca.test/x?y=z\r\n"), "{moved}");
    assert!(ask("/.well-known/acme-challenge/token-1").starts_with("HTTP/1.1 200"));
    assert!(ask("/.well-known/acme-challenge/token-2").starts_with("HTTP/1.1 4"));
}

#[test]
fn what_is_no_handshake_or_comes_to_no_end_is_ended_and_counted() {
    let tls = start();
    let mut stranger = TcpStream::connect(tls.address).unwrap();
    stranger.set_read_timeout(Some(DEADLINE)).unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\nHost: arca.test\r\n\r\n").unwrap();
    let silent = TcpStream::connect(tls.address).unwrap();
    silent.set_read_timeout(Some(DEADLINE)).unwrap();
    for (mut tcp, outcome) in [(stranger, "failed"), (silent, "timeout")] {
        let mut rest = Vec::new();
        // An alert, or nothing; a reset is an end as well.
        let _ = tcp.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP"), "{outcome}");
        let series = format!("arca_edge_tls_handshakes_total{{outcome=\"{outcome}\"}}");
        wait_until("it is counted", || {
            tls.edge.metric(&series).filter(|count| *count >= 1.0).map(|_| ())
        });
    }
}

#[test]
fn that_tls_is_the_only_way_is_said_over_tls_alone_and_by_the_edge_alone() {
    let line = "strict-transport-security: max-age=60\r\n";
    let said = sprite(|mut tcp, _| {
        let _ = tcp.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\
              Strict-Transport-Security: max-age=9; preload\r\n\r\nhello",
        );
    });
    for (lines, count) in [("hsts = \"max-age=60\"", 1), ("", 0)] {
        let tls = start_configured("", lines);
        tls.edge.put("ada", said);
        let client = tls.authority.client(&[&rustls::version::TLS13]);
        let answer = tls.get(&mut tls.connect(&client, "ada.arca.test"));
        assert_eq!(answer.matches(line).count(), count, "{answer}");
        assert!(!answer.contains("preload"), "{answer}");
        let mut own = tls.connect(&client, "ada.arca.test");
        write!(own, "GET / HTTP/1.1\r\nHost: ada.arca.test\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        let _ = own.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert_eq!(answer.matches(line).count(), count, "{answer}");
        let mut plain = tls.edge.connect();
        write!(plain, "GET / HTTP/1.1\r\nHost: ada.arca.test\r\n\r\n").unwrap();
        assert!(!read_head(&mut plain).contains("strict-transport-security"));
    }
}
