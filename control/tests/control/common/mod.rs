//! A running control, edges that speak the private API, and a browser.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

pub mod authority;
pub mod browser;
pub mod database;
pub mod dns;
pub mod edge;
pub mod order;
pub mod postgres;
pub mod process;
pub mod tls;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use control::app::SharedApp;
use control::base::clock::{Clock, Moment};
use control::serve::Running;
use control::serve::config::Config;
use e2e::wait::ensure;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use shared::process::Document;
use shared::{KeyId, KeyRing};

use database::Database;
use edge::TestEdge;

pub const ADMIN_KEY: &str = "an-admin-key-for-tests";
pub const EDGE_TOKEN: &str = "an-edge-token-for-tests";
pub const PASSWORD: &str = "violet-kettle-orbit-97";
pub const SITE: &str = "http://arca.test:8080";

pub struct World {
    pub running: Option<Running>,
    pub keys: KeyRing,
    pub http: Client,
    config: Config,
    time: Arc<AtomicU64>,
    pub database: Database,
    folder: tempfile::TempDir,
}

impl World {
    /// Control with these edges, and its own clock.
    pub async fn start(edges: &[&TestEdge]) -> Self {
        Self::start_with(edges, "").await
    }

    /// `settings` stand at the top of its configuration.
    pub async fn start_with(edges: &[&TestEdge], settings: &str) -> Self {
        Self::start_with_sections(edges, settings, "").await
    }

    /// `sections` stand at its end.
    pub async fn start_with_sections(edges: &[&TestEdge], settings: &str, sections: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::fresh().await;
        let keys_file = folder.path().join("keys.toml");
        let ring = KeyRing::generate_toml(&KeyId::parse("k1").unwrap());
        std::fs::write(&keys_file, &ring).unwrap();
        let tables =
            format!("[publish]\nsweep_seconds = 1\n[tasks]\nsweep_seconds = 1\n{sections}");
        let text = config_text(settings, &database.url, &keys_file, &tables, edges);
        let document = Document::from_text(Path::new("control.toml"), text.clone());
        let config = Config::from_document(&document, None).unwrap();
        let time = Arc::new(AtomicU64::new(1_800_000_000_000));
        let running = Running::start(&config, clock(&time)).await.unwrap();
        // For the command line, which must know the port.
        let api_listen = format!("api_listen = '{}'", running.api);
        let text = text.replace("api_listen = '127.0.0.1:0'", &api_listen);
        std::fs::write(folder.path().join("control.toml"), text).unwrap();
        Self {
            running: Some(running),
            keys: KeyRing::from_toml(&ring).unwrap(),
            http: client(),
            config,
            time,
            database,
            folder,
        }
    }

    /// As one does with a new release: the same database, other ports.
    pub async fn restart(&mut self) {
        self.running.take().unwrap().stop().await;
        self.running = Some(Running::start(&self.config, clock(&self.time)).await.unwrap());
    }

    /// A further process on the same database.
    pub async fn beside(&self) -> Running {
        Running::start(&self.config, clock(&self.time)).await.unwrap()
    }

    pub async fn stop(&mut self) {
        self.running.take().unwrap().stop().await;
    }

    /// After [`Self::stop`].
    pub async fn start_again(&mut self) {
        self.running = Some(Running::start(&self.config, clock(&self.time)).await.unwrap());
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Time passes once no task is worked at. An answer that was given before must not
    /// be noted after: who is told to wait a minute would wait from the wrong one.
    pub async fn let_pass(&self, time: Duration) {
        let running = async || {
            let (_, tasks) = self.api(Method::GET, "/api/tasks?state=running", None).await;
            tasks["items"].as_array().map(Vec::len)
        };
        wait_until("no task is worked at", Some(0), running).await;
        self.turn_clock(time);
    }

    /// Time passes over whatever is under way, such as the lease of a worker that is gone.
    pub fn turn_clock(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.time.fetch_add(millis, Ordering::SeqCst);
    }

    pub fn set_seconds(&self, seconds: u64) {
        self.time.store(seconds * 1_000, Ordering::SeqCst);
    }

    pub fn now_seconds(&self) -> u64 {
        self.time.load(Ordering::SeqCst) / 1_000
    }

    /// What the running program shares, for what has no address to call.
    pub fn app(&self) -> &SharedApp {
        &self.running.as_ref().unwrap().app
    }

    pub fn now(&self) -> Moment {
        Moment::from_millis(self.time.load(Ordering::SeqCst))
    }

    pub fn site_address(&self) -> std::net::SocketAddr {
        self.running.as_ref().unwrap().site
    }

    /// Calls the operator's API.
    pub async fn api(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let url = format!("http://{}{path}", self.running.as_ref().unwrap().api);
        let mut request = self.http.request(method, url).bearer_auth(ADMIN_KEY);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    /// What `control …` prints.
    pub async fn cli(&self, line: &str) -> String {
        let (code, said, complaint) = self.cli_ended(line).await;
        assert_eq!(code, Some(0), "{line}: {complaint}");
        said
    }

    /// How `control …` ends: its exit code, standard output and standard error.
    pub async fn cli_ended(&self, line: &str) -> (Option<i32>, String, String) {
        let output = self.cli_command(line).output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// How `control …` ends, whose output nobody reads: its exit code and standard error.
    pub async fn cli_unread(&self, line: &str) -> (Option<i32>, String) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = self.cli_command(line);
        command.stdout(writer).stderr(std::process::Stdio::piped()).kill_on_drop(true);
        let child = command.spawn().unwrap();
        let ended =
            tokio::time::timeout(std::time::Duration::from_secs(60), child.wait_with_output());
        let output = ended.await.unwrap_or_else(|_| panic!("{line} goes on")).unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// Of `control …`, which is not started yet.
    pub fn cli_command(&self, line: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_control"));
        command
            .args(line.split(' '))
            .env("ARCA_CONTROL_CONFIG", self.path("control.toml"))
            .stdin(std::process::Stdio::null());
        command
    }

    pub async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.running.as_ref().unwrap().api);
        self.http.get(url).send().await.unwrap().text().await.unwrap()
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
        let body = json!({ "upstream": format!("https://{username}-1.sprites.test") });
        let path = format!("/api/routes/{username}");
        let (status, answer) = self.api(Method::PUT, &path, Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }
}

/// `settings` stand at the top, `tables` after everything that is in none.
fn config_text(
    settings: &str,
    database_url: &str,
    keys_file: &Path,
    tables: &str,
    edges: &[&TestEdge],
) -> String {
    let mut text = format!(
        "{settings}\nbase_domain = 'arca.test'\nsite_url = '{SITE}'\n\
         site_listen = '127.0.0.1:0'\napi_listen = '127.0.0.1:0'\n\
         database_url = '{database_url}'\nkeys_file = '{}'\nadmin_key = '{ADMIN_KEY}'\n\
         [upstream]\nallow_http = ['127.0.0.0/8']\n{tables}",
        keys_file.display(),
    );
    for edge in edges {
        text.push_str(&format!(
            "[[edges]]\nname = '{}'\nurl = 'http://{}'\ntoken = '{EDGE_TOKEN}'\n\
             visitors = 'http://{}'\n",
            edge.name, edge.address, edge.address
        ));
    }
    text
}

pub fn client() -> Client {
    e2e::http::client().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

fn clock(time: &Arc<AtomicU64>) -> Clock {
    let time = Arc::clone(time);
    Arc::new(move || Moment::from_millis(time.load(Ordering::SeqCst)))
}

/// Asks until `seen` gives what is expected.
///
/// # Panics
/// After [`e2e::wait::DEADLINE`], with what it saw last.
pub async fn wait_until<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: T,
    seen: impl AsyncFn() -> T,
) {
    let look = async || {
        let now = seen().await;
        ensure(now == expected, format!("{now:?} instead of {expected:?}"))
    };
    e2e::wait_until(what, look).await.unwrap_or_else(|error| panic!("{error}"));
}
