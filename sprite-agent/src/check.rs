//! `sprite-agent --check`: how things stand in this machine, on one screen, for an
//! operator in a shell. It looks and asks; nothing is changed by it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Request;
use hyper::header::{AUTHORIZATION, HOST};
use serde_json::Value;

use crate::config::Config;
use crate::gateway::http::fetch;
use crate::memory;
use crate::supervisor::health_connection::{HealthConnection, NoConnection};
use crate::supervisor::readiness::{self, Readiness};
use crate::supervisor::{inspection, port};

/// The exit code for a good configuration of something that does not work: `EX_UNAVAILABLE`.
pub const NOT_WELL: u8 = 69;

const ANSWER_MAX: Duration = Duration::from_secs(10);
const ANSWER_MAX_BYTES: usize = 1 << 20;

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    what: &'static str,
    is_well: bool,
    seen: String,
}

/// Everything that was looked at, in the order in which one thing needs the other.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    pub fn are_well(&self) -> bool {
        self.0.iter().all(|finding| finding.is_well)
    }

    fn add(&mut self, what: &'static str, is_well: bool, seen: impl Into<String>) {
        self.0.push(Finding { what, is_well, seen: seen.into() });
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { what, is_well, seen } in &self.0 {
            let word = if *is_well { "ok" } else { "NOT OK" };
            writeln!(f, "{what:<14} {word:<7} {}", seen.trim())?;
        }
        Ok(())
    }
}

/// `path` is where `config` came from.
pub async fn look(path: &Path, config: &Config) -> Findings {
    let mut findings = Findings::default();
    let whose = format!("{}, of {}", path.display(), config.username);
    findings.add("configuration", true, whose);
    machine(config, &mut findings);
    agents_port(config, &mut findings);
    gateway(config, &mut findings).await;
    health(config, &mut findings).await;
    findings
}

fn machine(config: &Config, findings: &mut Findings) {
    if let Some(supervisor) = &config.supervisor {
        for folder in [&supervisor.state_dir, &supervisor.log.folder] {
            let lack = inspection::disk(&[folder]);
            let free = rustix::fs::statvfs(folder.as_path())
                .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) >> 20);
            match (lack, free) {
                (Some(lack), _) => findings.add("disk", false, lack.detail),
                (None, Ok(free)) => {
                    findings.add("disk", true, format!("{} has {free} MiB left", folder.display()));
                }
                (None, Err(error)) => {
                    findings.add("disk", false, format!("{}: {error}", folder.display()));
                }
            }
        }
    }
    match inspection::memory() {
        Some(lack) => findings.add("memory", false, lack.detail),
        None => {
            let free = memory::available_bytes().unwrap_or(0) >> 20;
            findings.add("memory", true, format!("the machine has {free} MiB left"));
        }
    }
}

fn agents_port(config: &Config, findings: &mut Findings) {
    let listen = config.listen;
    match port::any_holder(listen) {
        Some(holder) => findings.add("agent's port", true, format!("{listen}: {holder}")),
        None => {
            let seen = format!("nobody listens at {listen}: the agent does not run");
            findings.add("agent's port", false, seen);
        }
    }
}

async fn gateway(config: &Config, findings: &mut Findings) {
    let address = config.gateway.address;
    let Some(holder) = port::any_holder(address) else {
        let seen = format!("nobody listens at {address}: the gateway does not run");
        return findings.add("gateway's port", false, seen);
    };
    findings.add("gateway's port", true, format!("{address}: {holder}"));
    match readiness::ask(address).await {
        Readiness::Ready => findings.add("gateway", true, "says that it is ready"),
        Readiness::NotReady(what) => {
            return findings.add("gateway", false, format!("says that it is not ready: {what}"));
        }
        Readiness::Silent => return findings.add("gateway", false, "does not answer"),
    }
    match HealthConnection::open(address, &config.gateway.token).await {
        Ok(connection) => {
            let runs = connection.version.clone().unwrap_or_else(|| "of no version".to_owned());
            let expected = expected_versions(config);
            let is_expected = expected.is_empty() || expected.contains(&runs.as_str());
            let seen = match is_expected {
                true => format!("OpenClaw {runs}, and it welcomes the agent"),
                false => format!("OpenClaw {runs}, configured is {}", expected.join(" or ")),
            };
            findings.add("version", is_expected, seen);
            let rights = connection.owner_rights().await.unwrap_or_default();
            match rights.withheld() {
                None => findings.add("plans", true, "the assistant can plan what it is asked to"),
                Some(why) => {
                    let seen = format!("the assistant cannot plan what it is asked to: {why}");
                    findings.add("plans", false, seen);
                }
            }
        }
        Err(why) => {
            let seen = match why {
                NoConnection::NotYet => "welcomes nobody yet".to_owned(),
                NoConnection::Silent => "does not answer the agent's connect".to_owned(),
                NoConnection::Refused(why) => format!("refuses the agent's connection: {why}"),
            };
            findings.add("version", false, seen);
        }
    }
}

fn expected_versions(config: &Config) -> Vec<&str> {
    let Some(supervisor) = &config.supervisor else { return Vec::new() };
    let pinned = supervisor.pinned.iter();
    let both = std::iter::once(&supervisor.openclaw).chain(pinned);
    both.filter_map(|openclaw| openclaw.version.as_deref()).collect()
}

async fn health(config: &Config, findings: &mut Findings) {
    let Some(health) = ask(config).await else {
        return findings.add("health", false, "the agent does not answer");
    };
    let status = health["status"].as_str().unwrap_or("no health of ours");
    let gateway = &health["gateway"];
    let text = |key: &str| gateway[key].as_str().unwrap_or_default();
    if gateway.is_null() {
        let seen = format!("{status}; another configuration is in use: it does not know our token");
        return findings.add("health", false, seen);
    }
    let restarts = gateway["restarts"].as_u64().unwrap_or(0);
    let seen = format!("{status} ({}): {}; {restarts} restarts", text("reason"), text("detail"));
    findings.add("health", status == "ok", seen);
    if let Some(exit) = gateway["last_exit"].as_str() {
        findings.add("last exit", true, exit);
    }
    if let Some(by) = gateway["mended"]["by"].as_str() {
        findings.add("mended", true, format!("by {by}, at {}", gateway["mended"]["at"]));
    }
    findings.add("customer reads", true, text("message"));
}

async fn ask(config: &Config) -> Option<Value> {
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port());
    }
    let request = Request::get("/pflaster/health")
        .header(HOST, address.to_string())
        .header(AUTHORIZATION, format!("Bearer {}", config.health_token.expose()))
        .body(Empty::new())
        .ok()?;
    let whole = async {
        let body = fetch(address, request, ANSWER_MAX).await.ok()?.into_body();
        Limited::new(body, ANSWER_MAX_BYTES).collect().await.ok()
    };
    let body = tokio::time::timeout(ANSWER_MAX, whole).await.ok()??.to_bytes();
    serde_json::from_slice(&body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_for_each_thing_and_one_word_for_all() {
        let mut findings = Findings::default();
        findings.add("disk", true, "much is left\n");
        assert!(findings.are_well());
        findings.add("gateway", false, "does not answer");
        assert!(!findings.are_well());
        let expected = "disk           ok      much is left\n\
                        gateway        NOT OK  does not answer\n";
        assert_eq!(findings.to_string(), expected);
    }
}
