//! A gateway that does not start, or starts and serves nobody: what is said of
//! it, and what brings it back.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use rustix::fs::{FileType, Mode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::page::Page;
use crate::running::Running;
use crate::stand_in::DOCTOR;
use crate::supervision::{GOOD, Workshop, is_ok};
use crate::waiting::wait_until;

const LAST_WORKED: &str = "state/openclaw.json.last-worked";

/// The configuration in place, without the skills that the doctor switches off.
fn in_place(workshop: &Workshop) -> Value {
    without_skills(&workshop.read("state/openclaw.json"))
}

fn without_skills(text: &str) -> Value {
    let mut value: Value = serde_json::from_str(text).unwrap_or_default();
    value.as_object_mut().map(|object| object.remove("skills"));
    value
}

fn good() -> Value {
    serde_json::from_str(GOOD).unwrap()
}

pub(crate) fn has_reason(reason: &'static str) -> impl Fn(&Value) -> bool {
    move |health| health["gateway"]["reason"] == reason
}

/// The bad file is in place, a good one was kept: the agent comes to `ok` by itself.
async fn heals(what: &str, spoil: impl FnOnce(&Workshop)) -> (Workshop, Running) {
    let workshop = Workshop::with(GOOD);
    workshop.write(LAST_WORKED, GOOD);
    spoil(&workshop);
    let agent = workshop.agent("", "").await;
    agent.wait_for_health(is_ok).await;
    assert_eq!(in_place(&workshop), good(), "{what}");
    assert_eq!(workshop.read(LAST_WORKED), GOOD, "{what}: the last good file is as it was");
    let reason = workshop.read("state/openclaw.json.refused.reason");
    assert!(
        reason.contains("it ended with code") || reason.contains("refuses"),
        "{what}: {reason}"
    );
    (workshop, agent)
}

async fn text_heals(what: &str, text: &str) -> Workshop {
    let (workshop, _agent) =
        heals(what, |workshop| workshop.write("state/openclaw.json", text)).await;
    assert_eq!(workshop.read("state/openclaw.json.refused"), text, "{what}");
    workshop
}

#[tokio::test]
async fn a_syntax_error_is_healed() {
    text_heals("a syntax error", "{ nope").await;
}

#[tokio::test]
async fn an_unknown_key_is_healed_by_the_doctor() {
    text_heals("an unknown key", r#"{"gateway":{"mode":"local"},"bogus":1}"#).await;
}

#[tokio::test]
async fn a_wrong_type_is_healed() {
    text_heals("a wrong type", r#"{"gateway":{"mode":"local","port":"3001"}}"#).await;
}

#[tokio::test]
async fn a_wrong_token_is_healed() {
    let text = r#"{"gateway":{"mode":"local","auth":{"token":"not-the-gateways-token"}}}"#;
    text_heals("a wrong token", text).await;
}

#[tokio::test]
async fn a_wrong_mode_of_authentication_is_healed() {
    let text = r#"{"gateway":{"mode":"local","auth":{"mode":"trusted-proxy"}}}"#;
    let workshop = text_heals("a wrong mode", text).await;
    // Code 1, which says nothing of the configuration; but that is not what ran well before.
    let starts = workshop.count("state/starts");
    assert_eq!(starts, 3, "as it is, after the doctor, with the last good one");
}

#[tokio::test]
async fn a_plugin_that_crashes_at_the_start_is_healed() {
    let text = r#"{"gateway":{"mode":"local"},"plugins":{"allow":["crashing-plugin"]}}"#;
    text_heals("a plugin", text).await;
}

#[tokio::test]
async fn an_empty_file_is_healed() {
    text_heals("an empty file", "").await;
}

#[tokio::test]
async fn a_huge_file_is_healed() {
    heals("a huge file", |workshop| {
        let file = std::fs::File::create(workshop.path("state/openclaw.json")).unwrap();
        file.set_len(100 << 20).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_link_in_the_files_place_is_healed_and_its_target_left_alone() {
    let (workshop, _agent) = heals("a link", |workshop| {
        workshop.write("elsewhere", "{ nope");
        std::fs::remove_file(workshop.path("state/openclaw.json")).unwrap();
        symlink(workshop.path("elsewhere"), workshop.path("state/openclaw.json")).unwrap();
    })
    .await;
    assert_eq!(workshop.read("elsewhere"), "{ nope");
}

#[tokio::test]
async fn a_pipe_that_nobody_ends_is_not_waited_for() {
    let workshop = Workshop::with(GOOD);
    workshop.write(LAST_WORKED, GOOD);
    let path = workshop.path("state/openclaw.json");
    std::fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .unwrap();
    let agent = workshop.agent("", "").await;
    agent.wait_for_health(is_ok).await;
    assert_eq!(in_place(&workshop), good());
    let reason = workshop.read("state/openclaw.json.refused.reason");
    assert!(reason.starts_with("openclaw.json is a pipe and not a file"), "{reason}");
    assert_eq!(workshop.count("state/starts"), 1, "with the last good one only");
}

#[tokio::test]
async fn an_unreadable_file_is_healed() {
    // Root reads every file; a folder nobody can read as one.
    heals("a folder", |workshop| {
        let path = workshop.path("state/openclaw.json");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_bad_file_that_the_gateway_is_ready_with_is_never_kept_as_good() {
    let workshop =
        Workshop::with(r#"{"gateway":{"mode":"local","auth":{"token":"not-the-gateways-token"}}}"#);
    workshop.script("doctor.sh", "exit 1");
    let agent = workshop.agent("proven_after_seconds = 1", "").await;
    let health = agent.wait_for_health(|health| health["status"] == "failed").await;
    assert_eq!(health["gateway"]["reason"], "connection_refused");
    assert!(
        health["gateway"]["detail"].as_str().unwrap().contains("AUTH_TOKEN_MISMATCH"),
        "{health}"
    );
    assert!(!workshop.path(LAST_WORKED).exists());
}

/// As by an assistant that tries the next edit as soon as its gateway is back.
#[tokio::test]
async fn what_is_spoilt_again_before_a_repair_has_proven_itself_is_healed_as_well() {
    let spoil = |workshop: &Workshop| workshop.write("state/openclaw.json", "{ nope");
    let (workshop, agent) = heals("spoilt once", spoil).await;
    let before = agent.health().await;
    spoil(&workshop);
    let pid = i32::try_from(before["gateway"]["pid"].as_u64().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    agent
        .wait_for_health(|health| {
            is_ok(health) && health["gateway"]["restarts"] != before["gateway"]["restarts"]
        })
        .await;
    assert_eq!(in_place(&workshop), good());
}

#[tokio::test]
async fn what_nothing_can_heal_is_said_and_tried_again_when_the_file_changes() {
    let workshop = Workshop::with("{ nope");
    let agent = workshop.agent("", "").await;
    let health = agent.wait_for_health(|health| health["status"] == "failed").await;
    assert_eq!(health["gateway"]["state"], "failed");
    assert_eq!(health["gateway"]["reason"], "configuration_refused");
    assert_eq!(
        health["gateway"]["last_exit"], "ended with code 78",
        "the gateway's, not the doctor's"
    );
    let detail = health["gateway"]["detail"].as_str().unwrap();
    assert!(detail.contains("tried again every 10 to 15 minutes"), "{detail}");
    assert_eq!((workshop.count("state/starts"), workshop.count("state/doctored")), (1, 1));
    let mut page = Page::open(agent.address).await;
    assert_eq!(page.event("arca.gateway").await["state"], "failed");
    let facts: Value =
        serde_json::from_str(&agent.visit("GET", "/config.json").await.body).unwrap();
    assert_eq!(facts["assistant"]["reason"], "configuration_refused");

    workshop.write("state/openclaw.json", GOOD);
    agent.wait_for_health(is_ok).await;
    assert_eq!(
        page.event("connect.challenge").await["nonce"].as_str().map(str::is_empty),
        Some(false)
    );
}

#[tokio::test]
async fn a_full_disk_is_waited_for_and_nothing_is_repaired() {
    let workshop = Workshop::with(GOOD);
    workshop.write("full", "");
    let variable =
        format!("FAKE_GATEWAY_DISK_FULL_WHILE = \"{}\"", workshop.path("full").display());
    let agent = workshop.agent("", &variable).await;
    let health = agent.wait_for_health(has_reason("disk_full")).await;
    assert_eq!(health["status"], "degraded");
    assert!(health["gateway"]["message"].as_str().unwrap().contains("disk"), "{health}");
    std::fs::remove_file(workshop.path("full")).unwrap();
    agent.wait_for_health(is_ok).await;
    assert_eq!(workshop.count("state/doctored"), 0);
    assert_eq!(in_place(&workshop), good());
}

#[tokio::test]
async fn a_gateway_that_answers_no_connect_is_not_ready() {
    let workshop = Workshop::with(GOOD);
    workshop.write("silent", "");
    let variable = format!("FAKE_GATEWAY_SILENT_WHILE = \"{}\"", workshop.path("silent").display());
    let agent = workshop.agent("ready_budget_seconds = 5", &variable).await;
    let health = agent.wait_for_health(has_reason("not_answering")).await;
    assert_ne!(health["status"], "ok");
    std::fs::remove_file(workshop.path("silent")).unwrap();
    agent.wait_for_health(is_ok).await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_who_has_it() {
    let workshop = Workshop::with(GOOD);
    // The test's own socket: any process but the gateway's.
    let taken = std::net::TcpListener::bind(workshop.gateway).unwrap();
    let agent = workshop.agent("", "").await;
    let health = agent.wait_for_health(has_reason("port_taken")).await;
    let detail = health["gateway"]["detail"].as_str().unwrap();
    let holder = format!("taken by process {}", std::process::id());
    assert!(detail.contains(&holder), "{detail}");
    assert_eq!(workshop.count("state/starts"), 0);
    drop(taken);
    agent.wait_for_health(is_ok).await;
}

#[tokio::test]
async fn a_mended_gateway_is_told_of_once_it_has_proven_itself() {
    let workshop = Workshop::with(r#"{"gateway":{"mode":"local"},"bogus":1}"#);
    let agent = workshop.agent("proven_after_seconds = 1", "").await;
    let health = agent.wait_for_health(|health| health["gateway"]["mended"].is_object()).await;
    assert_eq!(health["gateway"]["mended"]["by"], "doctor");
    let facts: Value =
        serde_json::from_str(&agent.visit("GET", "/config.json").await.body).unwrap();
    assert_eq!(facts["assistant"]["mended"], health["gateway"]["mended"]);
    wait_until(
        "the mended file is kept",
        || workshop.read(LAST_WORKED),
        |kept| without_skills(kept) == good(),
    )
    .await;
}

#[tokio::test]
async fn where_nothing_else_helps_the_pinned_version_runs_with_its_own_file() {
    let workshop = Workshop::new("exit 78", DOCTOR, r#"{"gateway":{"mode":"local"},"cron":{}}"#);
    workshop
        .script("pinned.sh", &format!("echo start >> pinned-starts\n{}", crate::stand_in::GATEWAY));
    workshop.write("state/openclaw.json.last-worked.2026.8.2", GOOD);
    let pinned = format!(
        "[supervisor.pinned]\nversion = \"2026.8.2\"\ncommand = [\"{}\"]\n",
        workshop.path("pinned.sh").display()
    );
    let agent = workshop.agent(&pinned, "").await;
    agent.wait_for_health(is_ok).await;
    assert_eq!(in_place(&workshop), good());
    assert_eq!(workshop.count("state/pinned-starts"), 1);
    assert!(workshop.read("state/openclaw.json.refused").contains("cron"));
}
