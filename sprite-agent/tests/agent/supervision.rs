//! The gateway's life under the supervisor, with shell scripts in its place.
//!
//! Readiness is answered by the test: ready is who has written `running`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::gateway::{Gateway, TOKEN};
use crate::running::Running;
use crate::waiting::wait_until;

/// Runs for ever once its configuration is not `bad`.
const GATEWAY: &str = r#"
echo start >> starts
grep -q bad openclaw.json && exit 78
touch running
exec sleep 600
"#;

/// Of the user `nobody` on Debian.
const NOBODY: u32 = 65_534;

struct Workshop {
    folder: TempDir,
    gateway: Gateway,
}

impl Workshop {
    async fn new(gateway: &str, doctor: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        std::fs::create_dir(&state).unwrap();
        script(&folder.path().join("gateway.sh"), gateway);
        script(&folder.path().join("doctor.sh"), doctor);
        let running = state.join("running");
        let any_port = "127.0.0.1:0".parse().unwrap();
        let gateway = Gateway::start_at(any_port, move || running.exists()).await;
        Self { folder, gateway }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// How often a script left a line in `name`.
    fn count(&self, name: &str) -> usize {
        self.read(name).lines().count()
    }

    async fn agent(&self, keys: &str) -> Running {
        let folder = self.folder.path().display();
        let sections = format!(
            "[supervisor]\ncommand = [\"{folder}/gateway.sh\"]\ndoctor = [\"{folder}/doctor.sh\"]\n\
             state_dir = \"{folder}/state\"\nlog_dir = \"{folder}/logs\"\n{keys}\n"
        );
        Running::with(self.gateway.address, "", &sections).await
    }
}

fn script(path: &Path, body: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{body}")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn is_ok(health: &Value) -> bool {
    health["status"] == "ok"
}

#[tokio::test]
async fn a_gateway_that_works_is_left_alone_and_its_configuration_kept() {
    let workshop = Workshop::new(GATEWAY, "echo run >> doctored").await;
    workshop.write("state/openclaw.json", "good");
    let agent = workshop.agent("").await;
    let health = agent.wait_for_health(is_ok).await;
    assert_eq!(health["gateway"]["restarts"], 0);
    assert!(health["gateway"]["memory_bytes"].as_u64().is_some(), "{health}");
    assert_eq!(workshop.read("state/openclaw.json.last-worked"), "good");
    assert_eq!((workshop.count("state/starts"), workshop.count("state/doctored")), (1, 0));
    let pid = health["gateway"]["pid"].as_u64().unwrap();
    agent.stop().await;
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the gateway outlived its agent");
}

#[tokio::test]
async fn a_refused_configuration_is_healed_by_the_doctor() {
    let workshop = Workshop::new(GATEWAY, "echo run >> doctored; echo good > openclaw.json").await;
    workshop.write("state/openclaw.json", "bad");
    let agent = workshop.agent("").await;
    agent.wait_for_health(is_ok).await;
    assert_eq!((workshop.count("state/starts"), workshop.count("state/doctored")), (2, 1));
}

#[tokio::test]
async fn where_the_doctor_cannot_help_the_last_good_configuration_comes_back() {
    let workshop = Workshop::new(GATEWAY, "echo run >> doctored").await;
    workshop.write("state/openclaw.json", "bad");
    workshop.write("state/openclaw.json.last-worked", "good");
    let agent = workshop.agent("").await;
    agent.wait_for_health(is_ok).await;
    assert_eq!((workshop.count("state/starts"), workshop.count("state/doctored")), (3, 1));
    assert_eq!(workshop.read("state/openclaw.json"), "good");
    assert_eq!(workshop.read("state/openclaw.json.refused"), "bad");
}

#[tokio::test]
async fn what_nothing_can_heal_is_given_up_and_said() {
    let workshop = Workshop::new(GATEWAY, "exit 1").await;
    workshop.write("state/openclaw.json", "bad");
    let agent = workshop.agent("").await;
    let health = agent.wait_for_health(|health| health["status"] == "failed").await;
    assert_eq!(health["gateway"]["state"], "failed");
    assert!(health["gateway"]["detail"].as_str().unwrap().contains("nothing more is tried"));
    assert_eq!(workshop.count("state/starts"), 1);
    let mut page = crate::page::Page::open(agent.address).await;
    assert_eq!(page.event("arca.gateway").await["state"], "failed");
}

#[tokio::test]
async fn a_gateway_that_crashes_is_started_again() {
    // The first run ends as soon as it is seen to be ready.
    let crash_once = "echo start >> starts\ntouch running\n[ -e crashed ] && exec sleep 600\n\
                      while [ ! -e openclaw.json.last-worked ]; do sleep 0.01; done\n\
                      touch crashed; rm running; exit 3";
    let workshop = Workshop::new(crash_once, "").await;
    workshop.write("state/openclaw.json", "good");
    let agent = workshop.agent("").await;
    let is_back = |health: &Value| health["gateway"]["restarts"] == 1 && is_ok(health);
    let health = agent.wait_for_health(is_back).await;
    assert_eq!(health["gateway"]["last_exit"], "ended with code 3");
    assert_eq!(workshop.count("state/starts"), 2);
}

#[tokio::test]
async fn the_gateways_environment_is_built_from_nothing() {
    let workshop = Workshop::new("env > environment; touch running; exec sleep 600", "").await;
    let keys = "[supervisor.env]\nCOLOUR = \"green\"\nPATH = \"/usr/bin:/bin\"";
    let agent = workshop.agent(keys).await;
    agent.wait_for_health(is_ok).await;
    let environment = workshop.read("state/environment");
    let mut names: Vec<_> = environment.lines().filter_map(|line| line.split('=').next()).collect();
    // The shell adds these by itself.
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
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
        "OPENCLAW_SKIP_CHANNELS",
        "OPENCLAW_STATE_DIR",
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
    let workshop = Workshop::new("id -u > uid; touch running; exec sleep 600", "").await;
    let state = workshop.path("state");
    std::fs::set_permissions(workshop.folder.path(), std::fs::Permissions::from_mode(0o755))
        .unwrap();
    std::os::unix::fs::chown(&state, Some(NOBODY), None).unwrap();
    let agent = workshop.agent("user = \"nobody\"").await;
    agent.wait_for_health(is_ok).await;
    assert_eq!(workshop.read("state/uid").trim(), NOBODY.to_string());
}

#[tokio::test]
async fn a_gateway_that_will_not_stop_is_killed_with_its_helpers() {
    let stubborn = "trap '' TERM\nsleep 600 &\necho $! > helper\ntouch running\nwait\n\
                    while :; do sleep 1; done";
    let workshop = Workshop::new(stubborn, "").await;
    let agent = workshop.agent("stop_grace_seconds = 0").await;
    agent.wait_for_health(is_ok).await;
    let helper = format!("/proc/{}/stat", workshop.read("state/helper").trim());
    assert!(Path::new(&helper).exists());
    agent.stop().await;
    let state = || std::fs::read_to_string(&helper).unwrap_or_default();
    // Whoever adopts the helper may take its time to bury it.
    wait_until("the helper is dead", state, |stat| stat.is_empty() || stat.contains(") Z")).await;
}

#[tokio::test]
async fn the_gateways_words_are_logged_without_its_token_and_within_bounds() {
    let talkative = "i=0; while [ $i -lt 400 ]; do echo \"line $i: $OPENCLAW_GATEWAY_TOKEN\"; \
                     i=$((i+1)); done; echo \"$MODEL_KEY\" >&2; touch running; exec sleep 600";
    let workshop = Workshop::new(talkative, "").await;
    let keys =
        "log_max_bytes = 4096\nlog_files = 2\n[supervisor.env]\nMODEL_KEY = \"sk-0123456789\"";
    let agent = workshop.agent(keys).await;
    agent.wait_for_health(is_ok).await;
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
