//! The real OpenClaw gateway, installed from npm, and a scripted model for it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::{Port, Program, binaries, census};

/// The version that `sprite-agent` is written against; the protocol is an exact match.
/// `OPENCLAW_VERSION` in the environment names another one: `latest`, or a number.
const VERSION: &str = "2026.9.6";

/// The gateway's engine: Debian's own is too old for it.
const NODE: &str = "node@24.21.0";

/// Node and OpenClaw in a folder of their own.
#[derive(Debug, Clone)]
pub struct OpenClaw {
    folder: PathBuf,
    /// Runs it with other rights: a program and its arguments.
    wrapper: Vec<String>,
}

impl OpenClaw {
    /// Installs both below `cache`; does nothing when they are there already.
    ///
    /// # Errors
    /// With npm's output, when it fails.
    pub fn install(cache: &Path) -> anyhow::Result<Self> {
        let version = std::env::var("OPENCLAW_VERSION").ok().filter(|text| !text.is_empty());
        let gateway = format!("openclaw@{}", version.as_deref().unwrap_or(VERSION));
        let folder = cache.join(format!("{NODE}-{gateway}"));
        let installed = Self { folder: folder.clone(), wrapper: Vec::new() };
        let done = folder.join("installed");
        // What is the latest changes.
        if done.exists() && version.as_deref() != Some("latest") {
            return Ok(installed);
        }
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("package.json"), "{\"private\":true}\n")?;
        // OpenClaw's install asks for the Node that it is to run on.
        installed.npm_install(NODE)?;
        installed.npm_install(&gateway)?;
        // Written last: an install that was interrupted is done again.
        std::fs::write(done, "")?;
        Ok(installed)
    }

    fn npm_install(&self, package: &str) -> anyhow::Result<()> {
        let output = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error", package])
            .current_dir(&self.folder)
            .env("PATH", self.search_path())
            .output()
            .context("run npm; Debian's package is npm")?;
        if !output.status.success() {
            bail!("install {package}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// As the package says it.
    ///
    /// # Errors
    /// When it is not installed whole.
    pub fn version(&self) -> anyhow::Result<String> {
        let package = self.folder.join("node_modules/openclaw/package.json");
        let package: serde_json::Value = serde_json::from_slice(&std::fs::read(package)?)?;
        package["version"].as_str().map(str::to_owned).context("a package has a version")
    }

    /// Runs by `wrapper`, such as one that takes rights away.
    #[must_use]
    pub fn behind(self, wrapper: &[&str]) -> Self {
        Self { wrapper: wrapper.iter().map(ToString::to_string).collect(), ..self }
    }

    /// Where both are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Program and first argument; the gateway's own arguments follow.
    pub fn command(&self) -> Vec<String> {
        let modules = self.folder.join("node_modules");
        let node = modules.join("node/bin/node");
        let script = modules.join("openclaw/openclaw.mjs");
        let command = [node.display().to_string(), script.display().to_string()];
        self.wrapper.iter().cloned().chain(command).collect()
    }

    /// A `PATH` on which the right Node comes first.
    pub fn search_path(&self) -> String {
        let node = self.folder.join("node_modules/node/bin");
        format!("{}:/usr/local/bin:/usr/bin:/bin", node.display())
    }
}

/// The scripted model behind a real gateway.
pub struct Model {
    pub program: Program,
    port: Port,
}

impl Model {
    /// # Errors
    /// When there is no port or no program to be had.
    pub fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let port = Port::claim()?;
        let program = Program::new(
            "fake-model",
            binaries::program("fake-model")?,
            folder.join("fake-model.log"),
        )
        .argument("--port")
        .argument(port.number().to_string())
        .environment(census::MARK, folder);
        Ok(Self { program, port })
    }

    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    pub(crate) fn port(&self) -> &Port {
        &self.port
    }
}
