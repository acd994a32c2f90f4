//! A new version is tried on a machine that is nobody's, comes to the workspaces, and goes
//! back from those in which it does not run.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::crashes::{AFTER, BEFORE, kill_in_each, lie_in_wait};
use super::installation::{Town, Wanted};
use super::provider::Provider;
use crate::common::wait_until;

/// How many workspaces a new version comes to; `make test-fleet` says another number.
fn size() -> usize {
    std::env::var("ARCA_FLEET").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

pub(super) const FIRST: &str = "gateway_version = '2026.9.6'";

/// The stand-in names itself by its environment, and does not run where a file says so.
pub(super) const GOOD: &str = "gateway_version = '2026.9.8', ready_seconds = 20, environment = { \
    FAKE_GATEWAY_RELEASE = '2026.9.8', FAKE_GATEWAY_DISK_FULL_WHILE = '/home/sprite/bad' }";

/// The agent's, in a machine.
const AGENT_CONFIG: &str = "/home/sprite/arcamatrix/sprite-agent.toml";

const KEPT: &str = "/home/sprite/openclaw/kept.txt";

/// Installed, and something else runs all the same.
const BAD: &str = "gateway_version = '2026.9.7'";

pub(super) async fn town(customers: &[&str]) -> Town {
    let wanted = Wanted { available: 1, failure_limit: 3 };
    // One of the pool runs beside those of the customers.
    let provider = Provider::start_with(&["--creations", "1000", "--running-limit", "1000"]).await;
    let town = Town::start_with(provider, &wanted, &format!(", {FIRST}")).await;
    for name in customers {
        let task = town.pay(name).await;
        town.until_done(&task).await;
    }
    until(&town, "the first is accepted", |it| it["trial"] == "accepted").await;
    town
}

/// Control is started again with another base, as an operator would.
pub(super) async fn change(town: &mut Town, from: &str, to: &str) {
    town.kill_control().await;
    town.installation.configure(from, to);
    town.start_control().await;
}

async fn fleet(town: &Town) -> Value {
    town.control().api(Method::GET, "/api/fleet", None).await.1
}

pub(super) async fn until(town: &Town, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let look = async || {
        let seen = fleet(town).await;
        if is_so(&seen) { Ok(seen) } else { Err(format!("{seen:#}")) }
    };
    let patience = Duration::from_secs(180) + Duration::from_secs(10) * size().try_into().unwrap();
    e2e::wait_until_within(patience, what, look).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Of incidents whose keys begin so, there is one.
async fn until_told(town: &Town, prefix: &str) {
    let count = async || {
        let (_, tickets) = town.control().api(Method::GET, "/api/tickets", None).await;
        let keys = tickets["items"].as_array().unwrap().iter();
        keys.filter(|it| it["incident"].as_str().unwrap().starts_with(prefix)).count()
    };
    wait_until("it is told of once", 1, count).await;
}

pub(super) async fn machine(town: &Town, name: &str) -> String {
    let machine = format!("SELECT name FROM sprites WHERE username = '{name}'");
    town.installation.database.text(&machine).await.unwrap()
}

#[tokio::test]
async fn a_bad_version_reaches_nobody_and_a_good_one_everybody_in_whom_it_runs() {
    let names: Vec<_> = (0..size()).map(|number| format!("customer{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let all = names.len();
    let mut town = town(&names).await;
    let first = fleet(&town).await;
    assert_eq!((&first["waiting"], &first["updated"]), (&json!(0), &json!(0)));
    // In every tenth of them the good one does not run.
    let unlucky: Vec<_> = names.iter().copied().step_by(10).collect();
    for name in &unlucky {
        let machine = machine(&town, name).await;
        town.provider.write(&machine, "/home/sprite/bad", b"yes".to_vec()).await;
        town.provider.write(&machine, KEPT, name.as_bytes().to_vec()).await;
    }

    let started = Instant::now();
    change(&mut town, FIRST, BAD).await;
    let refused = until(&town, "it is refused", |it| it["trial"] == "refused").await;
    assert!(refused["why"].as_str().unwrap().contains("2026.9.6 runs"), "{refused:#}");
    assert_eq!((&refused["waiting"], &refused["updates"]), (&json!(all), &json!([])));
    until_told(&town, "fleet/refused/").await;
    eprintln!("a bad version reached 0 of {all}: refused in {:.1?}", started.elapsed());

    // Paused by one command, nothing is begun.
    town.control().api(Method::POST, "/api/fleet/pause", Some(json!({}))).await;
    change(&mut town, BAD, GOOD).await;
    let paused = fleet(&town).await;
    assert!(paused["paused_since"].is_u64() && paused["trial"].is_null(), "{paused:#}");
    town.control().api(Method::POST, "/api/fleet/resume", Some(json!({}))).await;

    let started = Instant::now();
    let is_over = |it: &Value| it["waiting"] == 0 && it["updating"] == 0 && it["updated"] != 0;
    let over = until(&town, "it is through", is_over).await;
    let went_back = over["updates"].as_array().unwrap().iter();
    let went_back = went_back.filter(|it| it["state"] == "went_back");
    let mut went_back: Vec<_> = went_back.map(|it| it["username"].as_str().unwrap()).collect();
    went_back.sort_unstable();
    assert_eq!(went_back, unlucky, "{over:#}");
    assert_eq!(over["updated"], json!(all - unlucky.len()), "{over:#}");
    eprintln!("{} updated, {went_back:?} back in {:.1?}", over["updated"], started.elapsed());
    for name in &names {
        until_started(&town, name).await;
        town.check_live(name).await;
    }
    for name in unlucky {
        let machine = machine(&town, name).await;
        assert_eq!(town.provider.read(&machine, KEPT).await, name);
    }
    until_told(&town, "fleet/back/").await;
    let text = town.installation.cli(town.control(), "fleet show").await;
    assert!(text.contains("OpenClaw 2026.9.8") && text.contains(" went back"), "{text}");
    eprintln!("{text}");
}

#[tokio::test]
async fn who_uses_theirs_lets_others_go_first() {
    let mut town = town(&["ada", "bob"]).await;
    // Somebody has the page open, for longer than anybody is waited for.
    town.open_page("ada").await;
    change(&mut town, FIRST, GOOD).await;
    until(&town, "it is her turn", |it| it["updating"] == 1).await;
    let long_ago = "UPDATE tasks SET created_at = 0 WHERE kind = 'UPDATE'";
    town.installation.database.run(long_ago.to_owned()).await;
    wait_until("he has it", json!(1), async || {
        town.hurry_all().await;
        fleet(&town).await["updated"].clone()
    })
    .await;
    let seen = fleet(&town).await;
    let state = |name: &str| {
        let updates = seen["updates"].as_array().unwrap().iter();
        updates.filter(|it| it["username"] == name).map(|it| it["state"].clone()).next_back()
    };
    assert_eq!(state("bob"), Some(json!("updated")), "{seen:#}");
    assert_eq!(seen["put_off"], 1, "{seen:#}");
    // A wipe would put the former base back: it cannot be wiped.
    let sealed = "SELECT username FROM sprites WHERE username = 'bob' AND checkpoint IS NOT NULL";
    assert_eq!(town.installation.database.text(sealed).await, None);
    let task = town.cancel("bob").await;
    town.until_done(&task).await;
    let kept = "SELECT username FROM fleet_updates WHERE username = 'bob'";
    assert_eq!(town.installation.database.text(kept).await, None, "it names who is gone");
}

#[tokio::test]
async fn a_trial_goes_on_where_it_was_killed() {
    let mut town = town(&[]).await;
    let calls = [
        ("PUT", "/v1/sprites/*/services/*", BEFORE),
        ("PUT", "/v1/sprites/*/services/*", AFTER),
        ("GET", "/v1/sprites/*/exec", BEFORE),
    ];
    lie_in_wait(&town, &calls).await;
    change(&mut town, FIRST, GOOD).await;
    kill_in_each(&mut town, &calls).await;
    until(&town, "it is accepted", |it| it["trial"] == "accepted").await;
    let trials = town.tasks_of_kind("TRIAL").await;
    assert_eq!(trials.len(), 1, "the first version comes to nobody: {trials:?}");
    town.until_done(trials[0]["id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn an_update_goes_on_where_it_was_killed() {
    let mut town = town(&["ada"]).await;
    let calls = [
        ("POST", "/v1/sprites/*/services/*/stop", BEFORE),
        ("POST", "/v1/sprites/*/checkpoint", BEFORE),
        ("POST", "/v1/sprites/*/checkpoint", AFTER),
        ("PUT", "/v1/sprites/*/fs/write", AFTER),
        ("PUT", "/v1/sprites/*/services/*", BEFORE),
    ];
    change(&mut town, FIRST, GOOD).await;
    until(&town, "it is accepted", |it| it["trial"] == "accepted").await;
    lie_in_wait(&town, &calls).await;
    kill_in_each(&mut town, &calls).await;
    let over = until(&town, "it is through", |it| it["updated"] == 1).await;
    assert_eq!(over["went_back"], 0, "{over:#}");
    town.check_live("ada").await;
}

#[tokio::test]
async fn a_way_back_goes_on_where_it_was_killed() {
    let mut town = town(&["ada"]).await;
    let ada = machine(&town, "ada").await;
    town.provider.write(&ada, "/home/sprite/bad", b"yes".to_vec()).await;
    let calls = [
        ("POST", "/v1/sprites/*/checkpoints/*/restore", BEFORE),
        ("POST", "/v1/sprites/*/checkpoints/*/restore", AFTER),
        ("GET", "/v1/sprites/*/fs/read", BEFORE),
    ];
    change(&mut town, FIRST, GOOD).await;
    lie_in_wait(&town, &calls).await;
    kill_in_each(&mut town, &calls).await;
    let over = until(&town, "it is back", |it| it["went_back"] == 1).await;
    assert_eq!(over["updated"], 0, "{over:#}");
    until_started(&town, "ada").await;
    town.check_live("ada").await;
}

/// Killed in the last of its attempts: nobody goes on with it.
#[tokio::test]
async fn an_update_that_is_given_up_anywhere_brings_the_assistant_back() {
    let mut town = town(&["ada"]).await;
    let ada = machine(&town, "ada").await;
    town.provider.write(&ada, KEPT, b"mine".to_vec()).await;
    let calls = [
        ("POST", "services/*/stop", BEFORE),
        ("POST", "services/*/stop", AFTER),
        ("POST", "checkpoint", BEFORE),
        ("POST", "checkpoint", AFTER),
        ("PUT", "fs/write", AFTER),
        ("PUT", "services/*", BEFORE),
    ];
    for (number, (method, call, fault)) in calls.into_iter().enumerate() {
        town.provider.arm(method, &format!("/v1/sprites/{ada}/{call}"), 1, fault).await;
        if number == 0 {
            change(&mut town, FIRST, GOOD).await;
        } else {
            town.control().api(Method::POST, "/api/fleet/retry", None).await;
        }
        wait_until(&format!("{method} {call}"), 1, async || town.provider.struck().await).await;
        town.kill_control().await;
        let last = "UPDATE tasks SET attempts = max_attempts WHERE kind = 'UPDATE'";
        town.installation.database.run(last.to_owned()).await;
        town.provider.disarm_all().await;
        town.start_control().await;
        until(&town, "it is back", |it| it["went_back"] == 1).await;
        until_started(&town, "ada").await;
        town.check_live("ada").await;
        assert_eq!(town.provider.read(&ada, KEPT).await, "mine");
        let agent = town.provider.read(&ada, AGENT_CONFIG).await;
        assert!(!agent.contains("2026.9.8"), "{method} {call} {fault}: {agent}");
    }
    let dead = "SELECT id FROM tasks WHERE kind = 'UPDATE' AND state = 'dead'";
    let dead = town.installation.database.text(dead).await.unwrap();
    let (code, refused) =
        town.control().api(Method::POST, &format!("/api/tasks/{dead}/cancel"), None).await;
    assert_eq!(code, StatusCode::CONFLICT, "{refused}");
    // Tried again, one that was given up does nothing to who has gone on meanwhile.
    town.control().api(Method::POST, &format!("/api/tasks/{dead}/retry"), None).await;
    town.until_done(&dead).await;
    town.control().api(Method::POST, "/api/fleet/retry", None).await;
    until(&town, "she has it", |it| it["updated"] == 1).await;
    town.check_live("ada").await;
}

#[tokio::test]
async fn a_machine_that_cannot_be_kept_stays_as_it_is() {
    let mut town = town(&["ada"]).await;
    let ada = machine(&town, "ada").await;
    town.provider.set_trouble(&ada, json!({ "checkpoint_fails": true })).await;
    change(&mut town, FIRST, GOOD).await;
    let over = until(&town, "it is back", |it| it["went_back"] == 1).await;
    assert!(over["updates"][0]["why"].as_str().unwrap().contains("could not be kept"), "{over:#}");
    until_started(&town, "ada").await;
    town.check_live("ada").await;
    let dead = "SELECT id FROM tasks WHERE kind = 'UPDATE' AND state = 'dead'";
    assert_eq!(town.installation.database.text(dead).await, None);
}

/// Its agent has said that all is well.
pub(super) async fn until_started(town: &Town, name: &str) {
    let services = format!("SELECT services FROM sprites WHERE username = '{name}'");
    let services = async || town.installation.database.text(&services).await;
    wait_until("it runs", Some("running".to_owned()), services).await;
}
