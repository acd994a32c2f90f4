//! HTTP/2: the same answers as over HTTP/1.1, one stream at a time cut, and what a client
//! may not do.

mod early;
mod endings;
mod frames;

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use hyper::http::request::Builder;
use hyper::{Request, Response};
use rustls::pki_types::ServerName;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::harness::{DEADLINE, echo, put, sprite, wait_until};
use crate::tls::{TlsEdge, start_configured, start_with};

struct Client {
    send: SendRequest<Bytes>,
    frames: JoinHandle<Result<(), h2::Error>>,
}

/// Runs `test` beside the threads that carry its connections.
fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async { timeout(4 * DEADLINE, test).await.unwrap() });
}

fn start() -> TlsEdge {
    start_with("")
}

impl Client {
    async fn connect(edge: &TlsEdge) -> Self {
        let mut config = (*edge.authority.client(&[&rustls::version::TLS13])).clone();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let tcp = tokio::net::TcpStream::connect(edge.address).await.unwrap();
        let name = ServerName::try_from("ada.arca.test").unwrap();
        let tls = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
        let tls = tls.unwrap();
        assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (send, frames) = h2::client::handshake(tls).await.unwrap();
        Self { send, frames: tokio::spawn(frames) }
    }

    async fn send(
        &mut self,
        request: Request<()>,
        ends: bool,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let mut ready = self.send.clone().ready().await.unwrap();
        ready.send_request(request, ends).unwrap()
    }

    async fn get(&mut self, request: Builder) -> Result<Response<RecvStream>, h2::Error> {
        let (response, _) = self.send(request.body(()).unwrap(), true).await;
        response.await
    }
}

/// A request of `name`, who is signed in for an hour.
fn of(edge: &TlsEdge, name: &str, path: &str) -> Builder {
    let cookie = edge.edge.cookie(name, "k1", 3_600);
    let cookie = cookie.trim_start_matches("Cookie: ").trim_end().to_owned();
    Request::get(format!("https://{name}.arca.test{path}"))
        .header("cookie", "first=1")
        .header("cookie", cookie)
        .header("cookie", "last=2")
}

async fn text(response: Response<RecvStream>) -> Result<String, h2::Error> {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len()).unwrap();
        bytes.extend_from_slice(&data);
    }
    Ok(String::from_utf8(bytes).unwrap())
}

/// Tells each head that it gets, and answers what `answer` says.
fn telling(answer: &'static [u8]) -> (SocketAddr, Receiver<String>) {
    let (heads, seen) = channel();
    let address = sprite(move |mut tcp, head| {
        let _ = heads.send(head);
        let _ = tcp.write_all(answer);
    });
    (address, seen)
}

#[test]
fn a_request_gets_the_answer_that_it_would_get_over_http_1() {
    let edge = start_configured("", "hsts = \"max-age=60\"");
    let (sprite, heads) = telling(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: 5\r\nConnection: X-Hop\r\n\
          X-Hop: 1\r\nStrict-Transport-Security: max-age=1\r\nX-Own: yes\r\n\r\n\
          5\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n",
    );
    edge.edge.put("ada", sprite);
    run(async {
        let mut client = Client::connect(&edge).await;
        let response = client.get(of(&edge, "ada", "/x?y")).await.unwrap();
        assert_eq!(response.status(), 200);
        let names: Vec<_> = response.headers().keys().map(ToString::to_string).collect();
        for gone in ["connection", "keep-alive", "transfer-encoding", "x-hop"] {
            assert!(!names.iter().any(|name| name == gone), "{gone} in {names:?}");
        }
        assert_eq!(response.headers()["x-own"], "yes");
        assert_eq!(response.headers()["strict-transport-security"], "max-age=60");
        assert!(response.headers().contains_key("x-request-id"));
        assert_eq!(text(response).await.unwrap(), "hello world");
        let head = heads.recv_timeout(DEADLINE).unwrap();
        assert!(head.starts_with("GET /x?y HTTP/1.1\r\nhost: 127.0.0.1:"), "{head}");
        assert!(head.contains("\r\ncookie: first=1; last=2\r\n"), "{head}");
        assert!(head.contains("\r\nx-arca-identity: "), "{head}");
        let log = wait_until("it is logged", || {
            Some(edge.edge.access_log()).filter(|log| log.contains("\"path\":\"/x\""))
        });
        assert!(log.contains("\"protocol\":\"2\"") && log.contains("\"tls\":\"1.3\""), "{log}");
        assert!(!log.contains("\"bytes_in\":0,") && !log.contains("\"bytes_out\":0,"), "{log}");
        let series = "arca_edge_protocol_requests_total{version=\"2\"}";
        assert_eq!(edge.edge.metric(series), Some(1.0));
    });
}

#[test]
fn refusals_redirects_and_pages_are_the_same() {
    let edge = start();
    run(async {
        let mut client = Client::connect(&edge).await;
        let check = async |client: &mut Client, request: Builder, status: u16| {
            let response = client.get(request).await.unwrap();
            assert_eq!(response.status(), status);
            assert!(response.headers().contains_key("x-request-id"));
            response
        };
        let page = || Request::get("https://ada.arca.test/chat").header("accept", "text/html");
        let moved = check(&mut client, page(), 302).await;
        assert_eq!(moved.headers()["location"], "/auth/login?return=/chat");
        check(&mut client, Request::get("https://ada.arca.test/"), 401).await;
        check(&mut client, Request::get("https://evil.test/"), 421).await;
        check(&mut client, Request::connect("ada.arca.test:443"), 405).await;
        check(&mut client, page().header("host", "grace.arca.test"), 400).await;
        let nobody = Request::get("https://nobody.arca.test/").header("accept", "text/html");
        let nobody = check(&mut client, nobody, 404).await;
        assert!(text(nobody).await.unwrap().contains("There is no workspace here"));
        let info = check(&mut client, of(&edge, "ada", "/auth/session"), 200).await;
        assert!(text(info).await.unwrap().contains("\"signed_in\":true"));
        let head = check(&mut client, of(&edge, "ada", "/").method("HEAD"), 200).await;
        assert_eq!(head.headers()["content-length"], "5");
        assert_eq!(text(head).await.unwrap(), "");
        let crumbs = (0..10).fold(page(), |page, crumb| {
            page.header("cookie", format!("c{crumb}={}", "x".repeat(4_000)))
        });
        let overlong = check(&mut client, crumbs, 431).await;
        assert!(text(overlong).await.unwrap().contains("ookies"));
        let malformed = "arca_edge_malformed_requests_total{reason=\"target\"}";
        assert_eq!(edge.edge.metric(malformed), Some(1.0));
    });
}

/// Takes a chunked body and answers how long it was.
fn measuring() -> SocketAddr {
    sprite(|mut tcp, head| {
        let mut content = Vec::new();
        if head.contains("transfer-encoding: chunked") {
            while !content.ends_with(b"\r\n0\r\n\r\n") && content != b"0\r\n\r\n" {
                let mut space = [0; 16 * 1024];
                match tcp.read(&mut space) {
                    Ok(count @ 1..) => content.extend_from_slice(&space[..count]),
                    _ => return,
                }
            }
        }
        let length = content.iter().filter(|byte| **byte == b'x').count().to_string();
        let _ = write!(
            tcp,
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{length}",
            length.len()
        );
    })
}

#[test]
fn a_body_of_unknown_length_is_streamed_and_bounded() {
    let edge = start_with("body_max_bytes = 2000000");
    edge.edge.put("ada", measuring());
    run(async {
        let mut client = Client::connect(&edge).await;
        let post = || of(&edge, "ada", "/").method("POST").body(()).unwrap();
        for (pieces, expected) in [(30, "983040"), (0, "0")] {
            let (response, mut body) = client.send(post(), false).await;
            for _ in 0..pieces {
                body.reserve_capacity(32 * 1024);
                while body.capacity() < 32 * 1024 {
                    std::future::poll_fn(|context| body.poll_capacity(context)).await;
                }
                body.send_data(Bytes::from(vec![b'x'; 32 * 1024]), false).unwrap();
            }
            body.send_data(Bytes::new(), true).unwrap();
            assert_eq!(text(response.await.unwrap()).await.unwrap(), expected);
        }
        let (response, mut body) = client.send(post(), false).await;
        for _ in 0..100 {
            if body.send_data(Bytes::from(vec![b'x'; 32 * 1024]), false).is_err() {
                break;
            }
        }
        assert_eq!(response.await.unwrap().status(), 413);
        // The connection is none the worse for it.
        assert_eq!(client.get(of(&edge, "ada", "/")).await.unwrap().status(), 200);
    });
}

#[test]
fn a_client_that_takes_nothing_stops_the_sprite_and_loses_its_stream_alone() {
    let edge = start_with("write_timeout_seconds = 2");
    let (written, amounts) = channel();
    let endless = sprite(move |mut tcp, _| {
        tcp.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        let mut amount = 0_usize;
        while tcp.write_all(&[b'x'; 16 * 1024]).is_ok() {
            amount += 16 * 1024;
        }
        let _ = written.send(amount);
    });
    edge.edge.put("ada", endless);
    edge.edge.put("grace", echo());
    run(async {
        let mut client = Client::connect(&edge).await;
        let response = client.get(of(&edge, "ada", "/")).await.unwrap();
        let amount = amounts.recv_timeout(DEADLINE).unwrap();
        assert!(amount < 64 << 20, "{amount} bytes went nowhere");
        assert_eq!(client.get(of(&edge, "grace", "/")).await.unwrap().status(), 200);
        let error = text(response).await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::CANCEL));
        assert_eq!(client.get(of(&edge, "grace", "/")).await.unwrap().status(), 200);
    });
}

/// Opens a WebSocket by the key that it is given, and sends back what comes.
fn echo_of_any_key() -> SocketAddr {
    sprite(|mut tcp, head| {
        let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: "));
        let text = format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key.unwrap());
        let hash = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        let accept = base64::engine::general_purpose::STANDARD.encode(hash);
        let _ = write!(
            tcp,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        let mut space = [0; 4096];
        while let Ok(count @ 1..) = tcp.read(&mut space) {
            if tcp.write_all(&space[..count]).is_err() {
                return;
            }
        }
    })
}

#[test]
fn a_websocket_goes_through_a_stream_and_is_cut_with_it() {
    let edge = start();
    edge.edge.put("ada", echo_of_any_key());
    run(async {
        let mut client = Client::connect(&edge).await;
        let socket = |origin: &str| {
            of(&edge, "ada", "/ws")
                .method("CONNECT")
                .header("origin", origin)
                .header("sec-websocket-version", "13")
                .extension(Protocol::from_static("websocket"))
                .body(())
                .unwrap()
        };
        let mut ready = client.send.clone().ready().await.unwrap();
        while !ready.is_extended_connect_protocol_enabled() {
            // The server's settings are on their way.
            tokio::task::yield_now().await;
            ready = ready.ready().await.unwrap();
        }
        let (foreign, _) = client.send(socket("https://evil.test"), false).await;
        assert_eq!(foreign.await.unwrap().status(), 403);
        let (response, mut out) = client.send(socket("http://ada.arca.test"), false).await;
        let response = response.await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(!response.headers().contains_key("sec-websocket-accept"));
        let mut body = response.into_body();
        let frame: &[u8] = b"\x81\x85\0\0\0\0hello";
        out.send_data(Bytes::from_static(frame), false).unwrap();
        let mut echoed = Vec::new();
        while echoed.len() < frame.len() {
            echoed.extend_from_slice(&body.data().await.unwrap().unwrap());
        }
        assert_eq!(echoed, frame);
        edge.edge.remove("ada");
        let close = timeout(DEADLINE, body.data()).await.unwrap().unwrap().unwrap();
        assert_eq!(&close[..4], &[0x88, 12, 0x0f, 0xa1], "code 4001");
        assert_eq!(client.get(Request::get("https://ada.arca.test/")).await.unwrap().status(), 404);
    });
}

#[test]
fn a_client_of_others_speaks_it() {
    let has_http2 = std::process::Command::new("curl")
        .arg("--version")
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("HTTP2"));
    if !has_http2 {
        // Most machines have one; the tests above need none.
        return;
    }
    let edge = start();
    edge.edge.change(&serde_json::json!([put("ada", measuring())]));
    let authority = edge.files.path().join("authority.pem");
    std::fs::write(&authority, edge.authority.pem()).unwrap();
    let cookie = edge.edge.cookie("ada", "k1", 3_600);
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new("curl")
            .args(["--silent", "--show-error", "--http2", "--max-time", "60", "--cacert"])
            .arg(&authority)
            .args(["--resolve", &format!("ada.arca.test:{}:127.0.0.1", edge.address.port())])
            .args(["--header", cookie.trim_end(), "--write-out", " %{http_version} %{http_code}"])
            .args(arguments)
            .arg(format!("https://ada.arca.test:{}/x", edge.address.port()))
            .output()
            .unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(run(&[]), "0 2 200");
    let body = edge.files.path().join("body");
    std::fs::write(&body, vec![b'x'; 300_000]).unwrap();
    let upload = format!("@{}", body.display());
    let chunked = ["--header", "content-length:", "--data-binary", upload.as_str()];
    assert_eq!(run(&chunked), "300000 2 200");
    assert!(run(&["--head"]).ends_with(" 2 200"));
}
