//! Debian's Prometheus beside a world: it scrapes what runs there, by the rules that operators have.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use reqwest::Client;
use serde_json::Value;

use crate::secrets_file::write_private;
use crate::{Port, Program, World};

const RULES: &str = include_str!("../../config/prometheus/arcamatrix.rules.yml");

pub struct Prometheus {
    pub program: Program,
    port: Port,
    client: Client,
}

/// How long a fault has to last until it is an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As operators have it.
    AsShipped,
    /// Seconds: for tests.
    Short,
}

impl Prometheus {
    /// `None` where it is not installed. Nothing runs yet.
    ///
    /// # Errors
    /// When there is no free port, or its files cannot be written.
    pub fn prepare(world: &World, patience: Patience) -> anyhow::Result<Option<Self>> {
        let Some(file) = installed() else { return Ok(None) };
        let folder = world.folder().join("prometheus");
        std::fs::create_dir_all(&folder)?;
        let port = Port::claim()?;
        let (rules, interval) = match patience {
            Patience::AsShipped => (RULES.to_owned(), "15s"),
            Patience::Short => (with_short_waits(RULES), "1s"),
        };
        write_private(&folder.join("rules.yml"), rules.as_bytes())?;
        let config = folder.join("prometheus.yml");
        let edges: Vec<_> = world.edges.iter().map(|edge| edge.admin()).collect();
        let controls: Vec<_> = world.controls().map(|control| control.api()).collect();
        let text = format!(
            "global:\n  scrape_interval: {interval}\n  scrape_timeout: {interval}\n  \
             evaluation_interval: {interval}\nrule_files: [rules.yml]\nscrape_configs:\n{}{}",
            job("control", &controls),
            job("edge", &edges)
        );
        write_private(&config, text.as_bytes())?;
        let program = Program::new("prometheus", file, folder.join("prometheus.log"))
            .argument(format!("--config.file={}", config.display()))
            .argument(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .argument(format!("--web.listen-address={}", port.address()));
        Ok(Some(Self { program, port, client: crate::http::client().no_proxy().build()? }))
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.port.address())
    }

    /// The names of the alerts that fire.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn firing(&self) -> anyhow::Result<BTreeSet<String>> {
        let answer = self.ask("/api/v1/alerts").await?;
        let alerts = answer["data"]["alerts"].as_array().context("there is a list of alerts")?;
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        let name = |alert: &Value| alert["labels"]["alertname"].as_str().map(str::to_owned);
        Ok(firing.filter_map(name).collect())
    }

    /// How many targets answered when they were scraped last.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn targets_up(&self) -> anyhow::Result<usize> {
        let answer = self.ask("/api/v1/targets?state=active").await?;
        let targets = answer["data"]["activeTargets"].as_array().context("there are targets")?;
        Ok(targets.iter().filter(|target| target["health"] == "up").count())
    }

    async fn ask(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.client.get(format!("{}{path}", self.url())).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }
}

fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("prometheus")).find(|file| file.is_file())
}

fn job(name: &str, targets: &[SocketAddr]) -> String {
    let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
    format!("  - job_name: {name}\n    static_configs: [{{ targets: {targets:?} }}]\n")
}

/// The faults are those that operators are told of; how long they have to last is short.
fn with_short_waits(rules: &str) -> String {
    let short = |line: &str| match line.split_once("for: ") {
        Some((before, _)) if before.trim().is_empty() => format!("{before}for: 1s\n"),
        _ if line.contains("oldest_waiting_seconds") => format!("{}\n", with_short_ages(line)),
        _ => format!("{}\n", line.replace("[30m]", "[15s]").replace("[10m]", "[15s]")),
    };
    rules.lines().map(short).collect()
}

fn with_short_ages(line: &str) -> String {
    ["> 600", "> 900", "> 3600"].iter().fold(line.to_owned(), |line, age| line.replace(age, "> 2"))
}
