//! `sprite-agent.toml`, checked. `config/sprite-agent.toml` explains each key.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::identity::IdentityKey;
use shared::process::{Complaints, Document, LogFormat, Section};
use shared::{KeyId, PublicSite, Secret, Upstream, Username};

/// Below the gateway's folder, unless its configuration says otherwise.
const FILES: &str = "workspace";

/// Below it too: what a person sent with a message.
const ATTACHMENTS: &str = "media/inbound";

pub struct Config {
    pub listen: SocketAddr,
    pub username: Username,
    pub site_url: Upstream,
    /// The workspace's proper origin; a request's `Origin` must equal it.
    pub public_url: Upstream,
    pub skills: Vec<String>,
    pub assistant_name: String,
    pub health_token: Secret<String>,
    /// At least one.
    pub identity_keys: Vec<IdentityKey>,
    pub gateway: GatewayConfig,
    /// `None`: somebody else runs the gateway, we only look whether it is ready.
    pub supervisor: Option<SupervisorConfig>,
    /// Where the logs are; `None` without a supervisor.
    pub log_folder: Option<PathBuf>,
    /// Where the assistant keeps its files; `None` without a supervisor.
    pub files_folder: Option<PathBuf>,
    /// Where the gateway keeps what came with messages; `None` without a supervisor.
    pub attachments_folder: Option<PathBuf>,
    /// Where the provider's API stands in this machine; without it nothing holds it awake.
    pub machine_socket: Option<PathBuf>,
    /// Where the customer's choices are kept; without it none can be made.
    pub settings_file: Option<PathBuf>,
    pub limits: Limits,
    pub log_format: LogFormat,
}

pub struct GatewayConfig {
    pub address: SocketAddr,
    pub token: Secret<String>,
    /// May the customer switch its own page on?
    pub proxy_ui: bool,
    /// Where the gateway is to listen for what Telegram brings.
    pub telegram: SocketAddr,
}

pub struct SupervisorConfig {
    pub openclaw: OpenClaw,
    /// Runs when `openclaw` cannot be made to.
    pub pinned: Option<OpenClaw>,
    pub user: Option<String>,
    pub state_dir: PathBuf,
    pub ready_budget: Duration,
    pub stop_grace: Duration,
    /// How long the gateway must be well before its configuration counts as good.
    pub proven_after: Duration,
    /// Of the gateway and its helpers; above it, it is restarted.
    pub memory_max_bytes: u64,
    /// Of the gateway with its helpers.
    pub processes_max: u64,
    pub log: LogFiles,
    pub environment: Vec<(String, String)>,
}

/// One version of OpenClaw.
pub struct OpenClaw {
    /// As its gateway names itself; a configuration belongs to a version.
    pub version: Option<String>,
    /// Program and arguments, at least the program.
    pub command: Vec<String>,
    /// Empty: a gateway that refuses its configuration is not doctored.
    pub doctor: Vec<String>,
}

/// Where the gateway's output goes, and how much of it is kept.
#[derive(Clone)]
pub struct LogFiles {
    pub folder: PathBuf,
    pub max_bytes: u64,
    /// The one being written included, at least one.
    pub files: u64,
}

pub struct Limits {
    pub connections: usize,
    pub sockets: usize,
    pub message_max_bytes: usize,
}

impl Config {
    /// # Errors
    /// Everything that is wrong with the file, at once.
    pub fn read(path: &Path) -> Result<Self, Complaints> {
        Document::read(path)?.check(root)
    }

    #[cfg(test)]
    pub(crate) fn from_text(text: &str) -> Result<Self, Complaints> {
        Document::from_text(Path::new("sprite-agent.toml"), text.to_owned()).check(root)
    }
}

fn root(root: &mut Section<'_>) -> Option<Config> {
    let listen = root.required("listen", address);
    let username = root.required("username", Username::parse);
    let site_url = root.required("site_url", Upstream::parse);
    let public_url = root.required("public_url", Upstream::parse);
    if let (Some(name), Some(site), Some(public)) = (&username, &site_url, &public_url) {
        let expected = workspace_url(site, name);
        if public.as_str() != expected {
            root.complain("public_url", &format!("is {expected} for this username and site_url"));
        }
    }
    let skills = root.list("skills", skill);
    let assistant_name = root.optional("assistant_name", assistant_name);
    let health_token = root.secret("health_token", "health_token_file");
    let identity_keys = root.table("identity", identity_keys);
    let gateway = root.table("gateway", gateway);
    let supervisor = root.table("supervisor", supervisor);
    let machine_socket = root.table("machine", |machine| machine.optional("api_socket", absolute));
    let settings_file = root.table("settings", |settings| settings.optional("file", absolute));
    let limits = root.table("limits", limits);
    let log_format = root
        .table("log", |log| log.optional("format", LogFormat::parse))
        .unwrap_or(LogFormat::Json);
    Some(Config {
        listen: listen?,
        username: username?,
        site_url: site_url?,
        public_url: public_url?,
        skills,
        assistant_name: assistant_name.unwrap_or_else(|| "Assistant".to_owned()),
        health_token: health_token?,
        identity_keys,
        gateway: gateway?,
        files_folder: supervisor
            .as_ref()?
            .as_ref()
            .map(|supervisor| supervisor.state_dir.join(FILES)),
        attachments_folder: supervisor
            .as_ref()?
            .as_ref()
            .map(|supervisor| supervisor.state_dir.join(ATTACHMENTS)),
        log_folder: supervisor.as_ref()?.as_ref().map(|supervisor| supervisor.log.folder.clone()),
        supervisor: supervisor?,
        machine_socket,
        settings_file,
        limits,
        log_format,
    })
}

fn workspace_url(site: &Upstream, username: &Username) -> String {
    let host = site.host();
    let base = host.strip_prefix("www.").unwrap_or(host);
    PublicSite::new(base, site.clone()).expect("its own host").workspace_url(username)
}

fn identity_keys(identity: &mut Section<'_>) -> Vec<IdentityKey> {
    let mut keys = Vec::new();
    for (id, key) in identity.map("keys") {
        let Ok(id) = KeyId::parse(&id) else {
            identity.complain("keys", &format!("key id {id:?} is not one to 16 of a-z, 0-9"));
            continue;
        };
        match IdentityKey::from_hex(id.clone(), &key) {
            Some(key) => keys.push(key),
            None => identity.complain("keys", &format!("key {id} is not 64 hexadecimal digits")),
        }
    }
    if keys.is_empty() {
        identity.complain("keys", "needs at least one key");
    }
    keys
}

/// The gateway's own default.
const TELEGRAM_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8787);

fn gateway(gateway: &mut Section<'_>) -> Option<GatewayConfig> {
    let address = gateway.required("address", address);
    let token = gateway.secret("token", "token_file");
    let proxy_ui = gateway.flag("proxy_ui", true);
    let telegram = gateway.optional("telegram_address", self::address).unwrap_or(TELEGRAM_ADDRESS);
    if !telegram.ip().is_loopback() {
        gateway.complain("telegram_address", "is not on the loopback interface");
    }
    Some(GatewayConfig { address: address?, token: token?, proxy_ui, telegram })
}

/// The outer `None` means complaints, the inner one that supervision is off.
fn supervisor(section: &mut Section<'_>) -> Option<Option<SupervisorConfig>> {
    let enabled = section.flag("enabled", true);
    let openclaw = openclaw(section, enabled);
    let pinned = section.optional_table("pinned", |section| {
        let pinned = self::openclaw(section, false);
        let is_used = !pinned.command.is_empty();
        if !is_used && (pinned.version.is_some() || !pinned.doctor.is_empty()) {
            section.complain("command", "needs at least the program to run");
        }
        is_used.then_some(pinned)
    });
    let user = section.optional("user", |user| Ok::<_, String>(user.to_owned()));
    let state_dir = folder(section, "state_dir", enabled);
    let log_dir = folder(section, "log_dir", enabled);
    let ready_budget = section.seconds("ready_budget_seconds", 1..=3_600, 120);
    let stop_grace = section.seconds("stop_grace_seconds", 0..=600, 30);
    let proven_after = section.seconds("proven_after_seconds", 1..=3_600, 60);
    let memory_max_mib = section.number("memory_max_mib", 64..=(1 << 20), 3_072);
    let processes_max = section.number("processes_max", 16..=100_000, 1_000);
    let max_bytes = section.number("log_max_bytes", 4_096..=(1 << 30), 10 << 20);
    let files = section.number("log_files", 1..=100, 5);
    let environment = environment(section);
    if !enabled {
        return Some(None);
    }
    let log = LogFiles { folder: log_dir?, max_bytes, files };
    let state_dir = state_dir?;
    Some(Some(SupervisorConfig {
        openclaw,
        pinned,
        user,
        state_dir,
        ready_budget,
        stop_grace,
        proven_after,
        memory_max_bytes: memory_max_mib << 20,
        processes_max,
        log,
        environment,
    }))
}

fn openclaw(section: &mut Section<'_>, is_needed: bool) -> OpenClaw {
    let version = section.optional("version", version);
    let command = section.list("command", argument);
    if is_needed && command.first().is_none_or(String::is_empty) {
        section.complain("command", "needs at least the program to run");
    }
    OpenClaw { version, command, doctor: section.list("doctor", argument) }
}

fn version(text: &str) -> Result<String, &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(is_plain);
    if fits { Ok(text.to_owned()) } else { Err("is not a version, such as 2026.9.6") }
}

fn folder(section: &mut Section<'_>, key: &'static str, needed: bool) -> Option<PathBuf> {
    if needed { section.required(key, absolute) } else { section.optional(key, absolute) }
}

fn absolute(text: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err("is not an absolute path") }
}

/// Values go into the complaint nowhere: they may be keys of the customer's model provider.
fn environment(section: &mut Section<'_>) -> Vec<(String, String)> {
    let pairs = section.map("env");
    for (name, value) in &pairs {
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.starts_with(|first: char| first.is_ascii_digit());
        if !is_name {
            section.complain("env", &format!("{name:?} is not the name of a variable"));
        } else if OUR_VARIABLES.contains(&name.as_str()) {
            section.complain("env", &format!("{name} is set by the agent itself"));
        } else if value.contains('\0') {
            section.complain("env", &format!("the value of {name} contains a NUL"));
        }
    }
    pairs
}

/// What follows from other keys of this file and must not contradict them.
const OUR_VARIABLES: &[&str] =
    &["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_STATE_DIR", "OPENCLAW_CONFIG_PATH"];

fn limits(limits: &mut Section<'_>) -> Limits {
    let mut number = |key, range, default| {
        usize::try_from(limits.number(key, range, default)).expect("the ranges fit")
    };
    Limits {
        connections: number("connections", 8..=4_096, 256),
        sockets: number("sockets", 1..=1_024, 64),
        // The gateway takes 25 MiB; 20 MiB hold its largest attachment in base64.
        message_max_bytes: number("message_max_bytes", (64 << 10)..=(25 << 20), 20 << 20),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is not an address with a port"))
}

fn argument(text: &str) -> Result<String, &'static str> {
    if text.contains('\0') { Err("contains a NUL") } else { Ok(text.to_owned()) }
}

fn skill(text: &str) -> Result<String, &'static str> {
    let fits = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if fits { Ok(text.to_owned()) } else { Err("is not the name of a skill") }
}

fn assistant_name(text: &str) -> Result<String, &'static str> {
    let fits = (1..=64).contains(&text.len()) && !text.contains(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err("has 1 to 64 bytes and no control characters") }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const GOOD: &str = r#"
listen = "127.0.0.1:8080"
username = "ada"
site_url = "http://arca.localhost:8080"
public_url = "http://ada.arca.localhost:8080"
skills = ["weather"]
health_token = "health-token-0123456789"
[identity.keys]
k1 = "0101010101010101010101010101010101010101010101010101010101010101"
[gateway]
address = "127.0.0.1:3001"
token = "gateway-token-0123456789"
[supervisor]
command = ["openclaw", "gateway", "run"]
state_dir = "/srv/openclaw"
log_dir = "/srv/logs"
"#;

    fn check(from: &str, to: &str, expected: &str) {
        assert!(from.is_empty() || GOOD.contains(from), "{from}");
        let seen = Config::from_text(&GOOD.replacen(from, to, 1));
        let seen = seen.err().map(|complaints| complaints.to_string()).unwrap_or_default();
        assert!(seen.contains(expected) && seen.is_empty() == expected.is_empty(), "{seen}");
    }

    #[test]
    fn a_good_file_is_taken_and_a_bad_one_named() {
        check("", "", "");
        check("\"ada\"", "\"ADA\"", "sprite-agent.toml:3: username: ");
        check("http://ada.", "http://bob.", "public_url: is http://ada.arca.localhost:8080");
        check("k1 = \"01", "k1 = \"", "identity.keys: key k1 is not 64 hexadecimal digits");
        check("k1 = \"", "k-1 = \"", "key id \"k-1\"");
        check("[identity.keys]\nk1", "[identity]\nkey", "identity.keys: needs at least one key");
        check("/srv/logs", "logs", "supervisor.log_dir: is not an absolute path");
        check("command = [\"openclaw\"", "command = [\"\"", "supervisor.command: needs at least");
        check("[\"weather\"]", "[\"../x\"]", "skills: \"../x\": is not the name of a skill");
        let stolen = "[supervisor.env]\nOPENCLAW_GATEWAY_TOKEN = 'x'\n[gateway]";
        check("[gateway]", stolen, "OPENCLAW_GATEWAY_TOKEN is set by the agent itself");
    }

    #[test]
    fn every_complaint_comes_at_once() {
        let complaints = Config::from_text("").err().expect("much is missing").to_string();
        for key in ["listen", "username", "site_url", "public_url", "health_token", "identity.keys"]
            .into_iter()
            .chain(["gateway.address", "gateway.token", "supervisor.command", "supervisor.log_dir"])
        {
            assert!(complaints.contains(&format!("sprite-agent.toml: {key}: ")), "{complaints}");
        }
    }

    #[test]
    fn without_supervision_its_other_keys_are_not_needed() {
        let text = GOOD.split("[supervisor]").next().unwrap();
        let config = Config::from_text(&format!("{text}[supervisor]\nenabled = false\n")).unwrap();
        assert!(config.supervisor.is_none());
    }

    #[test]
    fn the_example_file_is_good() {
        let example = include_str!("../../config/sprite-agent.toml");
        if let Err(complaints) = Config::from_text(example) {
            panic!("{complaints}");
        }
    }
}
