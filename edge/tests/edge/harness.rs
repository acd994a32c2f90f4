//! A running edge with a folder of its own, and sprites that do what a test says.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::{Value, json};
use shared::{KeyRing, Session, SessionId, SessionKeys};
use tempfile::TempDir;

/// Far beyond what anything here takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

const TOKEN: &str = "a token of enough letters";

pub(crate) struct TestEdge {
    pub(crate) folder: TempDir,
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
    process: Option<Child>,
    /// Those that came before it.
    former: Vec<Child>,
    controls: Vec<SocketAddr>,
    /// By which its private API is believed, where that speaks TLS.
    private: Option<Arc<ClientConfig>>,
}

impl TestEdge {
    pub(crate) fn start() -> Self {
        Self::with("", "")
    }

    /// `limits` are lines of the table of that name, `more` lines of the top level.
    pub(crate) fn with(limits: &str, more: &str) -> Self {
        Self::limited(limits, more, "")
    }

    /// `upstream` are lines of the table of that name.
    pub(crate) fn with_upstream(upstream: &str) -> Self {
        // What belongs to the top level stands above; the rest of the table follows.
        Self::with("", &format!("[upstream]\n{upstream}\n"))
    }

    /// Whose site is answered by `controls`.
    pub(crate) fn with_controls(controls: &[SocketAddr], upstream: &str) -> Self {
        let mut edge = Self::unstarted();
        edge.controls = controls.to_vec();
        edge.configure("", &format!("[upstream]\n{upstream}\n"));
        edge.process = Some(edge.spawn("", &[]));
        edge.wait_until_ready();
        edge
    }

    /// Which tells `collector` of its spans.
    pub(crate) fn with_otlp(collector: SocketAddr) -> Self {
        Self::with("", &format!("[otlp]\nendpoint = \"http://{collector}\"\n"))
    }

    /// With a private API that speaks TLS, as 127.0.0.1.
    pub(crate) fn with_private_tls(more: &str, client: Arc<ClientConfig>) -> Self {
        let mut edge = Self::unstarted();
        edge.private = Some(client);
        edge.configure("", more);
        edge.process = Some(edge.spawn("", &[]));
        edge.wait_until_ready();
        edge
    }

    fn unstarted() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (public, admin) = (free_address(), free_address());
        let (former, controls) = (Vec::new(), vec![([127, 0, 0, 1], 9).into()]);
        let edge = Self { folder, public, admin, process: None, former, controls, private: None };
        edge.write_ring(&["k1"]);
        edge
    }

    /// `shell` is run in the shell that then becomes the edge, as in `ulimit -n 100;`.
    pub(crate) fn limited(limits: &str, more: &str, shell: &str) -> Self {
        let mut edge = Self::unstarted();
        edge.configure(limits, more);
        edge.process = Some(edge.spawn(shell, &[]));
        edge.wait_until_ready();
        edge
    }

    pub(crate) fn configure(&self, limits: &str, more: &str) {
        let Self { public, admin, controls, .. } = self;
        let controls: Vec<String> = controls.iter().map(|at| format!("http://{at}")).collect();
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let upstream = if more.starts_with("[upstream]") { "" } else { "[upstream]\n" };
        let text = format!(
            "base_domain = \"arca.test\"\nsite_url = \"http://arca.test\"\nlisten = [\"{public}\"]\n\
             admin_listen = \"{admin}\"\nadmin_token = \"{TOKEN}\"\n\
             site_upstream = {controls:?}\nkeys_file = \"{}\"\nstore = \"{}\"\n\
             threads = 2\n{more}\n{upstream}\
             allow_http = [\"127.0.0.0/8\"]\nallow_addresses = [\"127.0.0.0/8\"]\n\
             [limits]\n{limits}\n[log]\nformat = \"text\"\naccess = \"{}\"\n",
            path("keys.toml"),
            path("routes.redb"),
            path("access.log"),
        );
        std::fs::write(self.config(), text).unwrap();
    }

    /// Every key of the ring is made from its name; the first signs.
    pub(crate) fn write_ring(&self, ids: &[&str]) {
        std::fs::write(self.folder.path().join("keys.toml"), ring_text(ids)).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("edge.toml")
    }

    /// A further process with the same configuration.
    pub(crate) fn spawn(&self, shell: &str, arguments: &[&str]) -> Child {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("edge.log"))
            .unwrap();
        Command::new("sh")
            .args(["-c", &format!("{shell} exec \"$@\""), "sh", env!("CARGO_BIN_EXE_edge")])
            .arg("--config")
            .arg(self.config())
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("edge.log")).unwrap_or_default()
    }

    pub(crate) fn wait_until_ready(&self) {
        wait_until("the edge answers", || self.ask("GET", "/healthz", "").ok().map(|_| ()));
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let killed = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(killed.success(), "{name}");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Starts the next process beside this one; signals reach that one from here on.
    pub(crate) fn succeed(&mut self, arguments: &[&str]) {
        let next = self.spawn("", arguments);
        self.former.extend(self.process.replace(next));
    }

    pub(crate) fn former_has_ended(&mut self) -> bool {
        self.former.iter_mut().all(|process| process.try_wait().unwrap().is_some())
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_none_or(|process| process.try_wait().unwrap().is_some())
    }

    /// One call of the private API on a connection of its own.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> std::io::Result<(u16, String)> {
        let tcp = TcpStream::connect(self.admin)?;
        tcp.set_read_timeout(Some(DEADLINE))?;
        match &self.private {
            None => ask(tcp, method, path, body),
            Some(client) => {
                let name = ServerName::try_from("127.0.0.1").unwrap();
                let connection = ClientConnection::new(Arc::clone(client), name).unwrap();
                ask(StreamOwned::new(connection, tcp), method, path, body)
            }
        }
    }

    /// Brings the table one generation on.
    pub(crate) fn change(&self, changes: &Value) -> Value {
        let (_, state) = self.ask("GET", "/v1/generation", "").unwrap();
        let state: Value = serde_json::from_str(&state).unwrap();
        let base = state["generation"].as_u64().unwrap();
        let body = json!({ "base": base, "generation": base + 1, "changes": changes });
        let (status, answer) = self.ask("POST", "/v1/changes", &body.to_string()).unwrap();
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str(&answer).unwrap()
    }

    pub(crate) fn put(&self, name: &str, sprite: SocketAddr) {
        self.change(&json!([put(name, sprite)]));
    }

    pub(crate) fn remove(&self, name: &str) -> Value {
        self.change(&json!([{ "remove": name }]))
    }

    /// The `Cookie` line of a session that was signed with `key` and ends in `seconds`.
    pub(crate) fn cookie(&self, name: &str, key: &str, seconds: u64) -> String {
        let now = shared::process::time::unix_seconds();
        let session = Session {
            username: name.parse().unwrap(),
            id: SessionId::random(),
            issued: now,
            expires: now + seconds,
            epoch: 1,
        };
        let ring = KeyRing::from_toml(&ring_text(&[key])).unwrap();
        format!("Cookie: __Host-arca_session={}\r\n", SessionKeys::new(&ring).sign(&session))
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let tcp = TcpStream::connect(self.public).unwrap();
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        tcp
    }

    /// A request as `name`, who is signed in for an hour; the answer is still to be read.
    pub(crate) fn get(&self, name: &str, path: &str) -> TcpStream {
        let mut tcp = self.connect();
        let cookie = self.cookie(name, "k1", 3_600);
        write!(tcp, "GET {path} HTTP/1.1\r\nHost: {name}.arca.test\r\n{cookie}\r\n").unwrap();
        tcp
    }

    /// An open WebSocket of `name`, with the cookie line `cookie`.
    pub(crate) fn socket(&self, name: &str, cookie: &str) -> TcpStream {
        let mut tcp = self.connect();
        write!(
            tcp,
            "GET /ws HTTP/1.1\r\nHost: {name}.arca.test\r\nOrigin: http://{name}.arca.test\r\n\
             {cookie}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .unwrap();
        let head = read_head(&mut tcp);
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        tcp
    }

    pub(crate) fn access_log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default()
    }

    /// What `/metrics` says of one series, if somebody answers.
    pub(crate) fn metric(&self, series: &str) -> Option<f64> {
        let (_, text) = self.ask("GET", "/metrics", "").ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        value.parse().ok()
    }
}

impl Drop for TestEdge {
    fn drop(&mut self) {
        for mut process in self.process.take().into_iter().chain(self.former.drain(..)) {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
        // What a signal has started is no child of ours; only the log names it.
        for line in self.log().lines().filter(|line| line.contains("a successor was started")) {
            let process = line.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            let _ =
                Command::new("kill").args(["-s", "KILL", process]).stderr(Stdio::null()).status();
        }
        if thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

fn ring_text(ids: &[&str]) -> String {
    let keys: String = ids
        .iter()
        .map(|id| {
            let byte = id.bytes().fold(0_u8, u8::wrapping_add);
            format!("{id} = \"{}\"\n", format!("{byte:02x}").repeat(32))
        })
        .collect();
    format!("current = \"{}\"\n[keys]\n{keys}", ids[0])
}

pub(crate) fn put(name: &str, sprite: SocketAddr) -> Value {
    json!({ "put": {
        "username": name, "upstream": format!("http://{sprite}"), "sprite": format!("sprite-{name}"),
        "assignment": 1, "state": "live", "epoch": 1,
    } })
}

/// One call over `stream`, which ends with it.
fn ask(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<(u16, String)> {
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {TOKEN}\r\n\
         connection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status.unwrap_or_default(), body.to_owned()))
}

pub(crate) fn free_address() -> SocketAddr {
    e2e::Port::until_exit().unwrap()
}

/// Answers each connection on a thread of its own with `serve`, which is given
/// the connection and the head of its first request.
pub(crate) fn sprite(serve: impl Fn(TcpStream, String) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = std::sync::Arc::new(serve);
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let Ok(mut tcp) = tcp else { return };
            let serve = std::sync::Arc::clone(&serve);
            thread::spawn(move || {
                let head = read_head(&mut tcp);
                if !head.is_empty() {
                    serve(tcp, head);
                }
            });
        }
    });
    address
}

/// Opens WebSockets and sends back what comes; answers other requests with `hello`.
pub(crate) fn echo() -> SocketAddr {
    sprite(|mut tcp, head| {
        if !head.starts_with("GET /ws ") {
            let mut head = head;
            while !head.is_empty() {
                if tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").is_err() {
                    return;
                }
                head = read_head(&mut tcp);
            }
            return;
        }
        upgrade(&mut tcp);
        let mut space = [0; 4096];
        while let Ok(count @ 1..) = tcp.read(&mut space) {
            if tcp.write_all(&space[..count]).is_err() {
                return;
            }
        }
    })
}

/// The 101 to the key that every test here sends.
pub(crate) fn upgrade(tcp: &mut TcpStream) {
    let _ = tcp.write_all(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
}

/// A head with its empty line; what there was of one when the connection ended.
pub(crate) fn read_head(tcp: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match tcp.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Everything up to the end; the end is `Ok` when it was said, and an error for a reset.
pub(crate) fn read_to_end(tcp: &mut TcpStream) -> (Vec<u8>, std::io::Result<()>) {
    let mut bytes = Vec::new();
    let mut space = [0; 64 * 1024];
    loop {
        match tcp.read(&mut space) {
            Ok(0) => return (bytes, Ok(())),
            Ok(count) => bytes.extend_from_slice(&space[..count]),
            Err(error) => return (bytes, Err(error)),
        }
    }
}

pub(crate) fn is_reset(end: &std::io::Result<()>) -> bool {
    end.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
}

pub(crate) fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
