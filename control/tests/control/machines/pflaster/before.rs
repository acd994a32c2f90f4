//! What is looked at before an attempt.

use reqwest::Method;
use serde_json::{Value, json};

use super::{AGAIN, again, done_for, empty_pool, export, run};
use crate::common::database::Database;
use crate::common::wait_until;
use crate::machines::customer;
use crate::machines::installation::{Town, Wanted, settings};
use crate::machines::provider::Provider;

#[tokio::test]
async fn an_empty_pool_is_patched_with_one_machine_until_it_is_whole_again() {
    let town = Town::start(1).await;
    town.until_available(1).await;
    empty_pool(&town).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.check_live("ada").await;
    let done = done_for(&town, "pool").await;
    assert!(done.len() == 1 && done[0].starts_with("patch a machine is being prepared: PREPARE-"));
    assert_eq!(export(&town).await["patches"], json!([]), "the patch is off");
    let shown = town.installation.cli(town.control(), "pflaster log").await;
    let line = shown.lines().find(|line| line.contains(" before  pool "));
    assert!(
        line.is_some_and(|line| line.contains("patch: a machine is being prepared")),
        "{shown}"
    );
}

#[tokio::test]
async fn beyond_its_hourly_limit_a_person_is_told_instead() {
    let town = Town::start(1).await;
    town.until_available(1).await;
    empty_pool(&town).await;
    let now = shared::process::time::unix_millis();
    let mut rows =
        format!("INSERT INTO pflaster_log VALUES ('x', 'PROV-20260214-a1b2c3d4', 'pre', {now});");
    for position in 0..10 {
        rows += &format!(
            "INSERT INTO pflaster_entries (log, position, task, check_name, action, detail, at)
             VALUES ('x', {position}, 'PROV-20260214-a1b2c3d4', 'pool', 'patch', 'one', {now});"
        );
    }
    run(&town, &rows).await;
    town.pay("ada").await;
    wait_until("it is noted", true, async || {
        done_for(&town, "pool").await.iter().any(|done| done.starts_with("note "))
    })
    .await;
    let (_, tickets) = town.control().api(Method::GET, "/api/tickets", None).await;
    let tickets = tickets["items"].as_array().unwrap();
    let told = |ticket: &Value| ticket["incident"].as_str().unwrap().starts_with("pflaster/pool/");
    assert!(tickets.iter().any(told), "{tickets:?}");
    assert!(town.rows().await.is_empty());
}

#[tokio::test]
async fn a_task_waits_while_the_provider_is_away_and_loses_no_attempt() {
    let town = Town::start(1).await;
    town.until_available(1).await;
    town.provider.arm("GET", "/v1/sprites", 1_000, "status:503").await;
    wait_until("the pool knows", true, async || town.pool().await["survey_error"].is_string())
        .await;
    let task = town.pay("ada").await;
    wait_until("it is noted", true, async || !done_for(&town, "provider").await.is_empty()).await;
    wait_until("it waits", (json!(0), json!("waiting")), async || {
        let task = town.task(&task).await;
        (task["attempts"].clone(), task["state"].clone())
    })
    .await;
    let patch = export(&town).await["patches"][0].clone();
    assert_eq!((&patch["type"], &patch["task_id"]), (&json!("provider"), &json!(task)));
    town.provider.disarm_all().await;
    town.until_done(&task).await;
    town.check_live("ada").await;
    assert_eq!(export(&town).await["patches"], json!([]), "the patch is off");
}

#[tokio::test]
async fn a_task_that_nobody_ends_is_given_up_and_told_of() {
    let town = Town::start(1).await;
    run(&town, &customer::rows("bob", "ending")).await;
    let id = "RECYCLE-20260214-a1b2c3d4";
    let far = 4_000_000_000_000_u64;
    run(
        &town,
        &format!(
            "INSERT INTO tasks (id, kind, dedupe_key, username, payload, state, attempts,
                 max_attempts, run_at, due_at, lease_token, lease_until, created_at, changed_at)
             VALUES ('{id}', 'RECYCLE', 'x', 'bob', '{{}}', 'running', 1, 30, 1, 1, 1, {far}, 1, 1)"
        ),
    )
    .await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    assert_eq!(town.task(id).await["state"], "dead");
    assert_eq!(
        done_for(&town, "stale").await[0].split(" (").next(),
        Some(&*format!("fix given up: {id}"))
    );
}

#[tokio::test]
async fn an_edge_that_is_behind_is_told_again_before_a_task_and_after_it() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    // It is up, and takes no change.
    town.edge.table().changes.close();
    town.control().api(Method::PUT, "/api/locks/ada?wait=none", Some(json!({}))).await;
    run(&town, &format!("{AGAIN}'{task}'")).await;
    town.hurry(&task).await;
    let done = async |check| done_for(&town, check).await.first().cloned().unwrap_or_default();
    wait_until("it was told again after the task", true, async || !done("route").await.is_empty())
        .await;
    let told = "generation";
    assert!(done("edges").await.starts_with(&format!("patch {told} ")), "{}", done("edges").await);
    assert!(done("route").await.starts_with(&format!("fix {told} ")), "{}", done("route").await);
    town.edge.table().changes.open();
    town.until_done(&task).await;
    let edges = async || town.control().api(Method::GET, "/api/edges", None).await.1;
    wait_until("the edge follows", json!(true), async || {
        edges().await["edges"][0]["in_step"].clone()
    })
    .await;
    again(&town, &task).await;
    assert_eq!(export(&town).await["patches"], json!([]), "the patch is off");
}

#[tokio::test]
async fn a_vendor_that_is_away_is_noted_and_holds_nothing_back() {
    let town = Town::start(1).await;
    let far = 4_000_000_000_000_u64;
    for (kind, why) in [("MAIL", "resend did not answer"), ("STRIPE", "stripe did not answer")] {
        run(
            &town,
            &format!(
                "INSERT INTO tasks (id, kind, dedupe_key, payload, state, attempts, max_attempts,
                     run_at, due_at, lease_token, last_error, created_at, changed_at)
                 VALUES ('{kind}-20260214-a1b2c3d4', '{kind}', '{kind}', '{{}}', 'waiting', 0, 3, {far},
                     {far}, 1, '{why}', {far}, 1)"
            ),
        )
        .await;
    }
    town.until_available(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.check_live("ada").await;
    let done = done_for(&town, "vendors").await;
    let note = "note Resend: resend did not answer; Stripe: stripe did not answer";
    assert_eq!(done.first().map(String::as_str), Some(note), "{done:?}");
    let (_, tickets) = town.control().api(Method::GET, "/api/tickets", None).await;
    assert!(!tickets.to_string().contains("pflaster/vendors"), "{tickets}");
    run(&town, "UPDATE tasks SET state = 'done' WHERE kind IN ('MAIL', 'STRIPE')").await;
    again(&town, &task).await;
    assert_eq!(done_for(&town, "vendors").await, done, "they are back");
}

#[tokio::test]
async fn a_task_waits_while_its_checks_cannot_be_written_down() {
    let town = Town::start(1).await;
    town.until_available(1).await;
    run(&town, "ALTER TABLE pflaster_log RENAME TO away").await;
    let task = town.pay("ada").await;
    // In one look: it is tried again meanwhile.
    let waits = async || {
        let task = town.task(&task).await;
        let why = task["last_error"].as_str().unwrap_or("");
        why.starts_with("database: ") && task["attempts"] == 0 && task["state"] == "waiting"
    };
    wait_until("it waits, and no attempt is counted", true, waits).await;
    assert!(town.edge.names().is_empty());
    run(&town, "ALTER TABLE away RENAME TO pflaster_log").await;
    town.until_done(&task).await;
    town.check_live("ada").await;
}

#[tokio::test]
async fn a_machine_that_was_ready_and_is_not_is_started_anew_before_the_next_attempt() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    assert_eq!(done_for(&town, "target").await, [""; 0]);
    town.provider.stop_service(&town.machine_of("ada").await.unwrap()).await;
    let before = export(&town).await;
    let shown = town.installation.cli(town.control(), &format!("pflaster rehearse {task}")).await;
    for check in ["target", "services"] {
        let line = shown.lines().find(|line| line.starts_with(&format!("{check} "))).unwrap();
        assert!(line.contains("the service is registered and started anew"), "{shown}");
    }
    assert_eq!(export(&town).await, before, "a rehearsal touches nothing");
    again(&town, &task).await;
    let done = done_for(&town, "target").await;
    assert!(done.len() == 1 && done[0].contains("was registered and started anew ("), "{done:?}");
    assert_eq!(done_for(&town, "services").await, [""; 0], "it was mended before");
    town.check_live("ada").await;
    again(&town, &task).await;
    assert_eq!(done_for(&town, "target").await, done, "it is well again");
}

#[tokio::test]
async fn what_runs_for_a_closed_workspace_is_left_stopped() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.control().api(Method::POST, "/api/customers/ada/suspend", Some(json!({}))).await;
    let services = "SELECT services FROM sprites WHERE username = 'ada'";
    wait_until("what runs is stopped", Some("stopped".to_owned()), async || {
        town.installation.database.text(services).await
    })
    .await;
    again(&town, &task).await;
    for check in ["target", "services", "route"] {
        assert_eq!(done_for(&town, check).await, [""; 0], "{check}");
    }
    let machine = town.machine_of("ada").await.unwrap();
    assert_ne!(town.provider.service_status(&machine).await, "running");
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_is_noted_until_it_has_room_again() {
    const MIB: u64 = 1 << 20;
    let provider = Provider::start().await;
    let settings = settings(&provider.url, &Wanted { available: 2, failure_limit: 3 }, "", "");
    let mut town = Town::start_on(Database::file(), provider, &settings).await;
    town.until_available(2).await;
    town.kill_control().await;
    let (ada, bob) = (town.order("ada").await, town.order("bob").await);
    run(&town, "UPDATE tasks SET run_at = 4000000000000 WHERE kind = 'PROV'").await;
    town.start_control_on_small_disk(96 << 10).await;
    // Of a tenth more is left than a log of SQLite grows to.
    let filler = town.installation.on_disk(town.control(), "filler");
    let file = std::fs::File::create(&filler).unwrap();
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 88 * MIB).unwrap();
    town.hurry(&ada).await;
    // Nobody hurries the other one.
    let state = async || town.task(&ada).await["state"].clone();
    wait_until("she has her workspace", json!("done"), state).await;
    town.check_live("ada").await;
    let done = done_for(&town, "disk").await;
    assert!(!done.is_empty(), "it is noted");
    assert!(
        done.iter().all(|it| it.starts_with("note ") && it.ends_with("bytes are free")),
        "{done:?}"
    );
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    town.hurry(&bob).await;
    town.until_done(&bob).await;
    assert_eq!(done_for(&town, "disk").await, done, "it has room again");
}
