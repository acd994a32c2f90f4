//! What is looked after around a task: made to fail, patched or fixed, and recorded.

use reqwest::Method;
use serde_json::{Value, json};

use super::customer;
use super::installation::Town;
use crate::common::wait_until;

async fn export(town: &Town) -> Value {
    town.control().api(Method::GET, "/api/pflaster/export", None).await.1
}

/// What was done for a check, the oldest first: `patch …`, `fix …` or `note …`.
async fn done_for(town: &Town, check: &str) -> Vec<String> {
    let export = export(town).await;
    let rounds = export["log"].as_array().unwrap().iter();
    let entries = rounds.flat_map(|round| round["entries"].as_array().unwrap().clone());
    let of_check = entries.filter(|entry| entry["type"] == check);
    let said = of_check.map(|entry| {
        let word = ["patch", "fix", "note"].into_iter().find(|word| entry[*word].is_string());
        let word = word.unwrap();
        format!("{word} {}", entry[word].as_str().unwrap())
    });
    said.collect()
}

async fn run(town: &Town, statement: &str) {
    town.installation.database.run(statement.to_owned()).await;
}

const AGAIN: &str =
    "UPDATE tasks SET state = 'waiting', run_at = 0, finished_at = NULL WHERE id = ";

/// Has a task that is done attempted once more: its steps are done, its checks are not.
async fn again(town: &Town, id: &str) {
    run(town, &format!("{AGAIN}'{id}'")).await;
    town.hurry(id).await;
    town.until_done(id).await;
}

/// No machine stands ready, and the pool makes none by itself.
async fn empty_pool(town: &Town) {
    run(town, "UPDATE pool SET paused_at = 1, paused_why = 'test'").await;
    run(town, "UPDATE sprites SET state = 'failed' WHERE state = 'available'").await;
    wait_until("the pool is empty", 0, async || town.rows().await.len()).await;
}

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
async fn a_service_that_is_down_is_registered_anew_and_a_rehearsal_touches_nothing() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    assert_eq!(done_for(&town, "services").await, [""; 0]);
    let rows = town.rows().await;
    let own = rows.iter().find(|row| row["username"] == "ada").unwrap();
    town.provider.stop_service(own["name"].as_str().unwrap()).await;
    let before = export(&town).await;
    let shown = town.installation.cli(town.control(), &format!("pflaster rehearse {task}")).await;
    let line = shown.lines().find(|line| line.starts_with("services ")).unwrap();
    assert!(line.contains("the service is registered and started anew"), "{shown}");
    assert_eq!(export(&town).await, before);
    again(&town, &task).await;
    let done = done_for(&town, "services").await;
    assert!(done.len() == 1 && done[0].contains("was registered and started anew ("), "{done:?}");
    town.check_live("ada").await;
}

#[tokio::test]
async fn a_welcome_mail_that_has_failed_is_tried_again() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    let id = town.tasks_of_kind("MAIL").await.remove(0)["id"].as_str().unwrap().to_owned();
    town.until_done(&id).await;
    run(&town, "UPDATE mails SET state = 'failed'").await;
    run(&town, "UPDATE tasks SET state = 'dead' WHERE kind = 'MAIL'").await;
    again(&town, &task).await;
    let done = done_for(&town, "mail").await;
    assert_eq!(done, [format!("fix {id} is tried again (the welcome mail has failed)")]);
    town.until_done(&id).await;
}

#[tokio::test]
async fn a_welcome_mail_that_may_have_been_sent_is_left_to_a_person() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    let id = town.tasks_of_kind("MAIL").await.remove(0)["id"].as_str().unwrap().to_owned();
    town.until_done(&id).await;
    run(&town, "UPDATE mails SET state = 'failed', tried_at = 1").await;
    run(&town, "UPDATE tasks SET state = 'dead' WHERE kind = 'MAIL'").await;
    again(&town, &task).await;
    let done = done_for(&town, "mail").await;
    assert!(done.len() == 1 && done[0].starts_with("note it may have been sent"), "{done:?}");
    assert_eq!(town.task(&id).await["state"], "dead");
}

#[tokio::test]
async fn a_new_workspace_is_asked_for_through_the_edge_as_a_visitor_would() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    assert!(town.edge.table().visits.iter().any(|host| host == "ada.arca.test:8080"));
    assert_eq!(done_for(&town, "route").await, [""; 0]);
    // An edge that says it is in step, and has no such host.
    town.edge.table().visitors_get = Some(reqwest::StatusCode::NOT_FOUND);
    again(&town, &task).await;
    let done = done_for(&town, "route").await;
    assert!(!done.is_empty(), "nobody noticed");
    town.edge.table().visitors_get = None;
    again(&town, &task).await;
    assert_eq!(done_for(&town, "route").await, done, "it is well again");
}

#[tokio::test]
async fn the_table_says_what_is_done_and_why() {
    let town = Town::start(0).await;
    let shown = town.installation.cli(town.control(), "pflaster list").await;
    for check in &control::pflaster::table::CHECKS {
        let line = shown.lines().find(|line| line.starts_with(&format!("{} ", check.name)));
        assert!(line.is_some_and(|line| line.contains(check.why)), "{shown}");
    }
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
async fn a_pool_that_ran_short_is_expanded_beyond_what_is_wanted() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.until_available(1).await;
    // The keeper begins nothing more: as many as may have failed.
    run(&town, "UPDATE pool SET failures = 99").await;
    run(&town, "UPDATE sprites SET state = 'failed' WHERE state = 'available'").await;
    wait_until("the pool is empty", 1, async || town.rows().await.len()).await;
    again(&town, &task).await;
    let done = done_for(&town, "pool_refill").await;
    assert!(done.len() == 1 && done[0].starts_with("fix pool expanded (was 0): "), "{done:?}");
    town.until_available(3).await;
    again(&town, &task).await;
    assert_eq!(done_for(&town, "pool_refill").await.len(), 1, "it is whole");
}

#[tokio::test]
async fn a_vendor_that_is_away_is_noted_and_holds_nothing_back() {
    let town = Town::start(1).await;
    let far = 4_000_000_000_000_u64;
    run(
        &town,
        &format!(
            "INSERT INTO tasks (id, kind, dedupe_key, payload, state, attempts, max_attempts,
                 run_at, due_at, lease_token, last_error, created_at, changed_at)
             VALUES ('MAIL-20260214-a1b2c3d4', 'MAIL', 'x', '{{}}', 'waiting', 0, 3, {far}, {far},
                 1, 'resend did not answer', {far}, 1)"
        ),
    )
    .await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.check_live("ada").await;
    let done = done_for(&town, "vendors").await;
    assert!(!done.is_empty(), "it is noted");
    assert!(done.iter().all(|it| it == "note Resend: resend did not answer"), "{done:?}");
    let (_, tickets) = town.control().api(Method::GET, "/api/tickets", None).await;
    assert!(!tickets.to_string().contains("pflaster/vendors"), "{tickets}");
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
