//! A sprite as local processes: a folder, the agent, and the gateway as its child.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use shared::{KeyRing, SpriteId, identity};

use crate::census::{self, Process};
use crate::openclaw::OpenClaw;
use crate::secrets_file::{SecretsFile, write_private};
use crate::{Chat, Opening, Port, Program, binaries};

/// Skills that the demo's customers have chosen.
const SKILLS: [&str; 4] = ["weather", "summarize", "visualize", "notion"];

/// The gateway's configuration; what depends on the sprite is filled in.
pub(crate) const GATEWAY_CONFIG: &str = include_str!("gateway.json");

/// What runs on the gateway's port.
#[derive(Debug, Clone, Default)]
pub enum Gateway {
    /// The scripted stand-in of `tests/fakes`.
    #[default]
    Fake,
    /// OpenClaw from npm, with a scripted model.
    Real(OpenClaw),
}

/// One workspace's VM.
pub struct Sprite {
    pub agent: Program,
    pub username: String,
    /// The provider's name of the VM.
    pub name: String,
    folder: PathBuf,
    /// The folder of the world that this is part of.
    world: PathBuf,
    agent_port: Port,
    gateway_port: Port,
    telegram_port: Port,
    health_token: String,
    gateway_token: String,
}

/// What a sprite is told about the world around it.
pub struct Surroundings<'a> {
    pub site_url: &'a str,
    pub public_url: &'a str,
    pub ring: &'a KeyRing,
    pub gateway: &'a Gateway,
    /// Where the scripted model of a real gateway listens.
    pub model: Option<SocketAddr>,
    pub telegram: Option<SocketAddr>,
}

impl Sprite {
    /// Chooses folder, ports and tokens; nothing runs and nothing is configured yet.
    ///
    /// # Errors
    /// When a port, a secret or the agent's program cannot be had.
    pub fn prepare(
        world: &Path,
        username: &str,
        secrets: &mut SecretsFile,
    ) -> anyhow::Result<Self> {
        let folder = world.join("sprites").join(username);
        std::fs::create_dir_all(folder.join("openclaw"))?;
        let name = format!("agent-of-{username}");
        let program = binaries::program("sprite-agent")?;
        Ok(Self {
            agent: Program::new(&name, program, folder.join("agent.log"))
                .argument("--config")
                .argument(folder.join("sprite-agent.toml"))
                .environment(census::MARK, world),
            username: username.to_owned(),
            name: format!("sprite-{username}"),
            agent_port: Port::claim()?,
            gateway_port: Port::claim()?,
            telegram_port: Port::claim()?,
            health_token: secrets.secret(&format!("sprites/{username}/health_token"))?,
            gateway_token: secrets.secret(&format!("sprites/{username}/gateway_token"))?,
            folder,
            world: world.to_owned(),
        })
    }

    /// Writes the agent's and the gateway's configuration.
    ///
    /// # Errors
    /// When a program or a file cannot be had.
    pub fn configure(&self, around: &Surroundings<'_>, assignment: u64) -> anyhow::Result<()> {
        let agent = self.agent_config(around, assignment)?;
        write_private(&self.folder.join("sprite-agent.toml"), agent.as_bytes())?;
        let gateway = self.gateway_config(around)?;
        write_private(&self.state_dir().join("openclaw.json"), gateway.as_bytes())
    }

    /// The agent's address: what the VM's public URL leads to.
    pub fn address(&self) -> SocketAddr {
        self.agent_port.address()
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn ports(&self) -> [&Port; 3] {
        [&self.agent_port, &self.gateway_port, &self.telegram_port]
    }

    pub fn health_token(&self) -> &str {
        &self.health_token
    }

    /// Where the gateway listens, beside the agent's way to it.
    pub fn gateway_address(&self) -> SocketAddr {
        self.gateway_port.address()
    }

    pub fn gateway_token(&self) -> &str {
        &self.gateway_token
    }

    /// # Errors
    /// When the gateway behind the agent does not answer yet; says what the agent says.
    pub async fn ensure_ready(&self, client: &reqwest::Client) -> anyhow::Result<()> {
        self.agent.ensure_running()?;
        let url = format!("http://{}/pflaster/health", self.address());
        let response = client.get(url).bearer_auth(&self.health_token).send().await?;
        let status = response.status();
        let body: Value = response.json().await?;
        if !status.is_success() || body["gateway"]["state"] != "ready" {
            bail!("{} is not ready: {status} {body}", self.name);
        }
        Ok(())
    }

    /// The gateway's process, the agent's own child.
    ///
    /// # Errors
    /// When there is none at the moment.
    pub fn gateway_process(&self) -> anyhow::Result<Process> {
        let agent = self.agent.pid().context("the agent does not run")?;
        census::of_world(&self.world)
            .into_iter()
            .find(|process| u32::try_from(process.parent) == Ok(agent))
            .with_context(|| format!("{} has no gateway at the moment", self.name))
    }

    /// A client of the gateway with every right, past the agent, and what it was greeted with.
    ///
    /// # Errors
    /// When the gateway is not there or will not have it.
    pub async fn operator(&self) -> anyhow::Result<(Chat, Value)> {
        let address = self.gateway_address();
        let host = address.to_string();
        let opening = Opening { address, host: &host, path: "/ws", headers: &[] };
        let Ok(mut gateway) = Chat::open(&opening).await? else { bail!("no socket") };
        gateway.event("connect.challenge").await?;
        let connect = json!({
            "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": ["operator.admin"],
            "client": {"id": "gateway-client", "version": "1", "platform": "linux",
                "mode": "backend"},
            "auth": {"token": self.gateway_token()},
        });
        let hello = gateway.request("connect", connect).await?;
        if hello["ok"] != true {
            bail!("the gateway refuses an operator: {hello}");
        }
        Ok((gateway, hello["payload"].clone()))
    }

    fn state_dir(&self) -> PathBuf {
        self.folder.join("openclaw")
    }

    fn agent_config(&self, around: &Surroundings<'_>, assignment: u64) -> anyhow::Result<String> {
        let (command, doctor, environment) = match around.gateway {
            Gateway::Fake => {
                let program = binaries::program("fake-gateway")?.display().to_string();
                (vec![program.clone()], vec![program], vec![])
            }
            Gateway::Real(openclaw) => (
                openclaw.command(),
                openclaw.command(),
                vec![("PATH".to_owned(), openclaw.search_path())],
            ),
        };
        let port = self.gateway_port.number().to_string();
        let run = ["gateway", "run", "--port", &port, "--bind", "loopback"];
        let repair = ["doctor", "--fix", "--yes", "--non-interactive"];
        let line = |program: Vec<String>, rest: &[&str]| {
            program.into_iter().chain(rest.iter().map(ToString::to_string)).collect::<Vec<_>>()
        };
        let mut text = format!(
            "listen = \"{}\"\nusername = \"{}\"\nsite_url = \"{}\"\npublic_url = \"{}\"\n\
             skills = {SKILLS:?}\nhealth_token = \"{}\"\n\n[identity.keys]\n",
            self.address(),
            self.username,
            around.site_url,
            around.public_url,
            self.health_token,
        );
        let id = SpriteId::parse(&self.name).context("a sprite's name is a sprite id")?;
        for (key, value) in identity::agent_keys(around.ring, &id, assignment) {
            writeln!(text, "{key} = \"{value}\"")?;
        }
        write!(
            text,
            "\n[gateway]\naddress = \"{}\"\ntoken = \"{}\"\n\
             telegram_address = \"{}\"\n\n\
             [settings]\nfile = \"{}\"\n\n\
             [supervisor]\nenabled = true\ncommand = {:?}\ndoctor = {:?}\n\
             state_dir = \"{}\"\nready_budget_seconds = 180\nstop_grace_seconds = 10\n\
             log_dir = \"{}\"\n\n[supervisor.env]\n{} = {:?}\n",
            self.gateway_port.address(),
            self.gateway_token,
            self.telegram_port.address(),
            self.folder.join("settings.json").display(),
            line(command, &run),
            line(doctor, &repair),
            self.state_dir().display(),
            self.folder.join("logs").display(),
            census::MARK,
            self.world.display().to_string(),
        )?;
        for (name, value) in environment {
            writeln!(text, "{name} = {value:?}")?;
        }
        Ok(text)
    }

    fn gateway_config(&self, around: &Surroundings<'_>) -> anyhow::Result<String> {
        let mut config: Value = serde_json::from_str(GATEWAY_CONFIG)?;
        config["gateway"]["port"] = self.gateway_port.number().into();
        config["gateway"]["controlUi"]["allowedOrigins"] = json!([around.public_url]);
        let log = self.state_dir().join("logs/openclaw.log");
        config["logging"]["file"] = log.display().to_string().into();
        config["agents"]["defaults"]["skills"] = json!(SKILLS);
        if let Some(model) = around.model {
            config["models"]["providers"]["pflaster"]["baseUrl"] =
                format!("http://{model}/v1").into();
        }
        if let Some(telegram) = around.telegram {
            let root = format!("http://{telegram}");
            config["channels"]["telegram"] = json!({"enabled": false, "apiRoot": root});
        }
        Ok(serde_json::to_string_pretty(&config)?)
    }
}
