//! The clients: one connection for each request, one for many, HTTP/2, WebSockets.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Request;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::client::TlsStream;

use super::{Crowd, Shared};
use crate::harness::DEADLINE;

/// Between two requests of one client: the machine is other tests' as well.
const PAUSE: Duration = Duration::from_millis(5);

const HOST: &str = "ada.arca.test";

type Tls = TlsStream<TcpStream>;

/// How one conversation has ended.
type Ended = Result<(), String>;

pub(super) fn run(shared: &Arc<Shared>, crowd: Crowd) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut clients = tokio::task::JoinSet::new();
        let Crowd { new, kept, http2, sockets } = crowd;
        for (count, kind) in
            [(new, Kind::New), (kept, Kind::Kept), (http2, Kind::Http2), (sockets, Kind::Socket)]
        {
            for _ in 0..count {
                clients.spawn(go_on(Arc::clone(shared), kind));
            }
        }
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
    });
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    New,
    Kept,
    Http2,
    Socket,
}

/// One conversation after the other.
async fn go_on(shared: Arc<Shared>, kind: Kind) {
    let mut refused_since = None;
    while !shared.is_over() {
        let config = if matches!(kind, Kind::Http2) { &shared.http2 } else { &shared.http1 };
        let stream = match timeout(DEADLINE, connect(&shared, config)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                shared.refused(*refused_since.get_or_insert_with(Instant::now));
                sleep(PAUSE).await;
                continue;
            }
            Ok(Err(error)) => {
                shared.failed("connection", &format!("{kind:?}: {error}"));
                continue;
            }
            Err(_) => {
                shared.failed("connection", &"not within the deadline");
                continue;
            }
        };
        if let Some(since) = refused_since.take() {
            shared.refused(since);
        }
        let ended = match kind {
            Kind::New => new(&shared, stream).await,
            Kind::Kept => kept(&shared, stream).await,
            Kind::Http2 => http2(&shared, stream).await,
            Kind::Socket => socket(&shared, stream).await,
        };
        match ended {
            Ok(()) => shared.count(|tally| tally.moved += u64::from(!matches!(kind, Kind::New))),
            Err(what) => shared.failed(&format!("{kind:?}"), &what),
        }
        sleep(PAUSE).await;
    }
}

async fn connect(shared: &Shared, config: &Arc<ClientConfig>) -> io::Result<Tls> {
    let tcp = TcpStream::connect(shared.address).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from(HOST).unwrap();
    tokio_rustls::TlsConnector::from(Arc::clone(config)).connect(name, tcp).await
}

async fn new(shared: &Shared, mut stream: Tls) -> Ended {
    ask(shared, &mut stream, "Connection: close\r\n").await?;
    shared.count(|tally| tally.new += 1);
    Ok(())
}

/// Until it is told that there is no further request.
async fn kept(shared: &Shared, mut stream: Tls) -> Ended {
    loop {
        let head = ask(shared, &mut stream, "").await?;
        shared.count(|tally| tally.kept += 1);
        if head.to_lowercase().contains("connection: close") || shared.is_over() {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
}

/// The head of an answer that is as it should be.
async fn ask(shared: &Shared, stream: &mut Tls, more: &str) -> Result<String, String> {
    let Shared { cookie, .. } = shared;
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{cookie}\r\n{more}\r\n");
    let answer = async {
        stream.write_all(request.as_bytes()).await?;
        let head = read_head(stream).await?;
        let mut body = [0; 5];
        stream.read_exact(&mut body).await?;
        io::Result::Ok((head, body))
    };
    match timeout(DEADLINE, answer).await {
        Ok(Ok((head, body))) if head.starts_with("HTTP/1.1 200") && &body == b"hello" => Ok(head),
        Ok(Ok((head, _))) => Err(head),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer within the deadline".into()),
    }
}

async fn read_head(stream: &mut Tls) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Until the edge asks it to go.
async fn http2(shared: &Shared, stream: Tls) -> Ended {
    let (send, frames) = h2::client::handshake(stream).await.map_err(|error| error.to_string())?;
    let frames = tokio::spawn(frames);
    let ended = http2_requests(shared, send).await;
    frames.abort();
    ended
}

async fn http2_requests(shared: &Shared, send: h2::client::SendRequest<Bytes>) -> Ended {
    let cookie = shared.cookie.trim_start_matches("Cookie: ").to_owned();
    loop {
        let Ok(mut ready) = send.clone().ready().await else { return Ok(()) };
        let request = Request::get(format!("https://{HOST}/")).header("cookie", &cookie);
        let Ok((response, _)) = ready.send_request(request.body(()).unwrap(), true) else {
            // It was told to go in between.
            return Ok(());
        };
        let answer = async {
            let response = response.await?;
            let status = response.status();
            let mut body = response.into_body();
            let mut bytes = Vec::new();
            while let Some(data) = body.data().await {
                bytes.extend_from_slice(&data?);
            }
            Ok::<_, h2::Error>((status, bytes))
        };
        match timeout(DEADLINE, answer).await {
            Ok(Ok((status, body))) if status == 200 && body == b"hello" => {
                shared.count(|tally| tally.http2 += 1);
            }
            Ok(Ok((status, body))) => return Err(format!("{status} {body:?}")),
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("no answer within the deadline".into()),
        }
        if shared.is_over() {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
}

/// Until it is told that the service restarts.
async fn socket(shared: &Shared, mut stream: Tls) -> Ended {
    let Shared { cookie, .. } = shared;
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {HOST}\r\nOrigin: http://{HOST}\r\n{cookie}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let opened = async {
        stream.write_all(request.as_bytes()).await?;
        read_head(&mut stream).await
    };
    match timeout(DEADLINE, opened).await {
        Ok(Ok(head)) if head.starts_with("HTTP/1.1 101") => {}
        Ok(Ok(head)) => return Err(head),
        Ok(Err(error)) => return Err(format!("opening: {error}")),
        Err(_) => return Err("not opened within the deadline".into()),
    }
    loop {
        // A masked frame without content, which comes back with its mask.
        let message = b"\x81\x80mask";
        let mut came = [0; 2];
        let echo = async {
            stream.write_all(message).await?;
            stream.read_exact(&mut came).await?;
            if came == message[..2] {
                let mut mask = [0; 4];
                stream.read_exact(&mut mask).await?;
            }
            io::Result::Ok(())
        };
        match timeout(DEADLINE, echo).await {
            Ok(Ok(())) if came[0] == 0x81 => shared.count(|tally| tally.echoes += 1),
            Ok(Ok(())) if came[0] == 0x88 => {
                let code = stream.read_u16().await.map_err(|error| error.to_string())?;
                return if code == 1012 { Ok(()) } else { Err(format!("closed: {code}")) };
            }
            Ok(Ok(())) => return Err(format!("an unknown frame: {came:?}")),
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("no echo within the deadline".into()),
        }
        if shared.is_over() {
            return Ok(());
        }
        sleep(PAUSE * 4).await;
    }
}
