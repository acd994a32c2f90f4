//! What is done inside a workspace's VM: configured, started, asked how it is.
//!
//! Each can be done again: the same bytes are written, the same service is put.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use shared::Secret;
use tokio::time::{Instant, sleep};

use super::base::Base;
use super::health::{Health, read_health};
use super::{failure, layout};
use crate::base::token::sha256_hex;
use crate::model::pool::Assigned;
use crate::queue::JobError;
use vendors::sprites::files::AbsolutePath;
use vendors::sprites::services::Definition;
use vendors::sprites::{Command, ServiceName, SpriteName, Sprites, SpritesError};

/// Only its owner reads it: it holds keys.
const PRIVATE: u32 = 0o600;

/// Between two looks at an agent that is not ready yet.
const LOOK: Duration = Duration::from_millis(250);

/// Gives what was written to whom it belongs; the arguments are the words in capitals.
///
/// Whether files that are written belong to root or to the provider's user is not
/// documented; both are fine here.
const HAND_OVER: &str = r#"set -eu
OWNER=$1 GATEWAY=$2 AGENT_FOLDER=$3 LOG_FOLDER=$4 STATE_FOLDER=$5
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
if [ -z "$GATEWAY" ] || ! id -u "$GATEWAY" >/dev/null 2>&1; then GATEWAY=$OWNER; fi
as_root mkdir -p "$AGENT_FOLDER" "$LOG_FOLDER" "$STATE_FOLDER"
as_root chown -R "$OWNER" "$AGENT_FOLDER"
as_root chown -R "$GATEWAY" "$STATE_FOLDER"
as_root chmod 0700 "$AGENT_FOLDER" "$STATE_FOLDER""#;

/// A workspace's VM.
pub struct Vm<'a> {
    pub sprites: &'a Sprites,
    pub base: &'a Base,
    pub sprite: &'a Assigned,
}

impl Vm<'_> {
    /// Writes both configurations, and gives them to whom they belong.
    ///
    /// # Errors
    /// The provider's, or that the files could not be handed over.
    pub async fn configure(&self, agent: &Secret<String>, gateway: &str) -> anyhow::Result<()> {
        self.write(layout::GATEWAY_CONFIG, gateway).await?;
        self.configure_agent(agent).await
    }

    /// As [`Self::configure`], and leaves the gateway's configuration as the customer has it.
    ///
    /// # Errors
    /// As [`Self::configure`].
    pub async fn configure_agent(&self, agent: &Secret<String>) -> anyhow::Result<()> {
        self.write(layout::AGENT_CONFIG, agent.expose()).await?;
        let command = Command::new("sh").arguments([
            "-c",
            HAND_OVER,
            "hand-over",
            &self.base.owner,
            self.base.gateway_user.as_deref().unwrap_or_default(),
            layout::AGENT_FOLDER,
            layout::LOG_FOLDER,
            layout::STATE_FOLDER,
        ]);
        succeed(self.sprites, &self.sprite.name, &command, "hand over the files").await
    }

    /// Registers and starts the agent, which starts the gateway.
    ///
    /// An agent that runs with another configuration than `agent` is started anew.
    ///
    /// # Errors
    /// The provider's; `Failed` when the agent ended at once.
    pub async fn start(&self, agent: &Secret<String>) -> Result<(), SpritesError> {
        let (program, arguments) = self.base.agent.split_first().expect("checked when read");
        let arguments = arguments.iter().map(String::as_str);
        let definition = Definition {
            command: program.clone(),
            arguments: arguments
                .chain(["--config", layout::AGENT_CONFIG])
                .map(str::to_owned)
                .collect(),
            // What it is good for: another configuration is another definition, and the
            // provider replaces the service.
            environment: BTreeMap::from([(
                "ARCA_CONFIGURATION".to_owned(),
                sha256_hex(agent.expose())[..16].to_owned(),
            )]),
            directory: Some(layout::HOME.to_owned()),
            needs: Vec::new(),
            http_port: Some(layout::AGENT_PORT),
        };
        self.sprites.put_service(&self.sprite.name, &service(), &definition).await
    }

    /// Waits until the agent itself says that all is well.
    ///
    /// # Errors
    /// What it said last, when the base's time for it is over or it has given up.
    pub async fn ready(&self, token: &Secret<String>) -> anyhow::Result<()> {
        let until = Instant::now() + self.base.ready_time;
        loop {
            let probe = self.sprites.probe(&self.sprite.upstream, layout::HEALTH_PATH, token).await;
            let seen = match read_health(&probe) {
                Health::Well => return Ok(()),
                Health::GivenUp(why) => return Err(anyhow!("the agent has given up: {why}")),
                Health::NotYet(seen) => seen,
            };
            if Instant::now() >= until {
                let waited = self.base.ready_time;
                return Err(anyhow!("the agent was not ready after {waited:?}: {seen}"));
            }
            sleep(LOOK).await;
        }
    }

    async fn write(&self, path: &str, content: &str) -> Result<(), SpritesError> {
        let path = AbsolutePath::parse(path).expect("ours are absolute");
        let content = content.to_owned().into();
        self.sprites.write_file(&self.sprite.name, path, PRIVATE, content).await
    }
}

/// The name of the one service that we register.
///
/// # Panics
/// Never.
pub fn service() -> ServiceName {
    ServiceName::parse(layout::SERVICE).expect("ours is a name")
}

/// Puts the base into a machine. Nothing of it is secret, and all of it can be done again.
///
/// # Errors
/// The provider's, or what the installation said.
pub async fn install(sprites: &Sprites, base: &Base, name: &SpriteName) -> Result<(), JobError> {
    for file in &base.files {
        let reading = file.clone();
        let content = tokio::task::spawn_blocking(move || reading.content()).await;
        let content = content.map_err(JobError::retry)?.map_err(JobError::permanent)?;
        let to = AbsolutePath::parse(&file.to).context("a file's place is not absolute");
        let to = to.map_err(JobError::permanent)?;
        sprites.write_file(name, to, file.mode, content).await.map_err(failure::job_error)?;
    }
    if base.install.is_empty() {
        return Ok(());
    }
    let command = Command::shell(&base.script()).directory(layout::HOME).timeout(base.install_time);
    let installed = succeed(sprites, name, &command, "install the base").await;
    installed.map_err(failure::any_job_error)
}

/// Most characters of a command's complaint that go into an error.
const COMPLAINT_MAX_CHARS: usize = 500;

/// Runs a command that must end with 0.
///
/// # Errors
/// The provider's, or the end of what it complained about.
pub async fn succeed(
    sprites: &Sprites,
    name: &SpriteName,
    command: &Command,
    what: &str,
) -> anyhow::Result<()> {
    let finished = sprites.run(name, command).await?;
    if finished.is_success() {
        return Ok(());
    }
    let said = finished.stderr.text();
    let said = said.trim();
    let skipped = said.chars().count().saturating_sub(COMPLAINT_MAX_CHARS);
    let end: String = said.chars().skip(skipped).collect();
    Err(anyhow!("cannot {what}: the command ended with code {}: {end}", finished.code))
}
