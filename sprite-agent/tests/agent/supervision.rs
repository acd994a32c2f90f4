//! The gateway's life under the supervisor, with shell scripts that become the
//! fake gateway.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use std::net::SocketAddr;
use tempfile::TempDir;

use crate::gateway::TOKEN;
use crate::running::{HEALTH_TOKEN, Running};
use crate::stand_in::{self, DOCTOR, GATEWAY};
use crate::waiting::wait_until;

/// What the fake gateway starts with.
pub(crate) const GOOD: &str = r#"{"gateway":{"mode":"local"}}"#;

/// Of the user `nobody` on Debian.
const NOBODY: u32 = 65_534;

pub(crate) struct Workshop {
    folder: TempDir,
    pub(crate) gateway: SocketAddr,
}

impl Workshop {
    /// Scripts in the place of the gateway and its doctor; `configuration` is in place.
    pub(crate) fn new(gateway: &str, doctor: &str, configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("state")).unwrap();
        let workshop = Self { folder, gateway: stand_in::free_address() };
        workshop.script("gateway.sh", gateway);
        workshop.script("doctor.sh", doctor);
        workshop.write("state/openclaw.json", configuration);
        workshop
    }

    /// The whole fake gateway with its doctor; each start leaves a line in `state/starts`.
    pub(crate) fn with(configuration: &str) -> Self {
        let doctor = format!("echo run >> doctored\n{DOCTOR}");
        Self::new(&format!("echo start >> starts\n{GATEWAY}"), &doctor, configuration)
    }

    pub(crate) fn script(&self, name: &str, body: &str) {
        let path = self.path(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// How often a script left a line in `name`.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.read(name).lines().count()
    }

    /// `keys` go into `[supervisor]`, `environment` into `[supervisor.env]`.
    pub(crate) async fn agent(&self, keys: &str, environment: &str) -> Running {
        Running::with(self.gateway, "", &self.sections(keys, environment)).await
    }

    pub(crate) fn sections(&self, keys: &str, environment: &str) -> String {
        let folder = self.folder.path().display();
        format!(
            "[supervisor]\ncommand = [\"{folder}/gateway.sh\"]\ndoctor = [\"{folder}/doctor.sh\"]\n\
             state_dir = \"{folder}/state\"\nlog_dir = \"{folder}/logs\"\n{keys}\n\
             [supervisor.env]\nSTAND_IN = \"{}\"\nOPENCLAW_GATEWAY_PORT = \"{}\"\n{environment}\n",
            stand_in::path().display(),
            self.gateway.port(),
        )
    }
}

pub(crate) fn is_ok(health: &Value) -> bool {
    health["status"] == "ok"
}

#[tokio::test]
async fn a_gateway_that_works_is_left_alone_and_its_configuration_kept() {
    let workshop = Workshop::with(GOOD);
    let agent = workshop.agent("proven_after_seconds = 1", "").await;
    let health = agent.wait_for_health(is_ok).await;
    assert_eq!(health["gateway"]["restarts"], 0);
    assert_eq!(health["gateway"]["version"], "2026.9.6");
    assert!(health["gateway"]["memory_bytes"].as_u64().is_some(), "{health}");
    let kept = || workshop.read("state/openclaw.json.last-worked");
    wait_until("the configuration is kept", kept, |text| text == GOOD).await;
    assert_eq!(workshop.read("state/openclaw.json.last-worked.2026.9.6"), GOOD);
    assert_eq!((workshop.count("state/starts"), workshop.count("state/doctored")), (1, 0));
    let pid = health["gateway"]["pid"].as_u64().unwrap();
    agent.stop().await;
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the gateway outlived its agent");
}

#[tokio::test]
async fn its_log_is_fetched_with_the_health_token_only() {
    let workshop = Workshop::new(&format!("echo it says {TOKEN}\n{GATEWAY}"), DOCTOR, GOOD);
    let agent = workshop.agent("", "").await;
    agent.wait_for_health(is_ok).await;
    let bearer = format!("Bearer {HEALTH_TOKEN}");
    let reply = agent.get("/pflaster/logs?log=gateway", &[("authorization", &bearer)]).await;
    assert_eq!(reply.status, 200);
    let piece: Value = serde_json::from_str(&reply.body).unwrap();
    assert!(piece["text"].as_str().unwrap().contains("it says ***"), "{piece}");
    assert!(!reply.body.contains(TOKEN));
    let bad = agent.get("/pflaster/logs?log=../x", &[("authorization", &bearer)]).await;
    assert_eq!(bad.status, 400);
    assert_eq!(agent.get("/pflaster/logs", &[]).await.status, 401);
    assert_eq!(agent.visit("GET", "/pflaster/logs").await.status, 401);
}

#[tokio::test]
async fn a_gateway_that_crashes_is_started_again() {
    let crash_once =
        format!("echo start >> starts\n[ -e crashed ] && {GATEWAY}\ntouch crashed; exit 3");
    let workshop = Workshop::new(&crash_once, DOCTOR, GOOD);
    let agent = workshop.agent("", "").await;
    let is_back = |health: &Value| health["gateway"]["restarts"] == 1 && is_ok(health);
    let health = agent.wait_for_health(is_back).await;
    assert_eq!(health["gateway"]["last_exit"], "ended with code 3");
    assert_eq!(workshop.count("state/starts"), 2);
}

#[tokio::test]
async fn the_gateways_environment_is_built_from_nothing() {
    let workshop = Workshop::new(&format!("env > environment\n{GATEWAY}"), DOCTOR, GOOD);
    let environment = "COLOUR = \"green\"\nPATH = \"/usr/bin:/bin\"";
    let agent = workshop.agent("", environment).await;
    agent.wait_for_health(is_ok).await;
    let environment = workshop.read("state/environment");
    let mut names: Vec<_> = environment.lines().filter_map(|line| line.split('=').next()).collect();
    // The shell adds the first four by itself, the test the others.
    let added = ["PWD", "OLDPWD", "SHLVL", "_", "STAND_IN", "OPENCLAW_GATEWAY_PORT"];
    names.retain(|name| !added.contains(name));
    names.sort_unstable();
    let expected = [
        "COLOUR",
        "HOME",
        "LANG",
        "OPENCLAW_CONFIG_PATH",
        "OPENCLAW_DISABLE_BONJOUR",
        "OPENCLAW_EXEC_SHELL_SNAPSHOT",
        "OPENCLAW_GATEWAY_TOKEN",
        "OPENCLAW_NO_AUTO_UPDATE",
        "OPENCLAW_NO_RESPAWN",
        "OPENCLAW_OFFLINE",
        "OPENCLAW_SERVICE_REPAIR_POLICY",
        "OPENCLAW_STATE_DIR",
        "OPENCLAW_SUPERVISOR_MODE",
        "PATH",
    ];
    assert_eq!(names, expected);
    assert!(environment.contains("PATH=/usr/bin:/bin\n"), "{environment}");
}

#[tokio::test]
async fn an_agent_that_is_root_gives_the_gateway_another_user() {
    if !rustix::process::geteuid().is_root() {
        // Nobody else may change users.
        return;
    }
    let workshop = Workshop::new("id -u > uid; exec sleep 600", DOCTOR, GOOD);
    let state = workshop.path("state");
    std::fs::set_permissions(workshop.folder.path(), std::fs::Permissions::from_mode(0o755))
        .unwrap();
    std::os::unix::fs::chown(&state, Some(NOBODY), None).unwrap();
    let agent = workshop.agent("user = \"nobody\"", "").await;
    let uid = || workshop.read("state/uid");
    wait_until("the gateway says who it is", uid, |uid| uid.trim() == NOBODY.to_string()).await;
    agent.stop().await;
}

#[tokio::test]
async fn a_gateway_that_will_not_stop_is_killed_with_its_helpers() {
    let stubborn = "trap '' TERM\nsleep 600 &\necho $! > helper\nwait\nwhile :; do sleep 1; done";
    let workshop = Workshop::new(stubborn, DOCTOR, GOOD);
    let agent = workshop.agent("stop_grace_seconds = 0", "").await;
    let helper = || workshop.read("state/helper").trim().to_owned();
    let helper = wait_until("a helper runs", helper, |pid| !pid.is_empty()).await;
    let helper = format!("/proc/{helper}/stat");
    assert!(Path::new(&helper).exists());
    agent.stop().await;
    let state = || std::fs::read_to_string(&helper).unwrap_or_default();
    // Its new parent may take its time to take notice.
    wait_until("the helper is dead", state, |stat| stat.is_empty() || stat.contains(") Z")).await;
}

#[tokio::test]
async fn the_gateways_words_are_logged_without_its_token_and_within_bounds() {
    let talkative = "i=0; while [ $i -lt 400 ]; do echo \"line $i: $OPENCLAW_GATEWAY_TOKEN\"; \
                     i=$((i+1)); done; echo \"$MODEL_KEY\" >&2; touch said; exec sleep 600";
    let workshop = Workshop::new(talkative, DOCTOR, GOOD);
    let keys = "log_max_bytes = 4096\nlog_files = 2";
    let agent = workshop.agent(keys, "MODEL_KEY = \"sk-0123456789\"").await;
    let said = || workshop.path("state/said").exists();
    wait_until("the gateway has said all", said, |said| *said).await;
    agent.stop().await;
    let logs = || workshop.read("logs/gateway.log.1") + &workshop.read("logs/gateway.log");
    let text = wait_until("the last line is written", logs, |text| text.ends_with("\n***\n")).await;
    assert!(text.contains("line 399: ***\n"), "{text}");
    assert!(!text.contains(TOKEN) && !text.contains("sk-0123456789"), "{text}");
    let files: Vec<_> = std::fs::read_dir(workshop.path("logs"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("gateway.log"))
        .collect();
    assert_eq!(files.len(), 2, "{files:?}");
    for file in files {
        assert!(file.metadata().unwrap().len() <= 4096 + 8192, "one piece more at most");
    }
}

#[tokio::test]
async fn what_the_gateway_started_in_a_session_of_its_own_ends_with_it() {
    let escaping = "setsid sh -c 'echo $$ > escaped; exec sleep 600' &\nexec sleep 600";
    let workshop = Workshop::new(escaping, DOCTOR, GOOD);
    let agent = workshop.agent("stop_grace_seconds = 0", "").await;
    let escaped = || workshop.read("state/escaped").trim().to_owned();
    let escaped = wait_until("it has escaped", escaped, |pid| !pid.is_empty()).await;
    agent.stop().await;
    let stat = || std::fs::read_to_string(format!("/proc/{escaped}/stat")).unwrap_or_default();
    wait_until("it is dead", stat, |stat| stat.is_empty() || stat.contains(") Z")).await;
}

#[tokio::test]
async fn a_gateway_above_its_memory_ceiling_is_restarted() {
    // The test program alone has more than that in use once it plays the gateway.
    let grow = "python3 -c 'import time; x = bytearray(100 << 20); time.sleep(600)'";
    let grow_once =
        format!("echo start >> starts\n[ -e grown ] && {GATEWAY}\ntouch grown; exec {grow}");
    let workshop = Workshop::new(&grow_once, DOCTOR, GOOD);
    let agent = workshop.agent("memory_max_mib = 64", "").await;
    let health = agent.wait_for_health(is_ok).await;
    assert_eq!(health["gateway"]["last_exit"], "was ended by signal 15");
    assert_eq!(workshop.count("state/starts"), 2);
}
