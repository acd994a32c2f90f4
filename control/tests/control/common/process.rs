//! Control as a process of its own, several of which share a database.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use reqwest::{Client, Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use shared::{Generation, KeyId, KeyRing};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use super::database::Database;
use super::edge::TestEdge;
use super::{ADMIN_KEY, PASSWORD, client, config_text};

/// What the processes of one installation have in common.
pub struct Installation {
    pub database: Database,
    pub keys: KeyRing,
    folder: TempDir,
}

/// Killed when it is dropped.
pub struct Process {
    pub site: SocketAddr,
    pub api: SocketAddr,
    child: Child,
    http: Client,
}

impl Installation {
    /// `None` where there is no PostgreSQL: only there may processes share a database.
    ///
    /// No sweep comes in the time of a test: what one process hears of another, it
    /// is told.
    pub async fn prepare(edges: &[&TestEdge], settings: &str) -> Option<Self> {
        Some(Self::on(Database::shareable().await?, edges, settings))
    }

    pub fn on(database: Database, edges: &[&TestEdge], settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ring = KeyRing::generate_toml(&KeyId::parse("k1").unwrap());
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("keys.toml"), &ring).unwrap();
        // The environment names the right one.
        let wrong = "sqlite:///nowhere/control.db";
        let tables = "[log]\nformat = 'text'\n[publish]\nsweep_seconds = 3600\n\
                      [tasks]\nsweep_seconds = 3600\n";
        let text = config_text(settings, wrong, &path("keys.toml"), tables, edges);
        std::fs::write(path("control.toml"), text).unwrap();
        Self { database, keys: KeyRing::from_toml(&ring).unwrap(), folder }
    }

    /// Of what all of them read the key ring.
    pub fn keys_file(&self) -> PathBuf {
        self.folder.path().join("keys.toml")
    }

    /// Changes the configuration, for whoever is started next.
    pub fn configure(&self, from: &str, to: &str) {
        let path = self.folder.path().join("control.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in\n{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    pub async fn start(&self) -> Process {
        self.start_by(Command::new(env!("CARGO_BIN_EXE_control"))).await
    }

    /// With what is in the database's folder on a disk of its own, as large as `kib`.
    ///
    /// Only the process sees that disk, in a mount namespace of its own, which needs no
    /// rights; see [`Self::on_disk`].
    pub async fn start_on_small_disk(&self, kib: u32) -> Process {
        let url = &self.database.url;
        let folder = Path::new(url.strip_prefix("sqlite://").unwrap()).parent().unwrap();
        let script = r#"kept=$(mktemp -d) && cp -a "$1/." "$kept" &&
            mount -t tmpfs -o "size=$0k" tmpfs "$1" && cp -a "$kept/." "$1" && rm -r "$kept" &&
            shift && exec "$@""#;
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script]);
        command.arg(kib.to_string()).arg(folder).arg(env!("CARGO_BIN_EXE_control"));
        self.start_by(command).await
    }

    /// A file beside the database, from outside the process whose disk it is on.
    pub fn on_disk(&self, process: &Process, name: &str) -> PathBuf {
        let url = &self.database.url;
        let folder = Path::new(url.strip_prefix("sqlite:///").unwrap()).parent().unwrap();
        let root = format!("/proc/{}/root", process.child.id().unwrap());
        Path::new(&root).join(folder).join(name)
    }

    async fn start_by(&self, mut command: Command) -> Process {
        let mut child = command
            .arg("serve")
            .arg("--config")
            .arg(self.folder.path().join("control.toml"))
            .env("DATABASE_URL", &self.database.url)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let (site, api) = addresses(&mut log).await;
        // Whoever writes a log waits for its reader.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        Process { site, api, child, http: client() }
    }
}

impl Installation {
    /// What `control …` prints that asks `process`.
    pub async fn cli(&self, process: &Process, line: &str) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("control.toml")).unwrap();
        let api_listen = format!("api_listen = '{}'", process.api);
        let config = self.folder.path().join("client.toml");
        std::fs::write(&config, text.replace("api_listen = '127.0.0.1:0'", &api_listen)).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_control"))
            .args(line.split(' '))
            .env("ARCA_CONTROL_CONFIG", config)
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Process {
    /// As `kill -9` does; returns when it is gone.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    pub fn hang_up(&self) {
        let pid = Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, Signal::HUP).unwrap();
    }

    pub async fn api(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let url = format!("http://{}{path}", self.api);
        let mut request = self.http.request(method, url).bearer_auth(ADMIN_KEY);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        (status, response.json().await.unwrap())
    }

    /// What is asked without the key.
    pub async fn get(&self, path: &str) -> (StatusCode, String) {
        let response = self.http.get(format!("http://{}{path}", self.api)).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    pub async fn add_customer(&self, username: &str) {
        let body = json!({
            "username": username, "email": format!("{username}@mail.test"), "password": PASSWORD,
        });
        let (status, answer) = self.api(Method::POST, "/api/customers", Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    }

    /// Puts a route and returns the answer.
    pub async fn put_route(&self, username: &str) -> Value {
        self.put_route_with(username, "").await
    }

    /// Does not wait for any edge.
    pub async fn put_route_unheard(&self, username: &str) -> Value {
        self.put_route_with(username, "?wait=none").await
    }

    async fn put_route_with(&self, username: &str, query: &str) -> Value {
        let body = json!({ "upstream": format!("https://{username}-1.sprites.test") });
        let path = format!("/api/routes/{username}{query}");
        let (status, answer) = self.api(Method::PUT, &path, Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// The generation at which it knows its first edge to be in step.
    pub async fn in_step(&self) -> Option<Generation> {
        let (_, answer) = self.api(Method::GET, "/api/edges", None).await;
        let edge = &answer["edges"][0];
        edge["in_step"].as_bool()?.then(|| edge["generation"].as_u64().map(Generation))?
    }
}

/// Which ports it got, from the line that says so.
async fn addresses(log: &mut Lines<BufReader<ChildStderr>>) -> (SocketAddr, SocketAddr) {
    let mut said = String::new();
    while let Some(line) = log.next_line().await.unwrap() {
        if let Some((_, rest)) = line.split_once("serving the site on ") {
            let (site, api) = rest.split_once(", the operator's API on ").unwrap();
            return (site.parse().unwrap(), api.trim().parse().unwrap());
        }
        said = said + &line + "\n";
    }
    panic!("control ended before it served:\n{said}");
}
