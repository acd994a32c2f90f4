//! Control as a process, and its operator API.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::edge::Edge;
use crate::secrets_file::{SecretsFile, write_private};
use crate::{Port, Program, binaries, census};

/// A running control, or one that can be started.
pub struct Control {
    pub program: Program,
    folder: PathBuf,
    /// A file of its own without it.
    database_url: Option<String>,
    site: Port,
    api: Port,
    admin_key: String,
    client: reqwest::Client,
}

/// What an operator's call came back with.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Answer {
    /// The body of a success.
    ///
    /// # Errors
    /// With the whole answer, when it is none.
    pub fn success(self) -> anyhow::Result<Value> {
        if self.status.is_success() { Ok(self.body) } else { bail!("refused: {self:?}") }
    }
}

impl Control {
    /// Chooses ports and keys; nothing runs and no file is written yet.
    ///
    /// # Errors
    /// When there is no port, no secret or no program to be had.
    pub fn prepare(
        world: &Path,
        name: &str,
        database_url: Option<&str>,
        secrets: &mut SecretsFile,
    ) -> anyhow::Result<Self> {
        let folder = world.join(name);
        std::fs::create_dir_all(&folder)?;
        let program = Program::new(name, binaries::program("control")?, folder.join("control.log"))
            .argument("serve")
            .argument("--config")
            .argument(folder.join("control.toml"))
            .environment(census::MARK, world);
        Ok(Self {
            program,
            folder,
            database_url: database_url.map(str::to_owned),
            site: Port::claim()?,
            api: Port::claim()?,
            admin_key: secrets.secret(&format!("{name}/admin_key"))?,
            client: client(),
        })
    }

    /// Writes `control.toml`; `extra` goes in before the tables, `tables` after them.
    ///
    /// # Errors
    /// Names the file.
    pub fn configure(
        &self,
        keys: &Path,
        base: &str,
        site_url: &str,
        edges: &[Edge],
        extra: &str,
        tables: &str,
    ) -> anyhow::Result<()> {
        let own_file = || format!("sqlite://{}", self.folder.join("control.db").display());
        let mut config = toml::Table::new();
        let mut set = |key: &str, value: String| config.insert(key.to_owned(), value.into());
        set("base_domain", base.to_owned());
        set("site_url", site_url.to_owned());
        set("site_listen", self.site.address().to_string());
        set("api_listen", self.api.address().to_string());
        set("database_url", self.database_url.clone().unwrap_or_else(own_file));
        set("keys_file", keys.display().to_string());
        set("admin_key", self.admin_key.clone());
        let allow = "[upstream]\nallow_http = [\"127.0.0.0/8\"]\n";
        let mut text = format!("{}{extra}\n{allow}", toml::to_string(&config)?);
        for edge in edges {
            text += &format!(
                "\n[[edges]]\nname = \"{}\"\nurl = \"http://{}\"\ntoken = \"{}\"\n\
                 visitors = \"http://{}\"\n",
                edge.program.name(),
                edge.admin(),
                edge.token(),
                edge.address()
            );
        }
        text += tables;
        write_private(&self.folder.join("control.toml"), text.as_bytes())
    }

    pub fn site(&self) -> SocketAddr {
        self.site.address()
    }

    pub fn api(&self) -> SocketAddr {
        self.api.address()
    }

    pub fn admin_key(&self) -> &str {
        &self.admin_key
    }

    pub(crate) fn ports(&self) -> [&Port; 2] {
        [&self.site, &self.api]
    }

    /// # Errors
    /// When it is not ready; says why.
    pub async fn ensure_ready(&self) -> anyhow::Result<()> {
        self.program.ensure_running()?;
        let answer = self.call(Method::GET, "/readyz", None).await?;
        if answer.status != StatusCode::OK {
            bail!("{} is not ready: {answer:?}", self.program.name());
        }
        Ok(())
    }

    /// One call of the operator API; a body that is no JSON comes as a string.
    ///
    /// # Errors
    /// When control cannot be reached.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Answer> {
        let url = format!("http://{}{path}", self.api());
        let mut request = self.client.request(method.clone(), &url).bearer_auth(&self.admin_key);
        if let Some(body) = &body {
            request = request.json(body);
        }
        answer(request).await.with_context(|| format!("{method} {url}"))
    }

    /// Adds a customer; one who is there already stays as they are.
    ///
    /// # Errors
    /// When control refuses.
    pub async fn add_customer(&self, username: &str, password: &str) -> anyhow::Result<()> {
        let email = format!("{username}@example.test");
        let body = json!({"username": username, "email": email, "password": password});
        let answer = self.call(Method::POST, "/api/customers", Some(body)).await?;
        if !answer.status.is_success() && answer.status != StatusCode::CONFLICT {
            bail!("add the customer {username}: {answer:?}");
        }
        Ok(())
    }

    /// Publishes a route and waits for every edge; returns the answer's body.
    ///
    /// # Errors
    /// When control refuses.
    pub async fn put_route(
        &self,
        username: &str,
        upstream: SocketAddr,
        sprite: &str,
    ) -> anyhow::Result<Value> {
        let body = json!({"upstream": format!("http://{upstream}"), "sprite": sprite});
        let path = format!("/api/routes/{username}");
        self.call(Method::PUT, &path, Some(body)).await?.success()
    }

    /// # Errors
    /// When control refuses.
    pub async fn remove_route(&self, username: &str) -> anyhow::Result<Value> {
        self.call(Method::DELETE, &format!("/api/routes/{username}"), None).await?.success()
    }
}

pub(crate) fn client() -> reqwest::Client {
    crate::http::client()
        .no_proxy()
        // A pooled connection would not outlive the test that opened it.
        .pool_max_idle_per_host(0)
        .timeout(crate::wait::DEADLINE)
        .build()
        .expect("a client without TLS can be built")
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await?;
    let status = response.status();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(Answer { status, body })
}
