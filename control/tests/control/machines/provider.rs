//! The Sprites provider, as a program with real machines.

use std::process::Stdio;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::common;

pub(crate) const TOKEN: &str = "sim/1/2/secret-of-the-provider";

/// Where the machines find our programs.
pub(crate) const PROGRAMS: &str = "/opt/arcamatrix";

/// As what a file is sent, which may be of any size.
const FILE: &str = "application/octet-stream";

/// Its processes end with it.
pub(crate) struct Provider {
    pub(crate) url: String,
    http: Client,
    _child: Child,
    state: TempDir,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        Self::start_with(&["--creations", "1000"]).await
    }

    /// As quick as it can be, but for `arguments`.
    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        let state = tempfile::tempdir().unwrap();
        let program = e2e::binaries::program("fake-sprites").unwrap();
        let shared = e2e::binaries::shared_with_machines(PROGRAMS).unwrap();
        let mut child = Command::new(&program)
            .args(["--port", "0", "--token", TOKEN, "--create", "0", "--exec", "0"])
            .args(["--wake-cold", "0", "--wake-warm", "0", "--close-delay", "0"])
            .args(["--url-patience", "1s"])
            .args(arguments)
            .arg("--state")
            .arg(state.path())
            .args(shared.iter().flat_map(|share| ["--share", share]))
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = loop {
            let line = log.next_line().await.unwrap().expect("it opened no port");
            if let Some((_, url)) = line.split_once("listening on ") {
                break url.trim().to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        Self { url, http: common::client(), _child: child, state }
    }

    pub(crate) async fn sprites(&self) -> Vec<Value> {
        let seen = self.admin(Method::GET, "/_fake/sprites", None).await;
        seen["sprites"].as_array().unwrap().clone()
    }

    pub(crate) async fn names(&self) -> Vec<String> {
        let sprites = self.sprites().await;
        sprites.iter().map(|sprite| sprite["name"].as_str().unwrap().to_owned()).collect()
    }

    /// `{"broken": true}`, `{"wedged": true}`, ….
    pub(crate) async fn set_trouble(&self, name: &str, trouble: Value) {
        self.admin(Method::PUT, &format!("/_fake/sprites/{name}/trouble"), Some(trouble)).await;
    }

    /// It loses its memory: the next call boots it.
    pub(crate) async fn sleep(&self, name: &str) {
        let cold = Some(json!({ "to": "cold" }));
        self.admin(Method::POST, &format!("/_fake/sprites/{name}/sleep"), cold).await;
    }

    /// Its processes stand still, whatever holds it awake.
    pub(crate) async fn freeze(&self, name: &str) {
        let warm = Some(json!({ "to": "warm" }));
        self.admin(Method::POST, &format!("/_fake/sprites/{name}/sleep"), warm).await;
    }

    /// `times` calls that fit are struck.
    pub(crate) async fn arm(&self, method: &str, path: &str, times: u32, fault: &str) {
        let rule = json!({
            "match": { "method": method, "path": path }, "times": times, "fault": fault,
        });
        self.admin(Method::POST, "/_fake/faults", Some(rule)).await;
    }

    /// Its one service is stopped, as by somebody with a shell.
    pub(crate) async fn stop_service(&self, name: &str) {
        let path = format!("{}/v1/sprites/{name}/services/agent/stop", self.url);
        let stopped = self.http.post(path).bearer_auth(TOKEN).send().await.unwrap();
        assert!(stopped.status().is_success(), "{}", stopped.status());
        // Its answer ends when it has stopped.
        stopped.bytes().await.unwrap();
    }

    pub(crate) async fn disarm_all(&self) {
        self.admin(Method::DELETE, "/_fake/faults", None).await;
    }

    /// How many calls were struck by any fault.
    pub(crate) async fn struck(&self) -> u64 {
        let faults = self.admin(Method::GET, "/_fake/faults", None).await;
        let rules = faults.as_array().or_else(|| faults["faults"].as_array()).unwrap();
        rules.iter().map(|rule| rule["struck"].as_u64().unwrap()).sum()
    }

    /// `running`, or what its one service does instead.
    pub(crate) async fn service_status(&self, name: &str) -> String {
        let path = format!("/v1/sprites/{name}/services/agent");
        let service = self.admin(Method::GET, &path, None).await;
        service["state"]["status"].as_str().unwrap_or_default().to_owned()
    }

    /// What a file in a machine holds.
    pub(crate) async fn read(&self, name: &str, path: &str) -> String {
        let url = format!("{}/v1/sprites/{name}/fs/read?path={path}&workingDir=/", self.url);
        let response = self.http.get(url).bearer_auth(TOKEN).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.text().await.unwrap()
    }

    pub(crate) async fn write(&self, name: &str, path: &str, content: Vec<u8>) {
        let query = format!("path={path}&workingDir=/&mkdirParents=true");
        let url = format!("{}/v1/sprites/{name}/fs/write?{query}", self.url);
        let file = self.http.put(url).bearer_auth(TOKEN).header(CONTENT_TYPE, FILE);
        let response = file.body(content).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
    }

    /// Where the disks of all machines are.
    pub(crate) fn state(&self) -> &std::path::Path {
        self.state.path()
    }

    /// All that it knows of a machine's services.
    pub(crate) async fn services(&self, name: &str) -> String {
        self.admin(Method::GET, &format!("/v1/sprites/{name}/services"), None).await.to_string()
    }

    /// The comments of a machine's checkpoints.
    pub(crate) async fn checkpoints(&self, name: &str) -> Vec<String> {
        let path = format!("/v1/sprites/{name}/checkpoints");
        let all = self.admin(Method::GET, &path, None).await;
        let comments = all.as_array().unwrap().iter().filter_map(|row| row["comment"].as_str());
        comments.map(str::to_owned).collect()
    }

    /// As somebody with a shell in the organisation would.
    pub(crate) async fn create(&self, name: &str, labels: &[String]) {
        let body = json!({ "name": name, "labels": labels, "url_settings": { "auth": "public" } });
        self.admin(Method::POST, "/v1/sprites", Some(body)).await;
    }

    pub(crate) async fn delete(&self, name: &str) {
        self.admin(Method::DELETE, &format!("/v1/sprites/{name}"), None).await;
    }

    async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = &body {
            request = request.json(body);
        }
        let response = request.bearer_auth(TOKEN).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap_or_default()
    }
}
