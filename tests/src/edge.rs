//! An edge as a process, and its private API.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use shared::PublicSite;
use shared::wire::{ChangesRequest, GenerationState};

use crate::control::{Answer, answer, client};
use crate::secrets_file::{SecretsFile, write_private};
use crate::{BASE_DOMAIN, Port, Program, binaries, census};

/// A running edge, or one that can be started.
pub struct Edge {
    pub program: Program,
    folder: PathBuf,
    public: Port,
    admin: Port,
    token: String,
    client: reqwest::Client,
}

impl Edge {
    /// Chooses ports and a token; nothing runs and no file is written yet.
    ///
    /// # Errors
    /// When there is no port, no secret or no program to be had.
    pub fn prepare(
        world: &Path,
        name: &str,
        public: Port,
        secrets: &mut SecretsFile,
    ) -> anyhow::Result<Self> {
        let folder = world.join(name);
        std::fs::create_dir_all(&folder)?;
        let program = Program::new(name, binaries::program("edge")?, folder.join("edge.log"))
            .argument("--config")
            .argument(folder.join("edge.toml"))
            .environment(census::MARK, world);
        Ok(Self {
            program,
            public,
            admin: Port::claim()?,
            token: secrets.secret(&format!("{name}/admin_token"))?,
            client: client(),
            folder,
        })
    }

    /// Writes `edge.toml`; `limits` are further lines of its table of that name.
    ///
    /// # Errors
    /// Names the file.
    pub fn configure(
        &self,
        keys: &Path,
        public: &PublicSite,
        sites: &[SocketAddr],
        limits: &str,
    ) -> anyhow::Result<()> {
        let site_url = public.site_url();
        let sites: Vec<String> = sites.iter().map(|site| format!("http://{site}")).collect();
        // A former release knows one.
        let sites = match &*sites {
            [only] => format!("{only:?}"),
            several => format!("{several:?}"),
        };
        let text = format!(
            "base_domain = \"{BASE_DOMAIN}\"\n\
             site_url = \"{site_url}\"\n\
             listen = [\"{}\"]\n\
             admin_listen = \"{}\"\n\
             admin_token = \"{}\"\n\
             site_upstream = {sites}\n\
             keys_file = \"{}\"\n\
             store = \"{}\"\n\
             threads = 2\n\
             # Open chats would hold a stop up for ten seconds.\n\
             grace_seconds = 1\n\n\
             [upstream]\n\
             allow_http = [\"127.0.0.0/8\"]\n\
             allow_addresses = [\"127.0.0.0/8\"]\n\n\
             # All visitors of a world have one address.\n\
             [limits]\n\
             connections_per_address = 100000\n\
             requests_per_second_per_address = 100000\n\
             requests_per_second_per_workspace = 100000\n{limits}\n\
             [log]\n\
             format = \"json\"\n\
             access = \"{}\"\n",
            self.address(),
            self.admin(),
            self.token,
            keys.display(),
            self.store().display(),
            self.folder.join("access.log").display(),
        );
        write_private(&self.folder.join("edge.toml"), text.as_bytes())
    }

    /// Where visitors reach it.
    pub fn address(&self) -> SocketAddr {
        self.public.address()
    }

    pub fn admin(&self) -> SocketAddr {
        self.admin.address()
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// The durable route store.
    pub fn store(&self) -> PathBuf {
        self.folder.join("routes.redb")
    }

    pub(crate) fn ports(&self) -> [&Port; 2] {
        [&self.public, &self.admin]
    }

    /// # Errors
    /// When it does not serve a table yet; says why.
    pub async fn ensure_ready(&self) -> anyhow::Result<()> {
        self.program.ensure_running()?;
        let answer = self.call(Method::GET, "/readyz", Vec::new()).await?;
        if answer.status != StatusCode::OK {
            bail!("{} is not ready: {answer:?}", self.program.name());
        }
        Ok(())
    }

    /// One call of the private API with any bytes as its body.
    ///
    /// # Errors
    /// When the edge cannot be reached.
    pub async fn call(&self, method: Method, path: &str, body: Vec<u8>) -> anyhow::Result<Answer> {
        let url = format!("http://{}{path}", self.admin());
        let request = self.client.request(method.clone(), &url).bearer_auth(&self.token);
        let request = match body.is_empty() {
            true => request,
            false => request.header("content-type", "application/json").body(body),
        };
        answer(request).await.with_context(|| format!("{method} {url}"))
    }

    /// What `/metrics` says of one series, as in `arca_edge_cut_total{kind="socket"}`.
    ///
    /// # Errors
    /// When there is no such series.
    pub async fn metric(&self, series: &str) -> anyhow::Result<u64> {
        let answer = self.call(Method::GET, "/metrics", Vec::new()).await?.success()?;
        let text = answer.as_str().context("metrics are text")?;
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.with_context(|| format!("there is no {series}"))?.parse().context("a whole number")
    }

    /// # Errors
    /// When the edge cannot be reached.
    pub async fn change(&self, changes: &ChangesRequest) -> anyhow::Result<Answer> {
        self.call(Method::POST, "/v1/changes", serde_json::to_vec(changes)?).await
    }

    /// # Errors
    /// When the edge cannot be reached or refuses.
    pub async fn generation(&self) -> anyhow::Result<GenerationState> {
        let body = self.call(Method::GET, "/v1/generation", Vec::new()).await?.success()?;
        Ok(serde_json::from_value(body)?)
    }

    /// The route served for `username`; `None` when there is none.
    ///
    /// # Errors
    /// When the edge cannot be reached or refuses.
    pub async fn route(&self, username: &str) -> anyhow::Result<Option<Value>> {
        let answer = self.call(Method::GET, &format!("/v1/routes/{username}"), Vec::new()).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            _ => answer.success().map(Some),
        }
    }
}
