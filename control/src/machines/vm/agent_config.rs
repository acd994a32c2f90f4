//! The agent's configuration for one workspace: `config/sprite-agent.toml`. Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::{KeyRing, PublicSite, Username, VmSecret, identity};

use super::base::Base;
use super::layout;
use crate::model::pool::Assigned;

/// Whose VM it is, and what is in it.
pub struct Workspace<'a> {
    pub username: Username,
    pub site: &'a PublicSite,
    pub sprite: &'a Assigned,
    pub skills: &'a [String],
}

/// From SIGTERM to SIGKILL of the gateway: within the 10 s that the provider gives
/// a service which is to stop.
const STOP_GRACE_SECONDS: u64 = 8;

/// The gateway gets the larger part of the time in which all must be well.
const READY_BUDGET_SHARE: f64 = 0.9;

#[derive(Serialize)]
struct File<'a> {
    listen: String,
    username: &'a str,
    site_url: &'a str,
    public_url: String,
    skills: &'a [String],
    health_token: String,
    identity: Identity,
    gateway: Gateway,
    machine: Machine,
    settings: Settings,
    supervisor: Supervisor<'a>,
}

#[derive(Serialize)]
struct Identity {
    keys: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Gateway {
    address: String,
    token: String,
}

#[derive(Serialize)]
struct Machine {
    api_socket: &'static str,
}

#[derive(Serialize)]
struct Settings {
    file: &'static str,
}

#[derive(Serialize)]
struct Supervisor<'a> {
    command: Vec<&'a str>,
    doctor: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    state_dir: &'static str,
    log_dir: &'static str,
    ready_budget_seconds: u64,
    stop_grace_seconds: u64,
    env: BTreeMap<&'a str, &'a str>,
}

/// The same workspace and the same ring give the same text.
pub fn render(workspace: &Workspace<'_>, base: &Base, ring: &KeyRing) -> String {
    let Workspace { username, site, sprite, skills } = workspace;
    let (id, assignment) = (sprite.id(), sprite.assignment);
    let secret = |secret: VmSecret| secret.derive(ring, &id, assignment).expose().clone();
    let keys = identity::agent_keys(ring, &id, assignment);
    let port = layout::GATEWAY_PORT.to_string();
    let program = base.gateway.iter().map(String::as_str);
    let run = ["gateway", "run", "--port", &port, "--bind", "loopback"];
    let repair = ["doctor", "--fix", "--yes", "--non-interactive"];
    let file = File {
        listen: format!("0.0.0.0:{}", layout::AGENT_PORT),
        username: username.as_str(),
        site_url: site.site_url(),
        public_url: site.workspace_url(username),
        skills,
        health_token: secret(VmSecret::Health),
        identity: Identity {
            keys: keys.into_iter().map(|(id, key)| (id.to_string(), key)).collect(),
        },
        gateway: Gateway { address: format!("127.0.0.1:{port}"), token: secret(VmSecret::Gateway) },
        machine: Machine { api_socket: layout::API_SOCKET },
        settings: Settings { file: layout::AGENT_SETTINGS },
        supervisor: Supervisor {
            command: program.clone().chain(run).collect(),
            doctor: program.chain(repair).collect(),
            version: base.gateway_version.as_deref(),
            user: base.gateway_user.as_deref(),
            state_dir: layout::STATE_FOLDER,
            log_dir: layout::LOG_FOLDER,
            ready_budget_seconds: base.ready_time.mul_f64(READY_BUDGET_SHARE).as_secs().max(1),
            stop_grace_seconds: STOP_GRACE_SECONDS,
            env: base.environment.iter().map(|(name, value)| (&**name, &**value)).collect(),
        },
    };
    toml::to_string(&file).expect("texts, numbers and tables are TOML")
}

#[cfg(test)]
mod tests {
    use shared::{KeyId, SpriteId, Upstream};

    use super::super::base::tests::base;
    use super::*;
    use vendors::sprites::SpriteName;

    fn rendered(ring: &KeyRing, assignment: u64, skills: &[&str]) -> String {
        let site_url = Upstream::parse("http://arca.localhost:8080").unwrap();
        let sprite = Assigned {
            name: SpriteName::parse("arca-1").unwrap(),
            upstream: Upstream::parse("https://arca-1.sprites.test").unwrap(),
            assignment,
        };
        let workspace = Workspace {
            username: "ada".parse().unwrap(),
            site: &PublicSite::new("arca.localhost", site_url).unwrap(),
            sprite: &sprite,
            skills: &skills.iter().map(ToString::to_string).collect::<Vec<_>>(),
        };
        let mut base = base();
        base.gateway_user = Some("openclaw".to_owned());
        base.gateway_version = Some("2026.9.6".to_owned());
        base.environment = vec![("MODEL_API_KEY".to_owned(), "a \"b\" \\".to_owned())];
        render(&workspace, &base, ring)
    }

    fn ring() -> KeyRing {
        KeyRing::from_toml(&KeyRing::generate_toml(&KeyId::parse("k1").unwrap())).unwrap()
    }

    #[test]
    fn it_holds_what_belongs_to_the_workspace() {
        let ring = ring();
        let text = rendered(&ring, 7, &["weather", "summarize"]);
        let seen: toml::Table = text.parse().unwrap();
        assert_eq!(seen["listen"].as_str(), Some("0.0.0.0:8080"));
        assert_eq!(seen["public_url"].as_str(), Some("http://ada.arca.localhost:8080"));
        assert_eq!(seen["skills"].as_array().unwrap().len(), 2);
        let id = SpriteId::parse("arca-1").unwrap();
        let keys = identity::agent_keys(&ring, &id, 7);
        assert_eq!(seen["identity"]["keys"]["k1"].as_str(), Some(keys[0].1.as_str()));
        let token = VmSecret::Gateway.derive(&ring, &id, 7);
        assert_eq!(seen["gateway"]["token"].as_str(), Some(token.expose().as_str()));
        let supervisor = &seen["supervisor"];
        assert_eq!(supervisor["command"][0].as_str(), Some("/opt/openclaw"));
        assert_eq!(supervisor["command"][1].as_str(), Some("gateway"));
        assert_eq!(supervisor["doctor"][1].as_str(), Some("doctor"));
        assert_eq!(supervisor["version"].as_str(), Some("2026.9.6"));
        assert_eq!(supervisor["user"].as_str(), Some("openclaw"));
        assert_eq!(supervisor["env"]["MODEL_API_KEY"].as_str(), Some("a \"b\" \\"));
    }

    #[test]
    fn a_retry_writes_the_same_and_another_assignment_shares_no_secret() {
        let ring = ring();
        let one = rendered(&ring, 1, &[]);
        assert_eq!(rendered(&ring, 1, &[]), one);
        let table = |text: &str| text.parse::<toml::Table>().unwrap();
        let (one, other) = (table(&one), table(&rendered(&ring, 2, &[])));
        assert_ne!(one["health_token"], other["health_token"]);
        assert_ne!(one["gateway"]["token"], other["gateway"]["token"]);
        assert_ne!(one["identity"]["keys"], other["identity"]["keys"]);
    }
}
